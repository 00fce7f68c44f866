# What the kit's programs share; source it. Everything made at run time lies under BENCH_HOME.
BENCH_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# Root's default is elsewhere: PostgreSQL runs as another user, who can't look into root's home.
if [ "$(id -u)" = 0 ]; then caches=/var/tmp; else caches=${XDG_CACHE_HOME:-$HOME/.cache}; fi
export BENCH_DIR BENCH_HOME=${BENCH_HOME:-$caches/videoconf-compare}
unset caches
mkdir -p "$BENCH_HOME"

export PG_PORT=${PG_PORT:-56432} FAKE_PORT=${FAKE_PORT:-56480} PEER_PORT=${PEER_PORT:-56301}
export SERVICE_PORT=${SERVICE_PORT:-56330} LARGE_PORT=${LARGE_PORT:-56331}

export PG_BIN=${PG_BIN:-$(pg_config --bindir 2>/dev/null || printf '%s\n' /usr/lib/postgresql/*/bin | tail -1)}
export PG_DATA=$BENCH_HOME/pgdata PG_OSUSER=${PG_OSUSER:-postgres} # the user it runs as if this is root
export PGHOST=127.0.0.1 PGPORT=$PG_PORT PGUSER=bench
unset PGDATABASE PGPASSWORD PGSERVICE PGOPTIONS

export JWT_SECRET=bench-secret-bench-secret-bench-secret JWT_ISSUER=bench
export VONAGE_API_KEY=4700001 VONAGE_API_SECRET=fakesecretfakesecretfakesecretfakesecret # the stand-in's; it checks neither
export PYTHONPYCACHEPREFIX=$BENCH_HOME/pycache

lives() { [ -d "/proc/$1" ] && ! grep -qs '^State:[[:space:]]*Z' "/proc/$1/status"; }

launch() { # NAME COMMAND...: a server; it is begun by setsid, so that Ctrl-C reaches run.sh alone, which stops all
  local log=$BENCH_HOME/$1.log
  : >"$log" # or `await` could read what an earlier one wrote
  "${@:2}" </dev/null >"$log" 2>&1 &
  echo $! >"$BENCH_HOME/$1.pid"
}

await() { # NAME COMMAND...: waits a minute until the command succeeds, unless the process of NAME ends before
  local name=$1 pid i
  pid=$(<"$BENCH_HOME/$name.pid")
  shift
  for ((i = 0; i < 300; i++)); do
    if "$@" >/dev/null 2>&1; then return; fi
    lives "$pid" || break
    sleep 0.2
  done
  echo "$name did not start:" >&2
  tail -20 "$BENCH_HOME/$name.log" >&2
  return 1
}

stop() { # NAME: ends the process whose id is in NAME.pid, and waits for it
  local file=$BENCH_HOME/$1.pid pid i
  [ -f "$file" ] || return 0
  pid=$(<"$file")
  rm -f "$file"
  kill "$pid" 2>/dev/null || return 0
  for ((i = 0; i < 100; i++)); do
    lives "$pid" || return 0
    sleep 0.1
  done
  kill -KILL -- "-$pid" 2>/dev/null || true # its session: nothing of it stays
}
