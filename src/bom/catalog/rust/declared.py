"""What Rust projects in a view ask for and lock: Cargo.lock, and the Cargo.toml that say how."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bom.catalog.protocol import Declared
from bom.catalog.rust.lock import CargoLock
from bom.catalog.rust.manifest import Manifest, manifest
from bom.catalog.rust.resolution import locked, unlocked
from bom.catalog.rust.wanted import LOCK, MANIFEST, NAMES, wants
from bom.catalog.stated import Unreadable, file_content
from bom.model import Gap
from bom.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bom.catalog.protocol import FileView


def locks(view: FileView) -> Iterator[tuple[str, CargoLock | Gap]]:
    """Every Cargo.lock with its folder, sorted; a gap for one that can't be read."""
    for folder, names in sorted(_folders(view).items()):
        if LOCK in names:
            yield folder, _lock(view, folder)


def projects(view: FileView) -> Iterator[Declared]:
    """One for each lock, and for each manifest that no lock above it covers."""
    folders = _folders(view)
    found: dict[str, CargoLock | Gap] = dict(locks(view))
    manifests: dict[str, Manifest] = {}
    broken: dict[str, Gap] = {}
    for folder in sorted(folders):  # a workspace before its members
        if MANIFEST in folders[folder]:
            _read(view, folder, manifests, broken)
    members: dict[str, dict[str, Manifest]] = {}
    alone = []
    for folder, read in manifests.items():
        above = _lock_above(folder, found, read.name)
        if above is None:
            alone.append(folder)
        else:
            members.setdefault(above, {})[folder] = read
    gaps: dict[str, list[Gap]] = {}
    for folder, gap in broken.items():
        above = _lock_above(folder, found, "")
        gaps.setdefault(folder if above is None else above, []).append(gap)
    for folder, lock in found.items():
        own = tuple(gaps.pop(folder, ()))
        place = _place(folder, LOCK)
        if isinstance(lock, Gap):
            yield Declared("cargo", printable_name(folder), place, False, gaps=(lock, *own))
        else:
            yield locked(printable_name(folder), place, lock, members.get(folder, {}), own)
    for folder in alone:
        if manifests[folder].name:
            yield unlocked(printable_name(folder), _place(folder, MANIFEST), manifests[folder])
    for folder, more in gaps.items():
        place = _place(folder, MANIFEST)
        yield Declared("cargo", printable_name(folder), place, False, gaps=tuple(more))


def _folders(view: FileView) -> dict[str, set[str]]:
    from pathlib import PurePosixPath

    found: dict[str, set[str]] = {}
    for entry in view.wanted():
        above, _, name = entry.path.rpartition("/")
        if name in NAMES and wants(PurePosixPath(entry.path)):
            found.setdefault(above, set()).add(name)
    return found


def _path(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _place(folder: str, name: str) -> str:
    return printable_name(_path(folder, name))


def _lock(view: FileView, folder: str) -> CargoLock | Gap:
    place = _place(folder, LOCK)
    try:
        return CargoLock(file_content(view, _path(folder, LOCK)))
    except Unreadable as error:
        return Gap("dependency.lock", place, f"it {error}")


def _read(
    view: FileView, folder: str, manifests: dict[str, Manifest], broken: dict[str, Gap]
) -> None:
    place = _place(folder, MANIFEST)
    root = next(
        (
            manifests[up]
            for up in _upwards(folder)
            if up in manifests and manifests[up].is_workspace
        ),
        None,
    )
    try:
        raw = file_content(view, _path(folder, MANIFEST))
        read = manifest(raw)
        if root is not None and not read.is_workspace:
            read = manifest(raw, root.document)
    except Unreadable as error:
        broken[folder] = Gap("dependency.declared", place, f"it {error}")
        return
    manifests[folder] = read


def _upwards(folder: str) -> Iterator[str]:
    """The folder itself and those above it."""
    while folder:
        yield folder
        folder = folder.rpartition("/")[0]
    yield ""


def _lock_above(folder: str, found: dict[str, CargoLock | Gap], name: str) -> str | None:
    """The folder of the nearest lock from here upwards that has this package (any, where the name
    is not known), or that can't be read."""
    for up in _upwards(folder):
        lock = found.get(up)
        if isinstance(lock, Gap) or (lock is not None and (not name or name in lock.own)):
            return up
    return None
