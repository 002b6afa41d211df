"""The suite's manifest, for tests that read it without a cloud."""

from __future__ import annotations

import re

from localcloud.deploy.suite import ROOT

PRODUCT = "probe"
PREFIX = f"caretaker-{PRODUCT}-dev"
MANIFEST = ROOT / "infra/manifest.yaml"


def values(**others: str) -> dict[str, str]:
    """Something for every placeholder."""
    names = set(re.findall(r"\$\{(\w+)\}", MANIFEST.read_text()))
    return dict.fromkeys(names, "x") | {"prefix": PREFIX} | others
