"""A function as it ships, ready to be started: its zip unpacked, its wiring from the manifest.

What is measured must be what runs on AWS: the very binary in the zip, with the catalogue beside it
and every variable that the manifest gives it. Values that only say where something is are made up;
before the first event nobody goes there.
"""

from __future__ import annotations

import tomllib
import zipfile
from pathlib import Path
from string import Template

from localcloud.deploy import manifest

ROOT = Path(__file__).resolve().parents[2]
MANIFEST = ROOT / "infra/manifest.yaml"
CATALOGUE = "caretaker.toml"
BOOTSTRAP = "bootstrap"


def unpack(package: Path, into: Path) -> Path:
    """Unpack a zip as Lambda does; answer with its program."""
    with zipfile.ZipFile(package) as archive:
        archive.extractall(into)
    program = into / BOOTSTRAP
    program.chmod(0o755)
    return program


def variables(function: str, folder: Path) -> dict[str, str]:
    """Give the variables of a function that was unpacked into ``folder``."""
    catalogue = tomllib.loads((folder / CATALOGUE).read_text(encoding="utf-8"))
    product, environment = catalogue["product"], next(iter(catalogue["environments"]))
    names = Template(MANIFEST.read_text(encoding="utf-8")).get_identifiers()
    values = {name: f"made-up-{name}" for name in names} | {
        "product": product,
        "environment": environment,
        "prefix": f"caretaker-{product}-{environment}",
    }
    suite = manifest.load(MANIFEST, values)
    return {
        **suite["environment"],
        **suite["functions"][function]["environment"],
        "LAMBDA_TASK_ROOT": str(folder),
    }
