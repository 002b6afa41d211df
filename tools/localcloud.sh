#!/usr/bin/env bash
# The local cloud with the suite deployed, in the foreground until Ctrl-C.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly state=${1:-.localcloud}
readonly ready_seconds_max=60 # it starts in 3 to 5 on two idle cores

marker=$(mktemp)
python -m localcloud up --state "$state" --watch $$ &
cloud=$!
trap 'rm -f "$marker"; kill -TERM "$cloud" 2>/dev/null; wait "$cloud"' EXIT
trap 'exit 130' INT TERM

# Ready once it has written its file anew; what an earlier one left there does not count.
for ((waited = 0; waited < ready_seconds_max * 10; waited++)); do
  if [[ $state/localcloud.json -nt $marker ]]; then break; fi
  kill -0 "$cloud" 2>/dev/null || exit 1
  sleep 0.1
done
python -m localcloud deploy --state "$state" --catalogue "${CATALOGUE:-infra/catalogues/mate.toml}"
echo "The local cloud is up; what was deployed is in $state/deployment.json. Ctrl-C stops it."
wait "$cloud"
