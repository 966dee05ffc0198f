"""`bom audit`: which known vulnerabilities there are in what ships, and what could not be audited.

Not audited never reads as clean: whatever could not be held against advisories is listed with the
reason, and counts as a finding unless that is said to be fine.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bom.audit import snapshot as snapshots
from bom.audit.held_against import held_against
from bom.audit.merging import merged, with_ignored
from bom.audit.model import Audit, Hit, Package, Unaudited
from bom.audit.packages import packages
from bom.report.contents import contents
from bom.report.foreign import as_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from pathlib import Path

    from bom.audit.model import Ignore
    from bom.audit.service import Kind
    from bom.audit.target import Target
    from bom.builder.protocol import Progress


@dataclass(frozen=True, slots=True)
class Sources:
    """Where advisories come from: an export on the disk, a service for Python packages (`url` is
    "" for the public one), or both."""

    advisories: Path | None = None
    service: Kind | None = None
    url: str = ""


def audit(
    target: Target,
    sources: Sources,
    ignores: Sequence[Ignore],
    today: date,
    progress: Progress,
) -> Audit:
    """`today`: the day in UTC, for what is ignored until a day.

    Raises BomError where the advisories can't be read, EnvironmentLacks where a service doesn't
    answer.
    """
    wanted, unaudited = packages(contents(target.document))
    hits: list[Hit] = []
    open_questions = set(unaudited)
    reasons: dict[Package, list[str]] = {package: [] for package in wanted}
    looked_at: set[Package] = set()
    facts = None
    if sources.advisories is not None:
        lookups = {asked for package in wanted for asked in package.lookups}
        snapshot = snapshots.read(sources.advisories, lookups, progress)
        facts = snapshot.facts
        found, lacking, unsure = held_against(wanted, snapshot)
        hits += found
        open_questions.update(unsure, snapshot.unreadable)
        _note(reasons, looked_at, lacking, wanted)
    service = ""
    if sources.service is not None:
        from bom.audit.service import asked

        # a service is not told of the artifact itself: nobody else has it
        python = [one for one in wanted if not one.own and one.lookups[0].ecosystem == "PyPI"]
        found, lacking, service = asked(python, sources.service, sources.url, progress)
        hits += found
        _note(reasons, looked_at, lacking, python)
    for package in wanted:
        # the artifact itself is told of where it could have been looked up, or nothing else was
        told = not package.own or sources.advisories is not None or not looked_at
        if package not in looked_at and told:
            place = package.lookups[0].place
            why = reasons[package] or [f"no advisories for {place} were given (--advisories)"]
            open_questions.add(Unaudited("; ".join(why), f"{package.shown} ({package.purl})"))
    vulnerabilities, notes = with_ignored(merged(hits), ignores, today)
    version = target.document.get("version")
    return Audit(
        artifact=target.name,
        verified_by=target.verified_by,
        seal=target.seal,
        serial=as_text(target.document.get("serialNumber")),
        version=version if isinstance(version, int) else 1,
        audited=len(looked_at),
        vulnerabilities=vulnerabilities,
        unaudited=tuple(sorted(open_questions)),
        snapshot=facts,
        service=service,
        notes=notes,
    )


def _note(
    reasons: dict[Package, list[str]],
    looked_at: set[Package],
    lacking: dict[Package, str],
    given: Sequence[Package],
) -> None:
    for package in given:
        if package in lacking:
            reasons[package].append(lacking[package])
        else:
            looked_at.add(package)
