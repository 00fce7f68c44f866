#!/usr/bin/env bash
# Our own service from this work tree, as docs/deploy.md runs it: videoconf.serve, two processes.
#   service.sh migrate DATABASE
#   service.sh start DATABASE PORT      its name, for its log and for `stop`, is the database's
#   service.sh stop DATABASE
set -euo pipefail
. "$(dirname "$0")/env.sh"
root=$(cd "$BENCH_DIR/../.." && pwd)
bin=$root/.venv/bin

alone() { # DATABASE COMMAND...: nothing of the caller's environment, so that its settings change no figure
  local database=$1
  shift
  cd "$root"
  exec env -i PATH="$PATH" HOME="$HOME" LANG=C.UTF-8 PYTHONPYCACHEPREFIX="$PYTHONPYCACHEPREFIX" MALLOC_ARENA_MAX=2 \
    SECRET_KEY="$("$bin/python" -c 'import secrets; print(secrets.token_urlsafe(50))')" \
    DATABASE_URL="postgres://$PGUSER@127.0.0.1:$PG_PORT/$database" MEDIA_ROOT="$BENCH_HOME/media" \
    JWT_SECRET="$JWT_SECRET" JWT_ISSUER="$JWT_ISSUER" VIDEOCONF_PROVIDER=opentok \
    VONAGE_API_KEY="$VONAGE_API_KEY" VONAGE_API_SECRET="$VONAGE_API_SECRET" VONAGE_API_URL="http://127.0.0.1:$FAKE_PORT" \
    ALLOW_UNSIGNED_WEBHOOKS=true "$@" # the load signs nothing: the original checks no signature
}

case "${1:-}" in
  migrate) alone "$2" "$bin/python" manage.py migrate --verbosity 0 --skip-checks ;;
  start)
    launch "$2" alone "$2" setsid "$bin/python" -m videoconf.serve --port "$3"
    await "$2" curl -fs "http://127.0.0.1:$3/health/ready"
    ;;
  stop) stop "$2" ;;
  *) echo "usage: $0 migrate|start|stop DATABASE [PORT]" >&2; exit 2 ;;
esac
