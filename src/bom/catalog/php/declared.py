"""What PHP projects in a view ask for and lock: composer.lock, else composer.json."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from bom.catalog.merging import merged
from bom.catalog.php.package import (
    component,
    composer_purl,
    exact_version,
    package,
    package_name,
    requirements,
)
from bom.catalog.php.wanted import LOCK, MANIFEST, is_project_file
from bom.catalog.protocol import Declared
from bom.catalog.stated import (
    Unreadable,
    decoded,
    file_content,
    json_document,
    line,
    reason,
    table,
    tables,
    text,
)
from bom.model import Component, Dependency, Gap, Occurrence, Property
from bom.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from bom.catalog.php.package import Package
    from bom.catalog.protocol import FileView

CONSTRAINT: Final = "bom-seal:composer:constraint"
_PACKAGES_LIMIT: Final = 200_000
_PROVIDERS_LIMIT: Final = 50  # of one name that an edge may lead to
_NAME_LINE: Final = re.compile(r'\s*"name": ?"([^"\\]+|[^"]+\\/[^"]+)",?\s*\Z')


def projects(view: FileView) -> Iterator[Declared]:
    """One for each folder with a lock, or else with a manifest that asks for something."""
    folders: dict[str, set[str]] = defaultdict(set)
    for entry in view.wanted():
        if entry.type == "file" and is_project_file(entry.path):
            folder, _, name = entry.path.rpartition("/")
            folders[folder].add(name)
    for folder in sorted(folders):
        made = _project(view, folder, locked=LOCK in folders[folder])
        if made is not None:
            yield made


def _project(view: FileView, folder: str, *, locked: bool) -> Declared | None:
    at = f"{folder}/" if folder else ""
    place, manifest_place = printable_name(f"{at}{LOCK}"), printable_name(f"{at}{MANIFEST}")
    manifest: Mapping[str, Any] = {}
    gaps: list[Gap] = []
    there = view.entry(f"{at}{MANIFEST}") is not None
    if there:
        try:
            manifest = _document(view, f"{at}{MANIFEST}")[0]
        except Unreadable as error:
            gaps.append(Gap("dependency.declared", manifest_place, reason(error)))
    elif locked:
        why = "it is not there, so what the project itself asks for is not known"
        gaps.append(Gap("dependency.declared", manifest_place, why))
    name = package_name(text(manifest.get("name")))
    version = line(text(manifest.get("version")), 100)
    found: Iterable[Dependency] = ()
    read = False
    if locked:
        try:
            document, source = _document(view, f"{at}{LOCK}")
            found, more = _locked(document, source, manifest, place)
            gaps += more
            read = True
        except Unreadable as error:
            gaps.append(Gap("dependency.lock", place, reason(error)))
    if not read:
        found, more = _unlocked(manifest, manifest_place)
        gaps += more
        if not locked and not found and not gaps:
            return None
    return Declared(
        "composer",
        printable_name(folder),
        place if locked else manifest_place,
        locked=read,
        dependencies=tuple(found),
        gaps=tuple(sorted(set(gaps))),
        name=name,
        version=version,
    )


def _document(view: FileView, path: str) -> tuple[dict[str, Any], str]:
    source = decoded(file_content(view, path))
    return json_document(source), source


# --- a lock --------------------------------------------------------------------------------------


def _locked(
    document: Mapping[str, Any], source: str, manifest: Mapping[str, Any], place: str
) -> tuple[list[Dependency], list[Gap]]:
    sections = [(tables(document.get("packages")), False)]
    sections.append((tables(document.get("packages-dev")), True))
    total = sum(len(rows) for rows, _ in sections)
    if total > _PACKAGES_LIMIT:
        raise Unreadable(f"states more than {_PACKAGES_LIMIT} packages")
    if not isinstance(document.get("packages"), list):
        raise Unreadable("lists no packages")
    gaps: list[Gap] = []
    items: list[tuple[Package, bool]] = []
    broken = 0
    for rows, build in sections:
        for row in rows:
            made = package(row)
            if made is None:
                broken += 1
            else:
                items.append((made, build))
    if broken:
        why = f"{broken} of its packages have no valid name and version"
        gaps.append(Gap("dependency.lock", place, why))
    lines = _lines(source)
    refs = providers(item for item, _ in items)
    direct = {*requirements(manifest.get("require")), *requirements(manifest.get("require-dev"))}
    found: list[Dependency] = []
    for item, build in items:
        made_component = component(
            item,
            occurrences=(Occurrence(place, lines.get(item.name, 0)),),
            requires={ref for name in item.asks for ref in refs.get(name, ())},
        )
        dependency = Dependency(
            made_component,
            "build" if build else "shipped",
            direct=item.name in direct,
            # a metapackage has no folder, and what is only for developing may be left out
            optional=build or item.meta,
        )
        found.append(dependency)
        gaps += _judged(item, made_component, place)
    return list(merged(found)), gaps


def _judged(item: Package, made: Component, place: str) -> Iterator[Gap]:
    """What the lock doesn't say of a package."""
    ref = made.bom_ref
    if item.local:
        why = "it is a folder of the project itself: no published package is stated"
        yield Gap("dependency.source", item.name, why, ref)
    if item.meta:
        yield Gap("dependency.hash", item.name, "it is a metapackage, which has no files", ref)
    elif item.local:
        why = "it is a folder of the project itself, of which a lock states no checksum"
        yield Gap("dependency.hash", item.name, why, ref)
    elif not any(file.hashes for file in made.distributions):
        yield Gap("dependency.hash", item.name, f"{place} states no checksum", ref)


