"""Outputs that are there whole or not at all.

A file is written under a private temporary name beside its target and renamed over it, so that
a killed run leaves the old file or the new one. Temporary names start with `.bom-tmp-`.
"""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from bom.errors import BomError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TEMPORARY_PREFIX: Final = ".bom-tmp-"
PRIVATE: Final = 0o600
_PATIENCE: Final = 10.0  # seconds
_LOOK: Final = 0.01  # seconds


def temporary_beside(target: Path) -> Path:
    """A new empty file, mode 0600, in the folder of `target`; the caller removes or renames it.

    Raises BomError where `target` is a device or a pipe: renaming would put a file in its place.
    """
    if target.exists() and not target.is_file():
        raise BomError(f"{target} is no plain file", hint="name a file that may be replaced")
    path = target.parent / f"{TEMPORARY_PREFIX}{target.name[:80]}.{os.urandom(6).hex()}"
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, PRIVATE))
    return path


@contextmanager
def temporary_file(target: Path) -> Iterator[Path]:
    """A temporary file beside `target`, removed on every way out unless renamed meanwhile."""
    path = temporary_beside(target)
    try:
        yield path
    finally:
        with suppress(FileNotFoundError):
            path.unlink()


def make_durable(path: Path) -> None:
    """Wait until the file's content is on the disk."""
    with path.open("rb") as stream:
        os.fsync(stream.fileno())


def publish(path: Path, target: Path, *, mode: int | None = None) -> None:
    """Make `path` durable and rename it to `target`.

    `mode`: the permission bits; None gives what a plain new file would have under the umask.
    """
    if mode is None:
        umask = os.umask(0)
        os.umask(umask)
        mode = 0o666 & ~umask
    path.chmod(mode)
    make_durable(path)
    path.replace(target)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """While nobody else is alone in this folder, so that files which belong together are not
    mixed with those of another run. Where a file system knows no locks, or somebody keeps one for
    long, it goes on all the same."""
    place = os.open(folder, os.O_RDONLY)
    try:
        end = time.monotonic() + _PATIENCE
        while True:
            try:
                fcntl.flock(place, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() < end:
                    time.sleep(_LOOK)
                    continue
            except OSError:
                pass
            break
        yield
    finally:
        os.close(place)


def write_whole(target: Path, data: bytes, *, mode: int | None = None) -> None:
    """Write `data` to `target` atomically."""
    with temporary_file(target) as path:
        path.write_bytes(data)
        publish(path, target, mode=mode)
