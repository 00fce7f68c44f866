#!/usr/bin/env bash
# A newcomer's clock: from a bare clone to the meeting page, the second `make run`, from a bare clone to green tests.
#   bench/newcomer.sh [page|tests]...    (both if none is named)
# Takes what is committed. Packages come from the registry, or from pip's cache if they are in it: PIP_NO_CACHE_DIR=1
# measures the first time.
set -euo pipefail
source=$(git -C "$(dirname "$0")" rev-parse --show-toplevel)
folder=$(mktemp -d)
server=0
stop() {
  if ((server)); then kill -TERM -- "-$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; fi
  server=0
}
trap 'stop; rm -rf "$folder"' EXIT
export PORT=${PORT:-8765}

now() { date +%s.%N; }
tell() { awk -v title="$1" -v from="$2" -v to="$(now)" 'BEGIN { printf "%-40s %7.1f s\n", title, to - from }'; }

run_until_page() { # where it is printed
  setsid make -C "$folder/clone" run >"$1" 2>&1 &
  server=$!
  until page=$(grep -om1 'http://[^ ]*/meet/[^ ]*' "$1") && curl -fsS -o "$folder/page" "$page" 2>"$folder/curl"; do
    kill -0 "$server" || { cat "$1"; exit 1; }
    sleep 0.1
  done
  grep -q 'Your name' "$folder/page"
}

page() {
  local started; started=$(now)
  git clone -q "$source" "$folder/clone"
  run_until_page "$folder/first"
  tell "bare clone to meeting page" "$started"
  stop
  started=$(now)
  run_until_page "$folder/second"
  tell "second make run to meeting page" "$started"
  stop
  rm -rf "$folder/clone"
}

tests() {
  local started; started=$(now)
  git clone -q "$source" "$folder/clone"
  make -C "$folder/clone" test >"$folder/tests" 2>&1 || { tail -100 "$folder/tests"; exit 1; }
  tell "bare clone to green tests" "$started"
  started=$(now)
  make -C "$folder/clone" test >"$folder/tests" 2>&1 || { tail -100 "$folder/tests"; exit 1; }
  tell "second make test" "$started"
  sed -n '/=== Summary/,$p' "$folder/tests"
  rm -rf "$folder/clone"
}

for what in "${@:-page tests}"; do for one in $what; do "$one"; done; done
echo "load average $(cut -d' ' -f1 /proc/loadavg) on $(nproc) cores"
