#!/usr/bin/env bash
# Runs the end-to-end suite in tests/, or the one in the folder that is named. Exits with 0 only if every test of every file ran and passed.
set -euo pipefail
cd "$(dirname "$0")"

latchkey=${LATCHKEY:-../../target/debug/latchkey}
chromium=${CHROMIUM:-/usr/bin/chromium}
[[ -x $latchkey ]] || { echo "$latchkey is missing: cargo build --package latchkey" >&2; exit 1; }
[[ -x $chromium ]] || { echo "$chromium is missing: apt-get install --no-install-recommends chromium" >&2; exit 1; }
export LATCHKEY CHROMIUM
LATCHKEY=$(realpath "$latchkey")
CHROMIUM=$(realpath -s "$chromium")

# npm leaves a copy of the lock behind: without it, or older than ours, the packages are not the pinned ones.
if [[ ! -e node_modules/.package-lock.json || package-lock.json -nt node_modules/.package-lock.json ]]; then
  npm ci
fi
PATH="$PWD/node_modules/.bin:$PATH"
exec node suite.js "$@"
