"""Applications of .NET's as they lie published, and the shared frameworks that they run on."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from bom import purl
from bom.catalog.came_with import layer
from bom.catalog.content import content_hash, digests, unhashed_gaps
from bom.catalog.dotnet.deps import Framework, Library, read_deps, read_frameworks
from bom.catalog.dotnet.names import CONTENT_HASH, nuget_purl
from bom.catalog.dotnet.wanted import DEPS, RUNTIME_CONFIG
from bom.catalog.protocol import Owned
from bom.catalog.stated import Unreadable
from bom.errors import BomError
from bom.model import Component, Dependency, Gap, Occurrence, Property
from bom.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from bom.catalog.protocol import FileView

FRAMEWORK_RULE: Final = "dotnet-framework"
LAYOUT_RULE: Final = "dotnet-layout"

# `dotnet/shared/Microsoft.NETCore.App/8.0.11/Microsoft.NETCore.App.deps.json`: the host finds a
# framework by these folders' names ("hostfxr: framework resolution").
_SHARED: Final = re.compile(
    r"(?P<folder>(?:.*/)?shared/(?P<name>[A-Za-z0-9_.-]+)/(?P<version>\d[0-9A-Za-z.-]*))/"
    r"(?P=name)\.deps\.json\Z",
    re.S,
)
_NUMBERS: Final = re.compile(r"\d{1,9}")
_NO_LICENCE: Final = "its deps.json names no licence"


@dataclass(frozen=True, slots=True)
class _Shared:
    """A shared framework in the view."""

    name: str
    version: str
    folder: str
    ref: str


def find(view: FileView) -> Iterator[Dependency | Gap | Owned]:
    """Every library of every application, and the frameworks."""
    deps, configs = [], {}
    for entry in view.wanted():
        if entry.type != "file":
            continue
        if entry.path.endswith(DEPS):
            deps.append(entry.path)
        elif entry.path.endswith(RUNTIME_CONFIG):
            configs[entry.path.removesuffix(RUNTIME_CONFIG)] = entry.path
    frameworks: dict[str, list[_Shared]] = defaultdict(list)
    applications = []
    for path in deps:
        shared = _SHARED.match(path)
        ref = _framework_ref(view, path, shared["name"], shared["version"]) if shared else ""
        if shared and ref:
            item = _Shared(shared["name"], shared["version"], shared["folder"], ref)
            frameworks[item.name].append(item)
            yield from _framework(view, item, path)
        else:
            applications.append(path)
    for path in applications:
        config = configs.get(path.removesuffix(DEPS), "")
        yield from _Application(view, path, config, frameworks).describe()


# --- frameworks ----------------------------------------------------------------------------------


def _framework_ref(view: FileView, path: str, name: str, version: str) -> str:
    """The NuGet package that the framework's deps.json says it was made of, for advisories are
    about that one; else what the folder says."""
    try:
        libraries, _ = read_deps(view.read(path) or b"")
    except Unreadable:
        libraries = []
    if len(libraries) == 1 and (ref := nuget_purl(libraries[0].name, libraries[0].version)):
        return ref
    try:
        return purl.build("generic", name, namespace="dotnet", version=version)
    except BomError:
        return ""


def _framework(view: FileView, item: _Shared, path: str) -> Iterator[Dependency | Gap | Owned]:
    """A shared framework is one thing: it is installed, found and replaced as a folder."""
    files = sorted(entry.path for entry in view.below(item.folder) if entry.type == "file")
    pairs, unhashed = digests(view, files)
    hashes, hash_of = content_hash(pairs)
    yield Dependency(
        Component(
            "framework",
            item.name,
            item.version,
            purl=item.ref,
            hashes=hashes,
            hash_of=hash_of,
            properties=layer(view.entry(path)),
            occurrences=(Occurrence(printable_name(path)),),
        )
    )
    yield from unhashed_gaps(unhashed, item.ref)
    if not hashes:
        yield Gap("component.hash", item.ref, "none of its files could be read", item.ref)
    yield Gap("component.licence", item.ref, _NO_LICENCE, item.ref)
    yield Owned(item.ref, folders=(item.folder,), rule=FRAMEWORK_RULE)


def _chosen(asked: Framework, there: Iterable[_Shared]) -> _Shared | None:
    """The framework that the host takes by its default: of the same major version the lowest
    minor that is high enough, of that the highest patch ("Roll forward")."""
    wanted = _numbers(asked.version)
    fitting = [
        (numbers[:2], item)
        for item in there
        if (numbers := _numbers(item.version))[:1] == wanted[:1] and numbers >= wanted
    ]
    if not fitting:
        return None
    minor = min(numbers for numbers, _ in fitting)
    return max(
        (item for numbers, item in fitting if numbers == minor),
        key=lambda item: (_numbers(item.version), "-" not in item.version, item.version),
    )


def _numbers(version: str) -> tuple[int, ...]:
    found = tuple(int(word) for word in _NUMBERS.findall(version.partition("-")[0])[:4])
    return (*found, 0, 0, 0)[:4]


# --- applications --------------------------------------------------------------------------------


class _Application:
    """What one deps.json describes. `config`: the runtimeconfig.json of the same name, or ""."""

    def __init__(
        self, view: FileView, path: str, config: str, frameworks: Mapping[str, list[_Shared]]
    ) -> None:
        self._view = view
        self._path = path
        self._shown = printable_name(path)
        self._folder = path.rpartition("/")[0]
        self._config = config
        self._frameworks = frameworks
        self._layer = layer(view.entry(path))

    def describe(self) -> Iterator[Dependency | Gap | Owned]:
        raw = self._view.read(self._path)
        try:
            if raw is None:
                raise Unreadable("can't be read, or is larger than 64 MiB")
            libraries, nameless = read_deps(raw)
        except Unreadable as error:
            yield Gap("component", self._shown, f"it {error}")
            return
        for key in nameless[:100]:
            why = f"{self._shown} names a library without a valid name and version"
            yield Gap("component", printable_name(key)[:200], why)
        present: dict[str, list[str]] = {}
        refs: dict[str, str] = {}
        for item in libraries:
            present[item.key] = self._files(item)
            if present[item.key] or not item.assets:
                refs[item.key] = self._ref(item)
            else:
                why = f"{self._shown} lists it, and none of its files is there"
                yield Gap("component", f"{item.name} {item.version}", why)
        own = self._own(libraries)
        for item in libraries:
            if item.key in refs:
                yield from self._library(item, present[item.key], refs, item.key == own)

    def _own(self, libraries: Iterable[Library]) -> str:
        """The key of the application itself: the project that the file is named after."""
        name = self._path.rpartition("/")[2].removesuffix(DEPS)
        projects = [item for item in libraries if item.type == "project"]
        return next((item.key for item in projects if item.name == name), "")

    def _ref(self, item: Library) -> str:
        # A project or a bare assembly is no package, whatever a registry has under its name.
        purl = nuget_purl(item.name, item.version) if item.packaged else ""
        return purl or f"dotnet:{self._shown}:{printable_name(item.key)}"

    def _files(self, item: Library) -> list[str]:
        found = []
        for places in item.assets:
            for place in places:
                path = f"{self._folder}/{place}" if self._folder else place
                entry = self._view.entry(path)
                if entry is not None and entry.type == "file":
                    found.append(path)
                    break
        return sorted(set(found))

    def _library(
        self, item: Library, files: list[str], refs: Mapping[str, str], own: bool
    ) -> Iterator[Dependency | Gap | Owned]:
        ref = refs[item.key]
        pairs, unhashed = digests(self._view, files)
        hashes, hash_of = content_hash(pairs)
        requires = {refs[key] for key in item.requires if key in refs}
        gaps = unhashed_gaps(unhashed, ref)
        if own:
            for framework in self._asked(gaps, ref):
                requires.add(framework)
        facts = list(self._layer)
        if item.content_hash:
            facts.append(Property(CONTENT_HASH, item.content_hash))
        component = Component(
            "application" if own else "library",
            item.name,
            item.version,
            purl=nuget_purl(item.name, item.version) if item.packaged else "",
            hashes=hashes,
            hash_of=hash_of,
            properties=tuple(sorted(facts)),
            occurrences=(Occurrence(self._shown),),
            requires=tuple(sorted(requires - {ref})),
        )
        yield Dependency(component if component.purl else replace(component, ref=ref))
        if not hashes:
            why = "none of its files could be read" if files else "it has no files of its own"
            gaps.append(Gap("component.hash", ref, why, ref))
        if item.packaged:
            gaps.append(Gap("component.licence", ref, _NO_LICENCE, ref))
        yield from gaps
        if files:
            yield Owned(ref, files)
        if own:
            yield Owned(ref, self._beside(), rule=LAYOUT_RULE)

    def _asked(self, gaps: list[Gap], ref: str) -> Iterator[str]:
        """The refs of the frameworks that the application runs on."""
        if not self._config:
            return
        raw = self._view.read(self._config)
        shown = printable_name(self._config)
        try:
            if raw is None:
                raise Unreadable("can't be read, or is larger than 64 MiB")
            asked = read_frameworks(raw)
        except Unreadable as error:
            gaps.append(Gap("dependency", shown, f"it {error}", ref))
            return
        for item in asked:
            found = _chosen(item, self._frameworks.get(item.name, ()))
            if found is not None:
                yield found.ref
            else:
                why = f"it runs on {item.name} {item.version}, which is not there"
                gaps.append(Gap("dependency", ref, why, ref))

    def _beside(self) -> list[str]:
        """What building the application puts beside its assembly."""
        stem = self._path.removesuffix(DEPS)
        return [f"{stem}{end}" for end in (DEPS, RUNTIME_CONFIG, ".exe", ".pdb", ".dll.config", "")]
