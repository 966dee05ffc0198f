"""Which Python packages a BOM lists, and the digests of all their files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from packaging.utils import InvalidName, canonicalize_name
from packaging.version import InvalidVersion, Version

from bom.compose import reading

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# Algorithms that pip and uv check, as `--hash` spells them; CycloneDX's names. Weaker ones don't
# count: they are no proof.
ALGORITHMS: Final = {"SHA-256": "sha256", "SHA-384": "sha384", "SHA-512": "sha512"}
_PURL: Final = "pkg:pypi/"
_HEX: Final = frozenset("0123456789abcdef")
_LENGTHS: Final = {"sha256": 64, "sha384": 96, "sha512": 128}


@dataclass(frozen=True, slots=True, order=True)
class Listed:
    """One version of a package. `digests`: `sha256:HEX` of every file that may be taken for it.
    `markers`: where it is meant for. `url`: where alone it can be had, "" for from an index."""

    name: str
    version: str
    digests: tuple[str, ...] = ()
    markers: tuple[str, ...] = ()
    url: str = ""


def shipped(document: Mapping[str, Any]) -> dict[str, tuple[Listed, ...]]:
    """What the artifact runs with, by normalised name."""
    return _by_name(_components(document))


def building(document: Mapping[str, Any]) -> dict[str, tuple[Listed, ...]]:
    """The same with what only built it."""
    parts = list(_components(document))
    for formula in _items(document, "formulation"):
        parts += _components(formula)
    return _by_name(iter(parts))


def _components(holder: Any) -> Iterator[Mapping[str, Any]]:
    for part in _items(holder, "components"):
        if isinstance(part, dict):
            yield part


def _by_name(parts: Iterator[Mapping[str, Any]]) -> dict[str, tuple[Listed, ...]]:
    merged: dict[tuple[str, str, str], Listed] = {}
    for part in parts:
        found = _listed(part)
        if found is None:
            continue
        key = (found.name, found.version, found.url)
        known = merged.get(key)
        if known is not None:
            digests = tuple(sorted({*known.digests, *found.digests}))
            markers = tuple(sorted({*known.markers, *found.markers}))
            found = Listed(found.name, found.version, digests, markers, found.url)
        merged[key] = found
    out: dict[str, list[Listed]] = {}
    for item in sorted(merged.values()):
        out.setdefault(item.name, []).append(item)
    return {name: tuple(items) for name, items in out.items()}


def _listed(part: Mapping[str, Any]) -> Listed | None:
    text = str(part.get("purl") or "")
    if not text.startswith(_PURL):
        return None
    path, _, qualifiers = text.removeprefix(_PURL).partition("?")
    name, _, version = path.partition("@")
    given = dict(pair.partition("=")[::2] for pair in qualifiers.split("&"))
    try:
        # these become lines of a requirements file: nothing else may stand in them
        called = canonicalize_name(unquote(name), validate=True)
        version = str(Version(unquote(version))) if version else ""
    except (InvalidName, InvalidVersion):
        return None
    url = unquote(given.get("download_url", ""))
    if "vcs_url" in given or any(char.isspace() for char in url):
        return Listed(called, version)
    digests = {
        f"{algorithm}:{value}"
        for reference in _items(part, "externalReferences")
        if isinstance(reference, dict) and reference.get("type") == "distribution"
        for entry in _items(reference, "hashes")
        if isinstance(entry, dict)
        and (algorithm := ALGORITHMS.get(str(entry.get("alg"))))
        and _is_digest(algorithm, value := str(entry.get("content", "")).lower())
    }
    return Listed(
        called,
        version,
        tuple(sorted(digests)),
        tuple(sorted(set(reading.properties(part, "bom-seal:marker")))),
        url,
    )


def _is_digest(algorithm: str, value: str) -> bool:
    return len(value) == _LENGTHS[algorithm] and set(value) <= _HEX


def _items(holder: Any, key: str) -> list[Any]:
    value = holder.get(key) if isinstance(holder, dict) else None
    return value if isinstance(value, list) else []
