"""What is inside a file system that is no image: what is installed, and what its projects declare
and lock."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from bom.catalog import ECOSYSTEMS, catalogue, declared
from bom.model import Dependency, Finding, Gap

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bom.catalog.protocol import Declared, FileView
    from bom.model import Observation

_PYTHON: Final = "pypi"


class Inside(NamedTuple):
    """All that a view holds, and the name of the project at its top, "" where none is stated."""

    observations: tuple[Observation, ...]
    name: str


def inside(view: FileView, gaps: Iterable[Gap] = (), itself: str = "") -> Inside:
    """What the view holds. `itself`: the purl of the package that the view is of, which is no
    component of itself."""
    stated = declared(view)
    held = catalogue(view)
    installed, findings, compared = held.installed, set(held.findings), set[Gap]()
    if stated:
        from bom.catalog.compare import compare

        found = compare(stated, installed)
        installed = found.installed
        findings.update(found.findings)
        # What a project declares stands in the BOM by itself here, compared or not.
        compared.update(gap for gap in found.gaps if gap.what != "dependency.compared")
    everything: tuple[Observation, ...] = (
        *installed,
        *(item for project in stated for item in project.dependencies),
        *sorted(findings),
        *sorted({*held.gaps, *compared, *gaps, *(gap for item in stated for gap in item.gaps)}),
    )
    if itself:
        everything = tuple(_without(everything, itself))
    return Inside(everything, _name(stated))


def _name(stated: Iterable[Declared]) -> str:
    """Of several ecosystems' names for the project Python's goes first, then as they are asked."""
    order = {ecosystem.name: place for place, ecosystem in enumerate(ECOSYSTEMS)}
    named = [item for item in stated if not item.folder and item.name]
    named.sort(key=lambda item: (item.ecosystem != _PYTHON, order[item.ecosystem]))
    return named[0].name if named else ""


def _without(found: Iterable[Observation], itself: str) -> Iterable[Observation]:
    """Without the package itself: what it has inside stands for itself, what is said of it is
    said of the whole."""
    for item in found:
        match item:
            case Dependency(component=component) if component.bom_ref == itself:
                yield from (Dependency(nested, item.role) for nested in component.components)
            case Dependency(component=component) if itself in component.requires:
                others = tuple(ref for ref in component.requires if ref != itself)
                yield replace(item, component=replace(component, requires=others))
            case Gap(what="dependency", where=where) if where == itself:
                continue  # what it requires is no part of it, and stands as its dependency
            case Gap() | Finding() if item.ref == itself:
                yield replace(item, ref="")
            case _:
                yield item
