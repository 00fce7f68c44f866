#!/usr/bin/env bash
# Removes what loads wrote into the database TARGET, and vacuums: no load reads what an earlier one left behind.
set -euo pipefail
. "$(dirname "$0")/env.sh"
kind=videoconf
if [ "$TARGET" = peer ]; then kind=peer; fi
exec psql -qX -v ON_ERROR_STOP=1 -d "$TARGET" -f "$BENCH_DIR/load/clean_$kind.sql"
