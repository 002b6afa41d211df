#!/usr/bin/env bash
# Makes a machine with only Rust and Python ready: installs what is missing and nothing else.
# Safe to run again at any time; where it may not install something it says exactly what to install.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly venv=.venv
readonly pins=requirements/local.txt
readonly python_minor_min=11 # tomllib, and what the pinned packages ask for
readonly nextest_version=0.9.143

say() { printf 'setup: %s\n' "$*"; }
stop() {
  printf 'setup: %s\n' "$@" >&2
  exit 1
}
have() { command -v "$1" >/dev/null 2>&1; }
any_file() { compgen -G "$1" >/dev/null; }

# ── What the system must bring ────────────────────────────────────────────────────────────────────

# The first Python that is new enough. Our own .venv comes first on PATH and must not count.
find_python() {
  local candidate
  for candidate in "${PYTHON:-python3}" python3.14 python3.13 python3.12 python3.11; do
    candidate=$(PATH=${PATH//"$PWD/.venv/bin:"/} command -v "$candidate") || continue
    if "$candidate" -c "import sys; sys.exit(sys.version_info < (3, $python_minor_min))" 2>/dev/null; then
      printf '%s\n' "$candidate"
      return
    fi
  done
}

# One line per missing thing: the Debian packages that bring it, then what it is for.
missing_packages() {
  local python
  have cc || echo "build-essential|a C compiler and linker, which Rust needs"
  have postgres || any_file '/usr/lib/postgresql/*/bin/postgres' ||
    echo "postgresql|tenants' PostgreSQL databases"
  any_file '/usr/share/postgresql/*/extension/amcheck.control' || have brew ||
    echo "postgresql-contrib|PostgreSQL's own extensions"
  have mariadbd || [[ -x /usr/sbin/mariadbd ]] || echo "mariadb-server|tenants' MySQL databases"
  have redis-server || echo "redis-server|tenants' caches"
  python=$(find_python)
  if [[ -z $python ]]; then
    echo "python3 python3-venv|Python 3.$python_minor_min or newer"
  elif ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    echo "python3-venv|Python's virtual environments"
  fi
}

# Prints the prefix that makes apt-get work here, or fails where we may not install anything.
apt_prefix() {
  have apt-get || return 1
  if ((EUID == 0)); then
    echo env
  elif have sudo && sudo -n true 2>/dev/null; then
    echo "sudo -n env"
  else
    return 1
  fi
}

# Installs without starting any service: the local cloud starts servers of its own, and a database
# that a set-up leaves running is a surprise.
apt_install() {
  local prefix=$1 policy=/usr/sbin/policy-rc.d ours=false
  shift
  local -a as_root
  read -ra as_root <<<"$prefix"
  "${as_root[@]}" DEBIAN_FRONTEND=noninteractive apt-get update -q
  if [[ ! -e $policy ]]; then
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
    "${as_root[@]}" chmod 755 "$policy"
    ours=true
  fi
  local status=0
  "${as_root[@]}" DEBIAN_FRONTEND=noninteractive \
    apt-get install -q -y --no-install-recommends "$@" || status=$?
  if $ours; then "${as_root[@]}" rm -f "$policy"; fi
  if [[ -d /run/systemd/system ]]; then
    # Nor are they to start with the machine; those that were there before are not touched.
    local package unit
    for package in "$@"; do
      case $package in
        postgresql) unit=postgresql ;;
        mariadb-server) unit=mariadb ;;
        redis-server) unit=redis-server ;;
        *) continue ;;
      esac
      "${as_root[@]}" systemctl disable --now "$unit" >/dev/null 2>&1 || true
    done
  fi
  return "$status"
}

system_packages() {
  local missing prefix
  missing=$(missing_packages)
  if [[ -z $missing ]]; then return; fi
  local -a packages
  read -ra packages <<<"$(cut -d'|' -f1 <<<"$missing" | tr '\n' ' ')"
  say "missing on this machine:"
  sed 's/^\([^|]*\)|\(.*\)$/setup:   \2 (\1)/' <<<"$missing"
  if prefix=$(apt_prefix); then
    say "installing with apt: ${packages[*]}"
    apt_install "$prefix" "${packages[@]}" ||
      stop "apt could not install these. Its own words are above; once mended, run make setup again."
    missing=$(missing_packages)
    [[ -z $missing ]] || stop "apt succeeded, but these are still not to be found:" "$missing"
  elif have apt-get; then
    stop "this user may not install packages. Run this, then make setup again:" \
      "  sudo apt-get install --no-install-recommends ${packages[*]}"
  else
    stop "packages can be installed here only by you: there is no apt on this machine." \
      "Install what is listed above (Debian's package names in brackets), then run make setup again." \
      "The local cloud itself needs Linux: on another system use a Linux virtual machine."
  fi
}

# ── Rust ──────────────────────────────────────────────────────────────────────────────────────────

rust() {
  have cargo || stop "cargo is missing. Install Rust as https://www.rust-lang.org/tools/install says."
  # With rustup this also fetches the toolchain that rust-toolchain.toml names, if it is not there.
  local wanted found
  wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
  found=$(cargo --version | cut -d' ' -f2) ||
    stop "cargo does not start. With rustup, see whether this works: rustup toolchain install"
  if [[ $(printf '%s\n' "$wanted" "$found" | sort -V | head -n1) != "$wanted" ]]; then
    stop "Rust $found is too old: this project needs $wanted or newer. Try: rustup update"
  fi
}

test_runner() {
  if cargo nextest --version >/dev/null 2>&1; then return; fi
  say "building cargo-nextest $nextest_version, the test runner (some minutes, once)"
  # Into .venv, so that nothing is left in a person's own ~/.cargo and `make clean` takes it along.
  # Unoptimised, because it builds in half the time and waits for tests most of its life.
  CARGO_PROFILE_DEV_DEBUG=0 cargo install --locked --quiet --debug --root "$venv" \
    --no-default-features --features default-no-update "cargo-nextest@$nextest_version"
}

# ── Python ────────────────────────────────────────────────────────────────────────────────────────

python_tools() {
  local python stamp
  stamp="$venv/.installed-$(sha256sum "$pins" | cut -c1-16)"
  if [[ -e $stamp ]]; then return; fi
  python=$(find_python)
  if [[ ! -x $venv/bin/python ]]; then
    say "making $venv with $("$python" --version)"
    "$python" -m venv "$venv"
  fi
  say "installing the pinned Python tools into $venv (about half a minute)"
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    --require-hashes --only-binary :all: -r "$pins"
  rm -f "$venv"/.installed-*
  touch "$stamp"
}

system_packages
rust
python_tools
test_runner
say "everything is here"
