#!/usr/bin/env bash
# Every test there is, the quick ones first. Goes on after a failure, so that one run shows all.
set -uo pipefail
cd "$(dirname "$0")/.."
source tools/sections.sh

# All of them choose from the whole workspace: see tools/program.sh.

section "the tools" python -m pytest -q tools tests/bench
section "unit, property and shell tests" cargo nextest run --workspace --locked -E 'not package(e2e)'
section "examples in the documentation" cargo test --workspace --doc --locked --quiet
section "the local cloud" python -m pytest -q tests/localcloud/tests
section "end to end" cargo nextest run --workspace --locked -E 'package(e2e)'
finish "make test"
