"""An audit as scripts read it."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from bom.report.audit_record import (
    AdvisoriesRecord,
    AuditRecord,
    IgnoreRecord,
    LevelWord,
    UnauditedRecord,
    VulnerabilityRecord,
)
from bom.report.records import finding_records

if TYPE_CHECKING:
    from bom.audit.model import Audit, Level, Vulnerability
    from bom.audit.target import Target


def audit_record(found: Audit, fail_on: Level, good: bool) -> AuditRecord:
    failing = found.failing(fail_on)
    facts = found.snapshot
    return AuditRecord(
        artifact=found.artifact,
        verdict="good" if good else "bad",
        verified_by=found.verified_by or None,
        advisories=AdvisoriesRecord(
            name=facts.name,
            sha256=facts.sha256,
            advisories=facts.advisories,
            newest=facts.newest,
        )
        if facts
        else None,
        service=found.service or None,
        audited=found.audited,
        vulnerabilities=[_vulnerability(item, item in failing) for item in found.vulnerabilities],
        not_audited=[
            UnauditedRecord(what=item.what, reason=item.reason) for item in found.unaudited
        ],
        notes=list(found.notes),
        refused=[],
    )


def refused_record(target: Target) -> AuditRecord:
    """Of an artifact that is not what was sealed."""
    return AuditRecord(
        artifact=target.name,
        verdict="bad",
        verified_by=None,
        advisories=None,
        service=None,
        audited=0,
        vulnerabilities=[],
        not_audited=[],
        notes=[],
        refused=finding_records(target.findings),
    )


def _vulnerability(item: Vulnerability, fails: bool) -> VulnerabilityRecord:
    ignored = item.ignored
    return VulnerabilityRecord(
        id=item.id,
        aliases=list(item.aliases),
        package=item.package.name,
        version=item.package.version,
        purl=item.package.purl,
        components=list(item.package.refs),
        severity=cast("LevelWord", item.rating.level.word),
        score=item.rating.score if item.rating.score >= 0 else None,
        vector=item.rating.vector or None,
        fixed=list(item.fixed),
        summary=item.summary,
        ignored=IgnoreRecord(id=ignored.id, reason=ignored.reason, until=ignored.until.isoformat())
        if ignored
        else None,
        fails=fails,
    )
