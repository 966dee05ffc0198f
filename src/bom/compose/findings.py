"""Findings in the document: what didn't fit when it was made, each an annotation of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from bom.compose.gaps import annotation
from bom.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bom.compose.component import Json
    from bom.model import Finding

_ONE_SIDED: Final = frozenset(["additional", "missing"])


def as_annotations(
    findings: Iterable[Finding], names: Mapping[str, str], root: str, timestamp: str
) -> list[Json]:
    """One for each finding, sorted. What is about nothing in the document is about the `root`."""
    made = {}
    for item in sorted(set(findings)):
        place = next((ref for ref in (item.ref, f"build:{item.ref}") if ref in names), root)
        text = sentence(item, "" if place == root else names[place])
        entry = annotation("finding", text, [place], timestamp)
        made[entry["bom-ref"]] = entry
    return sorted(made.values(), key=lambda entry: (entry["text"], entry["bom-ref"]))


def sentence(item: Finding, name: str) -> str:
    """`finding: CODE: NAME: MESSAGE: expected E, found F (WHERE)`, without what isn't stated.

    `name`: what the document calls what it is about, "" for the artifact itself. Of a package
    that only one side has, that side is its name.
    """
    stated = [f"expected {item.expected}"] if item.expected else []
    stated += [f"found {item.found}"] if item.found else []
    named = _named(item.ref) or name or item.ref
    if item.code in _ONE_SIDED and len(stated) == 1:
        named, stated = item.expected or item.found, []
    parts = ["finding", item.code, *([named] if named else []), item.message]
    if stated:
        parts.append(", ".join(stated))
    return ": ".join(parts) + (f" ({item.where})" if item.where else "")


def _named(ref: str) -> str:
    """`NAME VERSION` of a purl, "" where the ref is none."""
    if not ref.startswith("pkg:"):
        return ""
    bare = ref.partition("?")[0].partition("#")[0].partition("/")[2]
    name, _, version = bare.rpartition("@") if "@" in bare else (bare, "", "")
    return printable_name(f"{unquote(name)} {unquote(version)}".rstrip())
