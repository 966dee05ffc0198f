"""The same module at the same version, with two different h1: one of them isn't the published."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bom.catalog.golang.module import sums
from bom.model import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bom.catalog.protocol import Declared
    from bom.model import Dependency

_MESSAGE = "a program holds this module with another h1 than go.sum states"
_BETWEEN = "two programs hold this module with different h1"


def differing_sums(
    projects: Iterable[Declared], installed: Iterable[Dependency]
) -> Iterator[Finding]:
    """A finding (`hash`) for each module of `installed` whose h1 a project's go.sum contradicts,
    and for each that two of `installed` state differently. Sorted."""
    held: dict[str, set[str]] = {}
    for item in installed:
        held.setdefault(item.component.purl, set()).update(sums(item.component))
    found = set()
    for project in projects:
        if project.ecosystem != "golang":
            continue
        for item in project.dependencies:
            ref = item.component.purl
            stated = sums(item.component)
            for other in held.get(ref, ()):
                if stated and other not in stated:
                    where = f"{project.folder}/go.sum" if project.folder else "go.sum"
                    found.add(Finding("hash", _MESSAGE, stated[0], other, where, ref))
    for ref, several in held.items():
        if len(several) > 1:
            one, other, *_ = sorted(several)
            found.add(Finding("hash", _BETWEEN, one, other, ref=ref))
    yield from sorted(found)
