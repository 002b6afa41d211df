# Sourced by the other scripts: builds one of the programs of tests/e2e.
#
# What cargo compiles of a dependency depends on the features that the packages it is asked for want
# together. `--package e2e` wants others than the workspace, and would compile the AWS SDK once more,
# which takes minutes; so everything here is asked for with `--workspace`, and with a kind of target
# (`--examples`) that needs the features of tests.

# program <name>: builds it, and prints where it is.
program() {
  cargo build --quiet --locked --workspace --bin "$1" --examples >&2
  printf '%s/debug/%s\n' "${CARGO_TARGET_DIR:-target}" "$1"
}
