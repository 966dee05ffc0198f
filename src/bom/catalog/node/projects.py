"""The JavaScript projects in a view, and which of their locks counts.

A folder with a lock is a project, with all of the workspaces that the lock (or the manifest
beside it) names; one with only a package.json that asks for something is a project too.
"""

from __future__ import annotations

import posixpath
from dataclasses import replace
from typing import TYPE_CHECKING

from bom.catalog.node import bun, npm_lock, pnpm, yarn_berry, yarn_classic
from bom.catalog.node import manifest as manifests
from bom.catalog.node.manifest import Manifest
from bom.catalog.node.pin import dependencies
from bom.catalog.node.places import MANIFEST
from bom.catalog.node.wanted import (
    BUN_BINARY,
    BUN_LOCK,
    LOCKS,
    NAMES,
    NPM_LOCK,
    PNPM_LOCK,
    SHRINKWRAP,
    is_project_file,
)
from bom.catalog.protocol import Declared
from bom.catalog.stated import Unreadable, file_content, reason
from bom.model import Gap
from bom.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bom.catalog.node.pin import Asked, Lock
    from bom.catalog.protocol import FileView


def find(view: FileView) -> Iterator[Declared]:
    """One for each project, in no order."""
    folders: dict[str, set[str]] = {}
    for entry in view.wanted():
        folder, _, name = entry.path.rpartition("/")
        if name in NAMES and entry.type == "file" and is_project_file(entry.path):
            folders.setdefault(folder, set()).add(name)
    projects = _Projects(view, folders)
    members: set[str] = set()
    locked = [folder for folder in folders if folders[folder] - {MANIFEST}]
    for folder in sorted(locked):
        made, inside = projects.locked(folder)
        members |= inside
        yield made
    for folder in sorted(folders.keys() - set(locked) - members):
        made_ = projects.unlocked(folder)
        if made_ is not None:
            yield made_


class _Projects:
    def __init__(self, view: FileView, folders: Mapping[str, set[str]]) -> None:
        self._view = view
        self._folders = folders
        self._manifests: dict[str, Manifest | Gap | None] = {}

    def locked(self, folder: str) -> tuple[Declared, set[str]]:
        """What the folder's lock resolves, and the folders of its workspaces."""
        own = self._manifest(folder)
        prefer = own.manager if isinstance(own, Manifest) else ""
        names = [name for name in LOCKS if name in self._folders[folder]]
        names.sort(key=lambda name: LOCKS[name] != prefer)
        chosen: Lock | None = None
        gaps: list[Gap] = []
        for name in names:
            location = printable_name(_join(folder, name))
            if chosen is not None:
                why = f"not read: {chosen.location} resolves this project"
                gaps.append(Gap("dependency.lock", location, why))
                continue
            try:
                chosen = self._read(folder, name, location)
            except Unreadable as error:
                gaps.append(Gap("dependency.lock", location, reason(error)))
        if isinstance(own, Gap):
            gaps.append(own)
        if chosen is None:
            alone = self.unlocked(folder)
            if alone is None:
                location = printable_name(_join(folder, names[0]))
                alone = Declared("npm", printable_name(folder), location, locked=False)
            whole = tuple(sorted({*alone.gaps, *gaps}))
            return replace(alone, gaps=whole), self._globbed(folder)
        if isinstance(own, Manifest):
            named = replace(
                chosen, name=own.name or chosen.name, version=own.version or chosen.version
            )
        else:
            named = chosen
        found, more = dependencies(named)
        inside = {_join(folder, member) for member in chosen.members} | self._globbed(folder)
        made = _declared(folder, named, found, (*gaps, *more), locked=True)
        start = f"{folder}/" if folder else ""
        parts = {below.removeprefix(start) for below in inside if below.startswith(start)}
        return replace(made, members=tuple(sorted(parts - {"", "."}))), inside

    def unlocked(self, folder: str) -> Declared | None:
        """What the folder's package.json asks for; None where that is nothing."""
        own = self._manifest(folder)
        location = printable_name(_join(folder, MANIFEST))
        if isinstance(own, Gap):
            return Declared("npm", printable_name(folder), location, locked=False, gaps=(own,))
        if own is None or not (own.asked or own.invalid):
            return None
        lock = manifests.unlocked(own, location)
        found, gaps = dependencies(lock)
        return _declared(folder, lock, found, gaps, locked=False)

    def _read(self, folder: str, name: str, location: str) -> Lock:
        raw = file_content(self._view, _join(folder, name))
        if name in (SHRINKWRAP, NPM_LOCK):
            own = self._manifest(folder)
            return npm_lock.read(raw, location, own.asked if isinstance(own, Manifest) else None)
        if name == PNPM_LOCK:
            return pnpm.read(raw, location)
        if name == BUN_LOCK:
            return bun.read(raw, location)
        if name == BUN_BINARY:
            raise Unreadable("is in Bun's old binary format; `bun install --save-text-lockfile`")
        if yarn_berry.HEADER.encode() in raw[:1000]:
            return yarn_berry.read(raw, location, self._family(folder))
        return self._classic(raw, folder, location)

    def _classic(self, raw: bytes, folder: str, location: str) -> Lock:
        """Yarn 1 says neither what the project asks for nor which its workspaces are."""
        family = self._family(folder, self._globbed(folder))
        requests: tuple[Asked, ...] | None = None
        if "" in family:
            requests = tuple({item: None for own in family.values() for item in own.asked})
        names = frozenset(own.name for own in family.values())
        return yarn_classic.read(raw, location, requests, names)

    def _family(
        self, folder: str, chosen: set[str] | frozenset[str] | None = None
    ) -> dict[str, Manifest]:
        """The manifests of a project and of the folders below it, by their place from it."""
        found = {}
        for below in (folder, *(self._below(folder) if chosen is None else chosen)):
            own = self._manifest(below)
            if isinstance(own, Manifest):
                found[below.removeprefix(folder).strip("/")] = own
        return found

    def _globbed(self, folder: str) -> set[str]:
        """The folders that the `workspaces` of a manifest choose."""
        own = self._manifest(folder)
        if not isinstance(own, Manifest) or not own.workspaces:
            return set()
        inside = {below.removeprefix(folder).strip("/") for below in self._below(folder)}
        return {_join(folder, member) for member in manifests.members(own.workspaces, inside)}

    def _below(self, folder: str) -> list[str]:
        start = f"{folder}/" if folder else ""
        return [
            below
            for below, names in self._folders.items()
            if below != folder and below.startswith(start) and MANIFEST in names
        ]

    def _manifest(self, folder: str) -> Manifest | Gap | None:
        """The folder's package.json; a gap where it can't be read, None where there is none."""
        if folder not in self._manifests:
            self._manifests[folder] = self._read_manifest(folder)
        return self._manifests[folder]

    def _read_manifest(self, folder: str) -> Manifest | Gap | None:
        if MANIFEST not in self._folders.get(folder, ()):
            return None
        path = _join(folder, MANIFEST)
        try:
            return manifests.read(file_content(self._view, path))
        except Unreadable as error:
            return Gap("dependency.declared", printable_name(path), reason(error))


def _declared(
    folder: str, lock: Lock, found: object, gaps: tuple[Gap, ...], *, locked: bool
) -> Declared:
    return Declared(
        "npm",
        printable_name(folder),
        lock.location,
        locked,
        found,  # type: ignore[arg-type]
        tuple(sorted(set(gaps))),
        lock.name,
        lock.version,
    )


def _join(folder: str, name: str) -> str:
    return posixpath.normpath(f"{folder}/{name}") if folder else posixpath.normpath(name)
