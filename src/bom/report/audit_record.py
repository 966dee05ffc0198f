"""What `bom audit --json` prints."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from bom.report.records import FindingRecord  # noqa: TC001 - pydantic reads it

LevelWord = Literal["unknown", "none", "low", "medium", "high", "critical"]


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class IgnoreRecord(_Record):
    """Why a finding doesn't count, and until when (the last day, UTC)."""

    id: str
    reason: str
    until: str


class VulnerabilityRecord(_Record):
    """A known vulnerability of one package; advisories with common IDs are one."""

    id: str
    aliases: list[str]
    package: str
    version: str
    purl: str
    components: list[str] = Field(description="bom-refs of the package in the BOM.")
    severity: LevelWord = Field(description="`unknown` where nothing states it.")
    score: float | None = Field(description="CVSS base score.")
    vector: str | None
    fixed: list[str] = Field(description="The next versions that have the fix, where known.")
    summary: str
    ignored: IgnoreRecord | None
    fails: bool = Field(description="Whether it counts: not ignored, and severe enough.")


class UnauditedRecord(_Record):
    """What could not be held against advisories, and why."""

    what: str
    reason: str


class AdvisoriesRecord(_Record):
    """The export that packages were held against."""

    name: str
    sha256: str = Field(
        description="Of the .zip; of a folder over lines `SHA-256  PATH`, as sha256sum prints them,"
        " sorted by path."
    )
    advisories: int
    newest: str = Field(description="When the entry changed last was changed, UTC.")


class AuditRecord(_Record):
    """Known vulnerabilities of what ships in one artifact, and what was not audited."""

    format: Literal[1] = 1
    artifact: str
    verdict: Literal["good", "bad"]
    verified_by: str | None = Field(
        description="Names of the trusted keys that signed it; null where it was not verified."
    )
    advisories: AdvisoriesRecord | None
    service: str | None
    audited: int = Field(description="How many packages were held against advisories.")
    vulnerabilities: list[VulnerabilityRecord]
    not_audited: list[UnauditedRecord]
    notes: list[str]
    refused: list[FindingRecord] = Field(
        description="Why a sealed artifact was not audited: it is not what was sealed."
    )
