"""What the projects of .NET's in a tree ask for: by their lock, else by the project file alone.

Project files are MSBuild: code. Only what stands there as it is counts (PackageReference, central
versions of Directory.Packages.props, properties of the project and of Directory.Build.props above
it that are plain text); a condition makes a reference one that an install may lack.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from bom.catalog.dotnet import locks
from bom.catalog.dotnet.names import nuget_purl, package_id, pinned
from bom.catalog.dotnet.wanted import (
    ASSETS,
    BUILD,
    CENTRAL,
    CONFIG,
    LOCK,
    PROJECT_ENDINGS,
)
from bom.catalog.protocol import Declared
from bom.catalog.stated import Unreadable, element_lines, xml_document
from bom.model import Component, Dependency, Gap, Occurrence, Property
from bom.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from xml.etree.ElementTree import Element

    from bom.catalog.protocol import FileView

ASKED: Final = "bom-seal:nuget:asked"

_READERS: Final[Mapping[str, Callable[[bytes], locks.Resolved]]] = {
    LOCK: locks.read_packages_lock,
    ASSETS: locks.read_assets,
    CONFIG: locks.read_packages_config,
}
_PROPERTY: Final = re.compile(r"\$\(([A-Za-z_][A-Za-z0-9_.-]{0,100})\)")
_LEVELS: Final = 64  # folders above a project
_LONGEST: Final = 500  # characters of a value


@dataclass(slots=True)
class _Folder:
    """The files of one project's folder, by name."""

    files: dict[str, str] = field(default_factory=dict)
    projects: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Above:
    """What holds for a project: central versions by name in lower case, properties, and what
    every project gets (GlobalPackageReference)."""

    versions: dict[str, str] = field(default_factory=dict)
    properties: dict[str, str] = field(default_factory=dict)
    everywhere: list[tuple[str, str]] = field(default_factory=list)


def declared(view: FileView) -> Iterator[Declared]:
    """One for each folder with a project, a lock or a packages.config."""
    folders: dict[str, _Folder] = {}
    shared: dict[str, dict[str, str]] = {}
    for entry in view.wanted():
        folder, _, name = entry.path.rpartition("/")
        if entry.type != "file":
            continue
        if name in (CENTRAL, BUILD):
            shared.setdefault(folder, {})[name] = entry.path
        elif name == ASSETS:
            if folder.rpartition("/")[2] == "obj":
                home = folder.removesuffix("obj").rstrip("/")
                folders.setdefault(home, _Folder()).files[name] = entry.path
        elif name in _READERS:
            folders.setdefault(folder, _Folder()).files[name] = entry.path
        elif name.endswith(PROJECT_ENDINGS):
            folders.setdefault(folder, _Folder()).projects.append(entry.path)
    tree = _Tree(view, shared)
    for folder in sorted(folders):
        yield _declared(view, folder, folders[folder], tree)


def _declared(view: FileView, folder: str, found: _Folder, tree: _Tree) -> Declared:
    gaps: list[Gap] = []
    for name, reader in _READERS.items():
        path = found.files.get(name)
        if path is None:
            continue
        location = printable_name(path)
        try:
            resolved = reader(_content(view, path))
        except Unreadable as error:
            gaps.append(Gap("dependency.lock", location, f"it {error}"))
            continue
        dependencies, more = locks.dependencies(resolved, location)
        return Declared(
            "nuget",
            printable_name(folder),
            location,
            True,
            tuple(dependencies),
            tuple(sorted({*gaps, *more})),
            resolved.name or _name(found),
            resolved.version,
        )
    dependencies = []
    location = printable_name((found.projects or sorted(found.files.values()))[0])
    for path in found.projects:
        dependencies += _project(view, path, tree.above(folder, gaps), gaps)
    return Declared(
        "nuget",
        printable_name(folder),
        location,
        False,
        _merged(dependencies),
        tuple(sorted(set(gaps))),
        _name(found),
    )


def _name(found: _Folder) -> str:
    if len(found.projects) != 1:
        return ""
    return package_id(printable_name(found.projects[0].rpartition("/")[2].rpartition(".")[0]))


def _content(view: FileView, path: str) -> bytes:
    raw = view.read(path)
    if raw is None:
        raise Unreadable("can't be read, or is larger than 64 MiB")
    return raw


def _merged(items: list[Dependency]) -> tuple[Dependency, ...]:
    found: dict[tuple[str, str], Dependency] = {}
    for item in items:
        key = (item.role, item.component.bom_ref)
        found[key] = found[key].merged(item) if key in found else item
    return tuple(sorted(found.values()))


