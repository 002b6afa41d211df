"""docker-py's exceptions, as far as MiniStack catches them."""

from __future__ import annotations


class DockerException(Exception):
    """Anything that goes wrong here."""


class APIError(DockerException):
    """The engine refused."""

    @property
    def explanation(self) -> str:
        """What docker-py calls the engine's own words."""
        return str(self)


class NotFound(APIError):
    """No such container."""


class ImageNotFound(NotFound):
    """No such image."""
