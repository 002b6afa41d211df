"""Stands in for the Python module ``docker``: containers are processes.

MiniStack runs ECS tasks through a container engine, by way of this module's namesake. Where no
engine is to be had, this package is put in front of it on the import path. It has what MiniStack
calls and nothing more. A container here is a process group with an environment, an address, a
folder and a log of its own; what an image "contains" is a folder below ``tests/localcloud/images``.

What it is not: an isolation. Files, users, memory limits and the read-only root are accepted and
not enforced.
"""

from __future__ import annotations

from docker import errors
from docker.containers import Container, ContainerCollection
from docker.images import Image, ImageCollection

__all__ = ["Container", "DockerClient", "Image", "errors", "from_env"]


class DockerClient:
    """The part of docker-py's client that MiniStack uses."""

    def __init__(self) -> None:
        self.images = ImageCollection()
        self.containers = ContainerCollection(self.images)

    def ping(self) -> bool:
        """The engine is this process: it is there."""
        return True

    def close(self) -> None:
        """There is no connection to close."""


_client = DockerClient()


def from_env(**_options: object) -> DockerClient:
    """The one client: everybody sees the same containers."""
    return _client
