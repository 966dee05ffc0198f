"""Findings in the document: what didn't fit when it was made, each an annotation of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bom.compose.gaps import annotation

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bom.compose.component import Json
    from bom.model import Finding


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
    """`finding: CODE: NAME: MESSAGE: expected E, found F (WHERE)`, without what isn't stated."""
    parts = ["finding", item.code]
    if name or item.ref:
        parts.append(name or item.ref)
    parts.append(item.message)
    stated = [f"expected {item.expected}"] if item.expected else []
    stated += [f"found {item.found}"] if item.found else []
    if stated:
        parts.append(", ".join(stated))
    return ": ".join(parts) + (f" ({item.where})" if item.where else "")
