#!/usr/bin/env bash
# Renews requirements/*.txt from requirements/*.in: newest versions, for every platform, with hashes.
# A person reads the difference and commits it; set-up only ever installs what is pinned.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly uv_version=0.13.9
python -m venv target/pins
target/pins/bin/python -m pip install --quiet "uv==$uv_version"
for source in requirements/*.in; do
  target/pins/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 \
    --generate-hashes --no-annotate --custom-compile-command "make pins" \
    "$source" -o "${source%.in}.txt"
done
git --no-pager diff --stat -- requirements
