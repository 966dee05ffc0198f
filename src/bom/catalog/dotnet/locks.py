"""What NuGet has resolved: packages.lock.json, obj/project.assets.json, packages.config.

Formats: NuGet, "Lock files" and "packages.config reference"; project.assets.json as
NuGet.ProjectModel's LockFileFormat writes it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from bom.catalog.dotnet.names import CONTENT_HASH, content_hash, nuget_purl, package_id, version
from bom.catalog.stated import (
    Unreadable,
    decoded,
    element_lines,
    json_document,
    table,
    text,
    xml_document,
)
from bom.model import Component, Dependency, Gap, Occurrence, Property

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PACKAGES_LIMIT: Final = 200_000  # of one file, all targets together


@dataclass(slots=True)
class Pin:
    """A package as one target of a lock has it. `requires`: names in lower case."""

    name: str
    version: str
    direct: bool = False
    content_hash: str = ""
    requires: tuple[str, ...] = ()
    project: bool = False


@dataclass(slots=True)
class Resolved:
    """What a lock says: pins by target framework, then by name in lower case. `build`: names (in
    lower case) of what only builds; `name`, `version`: the project's own."""

    targets: dict[str, dict[str, Pin]] = field(default_factory=dict)
    build: frozenset[str] = frozenset()
    name: str = ""
    version: str = ""
    edges: bool = True
    lines: dict[str, int] = field(default_factory=dict)
    nameless: list[str] = field(default_factory=list)


def read_packages_lock(raw: bytes) -> Resolved:
    """packages.lock.json of version 1 or 2. Raises Unreadable."""
    source = decoded(raw)
    document = json_document(source)
    if document.get("version") not in (1, 2):
        raise Unreadable(f"has lock version {document.get('version')!r:.40}, 1 and 2 are known")
    found = Resolved(lines=_lines(source))
    for target, listed in _limited(document.get("dependencies")):
        pins = found.targets.setdefault(target, {})
        for name, facts in table(listed).items():
            kind = text(table(facts).get("type"))
            project = kind == "Project"
            stated = version(text(table(facts).get("resolved")))
            if not package_id(text(name)) or not (stated or project):
                found.nameless.append(text(name))
                continue
            pins[name.lower()] = Pin(
                name,
                stated,
                kind == "Direct",
                content_hash(text(table(facts).get("contentHash"))),
                _names(table(facts).get("dependencies")),
                project,
            )
    return found


def read_assets(raw: bytes) -> Resolved:
    """obj/project.assets.json of version 2 to 4. Raises Unreadable."""
    source = decoded(raw)
    document = json_document(source)
    if document.get("version") not in (2, 3, 4):
        raise Unreadable(f"has version {document.get('version')!r:.40}, 2 to 4 are known")
    project = table(document.get("project"))
    restore = table(project.get("restore"))
    libraries = table(document.get("libraries"))
    asked = _asked(document)
    found = Resolved(
        build=_private(project),
        name=package_id(text(restore.get("projectName"))),
        version=version(text(project.get("version"))),
        lines=_lines(source),
    )
    for target, listed in _limited(document.get("targets")):
        pins = found.targets.setdefault(target, {})
        for key, facts in table(listed).items():
            name, _, stated = text(key).partition("/")
            is_project = text(table(facts).get("type")) == "project"
            if not package_id(name) or not version(stated):
                found.nameless.append(text(key))
                continue
            pins[name.lower()] = Pin(
                name,
                version(stated),
                name.lower() in asked,
                content_hash(text(table(libraries.get(key)).get("sha512"))),
                _names(table(facts).get("dependencies")),
                is_project,
            )
    return found


def read_packages_config(raw: bytes) -> Resolved:
    """packages.config: all packages of a project, flat. Raises Unreadable."""
    root = xml_document(raw)
    if root.tag != "packages":
        raise Unreadable("is no packages.config: its root is no <packages>")
    lines = element_lines(raw, "package")
    found = Resolved(edges=False)
    build = set()
    for place, element in enumerate(root.iter("package")):
        name, stated = package_id(element.get("id", "")), version(element.get("version", ""))
        if not name or not stated:
            found.nameless.append(element.get("id", ""))
            continue
        target = element.get("targetFramework", "")
        found.targets.setdefault(target, {})[name.lower()] = Pin(name, stated)
        if element.get("developmentDependency", "").lower() == "true":
            build.add(name.lower())
        if place < len(lines):
            found.lines.setdefault(name.lower(), lines[place])
    found.build = frozenset(build)
    return found


