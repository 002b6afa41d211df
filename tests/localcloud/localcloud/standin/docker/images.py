"""Images: folders below ``tests/localcloud/images``, and a few well-known servers.

A folder's ``image.toml`` says what a container of it runs:

    base = "health-web"                      # optional: another folder that this one varies
    command = ["gunicorn", "config.wsgi"]    # what `docker run` without a command starts
    entrypoint = ["python"]                  # optional: goes before any command
    env = { PYTHONUNBUFFERED = "1" }         # optional; ${CA_BUNDLE} is the cloud's authority

The folder (or that of its base) is the working directory. Programs in ``bin`` are found before any
others; what is in ``root`` is what the image has at ``/``.

The registry, the repository's path and the tag do not matter: ``mate-web``,
``000000000000.dkr.ecr.us-east-1.amazonaws.com/mate-web:1.4`` and a digest are the same image.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import tomllib
from pathlib import Path
from typing import Any

from docker.errors import ImageNotFound

# Folders to search, first match counts; tests may put one of their own in front.
IMAGES_PATH_VARIABLE = "LOCALCLOUD_IMAGES"
IMAGES = Path(__file__).parents[3] / "images"

# Images of Docker Hub whose program is on this machine. ECS tasks use them as sidecars; databases
# and caches of RDS and ElastiCache do not come this way.
_PACKAGE_ROOT = str(Path(__file__).parents[3])
_DATABASE_ENV = (("LOCALCLOUD_STATE_DIR", "${STATE_DIR}"), ("PYTHONPATH", _PACKAGE_ROOT))


def _known_images() -> dict[str, Image]:
    redis = ("redis-server", "--bind", "${CONTAINER_IP}", "--save", "", "--appendonly", "no")
    images = {name: Image(name, redis) for name in ("redis", "valkey")}
    for name, kind in (("postgres", "postgres"), ("mysql", "mariadb"), ("mariadb", "mariadb")):
        images[name] = Image(name, ("python", "-m", "localcloud.servers", kind), env=_DATABASE_ENV)
    return images


@dataclasses.dataclass(frozen=True)
class Image:
    """What a container starts with."""

    name: str
    command: tuple[str, ...]
    # The image's own folder first, then those of the images that it is based on.
    folders: tuple[Path, ...] = ()
    entrypoint: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()

    @property
    def id(self) -> str:
        """A digest that changes when the image's definition does."""
        return "sha256:" + hashlib.sha256(repr(self).encode()).hexdigest()

    @property
    def workdir(self) -> Path:
        """Where its commands start: in the folder that has the programs."""
        return self.folders[-1] if self.folders else Path("/")

    def find(self, absolute: str) -> Path | None:
        """The file that the image has at an absolute path."""
        for folder in self.folders:
            file = folder / "root" / absolute.lstrip("/")
            if file.is_file():
                return file
        return None

    def tag(self, _repository: str, tag: str | None = None) -> bool:
        """Names do not matter here; tagging always succeeds."""
        del tag
        return True


class ImageCollection:
    """``client.images``."""

    def get(self, name: str) -> Image:
        """The image of that name, whatever its registry and tag."""
        short = short_name(name)
        if known := _known_images().get(short):
            return known
        for folder in _search_path():
            if (folder / short / "image.toml").exists():
                return _load(folder / short)
        raise ImageNotFound(
            f"pull access denied for {name}, repository does not exist: "
            f"there is no folder {short} in {', '.join(map(str, _search_path()))}"
        )

    def pull(self, repository: str, tag: str | None = None, **_options: object) -> Image:
        """There is nothing to transfer."""
        del tag
        return self.get(repository)

    def get_registry_data(self, name: str, **_options: object) -> Image:
        """What the registry would answer about an image."""
        return self.get(name)


def short_name(name: str) -> str:
    """``mate-web`` of ``registry/path/mate-web:1.4@sha256:…``."""
    return name.split("@", 1)[0].rsplit("/", 1)[-1].split(":", 1)[0]


def _search_path() -> list[Path]:
    extra = os.environ.get(IMAGES_PATH_VARIABLE, "")
    return [*(Path(part) for part in extra.split(os.pathsep) if part), IMAGES]


def _load(folder: Path) -> Image:
    described, folders = _describe(folder)
    unknown = sorted(set(described) - {"command", "entrypoint", "env"})
    if unknown or not described.get("command"):
        raise ImageNotFound(
            f"{folder / 'image.toml'} is not an image: "
            + (f"unknown keys {', '.join(unknown)}" if unknown else "it has no command")
        )
    return Image(
        name=folder.name,
        command=tuple(described["command"]),
        folders=folders,
        entrypoint=tuple(described.get("entrypoint", ())),
        env=tuple(sorted(described.get("env", {}).items())),
    )


def _describe(folder: Path) -> tuple[dict[str, Any], tuple[Path, ...]]:
    """The folder's own words over those of its base, and all the folders it is made of."""
    own = tomllib.loads((folder / "image.toml").read_text(encoding="utf-8"))
    base = own.pop("base", None)
    if base is None:
        return own, (folder,)
    inherited, folders = _describe(folder.parent / base)
    env = {**inherited.get("env", {}), **own.get("env", {})}
    return {**inherited, **own, "env": env}, (folder, *folders)
