"""One cloud for all tests that do not need one of their own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent)]

from cloud import Cloud, start  # noqa: E402
from suite_on_cloud import Deployed, deploy_probe  # noqa: E402


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A running cloud; tests choose names that are theirs alone."""
    running = start(tmp_path_factory.mktemp("cloud") / "state")
    yield running
    running.stop()


@pytest.fixture(scope="session")
def deployed(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Deployed:
    """The suite on that cloud."""
    return deploy_probe(cloud, tmp_path_factory.mktemp("deploy"))
