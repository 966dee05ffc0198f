"""The dependencies of a source tree: what it asks for, resolved by what its lock says.

Nothing of the project is run and no index is asked. What is asked for but not pinned, pinned
without a hash, or stated in a way that isn't read stands as a gap.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion

from bom.catalog.python import locks as python_locks
from bom.catalog.python import manifest as python_manifest
from bom.catalog.python.manifest import Declared, Manifest
from bom.catalog.python.pin import Edge, Graph, Lock, Pin, component
from bom.catalog.python.requirements import exact_version, pinned_by_url
from bom.catalog.stated import Unreadable
from bom.model import Dependency, Gap, Property

if TYPE_CHECKING:
    from pathlib import Path

    from bom.model import Component

    Key = tuple[str, str, str]

# The manifests and locks of ecosystems that a later version reads.
_OTHERS: Final = {
    "Node.js": "package.json package-lock.json npm-shrinkwrap.json yarn.lock pnpm-lock.yaml"
    " bun.lock bun.lockb deno.lock",
    "Go": "go.mod go.sum go.work",
    "Rust": "Cargo.toml Cargo.lock",
    "Java": "pom.xml build.gradle build.gradle.kts gradle.lockfile build.sbt",
    "Ruby": "Gemfile Gemfile.lock",
    "PHP": "composer.json composer.lock",
    ".NET": "packages.lock.json packages.config Directory.Packages.props",
    "Conda": "environment.yml environment.yaml conda-lock.yml pixi.toml pixi.lock",
    "Dart": "pubspec.yaml pubspec.lock",
    "Elixir": "mix.exs mix.lock",
    "Swift": "Package.swift Package.resolved",
    "Conan": "conanfile.txt conanfile.py conan.lock",
    "vcpkg": "vcpkg.json",
    "PDM": "pdm.lock",
    "Haskell": "stack.yaml stack.yaml.lock cabal.project.freeze",
    "Perl": "cpanfile cpanfile.snapshot",
}
_CODE: Final = "dependency.declared"


@dataclass(frozen=True, slots=True)
class Project:
    """A source tree's own statements and its lock, as read at one moment."""

    manifest: Manifest = field(default_factory=Manifest)
    lock: Lock | None = None
    gaps: tuple[Gap, ...] = ()


def dependencies(root: Path) -> tuple[Dependency | Gap, ...]:
    """What the project at `root` depends on, sorted; locations are relative to `root`."""
    return resolve(read(root))


def find(start: Path, top: Path) -> Path | None:
    """The nearest folder from `start` up to `top` that holds a project."""
    for folder in (start, *(p for p in start.parents if p.is_relative_to(top))):
        others = (called for names in _OTHERS.values() for called in names.split())
        if python_locks.present(folder) or any((folder / called).is_file() for called in others):
            return folder
    return None


def read(directory: Path, top: Path | None = None) -> Project:
    """What stands in `directory`; locations are relative to `top` (default: `directory`)."""
    directory = directory.resolve()
    top = top.resolve() if top else directory
    if not directory.is_relative_to(top):
        top = directory
    inside = directory.relative_to(top).as_posix()
    prefix = "" if inside == "." else f"{inside}/"
    manifest = python_manifest.read(directory, prefix)
    lock, gaps = python_locks.read(directory, top, manifest.name)
    others = [
        Gap("ecosystem", prefix + called, f"{ecosystem} dependencies are not read yet")
        for ecosystem, names in _OTHERS.items()
        for called in names.split()
        if (directory / called).is_file()
    ]
    return Project(manifest, lock, tuple(sorted({*manifest.gaps, *gaps, *others})))


def resolve(
    project: Project, stated: tuple[str, ...] | None = None
) -> tuple[Dependency | Gap, ...]:
    """The project's dependencies and gaps, sorted, one for each component and role.

    `stated`: the runtime requirements (PEP 508) that the built package itself states. With them
    it is known what a backend or setup.py decided, so that is no gap any more.
    """
    declared = project.manifest.declared
    gaps = set(project.gaps)
    if stated is not None:
        declared, more = _with_stated(declared, stated)
        gaps = {gap for gap in gaps if not _decided_by_code(gap)} | set(more)
    declared = tuple(item for item in declared if item.name != project.manifest.name)
    found = _Resolution(declared, project.lock)
    return (*found.dependencies(), *sorted(gaps | found.gaps))