def _limited(value: object) -> Iterator[tuple[str, Any]]:
    """The targets of a lock. Raises Unreadable where they hold more than any project uses."""
    total = 0
    for target, listed in table(value).items():
        total += len(table(listed))
        if total > PACKAGES_LIMIT:
            raise Unreadable(f"states more than {PACKAGES_LIMIT} packages")
        yield text(target), listed


def _names(value: object) -> tuple[str, ...]:
    return tuple(sorted({name.lower() for name in map(text, table(value)) if name}))


def _asked(document: Mapping[str, Any]) -> set[str]:
    """The names (in lower case) that the project itself asks for: `Name >= 1.2.3`."""
    groups = table(document.get("projectFileDependencyGroups"))
    return {
        text(item).partition(" ")[0].lower()
        for listed in groups.values()
        if isinstance(listed, list)
        for item in listed
    }


def _private(project: Mapping[str, Any]) -> frozenset[str]:
    """The names of references with PrivateAssets="all": they only build."""
    return frozenset(
        text(name).lower()
        for framework in table(project.get("frameworks")).values()
        for name, facts in table(table(framework).get("dependencies")).items()
        if text(table(facts).get("suppressParent")).lower() == "all"
    )


def _lines(source: str) -> dict[str, int]:
    """Where each `"NAME": {` or `"NAME/1.2.3": {` first stands, by name in lower case."""
    found: dict[str, int] = {}
    for number, line in enumerate(source.split("\n"), 1):
        word = line.strip()
        if word.startswith('"') and word.rstrip().endswith("{"):
            name = word[1:].partition('"')[0].partition("/")[0]
            found.setdefault(name.lower(), number)
    return found


# --- components ----------------------------------------------------------------------------------


def dependencies(found: Resolved, location: str) -> tuple[list[Dependency], list[Gap]]:
    """The packages of all targets, and what the lock doesn't say of them."""
    made: dict[str, Dependency] = {}
    gaps: set[Gap] = set()
    for name in found.nameless[:100]:
        why = f"{location} names no valid package and version"
        gaps.add(Gap("dependency.name", name[:200] or location, why))
    for target, pins in sorted(found.targets.items()):
        shipped = _shipped(pins, found.build)
        refs = {key: _ref(pin) for key, pin in pins.items()}
        for key, pin in sorted(pins.items()):
            item = _dependency(pin, refs, found, location, key not in shipped)
            ref = item.component.bom_ref
            if target and len(found.targets) > 1:
                item = _of_target(item, target)
            made[ref] = made[ref].merged(item) if ref in made else item
            if pin.project:
                why = "it is a project of the same tree: no published package is stated"
                gaps.add(Gap("dependency.source", pin.name, why, ref))
            else:
                why = f"{location} states no digest of the package's file"
                gaps.add(Gap("dependency.hash", pin.name, why, ref))
    if made and not found.edges:
        why = "it does not say which package needs which"
        gaps.add(Gap("dependency.graph", location, why))
    return sorted(made.values()), sorted(gaps)


def _shipped(pins: Mapping[str, Pin], build: frozenset[str]) -> set[str]:
    """The names that something leads to that isn't only for building; all, where nothing is."""
    if not build:
        return set(pins)
    needed = {name for pin in pins.values() for name in pin.requires}
    waiting = [
        name
        for name, pin in pins.items()
        if name not in build and (pin.direct or pin.project or name not in needed)
    ]
    seen = set(waiting)
    while waiting:
        for name in pins[waiting.pop()].requires:
            if name in pins and name not in seen:
                seen.add(name)
                waiting.append(name)
    return seen


def _dependency(
    pin: Pin, refs: Mapping[str, str], found: Resolved, location: str, build: bool
) -> Dependency:
    facts = [Property(CONTENT_HASH, pin.content_hash)] if pin.content_hash else []
    requires = {refs[name] for name in pin.requires if name in refs}
    ref = refs[pin.name.lower()]
    component = Component(
        "library",
        pin.name,
        pin.version,
        purl="" if pin.project else ref,
        ref=ref if pin.project else "",
        properties=tuple(facts),
        occurrences=(Occurrence(location, found.lines.get(pin.name.lower(), 0)),),
        requires=tuple(sorted(requires - {ref})),
    )
    return Dependency(component, "build" if build else "shipped", pin.direct)


def _ref(pin: Pin) -> str:
    return f"dotnet:project:{pin.name}" if pin.project else nuget_purl(pin.name, pin.version)


def _of_target(item: Dependency, target: str) -> Dependency:
    fact = Property("bom-seal:nuget:target", target)
    properties = tuple(sorted({*item.component.properties, fact}))
    return replace(item, component=replace(item.component, properties=properties))
