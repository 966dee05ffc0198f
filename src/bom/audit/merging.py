"""What several advisories say of one thing becomes one finding: those with a common ID."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bom.audit.model import Vulnerability

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date

    from bom.audit.model import Hit, Ignore, Package


def merged(hits: Iterable[Hit]) -> tuple[Vulnerability, ...]:
    """Sorted: the most severe first, then by package and ID."""
    by_package: dict[Package, list[Hit]] = {}
    for hit in hits:
        by_package.setdefault(hit.package, []).append(hit)
    found = [_one(group) for items in by_package.values() for group in _groups(items)]
    return tuple(
        sorted(found, key=lambda v: (-v.rating.level, -v.rating.score, v.package, _rank(v.id)))
    )


def with_ignored(
    found: Sequence[Vulnerability], ignores: Sequence[Ignore], today: date
) -> tuple[tuple[Vulnerability, ...], tuple[str, ...]]:
    """The findings with what is accepted, and notes about what is not: `today` is a day in UTC."""
    notes = []
    current = []
    for item in ignores:
        used = any(item.id in one.ids for one in found)
        if item.until < today:
            if used:
                notes.append(f"{item.id} is not ignored any more: that ended with {item.until}")
        elif used:
            current.append(item)
        else:
            notes.append(f"{item.id} is ignored, and nothing here has it")
    out = tuple(
        replace(one, ignored=next((item for item in current if item.id in one.ids), None))
        for one in found
    )
    return out, tuple(dict.fromkeys(notes))


def _groups(hits: Sequence[Hit]) -> list[list[Hit]]:
    groups: list[tuple[set[str], list[Hit]]] = []
    for hit in hits:
        ids, members = set(hit.ids), [hit]
        apart = []
        for other in groups:
            if ids.isdisjoint(other[0]):
                apart.append(other)
            else:
                ids |= other[0]
                members = other[1] + members
        groups = [*apart, (ids, members)]
    return [members for _, members in groups]


def _one(group: list[Hit]) -> Vulnerability:
    group = sorted(group, key=lambda hit: _rank(hit.ids[0]))
    ids = sorted({id for hit in group for id in hit.ids}, key=_rank)
    return Vulnerability(
        ids[0],
        tuple(ids[1:]),
        group[0].package,
        max(hit.rating for hit in group),
        tuple(dict.fromkeys(version for hit in group for version in hit.fixed)),
        next((hit.summary for hit in group if hit.summary), ""),
        min((hit.published for hit in group if hit.published), default=""),
        max(hit.modified for hit in group),
    )


def _rank(id: str) -> tuple[int, str]:
    """CVE IDs first: all databases share them."""
    return (0 if id.startswith("CVE-") else 1 if id.startswith("GHSA-") else 2, id)
