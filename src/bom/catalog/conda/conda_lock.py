"""conda-lock.yml (conda-lock's unified lock, version 1) and explicit files (`@EXPLICIT`)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from bom.catalog.conda.locked import (
    Package,
    conda_package,
    hashes,
    numbered,
    pypi_package,
    required_names,
)
from bom.catalog.python.names import name as python_name
from bom.catalog.stated import Unreadable, table, tables, text, yaml_document
from bom.model import Gap

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_EXPLICIT: Final = "@EXPLICIT"
_VERSION: Final = 1
_MAIN: Final = "main"


def read(source: str, location: str) -> tuple[list[Package], list[Gap]]:
    """The packages of a unified lock, all platforms at once. Raises Unreadable."""
    document = yaml_document(source)
    if document.get("version") != _VERSION:
        form = document.get("version")
        raise Unreadable(f"has format version {form!r:.50}, {_VERSION} is known")
    entries = tables(document.get("package"))
    lines = numbered(source, r"- \w+: ", len(entries))
    packages: list[Package] = []
    gaps: list[Gap] = []
    for entry, line in zip(entries, lines, strict=True):
        try:
            packages.append(_package(entry, location, line))
        except Unreadable as error:
            where = f"{location}:{line}" if line else location
            gaps.append(Gap("dependency.name", where, str(error)))
    return packages, gaps


def _package(entry: Mapping[str, Any], location: str, line: int) -> Package:
    url = text(entry.get("url"))
    asked = table(entry.get("dependencies"))
    if text(entry.get("manager")) == "pip":
        found = pypi_package(url, entry)
        requires = tuple(sorted(filter(None, map(python_name, asked))))
    else:
        found = conda_package(url, entry)
        requires = required_names(map(text, asked))
    category = text(entry.get("category"))
    return replace(
        found,
        hashes=hashes(table(entry.get("hash"))),
        requires=requires,
        platforms=frozenset(filter(None, [text(entry.get("platform"))])),
        role="shipped" if category in ("", _MAIN) else "build",
        optional=entry.get("optional") is True,
        location=location,
        line=line,
    )


def read_explicit(source: str, location: str) -> tuple[list[Package], list[Gap]]:
    """The packages of a file with one URL a line, the file's MD5 or SHA-256 behind a `#`.
    Raises Unreadable."""
    lines = source.splitlines()
    if _EXPLICIT not in (line.strip() for line in lines[:100]):
        raise Unreadable(f"has no {_EXPLICIT} line")
    packages: list[Package] = []
    gaps: list[Gap] = []
    for number, line in enumerate(lines, 1):
        url, _, digest = line.strip().partition("#")
        if not url or url == _EXPLICIT:
            continue
        algorithm, _, value = digest.rpartition(":")
        algorithm = algorithm or ("sha256" if len(value) == 64 else "md5")
        try:
            found = conda_package(url, {algorithm: value})
        except Unreadable as error:
            gaps.append(Gap("dependency.name", f"{location}:{number}", str(error)))
        else:
            # Each file is one platform's: what another one lacks, an install may lack.
            one = frozenset([location])
            packages.append(replace(found, platforms=one, location=location, line=number))
    return packages, gaps
