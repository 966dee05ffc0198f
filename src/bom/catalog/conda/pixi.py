"""pixi.lock (rattler's lock file, versions 4 to 6) and what pixi.toml asks for."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from bom.catalog.conda.locked import (
    Package,
    conda_package,
    numbered,
    pypi_package,
    required_names,
)
from bom.catalog.python.names import name as python_name
from bom.catalog.stated import Unreadable, strings, table, tables, text, yaml_document
from bom.model import Gap

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_VERSIONS: Final = (4, 5, 6)
_DEFAULT: Final = "default"
_DEVELOPMENT: Final = re.compile(
    r"(^|[-_])(dev|develop|tests?|testing|lint|docs?|ci|qa|typing|build)([-_0-9]|$)"
)


def read(source: str, location: str) -> tuple[list[Package], list[Gap]]:
    """The packages of all environments and platforms. Raises Unreadable.

    What only an environment called like one for work on the project has doesn't ship; what only
    another one than the default has, an install may lack.
    """
    document = yaml_document(source)
    form = document.get("version")
    if form not in _VERSIONS:
        raise Unreadable(f"has format version {form!r:.50}, 4 to 6 are known")
    environments: dict[str, set[str]] = {}
    platforms: dict[str, set[str]] = {}
    for called, environment in table(document.get("environments")).items():
        for platform, listed in table(table(environment).get("packages")).items():
            for item in tables(listed):
                url = text(item.get("conda")) or text(item.get("pypi"))
                environments.setdefault(url, set()).add(text(called))
                platforms.setdefault(url, set()).add(text(platform))
    entries = tables(document.get("packages"))
    lines = numbered(source, r"- (conda|pypi|kind): ", len(entries))
    packages: list[Package] = []
    gaps: list[Gap] = []
    for entry, line in zip(entries, lines, strict=True):
        try:
            found, url = _package(entry)
        except Unreadable as error:
            where = f"{location}:{line}" if line else location
            gaps.append(Gap("dependency.name", where, str(error)))
            continue
        used = environments.get(url, set())
        develops = bool(used) and all(_DEVELOPMENT.search(name) for name in used)
        packages.append(
            replace(
                found,
                platforms=frozenset(platforms.get(url, ())),
                role="build" if develops else "shipped",
                optional=_DEFAULT not in used,
                location=location,
                line=line,
            )
        )
    return packages, gaps


def _package(entry: Mapping[str, Any]) -> tuple[Package, str]:
    kind = text(entry.get("kind"))
    if "pypi" in entry or kind == "pypi":
        url = text(entry.get("pypi")) or text(entry.get("url"))
        found = pypi_package(url, entry)
        names = (spec.partition(";")[0] for spec in strings(entry.get("requires_dist")))
        return replace(found, requires=_python_names(names)), url
    url = text(entry.get("conda")) or text(entry.get("url"))
    found = conda_package(url, entry)
    depends = entry.get("depends")
    return replace(found, requires=required_names(strings(depends))), url


def _python_names(specs: Iterator[str]) -> tuple[str, ...]:
    begins = (re.match(r"\s*([A-Za-z0-9._-]+)", spec) for spec in specs)
    return tuple(sorted({python_name(found[1]) for found in begins if found} - {""}))


def requests(document: Mapping[str, Any]) -> Iterator[tuple[str, str, str, bool]]:
    """What a pixi manifest asks for: kind, name, specifier, and whether it ships."""
    features = table(document.get("feature"))
    parts = [("", document), *((text(name), table(part)) for name, part in features.items())]
    for called, part in parts:
        ships = not _DEVELOPMENT.search(called)
        for section in (part, *map(table, table(part.get("target")).values())):
            for key in ("dependencies", "host-dependencies", "build-dependencies"):
                for name, wanted in table(section.get(key)).items():
                    yield "conda", text(name).lower(), _specifier(wanted), ships and key[0] == "d"
            for name, wanted in table(section.get("pypi-dependencies")).items():
                yield "pypi", python_name(name), _specifier(wanted), ships


def _specifier(wanted: object) -> str:
    return text(wanted) or text(table(wanted).get("version"))
