"""The dependencies of a Python project: what it asks for, resolved by what its lock says.

Nothing of the project is run and no index is asked. What is asked for but not pinned, pinned
without a hash, or stated in a way that isn't read stands as a gap.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion

from bom.catalog.protocol import Declared
from bom.catalog.python import locks, manifest, scripts
from bom.catalog.python.folders import project_folders
from bom.catalog.python.manifest import Manifest
from bom.catalog.python.markers import always
from bom.catalog.python.pin import FORKS, Edge, Graph, Lock, Pin, component
from bom.catalog.python.requirements import exact_version, pinned_by_url
from bom.catalog.python.wanted import SCRIPT_LOCK
from bom.catalog.stated import Unreadable
from bom.model import Dependency, Gap, Property

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bom.catalog.protocol import FileView
    from bom.catalog.python.folders import ProjectFolder
    from bom.catalog.python.manifest import Requested
    from bom.model import Component

    Key = tuple[str, str, str]

_CODE: Final = "dependency.declared"
_ONLY_EXTRA: Final = re.compile(r"""\(?\s*extra\s*==\s*(?:"[^"]*"|'[^']*')\s*\)?""")


@dataclass(frozen=True, slots=True)
class PythonProject:
    """A project's own statements and its lock. `folder`: from the view's root; `location`: the
    file that resolves it; `script`: whether it is a script with a lock of its own (PEP 723)."""

    folder: str = ""
    location: str = ""
    manifest: Manifest = field(default_factory=Manifest)
    lock: Lock | None = None
    gaps: tuple[Gap, ...] = ()
    script: bool = False


def projects(files: FileView) -> Iterator[PythonProject]:
    """The Python projects in a view, sorted by folder."""
    workspaces = locks.Workspaces(files)
    for folder in project_folders(files):
        others = folder.scripts
        if len(folder.names) > len(others):
            yield _read(folder, workspaces)
        for file in others:
            if file.endswith(SCRIPT_LOCK):
                lock, gaps = locks.read_script(folder, file)
                yield PythonProject(
                    folder.path, folder.shown(file), lock=lock, gaps=gaps, script=True
                )
            elif f"{file}.lock" not in folder.names and (
                stated := scripts.read(files, folder.at(file))
            ):
                yield PythonProject(
                    folder.path, folder.shown(file), stated, gaps=stated.gaps, script=True
                )


def _read(folder: ProjectFolder, workspaces: locks.Workspaces) -> PythonProject:
    stated = manifest.read(folder)
    lock, gaps = locks.read(folder, stated, workspaces)
    first = next(iter(folder.manifests), "") or min(folder.names - {*folder.scripts})
    return PythonProject(
        folder.path,
        lock.location if lock else folder.shown(first),
        stated,
        lock,
        tuple(sorted({*stated.gaps, *gaps})),
    )


def declared(project: PythonProject) -> Declared:
    """The project as the catalogue has it."""
    dependencies, gaps = resolve(project)
    lock = project.lock
    return Declared(
        "pypi",
        project.folder,
        project.location,
        lock is not None and all(pin.version or pin.source != "registry" for pin in lock.pins),
        dependencies,
        gaps,
        project.manifest.name,
        project.manifest.version,
    )


def resolve(
    project: PythonProject, stated: tuple[str, ...] | None = None
) -> tuple[tuple[Dependency, ...], tuple[Gap, ...]]:
    """The project's dependencies, one for each component and role, and its gaps; both sorted.

    `stated`: the runtime requirements (PEP 508) that the built package itself states. With them
    it is known what a backend or setup.py decided, so that is no gap any more.
    """
    requested = project.manifest.declared
    gaps = set(project.gaps)
    if stated is not None:
        requested, more = _with_stated(requested, stated)
        gaps = {gap for gap in gaps if not _decided_by_code(gap)} | set(more)
    requested = tuple(item for item in requested if item.name != project.manifest.name)
    interpreters = project.manifest.requires_python
    found = _Resolution(requested, project.lock, interpreters)
    return tuple(found.dependencies()), tuple(sorted(gaps | found.gaps))


def _decided_by_code(gap: Gap) -> bool:
    return gap.what == _CODE and (gap.where.endswith("setup.py") or "are dynamic" in gap.why)


