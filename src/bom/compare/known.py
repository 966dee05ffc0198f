"""What a BOM says of how its artifact was built, as far as it helps to explain a difference."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from bom import purl
from bom.compare.protocol import Circumstances
from bom.compose import reading
from bom.errors import BomError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any


# The folder that pip leaves of an installed package (PyPA, "Recording installed projects").
_INFO: Final = re.compile(r"(?:.*/)?([A-Za-z0-9][\w.]*)-(\d[\w.!+]*)\.dist-info/METADATA")


def of_document(document: Mapping[str, Any]) -> Circumstances:
    """Tools, dependencies and variables; a BOM says nothing of the machine."""
    variables = variables_of(document)
    return Circumstances(
        locale=variables.get("LC_ALL") or variables.get("LANG", ""),
        timezone=variables.get("TZ", ""),
        tools=tools_of(document),
        dependencies=dependencies_of(document),
        variables=variables,
    )


def variables_of(document: Mapping[str, Any]) -> dict[str, str]:
    """Those that steered the build, by name."""
    return {
        item.name: item.value for item in reading.settings(document) if item.kind == "environment"
    }


def tools_of(document: Mapping[str, Any]) -> dict[str, str]:
    """Name -> version, of those whose version is known."""
    return {tool.name: tool.version for tool in reading.tools(document) if tool.version}


def dependencies_of(document: Mapping[str, Any]) -> dict[str, str]:
    """Packages by their purls without version -> version; images by their names -> digests."""
    found: dict[str, str] = {}
    for text in reading.purls(document):
        try:
            parts = purl.parse(text)
        except (ValueError, BomError):
            continue
        if parts.version:
            found[text.partition("?")[0].rpartition("@")[0]] = parts.version
    itself = str(reading.subject(document).get("purl") or "").rpartition("@")[0]
    for name, versions in _installed(reading.members(document)).items():
        if len(versions) == 1 and name != itself:
            found.setdefault(name, next(iter(versions)))
    for kind in ("base-image", "build-image"):
        for name, digests in reading.materials(document, kind).items():
            found[name] = ", ".join(f"sha256:{item.value}" for item in digests)
    return found


def _installed(names: Iterable[str]) -> dict[str, set[str]]:
    """Python packages among an artifact's own files, by purl without version: of a plain tar the
    document lists only these."""
    found: dict[str, set[str]] = {}
    for name in names:
        if match := _INFO.fullmatch(name):
            key = f"pkg:pypi/{purl.pypi_name(match[1])}"
            found.setdefault(key, set()).add(match[2])
    return found
