"""An audit as a person reads it. Every word of strangers is inert."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final

from bom.report.text import inert

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bom.audit.model import Audit, Level, Vulnerability

_SUMMARY: Final = 160  # characters
_LISTED: Final = 20  # things not audited for one reason; --json has all


def audit_text(found: Audit, fail_on: Level, good: bool) -> str:
    """Lines ending in a newline: good or bad first, then what it rests on, what was found, and what
    was not looked at."""
    return "".join(f"{line}\n" for line in _lines(found, fail_on, good))


def _lines(found: Audit, fail_on: Level, good: bool) -> Iterator[str]:
    counted = [item for item in found.vulnerabilities if item.ignored is None]
    told = [
        _plural(len(counted), "vulnerability", "vulnerabilities"),
        f"{len(found.unaudited)} not audited",
    ]
    yield f"{'good' if good else 'BAD'}: {inert(found.artifact)}: {', '.join(told)}"
    yield f"  {inert(found.seal)}"
    if found.snapshot is not None:
        facts = found.snapshot
        yield f"  advisories  {inert(facts.name)}: {facts.advisories}, the newest of " + (
            inert(facts.newest) or "no stated time"
        )
        yield f"              sha256:{facts.sha256}"
    if found.service:
        yield f"  service     {inert(found.service)}"
    yield f"  audited     {_plural(found.audited, 'package')}"
    if counted:
        levels = sorted({item.rating.level for item in counted}, reverse=True)
        counts = (f"{_count(counted, level)} {level.word}" for level in levels)
        yield f"  found       {', '.join(counts)}"
    failing = found.failing(fail_on)
    for item in counted:
        yield from _vulnerability(item, item in failing)
    for item in found.vulnerabilities:
        if item.ignored is not None:
            yield f"ignored: {inert(item.id)} {inert(item.package.shown)}"
            yield f"  until {item.ignored.until} (UTC): {inert(item.ignored.reason)}"
    for reason, rows in groupby(found.unaudited, key=lambda row: row.reason):
        names = [row.what for row in rows]
        yield f"not audited: {inert(reason)}"
        yield from (f"  {inert(name)}" for name in names[:_LISTED])
        if len(names) > _LISTED:
            yield f"  and {len(names) - _LISTED} more (--json lists all)"
    yield from (f"note: {inert(note)}" for note in found.notes)


def _vulnerability(item: Vulnerability, fails: bool) -> Iterator[str]:
    score = f" {item.rating.score:.1f}" if item.rating.score >= 0 else ""
    severity = f"severity {item.rating.level.word}{score}"
    kind = "vulnerable" if fails else "below the limit"
    yield f"{kind}: {inert(item.package.shown)}: {inert(item.id)}, {severity}"
    if item.summary:
        short = item.summary[:_SUMMARY]
        yield f"  {inert(short)}{'…' if len(item.summary) > _SUMMARY else ''}"
    fixed = ", ".join(item.fixed)
    yield f"  fixed in {inert(fixed)}" if fixed else "  no fixed version is known"
    if item.aliases:
        yield f"  also {inert(', '.join(item.aliases))}"
    yield f"  {inert(item.package.purl)}"


def _count(items: list[Vulnerability], level: Level) -> int:
    return sum(item.rating.level is level for item in items)


def _plural(count: int, one: str, several: str = "") -> str:
    return f"{count} {one if count == 1 else several or f'{one}s'}"
