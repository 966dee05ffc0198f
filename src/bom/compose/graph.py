"""The dependency graph: one entry for every component, a root that reaches them all."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bom.compose.component import Json
    from bom.model import Dependency


def graph(root: str, dependencies: Iterable[Dependency]) -> list[Json]:
    """Entries sorted by ref; a leaf has an empty list.

    Edges to what is not there are dropped (the fact that a requirement is not met is a gap of
    the ecosystem that read it, not a dangling ref). The root points to what the artifact asks
    for directly; where that is not stated, to what nothing else requires, and to one component
    of every cycle that would otherwise hang in the air.
    """
    edges: dict[str, set[str]] = {}
    direct: set[str] = set()
    for item in dependencies:
        ref = item.component.bom_ref
        edges.setdefault(ref, set()).update(item.component.requires)
        if item.direct:
            direct.add(ref)
    known = frozenset(edges)  # a set: intersecting with a dict walks all of it every time
    for ref, targets in edges.items():
        targets &= known  # in place
        targets.discard(ref)
    required = set().union(*edges.values()) if edges else set()
    tops = direct | (edges.keys() - required)
    reached = _reach(tops, edges)
    for ref in sorted(edges.keys() - reached):
        if ref not in reached:
            tops.add(ref)
            reached |= _reach({ref}, edges)
    entries: list[Json] = [{"ref": root, "dependsOn": sorted(tops)}]
    entries += [{"ref": ref, "dependsOn": sorted(edges[ref])} for ref in sorted(edges)]
    return entries


def _reach(start: set[str], edges: dict[str, set[str]]) -> set[str]:
    seen = set(start)
    waiting = list(start)
    while waiting:
        for target in edges[waiting.pop()]:
            if target not in seen:
                seen.add(target)
                waiting.append(target)
    return seen
