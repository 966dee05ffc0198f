"""One go.mod, resolved: by its replacements, go.sum, the workspace and the vendor folder.

It doesn't say what only tests, other platforms or other programs of the module need: a program
holds what it uses of these modules.
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from bom.catalog.golang import files
from bom.catalog.golang.module import (
    DEVEL,
    H1,
    LOCAL,
    component,
    is_folder,
    shown_folder,
)
from bom.catalog.stated import Unreadable
from bom.errors import BomError
from bom.model import Dependency, Gap, Occurrence, Property
from bom.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bom.catalog.golang.files import GoFile, Replaced, Required, Sums

_DEEPEST: Final = 100  # elements of a package path in which its module's path is looked for
_UNTOLD: Final = "go.mod does not say which module needs which"


@dataclass(slots=True)
class Folder:
    """The files of one folder, by name, as far as they can be read."""

    path: str
    raw: dict[str, bytes | None] = field(default_factory=dict)
    mod: GoFile | None = None
    sums: Sums = field(default_factory=dict)
    gaps: list[Gap] = field(default_factory=list)

    def place(self, name: str) -> str:
        return printable_name(posixpath.join(self.path, name))


@dataclass(slots=True)
class Workspace:
    """A go.work: its members by folder, and what holds for all of them."""

    members: dict[str, Folder]
    replaced: list[Replaced]
    sums: Sums
    place: str

    def highest(self) -> Mapping[str, str]:
        """The highest version of each module that its members ask for."""
        found: dict[str, str] = {}
        for member in self.members.values():
            for item in member.mod.required if member.mod else ():
                if files.order(item.version) > files.order(found.get(item.path, "")):
                    found[item.path] = item.version
        return found


def content(folder: Folder, name: str, what: str) -> bytes | None:
    """A file's content; None where there is none, with a gap where it can't be read."""
    if name not in folder.raw:
        return None
    if (raw := folder.raw[name]) is None:
        folder.gaps.append(Gap(what, folder.place(name), "it can't be read or is too large"))
    return raw


class Resolution:
    """One go.mod, resolved by its replacements, go.sum, its workspace and its vendor folder."""

    def __init__(self, folder: Folder, mod: GoFile, workspace: Workspace | None) -> None:
        self.found: dict[str, Dependency] = {}
        self.gaps: set[Gap] = set()
        self._folder = folder
        self._mod = mod
        self._place = folder.place("go.mod")
        self._shared = workspace.sums if workspace else {}
        self._replaced: dict[tuple[str, str], Replaced] = {}
        for item in (*mod.replaced, *(workspace.replaced if workspace else ())):
            self._replaced[item.path, item.version] = item
        self._local = {
            member.mod.module: path
            for path, member in (workspace.members if workspace else {}).items()
            if member.mod is not None
        }
        self._highest = workspace.highest() if workspace else {}
        self._workspace = workspace
        self._vendored: dict[str, tuple[str, int]] = {}
        raw = content(folder, "modules.txt", "dependency.lock")
        if raw is not None:
            try:
                for path, version, line in files.vendored(raw):
                    self._vendored.setdefault(path, (version, line))
            except Unreadable as error:
                self.gaps.add(Gap("dependency.lock", self._vendor_place, f"it {error}"))

    @property
    def _vendor_place(self) -> str:
        return self._folder.place("vendor/modules.txt")

    def add_all(self) -> None:
        tools = _tool_modules(self._mod)
        for item in self._mod.required:
            self._add(item, "build" if item.indirect and item.path in tools else "shipped")
        if not self._mod.complete:
            self._unlisted()
        if len(self.found) > 1:
            self.gaps.add(Gap("dependency.graph", self._place, _UNTOLD))

    def _add(self, item: Required, role: str) -> None:
        new = self._replaced.get((item.path, item.version)) or self._replaced.get((item.path, ""))
        folder = new.by if new is not None and is_folder(new.by) else self._member(item.path)
        facts: list[Property] = []
        path, version, original = item.path, item.version, None
        if folder:
            facts.append(Property(LOCAL, shown_folder(folder)))
            version, original = DEVEL, (item.path, item.version)
        elif new is not None:
            path, version, original = new.by, new.by_version, (item.path, item.version)
        lines = [Occurrence(self._place, item.line)]
        stated = [] if folder else self._sums_of(path, version, lines)
        facts += [Property(H1, sum) for sum in stated]
        self._vendor(item, lines)
        try:
            made = component(
                path,
                version,
                original=original,
                properties=facts,
                occurrences=tuple(sorted(lines)),
            )
        except BomError as error:
            self.gaps.add(Gap("dependency.name", self._place, error.reason))
            return
        ref = made.purl
        if folder:
            why = "a folder replaces it: no published module is stated"
            self.gaps.add(Gap("dependency.source", item.path, why, ref))
            self.gaps.add(Gap("dependency.hash", item.path, why, ref))
        elif not stated:
            self.gaps.add(Gap("dependency.hash", path, "go.sum states no h1 of it", ref))
        elif len(stated) > 1:
            why = "go.sum states two h1 of it: one of them isn't the published module's"
            self.gaps.add(Gap("dependency.lock", path, why, ref))
        self._judge_workspace(item, ref)
        made_of = Dependency(
            made,
            "build" if role == "build" else "shipped",
            direct=not item.indirect,
        )
        known = self.found.get(ref)
        self.found[ref] = known.merged(made_of) if known else made_of

    def _member(self, path: str) -> str:
        """The folder of the workspace's member with this module path, from this one."""
        if path not in self._local:
            return ""
        return posixpath.relpath(self._local[path] or ".", self._folder.path or ".")

    def _sums_of(self, path: str, version: str, lines: list[Occurrence]) -> list[str]:
        own = self._folder.sums.get((path, version))
        if own is not None:
            lines += [Occurrence(self._folder.place("go.sum"), line) for _, line in own]
        return [sum for sum, _ in own or self._shared.get((path, version), [])]

    def _vendor(self, item: Required, lines: list[Occurrence]) -> None:
        if item.path not in self._vendored:
            return
        version, line = self._vendored[item.path]
        lines.append(Occurrence(self._vendor_place, line))
        if version and version != item.version:
            why = f"vendor/modules.txt has {version}, go.mod {item.version}"
            self.gaps.add(Gap("dependency.lock", item.path, why))

    def _judge_workspace(self, item: Required, ref: str) -> None:
        highest = self._highest.get(item.path, item.version)
        if self._workspace is not None and highest != item.version:
            why = f"{self._workspace.place} builds with {highest}, the highest of its modules"
            self.gaps.add(Gap("dependency.lock", item.path, why, ref))

    def _unlisted(self) -> None:
        """Before Go 1.17 go.mod leaves out what its requirements' own go.mod name: go.sum has
        them, a tidy one in the one version that is built."""
        named = {item.path for item in self._mod.required} | {new.by for new in self._mod.replaced}
        versions: dict[str, list[str]] = {}
        for path, version in self._folder.sums:
            if path not in named:
                versions.setdefault(path, []).append(version)
        for path, several in versions.items():
            if len(several) > 1:
                why = "go.sum has several versions of it, and go.mod doesn't say which is used"
                self.gaps.add(Gap("dependency.version", path, why))
                continue
            ((sum, line), *_) = self._folder.sums[path, several[0]]
            where = Occurrence(self._folder.place("go.sum"), line)
            try:
                made = component(path, several[0], sum=sum, occurrences=(where,))
            except BomError as error:
                self.gaps.add(Gap("dependency.name", where.location, error.reason))
                continue
            self.found.setdefault(made.purl, Dependency(made, optional=True))
        if not named and not versions:
            return
        why = "a go.mod of Go before 1.17 doesn't list all that its requirements need"
        self.gaps.add(Gap("dependency.declared", self._place, why))


def _tool_modules(mod: GoFile) -> set[str]:
    """The required modules that hold the packages of `tool` directives."""
    paths = {item.path for item in mod.required}
    found = set()
    for tool in mod.tools:
        parts = tool.split("/")[:_DEEPEST]
        for length in range(len(parts), 0, -1):
            if (path := "/".join(parts[:length])) in paths:
                found.add(path)
                break
    return found
