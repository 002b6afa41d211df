"""Where servers keep their data, and how it is copied.

PostgreSQL and MariaDB refuse to run as root, so under root they run as users of their own, and such
a user must be able to walk to its data. A state folder below a private directory (pytest's, or a
person's home) does not allow that; the data then lives beside the system's temporary files and is
removed with the cloud.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import shutil
import stat
import tempfile
from pathlib import Path

from localcloud import processes

COPY_SECONDS = 120.0


@functools.cache
def root(state_dir: Path) -> Path:
    """The folder that holds all servers' data, open to walk through for any user."""
    inside = state_dir / "data"
    if inside.is_symlink():
        return inside.resolve()
    if os.geteuid() == 0 and not _reachable(state_dir):
        outside = Path(tempfile.mkdtemp(prefix="localcloud-data-", dir="/var/tmp"))
        outside.chmod(0o755)
        atexit.register(_end, outside)
        inside.symlink_to(outside)
        return outside
    inside.mkdir(mode=0o755, parents=True, exist_ok=True)
    return inside


def _end(outside: Path) -> None:
    """Remove the data once nobody writes to it: a server that runs makes its files anew."""
    processes.stop_all()
    remove(outside)


def private_folder(path: Path, user: str | None) -> Path:
    """A new folder for one server alone, as PostgreSQL demands it of its data."""
    path.mkdir(mode=0o700, parents=True)
    processes.give_to(path, user)
    return path


def private_file(path: Path, text: str, user: str | None) -> Path:
    """A file that only its server can read: keys and configuration."""
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")
    processes.give_to(path, user)
    return path


def draft(template: Path) -> Path:
    """A folder of one's own in which to make a template, open to walk through."""
    folder = Path(tempfile.mkdtemp(prefix=f"{template.name}-", dir=template.parent))
    folder.chmod(0o755)
    return folder


def publish(made: Path, template: Path) -> None:
    """Make a template known in one step; another process's, if it was first, is as good."""
    with contextlib.suppress(OSError):
        made.rename(template)


def copy(source: Path, target: Path) -> None:
    """Copy a folder with its owners; a file system that can share blocks shares them."""
    target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    processes.run(
        ["cp", "--archive", "--reflink=auto", "--no-target-directory", str(source), str(target)],
        seconds=COPY_SECONDS,
    )


def remove(path: Path) -> None:
    """Remove a server's folder; files that a dying server still deletes do not matter."""
    shutil.rmtree(path, ignore_errors=True)


def _reachable(path: Path) -> bool:
    """Whether any user may walk to this folder."""
    return all(
        folder.stat().st_mode & stat.S_IXOTH for folder in [path, *path.parents] if folder.exists()
    )
