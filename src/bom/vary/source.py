"""Where the source lies and how its files were written."""

from __future__ import annotations

import os
import shlex
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bom.private_folder import new_folder, remove
from bom.vary import probing
from bom.vary.protocol import NotVaried

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bom.vary.protocol import Circumstance, Host, Place

_LONGER: Final = "another-place-with-a-longer-name"
_SHORTER: Final = "s"
_MEMORY: Final = Path("/dev/shm")  # tmpfs: it lists by creation; entered by names of mkdtemp
_SPARE: Final = 512 << 20  # bytes that have to stay free beside what the build needs


class SourcePath:
    """Another folder, of another length: what ends up in debug information, and moves what follows
    it. The source's own folder keeps its name, as a clone's does."""

    name = "path"
    fixed = False
    invasive = False

    def apply(self, circumstance: Circumstance, host: Host) -> Circumstance:
        parent = circumstance.parent / _LONGER
        if len(str(parent / circumstance.name)) == len(str(host.first.source)):
            parent = circumstance.parent / _SHORTER
        return replace(circumstance, parent=parent)

    def seen(self, place: Place) -> str:
        return probing.output(place, "pwd -P")


class FileOrder:
    """The order in which the system lists a folder. Some file systems list by a hash of the names
    (ext4): there creating files in another order changes nothing, so the source goes into memory,
    where it fits."""

    name = "file-order"
    fixed = False
    invasive = False

    def apply(self, circumstance: Circumstance, host: Host) -> Circumstance:
        reversed_ = replace(circumstance, reverse=True)
        if _follows_creation(host.scratch):
            return reversed_
        if not _usable(_MEMORY):
            raise NotVaried("the file system lists files by name, and there is no other to use")
        if _room(_MEMORY) < 2 * _size(host.first.source) + _SPARE:
            raise NotVaried("the file system lists files by name, and no other has the room")
        inner = circumstance.parent.relative_to(host.scratch)
        return replace(reversed_, parent=in_memory(host.scratch) / inner)

    def seen(self, place: Place) -> str:
        return "\n".join(_listed(place.source, place.files))


class FileModes:
    """The permission bits that another umask gives the files of a clone."""

    name = "file-modes"
    fixed = False
    invasive = False

    def apply(self, circumstance: Circumstance, host: Host) -> Circumstance:
        if not host.first.files:
            raise NotVaried("the source has no files")
        mode = (host.first.source / host.first.files[0]).lstat().st_mode
        return replace(circumstance, checkout_umask=0o022 if mode & 0o020 else 0o002)

    def seen(self, place: Place) -> str:
        if not place.files:
            return ""
        return probing.output(place, f"ls -ld -- {shlex.quote(place.files[0])} | cut -c1-10")


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A private folder for a second build, with what is beside it in memory: gone on every way out,
    but for what a build made there as another user."""
    folder = new_folder()
    try:
        yield folder
    finally:
        for place in (*_beside(folder), folder):
            remove(place)


def in_memory(scratch: Path) -> Path:
    """A new private folder in memory that belongs to a scratch folder, whose name nobody guesses.
    Raises OSError where there is one."""
    folder = _MEMORY / f"{scratch.name}-source"
    folder.mkdir(mode=0o700)
    return folder


def _beside(scratch: Path) -> Iterator[Path]:
    """The folders in memory that have to be removed with a scratch folder."""
    for folder in _MEMORY.glob(f"{scratch.name}-*"):
        if folder.is_dir() and not folder.is_symlink():
            yield folder


def turned(folder: Path) -> None:
    """Make the entries of every folder anew, the last one first. Nothing but the order and the
    folders' own times changes."""
    for place, folders, files in os.walk(folder):
        if ".git" in folders:
            folders.remove(".git")
        top = Path(place)
        aside = Path(tempfile.mkdtemp(prefix=".bom-turned-", dir=top))
        names = sorted([*folders, *files], reverse=True)
        for name in names:
            (top / name).rename(aside / name)
        for name in names:
            (aside / name).rename(top / name)
        aside.rmdir()


def _listed(source: Path, files: Sequence[str]) -> Iterator[str]:
    """The files that every clone has, as the system lists them, a folder after the other."""
    wanted = set(files)
    folders = {name.rpartition("/")[0] for name in files}
    for folder in sorted(folders):
        try:
            names = os.listdir(source / folder)  # noqa: PTH208 - the order is what is asked for
        except OSError:
            continue
        for name in names:
            path = f"{folder}/{name}" if folder else name
            if path in wanted:
                yield path


def _follows_creation(scratch: Path) -> bool:
    """Whether files made in reverse are listed otherwise on this file system."""
    names = [f"{number:02d}-of-some" for number in range(12)]
    orders = []
    for order in (names, names[::-1]):
        folder = Path(tempfile.mkdtemp(prefix="order-", dir=scratch))
        for name in order:
            (folder / name).touch()
        orders.append(os.listdir(folder))  # noqa: PTH208
        shutil.rmtree(folder)
    return orders[0] != orders[1]


def _usable(folder: Path) -> bool:
    try:
        if os.statvfs(folder).f_flag & os.ST_NOEXEC:
            return False
        place = Path(tempfile.mkdtemp(prefix="bom-order-", dir=folder))
    except OSError:
        return False
    try:
        return _follows_creation(place)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _room(folder: Path) -> int:
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


def _size(folder: Path) -> int:
    """Bytes of all files below, after the first build: so much a second one takes, too."""
    total = 0
    for place, _, files in os.walk(folder):
        for name in files:
            try:
                total += (Path(place) / name).lstat().st_size
            except OSError:
                continue
    return total
