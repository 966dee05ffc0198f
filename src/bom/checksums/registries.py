"""Where a package's file is at its ecosystem's registry, for locks that don't say it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bom.checksums.model import Wanted

# The base URLs of the public registries; --registry names others.
PUBLIC: Final[Mapping[str, str]] = {
    "cargo": "https://static.crates.io/crates",
    "gem": "https://rubygems.org/gems",
    "golang": "https://proxy.golang.org",
    "maven": "https://repo.maven.apache.org/maven2",
    "nuget": "https://api.nuget.org/v3-flatcontainer",
    "npm": "https://registry.npmjs.org",
    "pypi": "https://pypi.org/simple",
}


def url(item: Wanted, bases: Mapping[str, str]) -> str:
    """The file's URL; "" where the ecosystem has no such rule (PyPI's index has to be asked)."""
    base = bases.get(item.ecosystem, "").rstrip("/")
    if not base:
        return ""
    version = quote(item.version, safe="+~")
    match item.ecosystem:
        case "cargo":
            return f"{base}/{quote(item.name)}/{quote(item.name)}-{version}.crate"
        case "gem" if item.file:
            return f"{base}/{quote(item.file)}"
        case "golang":
            # golang.org/x/mod/module, EscapePath: no letters that differ by case alone
            return f"{base}/{quote(_escaped(item.name))}/@v/{quote(_escaped(item.version))}.zip"
        case "maven" if item.file:
            group, _, name = item.name.partition(":")
            return f"{base}/{group.replace('.', '/')}/{name}/{version}/{quote(item.file)}"
        case "nuget" if item.file:
            return f"{base}/{quote(item.name.lower())}/{version.lower()}/{quote(item.file)}"
        case "npm" if item.file:
            return f"{base}/{quote(item.name, safe='@/')}/-/{quote(item.file)}"
    return ""


def _escaped(text: str) -> str:
    return re.sub("[A-Z]", lambda found: "!" + found[0].lower(), text)
