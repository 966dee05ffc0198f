"""The same module at the same version, with two different h1: one of them isn't the published."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bom.catalog.golang.module import sums
from bom.model import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bom.catalog.protocol import Declared
    from bom.model import Dependency

# In the words of bom.catalog.compare, which holds one lock against one program: what both tell is
# one finding.
_MESSAGE = "it was installed from another file than the lock file states"
_BETWEEN = "two programs hold this module with different h1"


def differing_sums(
    projects: Iterable[Declared], installed: Iterable[Dependency]
) -> Iterator[Finding]:
    """A finding (`hash`) for each module of `installed` of which a project's go.sum states other
    h1, and for each that two of `installed` state differently. Sorted."""
    held: dict[str, dict[str, set[str]]] = {}
    for item in installed:
        for sum in sums(item.component):
            places = held.setdefault(item.component.purl, {}).setdefault(sum, set())
            places.update(seen.location for seen in item.component.occurrences)
    found = set()
    for project in projects:
        if project.ecosystem != "golang":
            continue
        for item in project.dependencies:
            ref = item.component.purl
            stated = sums(item.component)
            for other, places in held.get(ref, {}).items():
                if stated and other not in stated:
                    expected, actual = _spelled(stated[0]), _spelled(other)
                    found |= {
                        Finding("hash", _MESSAGE, expected, actual, place, ref) for place in places
                    }
    for ref, several in held.items():
        if len(several) > 1:
            one, other, *_ = sorted(several)
            where = min(several[other], default="")
            found.add(Finding("hash", _BETWEEN, _spelled(one), _spelled(other), where, ref))
    yield from sorted(found)


def _spelled(sum: str) -> str:
    return sum.replace(":", " ", 1)
