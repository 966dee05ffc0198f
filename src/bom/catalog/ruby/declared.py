"""What Ruby projects in a view ask for and lock. A Gemfile and a gemspec are Ruby code and never
run, so without a lock there is only a gap."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from bom.catalog.merging import merged
from bom.catalog.protocol import Declared
from bom.catalog.ruby import gemfile, lockfile
from bom.catalog.ruby.names import full_name, gem_purl
from bom.catalog.ruby.wanted import LOCKS, is_project_file
from bom.catalog.stated import Unreadable, file_content, public_url, reason, vcs_url
from bom.model import Component, Dependency, Distribution, Gap, Occurrence, Property
from bom.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bom.catalog.protocol import FileView
    from bom.catalog.ruby.lockfile import Lock, Locked, Source

REGISTRY: Final = "bom-seal:gem:registry"
GROUP: Final = "bom-seal:gem:group"
_DEFAULT_REGISTRY: Final = "https://rubygems.org/"
_CODE: Final = "it is Ruby code, which is not run"
_VERSIONS_LIMIT: Final = 50  # of one gem that an edge may lead to; Bundler locks one
_HEX: Final = frozenset("0123456789abcdef")


def projects(view: FileView) -> Iterator[Declared]:
    """One for each folder with a lock, or else with a Gemfile or gemspec that no lock covers."""
    folders: dict[str, set[str]] = defaultdict(set)
    for entry in view.wanted():
        if entry.type == "file" and is_project_file(entry.path):
            folder, _, name = entry.path.rpartition("/")
            folders[folder].add(name)
    covered: set[str] = set()
    for path, lock in locks(view):
        folder = path.rpartition("/")[0]
        if isinstance(lock, Gap):
            yield Declared("gem", printable_name(folder), lock.where, locked=False, gaps=(lock,))
        else:
            reading = _Reading(view, path)
            yield reading.declared(lock)
            covered |= reading.parts
        covered.add(folder)
    for folder in sorted(folders.keys() - covered):
        gaps = [
            Gap("dependency.declared", _shown(folder, name), _CODE)
            for name in sorted(folders[folder])
        ]
        yield Declared("gem", printable_name(folder), gaps[0].where, locked=False, gaps=tuple(gaps))


def locks(view: FileView) -> Iterator[tuple[str, Lock | Gap]]:
    """Every lock with its path, one for each folder, sorted; a gap for one that can't be read."""
    found: dict[str, str] = {}
    for entry in view.wanted():  # sorted, so that Gemfile.lock goes before gems.locked
        folder, _, name = entry.path.rpartition("/")
        if name in LOCKS and entry.type == "file" and is_project_file(entry.path):
            found.setdefault(folder, entry.path)
    for _, path in sorted(found.items()):
        try:
            yield path, lockfile.read(file_content(view, path))
        except Unreadable as error:
            yield path, Gap("dependency.lock", printable_name(path), reason(error))


def reference(gem: Locked) -> str:
    """The gem's purl; "" where it is in no registry or repository that others could reach."""
    source = gem.source
    if source.kind == "GEM":
        return gem_purl(gem.name, gem.version)
    place = ""
    if source.kind == "GIT" and len(source.revision) == 40 and set(source.revision) <= _HEX:
        place = vcs_url("git", next(iter(source.remotes), ""), source.revision)
    return gem_purl(gem.name, gem.version, vcs_url=place) if place else ""


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _shown(folder: str, name: str) -> str:
    return printable_name(_join(folder, name))


@dataclass(slots=True)
class _Levels:
    """How surely each gem ships. `build`: what only the groups for developing lead to; `soft`:
    what an install may rightly lack, for its groups may have been left out."""

    build: set[str] = field(default_factory=set)
    soft: set[str] = field(default_factory=set)
    groups: Mapping[str, frozenset[str]] = field(default_factory=dict)


