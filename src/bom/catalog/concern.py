"""Which ecosystems a view concerns: only these are asked, so that a scan loads and runs what parses
for them alone."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from bom.catalog.protocol import Reads

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bom.catalog.protocol import Ecosystem, FileView


def concerned(ecosystems: Iterable[Ecosystem], view: FileView) -> tuple[Ecosystem, ...]:
    """Those of which a file is in the view: one that they read, that something was taken out of
    for them, or that they tell of unread. In the order in which they are given."""
    ecosystems = tuple(ecosystems)
    waiting = [item for item in ecosystems if not _noticed(item, view)]
    if any(item.extracts is not None for item in waiting):
        for path, parts in view.extracted():
            waiting = [item for item in waiting if not _took(item, path, parts)]
    anyone = _together(waiting)
    for entry in view.wanted():
        if anyone.fits(entry.path):
            left = [item for item in waiting if not _reads(item, entry.path)]
            if len(left) < len(waiting):  # what is known is not looked for any more
                waiting = left
                anyone = _together(waiting)
                if not waiting:
                    break
    return tuple(item for item in ecosystems if item not in waiting)


def _noticed(ecosystem: Ecosystem, view: FileView) -> bool:
    return any(view.entry(path) is not None for path in ecosystem.reads.noticed)


def _took(ecosystem: Ecosystem, path: str, parts: Mapping[str, bytes]) -> bool:
    extract = ecosystem.extracts
    return extract is not None and not extract.gives.isdisjoint(parts) and extract.fits(path)


def _reads(ecosystem: Ecosystem, path: str) -> bool:
    reads = ecosystem.reads
    if path[path.rfind("/") + 1 :] in reads.context or not reads.fits(path):
        return False
    return ecosystem.matches(PurePosixPath(path))


def _together(ecosystems: Iterable[Ecosystem]) -> Reads:
    """What any of them reads: one look at a path tells whether it need be asked for each."""
    reads = [ecosystem.reads for ecosystem in ecosystems]
    return Reads(
        frozenset(name for item in reads for name in item.names - item.context),
        tuple({end for item in reads for end in item.endings}),
        tuple({top for item in reads for top in item.folders}),
        tuple({part for item in reads for part in item.within}),
    )
