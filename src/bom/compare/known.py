"""What a BOM says of how its artifact was built, as far as it helps to explain a difference."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bom import purl
from bom.compare.protocol import Circumstances
from bom.compose import reading
from bom.errors import BomError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


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
    for kind in ("base-image", "build-image"):
        for name, digests in reading.materials(document, kind).items():
            found[name] = ", ".join(f"sha256:{item.value}" for item in digests)
    return found
