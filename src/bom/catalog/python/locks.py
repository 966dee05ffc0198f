"""Which lock of a Python project counts, and reading it.

Precedence, richest and most standard first: `pylock.toml` (PEP 751), `uv.lock`, `poetry.lock`,
`pdm.lock`, `Pipfile.lock`, then requirements files. One lock resolves the project; every other
one that lies beside it is named as a gap, since two locks may disagree.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from bom.catalog.python import pdm, pipfile, poetry, pylock, requirements, uv
from bom.catalog.stated import Unreadable
from bom.model import Gap
from bom.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bom.catalog.protocol import FileView
    from bom.catalog.python.folders import ProjectFolder
    from bom.catalog.python.manifest import Manifest
    from bom.catalog.python.pin import Lock

    Reader = Callable[[], Lock]


class Workspaces:
    """The uv.lock files of a view, each read once for all members of its workspace."""

    def __init__(self, files: FileView) -> None:
        self._files = files
        self._read: dict[str, uv.Document | str] = {}

    def lock(self, path: str) -> uv.Document:
        """Raises Unreadable."""
        if path not in self._read:
            try:
                self._read[path] = uv.document(self._files, path)
            except Unreadable as error:
                self._read[path] = str(error)
        found = self._read[path]
        if isinstance(found, str):
            raise Unreadable(found)
        return found

    def above(self, folder: str) -> tuple[str, str] | None:
        """The lock of the workspace that has the folder as a member, and the folder relative to
        it: the members of a uv workspace share the lock of its root."""
        top, inside = folder, ""
        while top:
            top, _, last = top.rpartition("/")
            inside = f"{last}/{inside}".rstrip("/")
            path = f"{top}/{uv.FILE_NAME}" if top else uv.FILE_NAME
            if self._files.entry(path) is None:
                continue
            try:
                members = self.lock(path).members
            except Unreadable:
                return None  # a gap where it lies
            return (path, inside) if inside in members else None
        return None


def read(
    folder: ProjectFolder, manifest: Manifest, workspaces: Workspaces
) -> tuple[Lock | None, tuple[Gap, ...]]:
    """The lock of the project in the folder, and what it leaves open.

    A lock that can't be read is a gap, and the next one counts.
    """
    chosen: Lock | None = None
    gaps: list[Gap] = []
    for location, reader in _candidates(folder, manifest, workspaces):
        if chosen is not None:
            why = f"not read: {chosen.location} resolves this project"
            gaps.append(Gap("dependency.lock", location, why))
            continue
        try:
            chosen = reader()
        except Unreadable as error:
            gaps.append(Gap("dependency.lock", location, f"the file {error}"))
    return chosen, tuple(sorted({*gaps, *(chosen.gaps if chosen else ())}))


def read_script(folder: ProjectFolder, file: str) -> tuple[Lock | None, tuple[Gap, ...]]:
    """A script's own lock (PEP 723, as uv writes it), and what it leaves open."""
    try:
        lock = uv.read(uv.document(folder.files, folder.at(file)), ".", "")
    except Unreadable as error:
        return None, (Gap("dependency.lock", folder.shown(file), f"the file {error}"),)
    return lock, lock.gaps


def _candidates(
    folder: ProjectFolder, manifest: Manifest, workspaces: Workspaces
) -> Iterator[tuple[str, Reader]]:
    names, shown = folder.names, folder.shown
    if pylock.FILE_NAME in names:
        standard = partial(pylock.read, folder, pylock.FILE_NAME, manifest.name)
        yield shown(pylock.FILE_NAME), standard
    if uv.FILE_NAME in names:
        path = folder.at(uv.FILE_NAME)
        yield shown(uv.FILE_NAME), lambda: uv.read(workspaces.lock(path), ".", manifest.name)
    elif found := workspaces.above(folder.path):
        root, inside = found
        yield (
            printable_name(root),
            lambda: uv.read(workspaces.lock(root), inside, manifest.name),
        )
    if poetry.FILE_NAME in names:
        yield shown(poetry.FILE_NAME), partial(poetry.read, folder)
    if pdm.FILE_NAME in names:
        yield shown(pdm.FILE_NAME), partial(pdm.read, folder, manifest.extras)
    if pipfile.FILE_NAME in names:
        yield shown(pipfile.FILE_NAME), partial(pipfile.read, folder)
    for called in folder.named_pylocks:
        yield shown(called), partial(pylock.read, folder, called, manifest.name)
    if listed := folder.requirements:
        yield ", ".join(map(shown, listed)), partial(requirements.read, folder)
