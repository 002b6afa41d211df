"""Builds every function into the zip that Lambda runs, with the product's catalogue beside it.

The local cloud runs these very zips, so what is tested is what ships. Functions are discovered:
a folder in `functions/` with a binary is one. The same sources give the same zip, byte for byte,
so that a deployment changes only what changed.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGETS = {"x86_64": "x86_64-unknown-linux-gnu", "arm64": "aarch64-unknown-linux-gnu"}
# Lambda takes a zip of at most 50 MB by upload; a function near that is a mistake worth a stop.
ZIP_BYTES_MAX = 50 * 1024 * 1024
# The earliest time a zip can state: times in it say nothing, and would make every build differ.
TIMELESS = (1980, 1, 1, 0, 0, 0)


def functions(root: Path) -> list[str]:
    """The functions there are, by package name."""
    manifests = sorted(root.glob("functions/*/Cargo.toml"))
    return [
        tomllib.loads(manifest.read_text())["package"]["name"]
        for manifest in manifests
        if (manifest.parent / "src/main.rs").exists()
    ]


def build(names: list[str], profile: str, arch: str) -> dict[str, Path]:
    """Compiles the functions and says where each one's binary is."""
    # A function may have tools of its own beside the binary that bears its name.
    what = [argument for name in names for argument in ("--package", name, "--bin", name)]
    if profile == "debug":
        # The quick loop: the build that the tests use anyway, good for this machine only.
        subprocess.run(["cargo", "build", *what], cwd=ROOT, check=True)
        return {name: target_folder() / "debug" / name for name in names}
    where = ["--target", TARGETS[arch], "--lambda-dir", str(target_folder() / "lambda")]
    command = ["cargo", "lambda", "build", "--release", "--locked", *where, *what]
    subprocess.run(command, cwd=ROOT, check=True)
    return {name: target_folder() / "lambda" / name / "bootstrap" for name in names}


def target_folder() -> Path:
    """Where cargo puts what it builds."""
    return Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()


def write_zip(path: Path, binary: Path, catalogue: Path) -> None:
    """Writes `bootstrap` and `caretaker.toml`; whoever reads the old zip meanwhile keeps it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, file, mode in (
            ("bootstrap", binary, 0o755),
            ("caretaker.toml", catalogue, 0o644),
        ):
            entry = zipfile.ZipInfo(name, TIMELESS)
            entry.external_attr = (0o100000 | mode) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, file.read_bytes())
    unfinished.replace(path)


def stripped(binary: Path, into: Path) -> Path:
    """A debug binary without its debug info, or as it is where `strip` is missing."""
    if shutil.which("strip") is None:
        return binary
    into.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["strip", "--strip-debug", "-o", str(into), str(binary)], check=True)
    return into


def arguments() -> argparse.Namespace:
    """What `make package` passes on."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--profile", choices=("release", "debug"), default="release")
    parser.add_argument("--arch", choices=tuple(TARGETS), default="x86_64")
    parser.add_argument("--catalogue", type=Path, default=ROOT / "infra/catalogues/mate.toml")
    return parser.parse_args()


def main() -> int:
    """Builds all functions and lists the zips with their sizes."""
    asked = arguments()
    catalogue = (ROOT / asked.catalogue).resolve()
    if not catalogue.is_file():
        shipped = ", ".join(str(c.relative_to(ROOT)) for c in ROOT.glob("infra/catalogues/*.toml"))
        print(f"package: there is no catalogue {catalogue}; these ship: {shipped}", file=sys.stderr)
        return 2
    names = functions(ROOT)
    print(f"package: {', '.join(names)} ({asked.profile}, {asked.arch})", flush=True)
    try:
        binaries = build(names, asked.profile, asked.arch)
    except subprocess.CalledProcessError as failed:
        print("package: the build failed; the compiler's words are above", file=sys.stderr)
        return failed.returncode
    for name, binary in binaries.items():
        path = target_folder() / "lambda" / name / "bootstrap.zip"
        if asked.profile == "debug":
            binary = stripped(binary, path.with_name("bootstrap"))
        write_zip(path, binary, catalogue)
        size = path.stat().st_size
        print(f"package: {path.relative_to(target_folder().parent)}  {size / 1e6:.1f} MB")
        if size > ZIP_BYTES_MAX:
            print(f"package: {name} is larger than Lambda takes ({ZIP_BYTES_MAX} bytes)")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
