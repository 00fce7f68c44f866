#!/usr/bin/env bash
# The stand-in provider, which both services talk to.   fake.sh start|stop
set -euo pipefail
. "$(dirname "$0")/env.sh"
case "${1:-}" in
  start)
    launch fake setsid node "$BENCH_DIR/fake_vonage/server.js"
    await fake grep 'stand-in on' "$BENCH_HOME/fake.log"
    ;;
  stop) stop fake ;;
  *) echo "usage: $0 start|stop" >&2; exit 2 ;;
esac
