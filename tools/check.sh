#!/usr/bin/env bash
# Everything that can be said about the code without running it. Goes through all checks before it
# fails, so that a person mends them in one go.
set -uo pipefail
cd "$(dirname "$0")/.."
source tools/sections.sh

# A function's exceptions, each with its reason, are in .cfnlintrc beside its golden templates.
golden_templates() {
  local folder count=0 status=0
  local -a templates config
  for folder in functions/*/tests/golden; do
    mapfile -t templates < <(find "$folder" -name '*.json' | sort)
    if ((${#templates[@]} == 0)); then continue; fi
    config=()
    if [[ -e $folder/.cfnlintrc ]]; then config=(--config-file "$folder/.cfnlintrc"); fi
    cfn-lint "${config[@]}" --regions us-east-1 -- "${templates[@]}" || status=1
    count=$((count + ${#templates[@]}))
  done
  if ((count == 0)); then
    echo "no golden template under functions/*/tests/golden: there is nothing to check, and there should be"
    return 1
  fi
  echo "$count templates"
  return "$status"
}

# Programs that have pages of their own: a function's binary is called as its library is, and rustdoc
# would write the one's page over the other's.
mapfile -t programs < <(cargo metadata --no-deps --format-version 1 --locked | python -c '
import json, sys
for package in json.load(sys.stdin)["packages"]:
    libraries = {it["name"].replace("-", "_") for it in package["targets"] if "lib" in it["kind"]}
    for target in package["targets"]:
        if "bin" in target["kind"] and target["name"].replace("-", "_") not in libraries:
            print("--bin", target["name"], sep="\n")
')

catalogues() {
  cargo build --quiet --locked --workspace --example catalogue-check &&
    "${CARGO_TARGET_DIR:-target}/debug/examples/catalogue-check" infra/catalogues/*.toml
}

# Clippy and rustdoc share what they know of dependencies, and so do the example and the tests, as
# long as all want the same features of them: see tools/program.sh.
section "rustfmt" cargo fmt --all --check
section "clippy" cargo clippy --workspace --all-targets --locked --quiet -- -D warnings
section "rustdoc" env RUSTDOCFLAGS="-D warnings" \
  cargo doc --workspace --lib --examples "${programs[@]}" \
  --no-deps --document-private-items --locked --quiet
section "rules of the house" python tools/house_rules.py
section "ruff: lint" ruff check --quiet .
section "ruff: format" ruff format --quiet --check .
section "catalogues" catalogues
section "golden templates (cfn-lint)" golden_templates
if cargo deny --version >/dev/null 2>&1; then
  # Advisories need a database from the network; the workflow on GitHub checks them.
  section "cargo deny" cargo deny --workspace --locked check licenses bans sources
else
  not_run "cargo deny" "cargo-deny is not installed (cargo install --locked cargo-deny)"
fi
if command -v terraform >/dev/null; then
  section "terraform fmt" terraform fmt -check -diff -recursive infra
else
  not_run "terraform fmt" "terraform is not installed; the workflow on GitHub checks it"
fi
finish "make check"
