#!/usr/bin/env bash
# A PostgreSQL of the kit's own on 127.0.0.1: no passwords, default durability.
#   pg.sh start|stop        the first start makes it
set -euo pipefail
. "$(dirname "$0")/env.sh"
cd /
as_pg() { if [ "$(id -u)" = 0 ]; then runuser -u "$PG_OSUSER" -- "$@"; else "$@"; fi; }

init() {
  mkdir -p "$PG_DATA"
  if [ "$(id -u)" = 0 ]; then chown "$PG_OSUSER" "$PG_DATA"; fi
  chmod 700 "$PG_DATA"
  as_pg "$PG_BIN/initdb" -D "$PG_DATA" -U "$PGUSER" -A trust -E UTF8 --locale=C >/dev/null
  cat >>"$PG_DATA/postgresql.conf" <<C
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 200
shared_buffers = 512MB
max_wal_size = 4GB
C
}

case "${1:-}" in
  start)
    [ -f "$PG_DATA/postgresql.conf" ] || init
    as_pg "$PG_BIN/pg_ctl" -D "$PG_DATA" -l "$PG_DATA/server.log" -o "-p $PG_PORT" -w start >/dev/null
    ;;
  stop) as_pg "$PG_BIN/pg_ctl" -D "$PG_DATA" -m fast -w stop >/dev/null ;;
  *) echo "usage: $0 start|stop" >&2; exit 2 ;;
esac
