"""NuGet's names and versions, and their package URLs.

A package ID is at most 100 letters, digits, `_`, `.` and `-` (NuGet, "nuspec reference"); versions
are SemVer 2 with an optional fourth number ("Package versioning").
"""

from __future__ import annotations

import re
from typing import Final

from bom import purl
from bom.errors import BomError

CONTENT_HASH: Final = "bom-seal:nuget:content-hash"

_ID: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}\Z")
_VERSION: Final = re.compile(
    r"\d{1,10}(\.\d{1,10}){0,3}(-[0-9A-Za-z.-]{1,200})?(\+[0-9A-Za-z.-]*)?\Z"
)
_CONTENT_HASH: Final = re.compile(r"[A-Za-z0-9+/]{86}==\Z")  # a SHA-512


def package_id(text: str) -> str:
    """A package's ID, or "" for what is none."""
    return text if _ID.match(text) else ""


def version(text: str) -> str:
    """An exact version without its build metadata, which says nothing about which package it is
    ("Package versioning": normalised versions), or "" for what is none."""
    return text.partition("+")[0] if _VERSION.match(text) else ""


def pinned(text: str) -> str:
    """The version that a reference gets: of a single version or `[1.2]` that one, for the lowest
    that is allowed is taken ("Package dependency resolution"); "" for a range or a floating one."""
    text = text.strip()
    if text.startswith("[") and text.endswith("]") and "," not in text:
        text = text[1:-1].strip()
    return version(text)


def nuget_purl(name: str, stated: str) -> str:
    """The package URL; "" where none can be formed."""
    try:
        return purl.build("nuget", name, version=stated)
    except BomError:
        return ""


def content_hash(text: str) -> str:
    """NuGet's contentHash as lock files and deps.json state it (base64 of a SHA-512 over the
    package without its signature: no digest of a file); "" for what is none."""
    text = text.removeprefix("sha512-")
    return text if _CONTENT_HASH.match(text) else ""
