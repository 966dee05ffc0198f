"""Gradle's lock files, and the checksums of its dependency verification.

`gradle.lockfile` and `buildscript-gradle.lockfile` (Gradle User Manual, "Locking Versions"): one
module a line, with the configurations that it is locked for. Before Gradle 6.8 one file for each
configuration in `gradle/dependency-locks`. `gradle/verification-metadata.xml` ("Verifying
Dependencies") states digests of files. Build scripts are code: without a lock they are a gap.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from bom.catalog.java.folders import joined
from bom.catalog.java.identity import maven_purl
from bom.catalog.java.pom import exact, identifier
from bom.catalog.java.wanted import (
    BUILD_LOCKS,
    FILE_NAMES,
    LOCK,
    OLD_FOLDER,
    OLD_LOCK,
    SCRIPTS,
    VERIFICATION,
    is_gradles,
)
from bom.catalog.protocol import Declared
from bom.catalog.stated import Unreadable, decoded, stated_hash, xml_document
from bom.model import Component, Dependency, Distribution, Gap, Occurrence, Property
from bom.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from bom.catalog.protocol import FileView

CONFIGURATION: Final = "bom-seal:java:configuration"

# Spring Boot's and others' starters, and what platforms are called.
_NO_FILES: Final = re.compile(r"\bstarter\b|-(bom|dependencies|parent|platform)$")
_SHIPPED: Final = frozenset(["runtime", "compile", "default", "archives"])  # of old plugins
_LEVELS: Final = 64  # folders above a project in which its checksums are looked for


@dataclass(slots=True)
class _Project:
    """The files of one folder: those that lock what it uses or what builds it, build scripts."""

    locks: list[str] = field(default_factory=list)
    scripts: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Module:
    """A locked module: its configurations, and where it stands."""

    configurations: set[str] = field(default_factory=set)
    places: set[Occurrence] = field(default_factory=set)


_Checksums = dict[tuple[str, str, str], tuple[Distribution, ...]]


def declared(view: FileView) -> Iterator[Declared]:
    """What each folder with a lock or a build script locks."""
    projects: dict[str, _Project] = {}
    verification: dict[str, str] = {}
    for entry in view.wanted():
        folder, _, name = entry.path.rpartition("/")
        if entry.type != "file" or not is_gradles(PurePosixPath(entry.path)):
            continue
        if name == LOCK or name in BUILD_LOCKS:
            projects.setdefault(folder, _Project()).locks.append(entry.path)
        elif name in SCRIPTS:
            projects.setdefault(folder, _Project()).scripts.append(entry.path)
        elif name == VERIFICATION and folder.rpartition("/")[2] == "gradle":
            verification[folder.removesuffix("gradle").rstrip("/")] = entry.path
        elif name.endswith(OLD_LOCK) and f"/{folder}".endswith(f"/{OLD_FOLDER}"):
            home = folder.removesuffix(OLD_FOLDER).rstrip("/")
            projects.setdefault(home, _Project()).locks.append(entry.path)
    checksums = _Verification(view, verification)
    for folder in sorted(projects):
        yield _project(view, folder, projects[folder], checksums)


def _project(
    view: FileView, folder: str, project: _Project, verification: _Verification
) -> Declared:
    gaps: set[Gap] = set()
    if not project.locks:
        location = printable_name(project.scripts[0])
        why = "code decides what it depends on, and no gradle.lockfile resolves it"
        gap = Gap("dependency.declared", location, why)
        return Declared("maven", printable_name(folder), location, False, gaps=(gap,))
    modules: dict[tuple[str, str, str], _Module] = {}
    main = joined(folder, LOCK)
    locks = sorted(project.locks, key=lambda path: (path != main, path))
    for path in locks:
        _read(view, path, modules, gaps)
    checksums, problem = verification.of(folder)
    if problem is not None:
        gaps.add(problem)
    found = []
    for key in sorted(modules):
        made = _dependencies(key, modules[key], checksums.get(key, ()), gaps)
        found += [
            replace(item, optional=True) if _fileless(key, modules) else item for item in made
        ]
    location = printable_name(locks[0])
    if found:
        why = "it does not say which package needs which"
        gaps.add(Gap("dependency.graph", location, why))
    return Declared(
        "maven",
        printable_name(folder),
        location,
        True,
        tuple(sorted(found)),
        tuple(sorted(gaps)),
    )


def _read(
    view: FileView, path: str, modules: dict[tuple[str, str, str], _Module], gaps: set[Gap]
) -> None:
    shown = printable_name(path)
    raw = view.read(path)
    try:
        if raw is None:
            raise Unreadable("can't be read, or is larger than 64 MiB")
        lines = decoded(raw).split("\n")
    except Unreadable as error:
        gaps.add(Gap("dependency.lock", shown, f"it {error}"))
        return
    name = path.rpartition("/")[2]
    builds = name in BUILD_LOCKS
    one = "" if name in FILE_NAMES else name.removesuffix(OLD_LOCK)
    for number, line in enumerate(lines, 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        spelled, _, listed = line.partition("=")
        if spelled == "empty":
            continue
        parts = spelled.split(":")
        key = (
            (identifier(parts[0]), identifier(parts[1]), exact(parts[2]))
            if len(parts) == 3
            else ("", "", "")
        )
        if not all(key):
            why = "the line names no module with one version"
            gaps.add(Gap("dependency.name", f"{shown}:{number}", why))
            continue
        module = modules.setdefault(key, _Module())
        module.places.add(Occurrence(shown, number))
        named = [one] if one else [word.strip() for word in listed.split(",") if word.strip()]
        module.configurations.update("buildscript" if builds else word for word in named)


def _dependencies(
    key: tuple[str, str, str],
    module: _Module,
    distributions: tuple[Distribution, ...],
    gaps: set[Gap],
) -> Iterator[Dependency]:
    group, artifact, version = key
    purl = maven_purl(group, artifact, version)
    role, optional = _role(module.configurations)
    yield Dependency(
        Component(
            "library",
            artifact,
            version,
            group=group,
            purl=purl,
            distributions=distributions,
            properties=tuple(
                Property(CONFIGURATION, name) for name in sorted(module.configurations)
            ),
            occurrences=tuple(sorted(module.places)),
        ),
        "shipped" if role == "shipped" else "build",
        optional=optional,
    )
    if not any(item.hashes for item in distributions):
        why = "no verification-metadata.xml states a digest of it"
        gaps.add(Gap("dependency.hash", f"{group}:{artifact}", why, purl))


def _fileless(key: tuple[str, str, str], modules: Mapping[tuple[str, str, str], _Module]) -> bool:
    """Whether a module may well bring no jar, or one without classes that packaging leaves out:
    a lock lists platforms and starters like anything else, and Kotlin's multiplatform modules
    beside the `-jvm` one that has the files."""
    group, artifact, version = key
    return bool(_NO_FILES.search(artifact)) or (group, f"{artifact}-jvm", version) in modules


def _role(configurations: Iterable[str]) -> tuple[str, bool]:
    """Whether a module ships, and whether an install may lack it all the same: what is only on
    the compile classpath is there at run time by other means (Java plugin, "compileOnly")."""
    production = [name for name in configurations if "test" not in name.lower()]
    if any(name in _SHIPPED or name.lower().endswith("runtimeclasspath") for name in production):
        return "shipped", False
    return "build", any(name.lower().endswith("compileclasspath") for name in production)


class _Verification:
    """The checksums of dependency verification, by the folder of the build that they hold for."""

    def __init__(self, view: FileView, paths: Mapping[str, str]) -> None:
        self._view = view
        self._paths = paths
        self._read: dict[str, tuple[_Checksums, Gap | None]] = {}

    def of(self, folder: str) -> tuple[_Checksums, Gap | None]:
        """Those of the nearest build around the project in `folder`."""
        for _ in range(_LEVELS):
            if folder in self._paths:
                if folder not in self._read:
                    self._read[folder] = self._checksums(self._paths[folder])
                return self._read[folder]
            if not folder:
                break
            folder = folder.rpartition("/")[0]
        return {}, None

    def _checksums(self, path: str) -> tuple[_Checksums, Gap | None]:
        raw = self._view.read(path)
        try:
            if raw is None:
                raise Unreadable("can't be read, or is larger than 64 MiB")
            root = xml_document(raw)
        except Unreadable as error:
            return {}, Gap("dependency.lock", printable_name(path), f"it {error}")
        found: dict[tuple[str, str, str], set[Distribution]] = {}
        for component in root.iterfind("components/component"):
            key = (
                component.get("group", ""),
                component.get("name", ""),
                component.get("version", ""),
            )
            for artifact in component.iterfind("artifact"):
                hashes = {
                    made
                    for digest in artifact
                    if isinstance(digest.tag, str)
                    and (made := stated_hash(f"{digest.tag}:{digest.get('value', '')}"))
                }
                name = printable_name(artifact.get("name", ""))
                found.setdefault(key, set()).add(Distribution(name, "", tuple(sorted(hashes))))
        return {key: tuple(sorted(files)) for key, files in found.items()}, None