class _Tree:
    """The files that hold for all projects below them: the nearest one above counts (NuGet,
    "Central package management"; MSBuild, "Customize your build")."""

    def __init__(self, view: FileView, shared: Mapping[str, Mapping[str, str]]) -> None:
        self._view = view
        self._shared = shared
        self._roots: dict[str, Element | Gap] = {}

    def above(self, folder: str, gaps: list[Gap]) -> _Above:
        found = _Above()
        for name in (BUILD, CENTRAL):
            root = self._nearest(folder, name)
            if isinstance(root, Gap):
                gaps.append(root)
            elif root is not None:
                found.properties |= _properties(root)
                for item in root.iter("PackageVersion"):
                    key = item.get("Include", "").lower()
                    found.versions[key] = _value(item, "Version")
                for item in root.iter("GlobalPackageReference"):
                    found.everywhere.append((item.get("Include", ""), _value(item, "Version")))
        return found

    def _nearest(self, folder: str, name: str) -> Element | Gap | None:
        for _ in range(_LEVELS):
            path = self._shared.get(folder, {}).get(name)
            if path is not None:
                if path not in self._roots:
                    self._roots[path] = self._read(path)
                return self._roots[path]
            if not folder:
                return None
            folder = folder.rpartition("/")[0]
        return None

    def _read(self, path: str) -> Element | Gap:
        try:
            return xml_document(_content(self._view, path))
        except Unreadable as error:
            return Gap("dependency.declared", printable_name(path), f"it {error}")


def _project(view: FileView, path: str, above: _Above, gaps: list[Gap]) -> list[Dependency]:
    location = printable_name(path)
    try:
        raw = _content(view, path)
        root = xml_document(raw)
    except Unreadable as error:
        gaps.append(Gap("dependency.declared", location, f"it {error}"))
        return []
    lines = element_lines(raw, "PackageReference")
    properties = above.properties | _properties(root)
    conditional = {
        id(item)
        for group in root.iter("ItemGroup")
        if group.get("Condition")
        for item in group.iter("PackageReference")
    }
    found = []
    for place, item in enumerate(root.iter("PackageReference")):
        name = package_id(printable_name(item.get("Include") or item.get("Update") or ""))
        where = Occurrence(location, lines[place] if place < len(lines) else 0)
        if not name:
            why = "it names a package by what is no plain name"
            gaps.append(Gap("dependency.name", f"{location}:{where.line}", why))
            continue
        stated = (
            _value(item, "VersionOverride")
            or _value(item, "Version")
            or above.versions.get(name.lower(), "")
        )
        optional = bool(item.get("Condition")) or id(item) in conditional
        private = _value(item, "PrivateAssets").lower() == "all"
        found.append(_reference(name, stated, properties, where, gaps))
        found[-1] = replace(found[-1], role="build" if private else "shipped", optional=optional)
    for called, stated in above.everywhere:
        if name := package_id(printable_name(called)):
            item_ = _reference(name, stated, properties, Occurrence(location), gaps)
            found.append(replace(item_, role="build"))
    if found:
        why = "it states only what is asked for directly"
        gaps.append(Gap("dependency.graph", location, why))
    return found


def _reference(
    name: str, stated: str, properties: Mapping[str, str], where: Occurrence, gaps: list[Gap]
) -> Dependency:
    stated = stated[:_LONGEST]
    spelled = _PROPERTY.sub(lambda found: properties.get(found[1], found[0]), stated)
    spelled = printable_name(spelled[:_LONGEST])
    version = pinned(spelled)
    ref = nuget_purl(name, version)
    asked = (Property(ASKED, spelled),) if spelled and spelled != version else ()
    if not version:
        why = (
            f"{where.location} asks for {spelled}, which is not one version"
            if spelled
            else "no project file in the tree states its version"
        )
        gaps.append(Gap("dependency.version", name, why, ref))
    gaps.append(Gap("dependency.hash", name, f"{where.location} states no hash", ref))
    return Dependency(
        Component("library", name, version, purl=ref, properties=asked, occurrences=(where,)),
        direct=True,
    )


def _properties(root: Element) -> dict[str, str]:
    """The properties that are plain text; of those under a condition none can be said."""
    found = {}
    for group in root.iterfind("PropertyGroup"):
        if group.get("Condition"):
            continue
        for item in group:
            value = (item.text or "").strip()
            if isinstance(item.tag, str) and not item.get("Condition") and len(value) < _LONGEST:
                found[item.tag] = value
    return found


def _value(item: Element, name: str) -> str:
    """An item's metadatum: an attribute, or an element of its own."""
    return (item.get(name) or item.findtext(name) or "").strip()