def providers(items: Iterable[Package]) -> Mapping[str, set[str]]:
    """The refs of what satisfies a name: the package of that name, else what provides it."""
    own: dict[str, set[str]] = defaultdict(set)
    others: dict[str, set[str]] = defaultdict(set)
    for item in items:
        if len(own[item.name]) < _PROVIDERS_LIMIT:
            own[item.name].add(item.ref)
        for name in item.stands_for:
            if len(others[name]) < _PROVIDERS_LIMIT:
                others[name].add(item.ref)
    return {**others, **own}


def _lines(source: str) -> dict[str, int]:
    """The line of each package's name: the first with that name that is indented as the packages
    are, by twelve spaces (Composer writes four a level)."""
    found: dict[str, int] = {}
    for number, text_line in enumerate(source.split("\n"), 1):
        if text_line.startswith('            "name":') and (match := _NAME_LINE.match(text_line)):
            found.setdefault(match[1].replace("\\/", "/").lower(), number)
    return found


# --- a manifest ----------------------------------------------------------------------------------


def _unlocked(manifest: Mapping[str, Any], place: str) -> tuple[list[Dependency], list[Gap]]:
    """What a composer.json asks for."""
    found: dict[str, Dependency] = {}
    gaps: list[Gap] = []
    for key, build in (("require", False), ("require-dev", True)):
        for spelled, wanted_version in table(manifest.get(key)).items():
            name = package_name(text(spelled))
            if not name:
                continue  # the platform's: php, ext-json, lib-icu
            constraint = line(text(wanted_version), 200)
            version = exact_version(constraint)
            made = composer_purl(name, version)
            vendor, _, last = name.partition("/")
            facts = (Property(CONSTRAINT, constraint),) if constraint and not version else ()
            item = Dependency(
                Component(
                    "library",
                    last,
                    version,
                    group=vendor,
                    purl=made,
                    properties=facts,
                    occurrences=(Occurrence(place),),
                ),
                "build" if build else "shipped",
                direct=True,
            )
            found[made] = found[made].merged(item) if made in found else item
            if not version:
                why = f"{place} does not pin it, and no composer.lock does"
                gaps.append(Gap("dependency.version", name, why, made))
            gaps.append(Gap("dependency.hash", name, "no composer.lock states its checksum", made))
    return sorted(found.values()), gaps
