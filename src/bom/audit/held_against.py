"""The packages of an artifact, held against an export of advisories."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bom.audit.ecosystems import covers, normal_name, same_name
from bom.audit.model import Hit, Package, Unaudited
from bom.audit.ranges import Undecided, judge
from bom.versions import ORDERINGS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bom.audit.model import Lookup
    from bom.audit.snapshot import Snapshot


def held_against(
    packages: Sequence[Package], snapshot: Snapshot
) -> tuple[list[Hit], dict[Package, str], list[Unaudited]]:
    """What is vulnerable; which packages could not be looked up at all, and why; which questions
    about others stay open."""
    hits: list[Hit] = []
    lacking: dict[Package, str] = {}
    unsure: list[Unaudited] = []
    covered: dict[tuple[str, str], bool] = {}
    for package in packages:
        first = package.lookups[0]
        place = (first.ecosystem, first.release)
        if place not in covered:
            covered[place] = any(covers(listed, first) for listed in snapshot.ecosystems)
        if not covered[place]:
            lacking[package] = f"the advisories hold none for {first.place}"
            continue
        try:
            ORDERINGS[first.ecosystem](first.version)
        except ValueError as error:
            lacking[package] = f"its version can't be compared: {error}"
            continue
        for asked in package.lookups:
            _look_up(package, asked, snapshot, hits, unsure)
    return hits, lacking, unsure


def _look_up(
    package: Package, asked: Lookup, snapshot: Snapshot, hits: list[Hit], unsure: list[Unaudited]
) -> None:
    for advisory, said in snapshot.entries.get((asked.ecosystem, normal_name(asked.name)), ()):
        if not covers(said.ecosystem, asked) or not same_name(
            asked.ecosystem, said.name, asked.name
        ):
            continue
        try:
            answer = judge(said, asked)
        except Undecided as error:
            unsure.append(Unaudited(f"{advisory.id}: {error}", package.shown))
            continue
        if answer.affected:
            hits.append(
                Hit(
                    package,
                    (advisory.id, *advisory.aliases),
                    answer.fixed,
                    max(advisory.rating, said.rating),
                    advisory.summary,
                    advisory.published,
                    advisory.modified,
                )
            )