class _Reading:
    """One lock. `parts`: the folders of the project's own gems that it names."""

    def __init__(self, view: FileView, path: str) -> None:
        self.parts: set[str] = set()
        self._view = view
        self._folder, _, name = path.rpartition("/")
        self._manifest = LOCKS[name]
        self._place = printable_name(path)
        self._gaps: set[Gap] = set()

    def declared(self, lock: Lock) -> Declared:
        if lock.broken:
            why = f"{lock.broken} of its lines are none that Bundler writes"
            self._gaps.add(Gap("dependency.lock", self._place, why))
        own = [gem for gem in lock.gems if self._is_own(gem.source)]
        dependencies = self._dependencies(lock, own)
        product = next((gem for gem in own if gem.source.remotes[:1] == ["."]), None)
        return Declared(
            "gem",
            printable_name(self._folder),
            self._place,
            locked=True,
            dependencies=dependencies,
            gaps=tuple(sorted(self._gaps)),
            name=product.name if product else "",
            version=product.version if product else "",
        )

    def _is_own(self, source: Source) -> bool:
        """Whether a source is a folder of the project itself."""
        if source.kind != "PATH" or len(source.remotes) != 1:
            return False
        remote = source.remotes[0]
        if remote.startswith(("/", "~")) or ".." in remote.split("/") or "\\" in remote:
            return False
        inside = "" if remote == "." else remote.removeprefix("./").rstrip("/")
        self.parts.add(_join(self._folder, inside) if inside else self._folder)
        return True

    def _dependencies(self, lock: Lock, own: list[Locked]) -> tuple[Dependency, ...]:
        names = {gem.name for gem in own}
        direct = {name for name in lock.direct if name not in names}
        direct |= {name for gem in own for name in gem.requires if name not in names}
        refs: dict[str, set[str]] = defaultdict(set)
        others = [gem for gem in lock.gems if gem.name not in names]
        for gem in others:
            if len(refs[gem.name]) < _VERSIONS_LIMIT:
                refs[gem.name].add(_ref(gem))
        levels = self._levels(lock, own)
        found: list[Dependency] = []
        for gem in others:
            component = self._component(gem, lock, refs, levels)
            item = Dependency(
                component,
                "build" if gem.name in levels.build else "shipped",
                direct=gem.name in direct,
                optional=gem.name in levels.soft or not _installs_here(gem),
            )
            found.append(item)
        return merged(found)

    def _component(
        self, gem: Locked, lock: Lock, refs: Mapping[str, set[str]], levels: _Levels
    ) -> Component:
        purl, ref = reference(gem), _ref(gem)
        files = []
        stated = True
        for platform in gem.variants if gem.source.kind == "GEM" else ():
            hashes = lock.checksums.get((gem.name, gem.version, platform), ())
            stated = stated and bool(hashes)
            name = f"{full_name(gem.name, gem.version, platform)}.gem"
            files.append(Distribution(name, hashes=hashes))
        if gem.source.kind == "GIT":
            why = "it comes from version control, where a commit identifies it"
            self._gaps.add(Gap("dependency.hash", gem.name, why, ref))
        elif not files or not stated:
            why = f"{self._place} states no checksum"
            self._gaps.add(Gap("dependency.hash", gem.name, why, ref))
        if not purl:
            why = f"{self._place} names no place that others could reach"
            self._gaps.add(Gap("dependency.source", gem.name, why, ref))
        facts = {Property(GROUP, name) for name in levels.groups.get(gem.name, ())}
        if gem.source.kind == "GEM" and len(gem.source.remotes) == 1:
            registry = public_url(gem.source.remotes[0])
            if registry and registry.rstrip("/") != _DEFAULT_REGISTRY.rstrip("/"):
                facts.add(Property(REGISTRY, registry))
        return Component(
            "library",
            gem.name,
            gem.version,
            purl=purl,
            ref="" if purl else ref,
            distributions=tuple(sorted(files)),
            properties=tuple(sorted(facts)),
            occurrences=tuple(Occurrence(self._place, line) for line in gem.variants.values()),
            requires=tuple(
                sorted({target for name in gem.requires for target in refs.get(name, ())} - {ref})
            ),
        )

    def _levels(self, lock: Lock, own: list[Locked]) -> _Levels:
        """By the Gemfile's groups, where they can be read."""
        groups = self._groups()
        names = {gem.name for gem in lock.gems}
        if groups is None:
            return _Levels(soft=names)
        edges: dict[str, set[str]] = defaultdict(set)
        for gem in lock.gems:
            edges[gem.name] |= gem.requires
        starts = {name for name in lock.direct if name in names} | {gem.name for gem in own}
        sure, optional = set(), set()
        for name in starts:
            stated = groups.get(name, frozenset([gemfile.DEFAULT_GROUP]))
            if gemfile.DEFAULT_GROUP in stated:
                sure.add(name)
            elif not stated <= gemfile.BUILD_GROUPS:
                optional.add(name)
        sure = _reached(sure, edges)
        optional = _reached(optional, edges) - sure
        built = _reached(starts, edges) - sure - optional
        return _Levels(built & names, (optional | built) & names, groups)

    def _groups(self) -> Mapping[str, frozenset[str]] | None:
        path = _join(self._folder, self._manifest)
        raw = self._view.read(path)
        why = "it is Ruby code that decides, so which groups ask for a gem is not known"
        if raw is None:
            why = "it is not there, so which groups ask for a gem is not known"
        else:
            try:
                found = gemfile.groups(raw)
            except Unreadable as error:
                found = None
                why = reason(error)
            if found is not None:
                return found
        self._gaps.add(Gap("dependency.declared", printable_name(path), why))
        return None


def _ref(gem: Locked) -> str:
    return reference(gem) or f"gem:{gem.name}@{gem.version}"


def _installs_here(gem: Locked) -> bool:
    """Whether any platform gets it; one that is only there for some may rightly be missing."""
    return "" in gem.variants


def _reached(starts: set[str], edges: Mapping[str, set[str]]) -> set[str]:
    seen = set(starts)
    waiting = list(starts)
    while waiting:
        for name in edges.get(waiting.pop(), ()):
            if name not in seen:
                seen.add(name)
                waiting.append(name)
    return seen
