#!/usr/bin/env bash
# Runs the client scenarios of the MCP conformance suite that are about authorization, at both revisions. Exits with
# 0 only if all 39 pass. Give scenarios' names to run only those.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/conformance"

# npm leaves a copy of the lock behind: without it, or older than ours, the packages are not the pinned ones.
if [[ ! -e node_modules/.package-lock.json || package-lock.json -nt node_modules/.package-lock.json ]]; then
  npm ci
fi
# The features of the whole workspace, so that nothing is built a second time.
cargo build --manifest-path ../../../Cargo.toml --workspace --all-features --locked --bin conformance
client=$(realpath "${CARGO_TARGET_DIR:-../../../target}/debug/conformance")
suite=(node_modules/.bin/node node_modules/@modelcontextprotocol/conformance/dist/index.js)

both=(
  metadata-default metadata-var1 metadata-var2 metadata-var3 basic-cimd
  scope-from-www-authenticate scope-from-scopes-supported scope-omitted-when-undefined scope-step-up scope-retry-limit
  token-endpoint-auth-basic token-endpoint-auth-post token-endpoint-auth-none pre-registration
)
newer=(
  resource-mismatch offline-access-scope offline-access-not-supported authorization-server-migration
  iss-supported iss-not-advertised iss-supported-missing iss-wrong-issuer iss-unexpected iss-normalized
  metadata-issuer-mismatch
)

results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT
passed=0
failed=0

run() { # REVISION SCENARIO
  local log=$results/log
  if "${suite[@]}" client --command "$client" --scenario "auth/$2" --spec-version "$1" -o "$results" >"$log" 2>&1; then
    printf 'ok   %s %s\n' "$1" "$2"
    passed=$((passed + 1))
  else
    printf 'FAIL %s %s\n' "$1" "$2"
    sed 's/\x1b\[[0-9;]*m//g; s/^/     /' "$log" | tail -n 40
    failed=$((failed + 1))
  fi
}

wanted() { # SCENARIO
  ((${#only[@]} == 0)) || [[ " ${only[*]} " == *" $1 "* ]]
}

only=("$@")
for scenario in "${both[@]}"; do
  if wanted "$scenario"; then run 2025-11-25 "$scenario"; fi
done
for scenario in "${both[@]}" "${newer[@]}"; do
  if wanted "$scenario"; then run 2026-07-28 "$scenario"; fi
done
printf '%d passed, %d failed\n' "$passed" "$failed"
((failed == 0 && passed > 0))
((${#only[@]} > 0 || passed == 39))
