#!/usr/bin/env bash
# The original service, from npm: a LoopBack application around it (peer/server.js) as a cluster of two processes.
#   peer.sh install         into BENCH_HOME
#   peer.sh migrate         its tables, in the database `peer`
#   peer.sh start|stop
set -euo pipefail
. "$(dirname "$0")/env.sh"
app=$BENCH_HOME/peer workers=2
package=$app/node_modules/@sourceloop/video-conferencing-service
ready() { [ "$(grep -c 'peer ready' "$BENCH_HOME/peer.log")" = "$workers" ]; }

case "${1:-}" in
  install)
    mkdir -p "$app"
    cp "$BENCH_DIR/peer/package.json" "$app/"
    cd "$app"
    exec npm install --ignore-scripts --legacy-peer-deps --no-audit --no-fund --loglevel=error >&2
    ;;
  migrate)
    PGOPTIONS="-c client_min_messages=warning" psql -qX -v ON_ERROR_STOP=1 -d peer -f "$package/migrations/sqls/20200526081137-db-init-up.sql"
    # The migration of 5.0.5 lacks two columns that its models read; later releases add them like this.
    psql -qX -v ON_ERROR_STOP=1 -d peer -c "ALTER TABLE videochatms.video_session_details
      ADD COLUMN IF NOT EXISTS deleted_by varchar,
      ADD COLUMN IF NOT EXISTS deleted_on timestamptz DEFAULT current_timestamp NOT NULL"
    ;;
  start)
    cd "$app"
    export NODE_ENV=production WORKERS=$workers PORT=$PEER_PORT DB=peer PEER_ROOT=$app VONAGE_URL=http://127.0.0.1:$FAKE_PORT
    launch peer setsid node --no-deprecation "$BENCH_DIR/peer/server.js"
    await peer ready
    ;;
  stop) stop peer ;;
  *) echo "usage: $0 install|migrate|start|stop" >&2; exit 2 ;;
esac