def _decided_by_code(gap: Gap) -> bool:
    return gap.what == _CODE and (gap.where.endswith("setup.py") or "are dynamic" in gap.why)


def _with_stated(
    declared: tuple[Declared, ...], stated: tuple[str, ...]
) -> tuple[tuple[Declared, ...], list[Gap]]:
    known = {item.name for item in declared if item.ships}
    out, gaps = list(declared), []
    for spelled in stated:
        try:
            item = python_manifest.requirement(spelled)
        except Unreadable as error:
            gaps.append(Gap(_CODE, "Requires-Dist", f"the package {error}"))
            continue
        if item.name not in known:
            extra = python_manifest.extra_of(item.marker)
            out.append(replace(item, purpose="extra", of=extra) if extra else item)
    return tuple(out), gaps


class _Resolution:
    """Requirements against one lock."""

    def __init__(self, declared: tuple[Declared, ...], lock: Lock | None) -> None:
        self.gaps: set[Gap] = set()
        self._declared = declared
        self._lock = lock or Lock("")
        self._graph = Graph(self._lock.pins)
        self._ships = {item.name for item in declared if item.ships}
        # What builds is resolved afresh by the frontend, whatever the lock says.
        self._groups = {item.name for item in declared if item.purpose == "group"}
        self._out: dict[tuple[str, str], Dependency] = {}

    def dependencies(self) -> list[Dependency]:
        roots = self._lock.roots if self._lock.rooted else self._edges(self._ships)
        development = self._lock.development_roots or self._edges(self._groups - self._ships)
        shipped = self._graph.reach(roots)
        developed = self._graph.reach(development)
        direct = {pin.key for edge in roots for pin in self._graph.targets(edge)}
        refs = {pin.key: component(pin).bom_ref for pin in self._lock.pins}
        for pin in self._lock.pins:
            if self._lock.rooted and pin.key not in shipped | developed:
                continue
            requires = {
                refs[target.key]
                for edge in self._graph.edges(pin)
                for target in self._graph.targets(edge)
            }
            made = component(pin, tuple(sorted(requires)))
            if self._ships_in_artifact(pin, shipped, developed):
                self._add(Dependency(self._as_asked(made), "shipped", pin.key in direct))
            else:
                self._add(Dependency(made, "build"))
            self._judge(pin, made)
        if self._lock.pins and not self._lock.states_edges:
            why = "it does not say which package needs which"
            self.gaps.add(Gap("dependency.graph", self._lock.location, why))
        self._unlocked()
        return sorted(self._out.values())

    def _edges(self, names: set[str]) -> tuple[Edge, ...]:
        return tuple(
            sorted(
                {
                    Edge(item.name, extras=item.extras)
                    for item in self._declared
                    if item.name in names and item.purpose != "build"
                }
            )
        )

    def _ships_in_artifact(self, pin: Pin, shipped: set[Key], developed: set[Key]) -> bool:
        if self._lock.rooted:
            return pin.key in shipped
        if pin.development is not None:
            return not pin.development
        return pin.key in shipped or pin.key not in developed

    def _as_asked(self, made: Component) -> Component:
        """What only an extra or a marker of the project asks for is marked: not every install
        has it."""
        asked = [item for item in self._declared if item.name == made.name and item.ships]
        marks = set(made.properties)
        if asked and all(item.purpose == "extra" for item in asked):
            marks |= {Property("bom-seal:python:for-extra", item.of) for item in asked}
        if asked and all(item.marker for item in asked):
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
        for item in self._declared:
            if item.purpose == "build" or item.name not in locked:
                self._unpinned(item)
                continue
            pins = [pin for pin in locked[item.name] if pin.source == "registry"]
            if pins and not any(_allowed(item.specifier, pin.version) for pin in pins):
                have = ", ".join(sorted({pin.version or "no version" for pin in pins}))
                why = f"{self._lock.location} has {have}, {item.specifier} is asked for"
                self.gaps.add(Gap("dependency.lock", item.name, why))

    def _unpinned(self, item: Declared) -> None:
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
            self._add(Dependency(self._as_asked(made), "shipped", direct=True))
        else:
            self._add(Dependency(made, "build"))
        listing = self._lock.pins and item.purpose != "build"
        self._judge(pin, made, f", {self._lock.location} does not list it" if listing else "")


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
