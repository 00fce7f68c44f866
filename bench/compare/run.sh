#!/usr/bin/env bash
# Measures our service beside the original one, on this machine alone, and prints a table.
#   bench/compare/run.sh [SECS] [ROUNDS]             seconds of a load (10), rounds (3)
#   bench/compare/run.sh --large [SECS] [ROUNDS]     then our service on small tables beside itself on large ones
# What it needs and how to read the table: README.md beside it.
set -euo pipefail
. "$(dirname "$0")/env.sh"
cd "$BENCH_DIR"
large=
if [ "${1:-}" = --large ]; then
  large=yes
  shift
fi
seconds=${1:-10} rounds=${2:-3}
here=http://127.0.0.1
started=() # what to stop, the last one first
child=

clean_up() {
  trap '' INT TERM HUP
  local i
  if [ -n "$child" ]; then
    kill "$child" 2>/dev/null || true
    wait "$child" 2>/dev/null || true
  fi
  for ((i = ${#started[@]} - 1; i >= 0; i--)); do ${started[i]} || true; done
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

step() { # runs a command so that a signal doesn't wait for its end
  "$@" &
  child=$!
  wait "$child"
  child=
}
say() { echo "$*" >&2; }
sql() { step psql -qX -v ON_ERROR_STOP=1 -d "$@"; }

check() {
  local program port
  for program in wrk node npm psql createdb curl "$PG_BIN/initdb"; do
    command -v "$program" >/dev/null || { say "$program is not installed (see bench/compare/README.md)."; exit 1; }
  done
  for port in "$PG_PORT" "$FAKE_PORT" "$PEER_PORT" "$SERVICE_PORT" "$LARGE_PORT"; do
    if (: <>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
      say "Port $port is in use. Other ports are set like this: PG_PORT=57432 $0 (all names: env.sh)."
      exit 1
    fi
  done
}

install() {
  [ -x ../../.venv/bin/granian ] || step make -C ../.. .venv/.run-ready
  cmp -s peer/package.json "$BENCH_HOME/peer/installed.json" && return
  say "Installing the original service …"
  step ./peer.sh install
  cp peer/package.json "$BENCH_HOME/peer/installed.json"
}

new_database() { # NAME [options of createdb]
  sql postgres -c "SET client_min_messages = warning" -c "DROP DATABASE IF EXISTS $1"
  step createdb "$@"
}

begin() { # what to stop it with, what to start it with
  started+=("$1")
  step $2
}

end() { # NAME of the service that was begun last
  ${started[-1]}
  unset 'started[-1]'
}

seed() {
  say "Seeding both …"
  new_database peer
  step ./peer.sh migrate
  sql peer -f seed_peer.sql >"$BENCH_HOME/peer.tsv"
  new_database videoconf
  step ./service.sh migrate videoconf
  begin "./service.sh stop videoconf" "./service.sh start videoconf $SERVICE_PORT"
  step python3 seed_http.py "$here:$SERVICE_PORT" >"$BENCH_HOME/videoconf.tsv"
  sql videoconf -c "VACUUM ANALYZE" -c CHECKPOINT
}

load() { # TITLE TARGET...
  local title=$1 target
  shift
  local targets=()
  for target in "$@"; do targets+=(--target "$target"); done
  say "$title …"
  step python3 load.py "${targets[@]}" --secs "$seconds" --rounds "$rounds" --before ./clean.sh >"$BENCH_HOME/table.md"
  printf '\n%s: ' "$title"
  cat "$BENCH_HOME/table.md"
}

side_by_side() {
  begin "./peer.sh stop" "./peer.sh start"
  load "Side by side" "peer=$here:$PEER_PORT,$BENCH_HOME/peer.tsv" "videoconf=$here:$SERVICE_PORT,$BENCH_HOME/videoconf.tsv"
  end
}

small_and_large() {
  TARGET=videoconf step ./clean.sh
  end # a database with connections can't be copied
  new_database videoconf_large -T videoconf
  say "Filling a copy with 1,000,000 meetings, which takes some minutes …"
  sql videoconf_large -f "${FILL:-../fill.sql}"
  sql videoconf_large -c CHECKPOINT
  begin "./service.sh stop videoconf" "./service.sh start videoconf $SERVICE_PORT"
  begin "./service.sh stop videoconf_large" "./service.sh start videoconf_large $LARGE_PORT"
  load "Small and large" "videoconf=$here:$SERVICE_PORT,$BENCH_HOME/videoconf.tsv" \
    "videoconf_large=$here:$LARGE_PORT,$BENCH_HOME/videoconf.tsv"
  end
  step dropdb videoconf_large
}

check
install
begin "./pg.sh stop" "./pg.sh start"
begin "./fake.sh stop" "./fake.sh start"
seed
side_by_side
if [ -n "$large" ]; then small_and_large; fi
