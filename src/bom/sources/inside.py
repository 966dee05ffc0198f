"""What is inside a file system that is no image: what is installed, and what its projects declare
and lock."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bom.catalog import catalogue, declared
from bom.model import Dependency, Finding, Gap

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bom.catalog.protocol import FileView
    from bom.model import Observation


def observations(
    view: FileView, gaps: Iterable[Gap] = (), itself: str = ""
) -> tuple[Observation, ...]:
    """All that the view holds. `itself`: the purl of the package that the view is of, which is no
    component of itself."""
    stated = declared(view)
    inside = catalogue(view)
    installed, findings, compared = inside.installed, set(inside.findings), set[Gap]()
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
        *sorted({*inside.gaps, *compared, *gaps, *(gap for item in stated for gap in item.gaps)}),
    )
    return tuple(_without(everything, itself)) if itself else everything


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
