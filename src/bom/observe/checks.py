"""The checks that ran on this very commit and tree, and those that should have.

A result for anything else is no evidence: kept ones are passed over, explicit ones refused.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from bom.errors import BomError, Refused
from bom.model import Check, Gap, RunDetail
from bom.observe._check_store import folder, keep, read, stored, valid_name
from bom.observe.identity import identity
from bom.redact import text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bom.check_record import CheckRecord
    from bom.model import Observation
    from bom.observe._tree import TreeState
    from bom.observe.protocol import BuildContext

__all__ = ["ChecksObserver", "folder", "keep", "read", "valid_name"]


class ChecksObserver:
    """Results of `bom check`: kept here, or brought from another machine by `--checks`."""

    name = "checks"

    def observe(self, build: BuildContext) -> Iterator[Observation]:
        given = [read(path) for path in build.check_files]
        names = [record.name for record in given]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise BomError(f"two results were given for the check {twice[0]}", hint="leave one out")
        kept = stored(folder(build.root, build.environment))
        found: dict[str, CheckRecord] = {}
        if given or kept:
            state = identity(build.root, build.own_files, build.is_own)
            for path in kept:
                yield from _kept(path, state, found)
            for record in given:
                _refuse_foreign(record, state)
                found[record.name] = record
        for record in found.values():
            yield from _facts(record)
        for expected in build.config.checks:
            if expected.name not in found:
                yield Check(expected.name, "not-run")
                yield Gap(
                    "check.result", expected.name, "it has no result for this commit and tree"
                )


def applies(record: CheckRecord, state: TreeState) -> bool:
    """Whether a result is about this very state."""
    reports = [report.encode("utf-8", "surrogateescape") for report in record.reports]
    return record.commit == state.commit and record.tree_digest == state.digest(reports)


def _kept(path: Path, state: TreeState, found: dict[str, CheckRecord]) -> Iterator[Gap]:
    try:
        record = read(path)
    except BomError:
        yield Gap("check.result", text(path.stem), "the kept result can't be read")
        return
    if applies(record, state):
        found[record.name] = record


def _refuse_foreign(record: CheckRecord, state: TreeState) -> None:
    if applies(record, state):
        return
    about = "tree" if record.commit == state.commit else "commit"
    raise Refused(
        f"the results of the check {record.name} are for another {about}",
        hint="run it again on what is built now, or leave the file out",
    )


def _facts(record: CheckRecord) -> Iterator[Observation]:
    yield Check(
        name=record.name,
        outcome=record.outcome,
        tests=record.tests,
        failures=record.failures,
        skipped=record.skipped,
        failed=tuple(sorted(set(record.failed))),
        command=record.command,
    )
    seconds = (_time(record.finished) - _time(record.started)).total_seconds()
    yield RunDetail(f"check.{record.name}.started", record.started)
    yield RunDetail(f"check.{record.name}.finished", record.finished)
    yield RunDetail(f"check.{record.name}.seconds", f"{seconds:.3f}")


def _time(stated: str) -> datetime:
    try:
        return datetime.fromisoformat(stated)
    except ValueError as error:
        raise BomError(f"the check results state {stated}, which is no time") from error