def _with_stated(
    requested: tuple[Requested, ...], stated: tuple[str, ...]
) -> tuple[tuple[Requested, ...], list[Gap]]:
    known = {item.name for item in requested if item.ships}
    out, gaps = list(requested), []
    for spelled in stated:
        try:
            item = manifest.requirement(spelled)
        except Unreadable as error:
            gaps.append(Gap(_CODE, "Requires-Dist", f"the package {error}"))
            continue
        if item.name not in known:
            extra = manifest.extra_of(item.marker)
            out.append(replace(item, purpose="extra", of=extra) if extra else item)
    return tuple(out), gaps


class _Resolution:
    """Requirements against one lock. `interpreters`: those that the project runs on."""

    def __init__(
        self, requested: tuple[Requested, ...], lock: Lock | None, interpreters: str
    ) -> None:
        self.gaps: set[Gap] = set()
        self._requested = requested
        self._lock = lock or Lock("")
        self._interpreters = self._lock.requires_python or interpreters
        self._graph = Graph(self._lock.pins)
        self._ships = {item.name for item in requested if item.ships}
        # What builds is resolved afresh by the frontend, whatever the lock says.
        self._groups = {item.name for item in requested if item.purpose == "group"}
        self._asked: dict[str, list[Requested]] = {}
        for item in requested:
            if item.ships:
                self._asked.setdefault(item.name, []).append(item)
        self._out: dict[tuple[str, str], Dependency] = {}

    def dependencies(self) -> list[Dependency]:
        roots = self._lock.roots if self._lock.rooted else self._edges(self._ships)
        development = self._lock.development_roots or self._edges(self._groups - self._ships)
        shipped = self._graph.reach(roots)
        developed = self._graph.reach(development)
        certain = self._certain(roots)
        direct = {pin.key for edge in roots for pin in self._graph.targets(edge)}
        components = [component(pin) for pin in self._lock.pins]
        refs = {
            pin.key: made.bom_ref for pin, made in zip(self._lock.pins, components, strict=True)
        }
        for pin, bare in zip(self._lock.pins, components, strict=True):
            if self._lock.rooted and pin.key not in shipped | developed:
                continue
            requires = {
                refs[target.key]
                for edge in self._graph.edges(pin)
                for target in self._graph.targets(edge)
            } - {refs[pin.key]}
            made = replace(bare, requires=tuple(sorted(requires))) if requires else bare
            if self._ships_in_artifact(pin, shipped, developed):
                optional = (
                    pin.optional
                    or not always(pin.marker, self._interpreters)
                    or (certain is not None and pin.key not in certain)
                    or self._only_conditional(pin)
                )
                self._add(Dependency(self._as_asked(made), "shipped", pin.key in direct, optional))
            else:
                self._add(Dependency(made, "build"))
            self._judge(pin, made)
        if self._lock.pins and not self._lock.states_edges:
            why = "it does not say which package needs which"
            self.gaps.add(Gap("dependency.graph", self._lock.location, why))
        for name in self._graph.crowded:
            why = f"more than {FORKS} entries of {self._lock.location} have this name"
            self.gaps.add(Gap("dependency.graph", name, why))
        self._unlocked()
        return sorted(self._out.values())

    def _edges(self, names: set[str]) -> tuple[Edge, ...]:
        return tuple(
            sorted(
                {
                    Edge(
                        item.name,
                        extras=item.extras,
                        only_with=(item.of,) if item.purpose == "extra" else (),
                        marker=item.marker,
                    )
                    for item in self._requested
                    if item.name in names and item.purpose != "build"
                }
            )
        )

    def _certain(self, roots: tuple[Edge, ...]) -> set[Key] | None:
        """What every install has: no extra of the project's and no marker on every way to it.
        None where the lock has no graph, or nothing says what the project asks for."""
        if not self._lock.states_edges or not roots:
            return None
        graph = Graph(self._lock.pins, lambda edge: always(_beside_extra(edge), self._interpreters))
        return graph.reach([edge for edge in roots if not edge.only_with])

    def _only_conditional(self, pin: Pin) -> bool:
        """Whether the project's own requests for it all are an extra's or a machine's, and no
        graph says who else needs it."""
        asked = self._asked.get(pin.name, [])
        return bool(asked) and not self._lock.states_edges and all(map(self._conditional, asked))

    def _conditional(self, item: Requested) -> bool:
        return item.purpose == "extra" or not always(item.marker, self._interpreters)

    def _ships_in_artifact(self, pin: Pin, shipped: set[Key], developed: set[Key]) -> bool:
        if self._lock.rooted:
            return pin.key in shipped
        if pin.development is not None:
            return not pin.development
        return pin.key in shipped or pin.key not in developed

    def _as_asked(self, made: Component) -> Component:
        """What only an extra or a marker of the project asks for is marked: not every install
        has it."""
        asked = self._asked.get(made.name)
        if not asked:
            return made
        marks = set(made.properties)
        if all(item.purpose == "extra" for item in asked):
            marks |= {Property("bom-seal:python:for-extra", item.of) for item in asked}
        if all(item.marker for item in asked):
            marks |= {Property("bom-seal:marker", item.marker) for item in asked}
        return replace(made, properties=tuple(sorted(marks)))

    def _add(self, item: Dependency) -> None:
        key = (item.role, item.component.bom_ref)
        before = self._out.get(key)
        self._out[key] = before.merged(item) if before else item

    def _judge(self, pin: Pin, made: Component, unlisted: str = "") -> None:
        def gap(what: str, why: str) -> None:
            self.gaps.add(Gap(what, pin.name, why, made.bom_ref))

        by = pin.location or "the package's metadata"
        if pin.source == "path":
            gap("dependency.source", f"{by} takes it from a path: no published file is stated")
            return
        if pin.source == "vcs":
            if not pin.vcs_url:
                gap("dependency.version", f"{by} states no commit of a reachable repository")
            gap("dependency.hash", "it comes from version control, where a commit identifies it")
            return
        if pin.source == "registry" and not pin.version:
            gap("dependency.version", f"{by} does not pin it{unlisted}")
        if not any(file.hashes for file in pin.distributions):
            gap("dependency.hash", f"{by} states no hash")

    def _unlocked(self) -> None:
        """What is asked for and not in the lock, and what the lock has against the request."""
        locked: dict[str, list[Pin]] = {}
        for pin in self._lock.pins:
            locked.setdefault(pin.name, []).append(pin)
        for item in self._requested:
            if item.purpose == "build" or item.name not in locked:
                self._unpinned(item)
                continue
            pins = [pin for pin in locked[item.name][:FORKS] if pin.source == "registry"]
            if pins and not any(_allowed(item.specifier, pin.version) for pin in pins):
                have = ", ".join(sorted({pin.version or "no version" for pin in pins}))
                why = f"{self._lock.location} has {have}, {item.specifier} is asked for"
                self.gaps.add(Gap("dependency.lock", item.name, why))

    def _unpinned(self, item: Requested) -> None:
        asked_for = _specifier(item.specifier)
        version = exact_version(asked_for) if asked_for else ""
        pin = Pin(item.name, version, item.location, item.line, marker=item.marker)
        if item.url:
            where = pinned_by_url(item.name, item.url, item.location, item.line)
            pin = replace(where, marker=item.marker)
        made = component(pin)
        if item.specifier:
            asked = Property("bom-seal:python:specifier", item.specifier)
            made = replace(made, properties=tuple(sorted({*made.properties, asked})))
        if item.ships:
            optional = self._conditional(item)
            self._add(Dependency(self._as_asked(made), "shipped", True, optional))
        else:
            self._add(Dependency(made, "build"))
        listing = self._lock.pins and item.purpose != "build"
        self._judge(pin, made, f", {self._lock.location} does not list it" if listing else "")


def _beside_extra(edge: Edge) -> str:
    """The edge's marker without the extra that it is known to hold with."""
    if not edge.only_with:
        return edge.marker
    terms = re.split(r"\s+and\s+", edge.marker, maxsplit=8)
    return " and ".join(term for term in terms if not _ONLY_EXTRA.fullmatch(term))


def _specifier(spelled: str) -> SpecifierSet | None:
    try:
        return SpecifierSet(spelled)
    except InvalidSpecifier:  # Poetry's `^1.2`, Pipfile's `*`
        return None


def _allowed(spelled: str, version: str) -> bool:
    asked = _specifier(spelled)
    if asked is None or not version:
        return True
    try:
        return asked.contains(version, prereleases=True)
    except InvalidVersion:
        return True
