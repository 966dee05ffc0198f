"""What scripts read: the verdict of `bom verify --json`, the result of `bom build --result`, keys.

The JSON schemas in schemas/ are generated from these models (`make schemas`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field

from bom.difference import Cause, Level  # noqa: TC001 - pydantic reads them

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bom.difference import Comparison
    from bom.model import Finding, Reproduction, Verdict


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FindingRecord(_Record):
    """One thing found wrong; docs/findings.md lists the codes."""

    code: str
    message: str
    expected: str = ""
    found: str = ""
    where: str = ""


class ImageRecord(_Record):
    """One platform's image in an archive, as the BOM states it. Digests are `sha256:HEX`."""

    platform: str = Field(description="os/arch[/variant].")
    manifest: str | None = Field(
        description="What a registry serves the image by; null where the archive has none."
    )
    config: str


class VerdictRecord(_Record):
    """The verdict on one artifact. It is good only when there is no finding."""

    format: Literal[1] = 1
    artifact: str
    verdict: Literal["good", "bad"]
    findings: list[FindingRecord]
    signed_by: list[str] = Field(description="Key IDs: SHA-256 of the DER public key, hex.")
    trusted: list[str] = Field(description="Names of the trusted keys among them.")
    subject: str
    built_sha256: str
    built_size: int = Field(description="Bytes; -1 where the file could not be read so far.")
    images: list[ImageRecord] = Field(description="Of an image archive; one for each platform.")
    sealed_as: str
    commit: str
    gaps: int
    build_findings: int = Field(description="What the BOM says was wrong when it was made.")
    failed_checks: list[str]
    reproducible: str | None = Field(
        default=None,
        description="`same`, `normalised`, `different` or `failed`: what came of building it a"
        " second time, as the BOM states it; null where that was not tried.",
    )
    rebuilt_by: list[str] = Field(
        default=[], description="Names of the trusted keys whose owners built it again."
    )
    warnings: list[str]


class InstallStepRecord(_Record):
    """One thing that an install does."""

    action: str = Field(
        description="`install`, `replace`, `keep`, `remove`, `load`, `tag` or `restore`."
    )
    name: str
    version: str
    digest: str = Field(description="`ALGORITHM:HEX` of the bytes it takes; else empty.")
    detail: str


class InstallRecord(_Record):
    """What `bom install --json` prints. Nothing was installed where there is a finding."""

    format: Literal[1] = 1
    artifact: str
    installed: bool
    dry_run: bool = False
    kind: str = ""
    sha256: str = Field(default="", description="Hex, of the sealed file.")
    built_sha256: str = ""
    where: str = Field(default="", description="What it was installed into.")
    steps: list[InstallStepRecord] = []
    findings: list[FindingRecord]
    warnings: list[str] = []


class DifferenceRecord(_Record):
    """One thing that differs between two builds, and why."""

    path: str = Field(description="Where, from the outside in, joined by ` > `.")
    cause: Cause
    candidates: list[Cause] = Field(description="Of `unknown`: what it may be; else empty.")
    evidence: str
    remedy: str


class ComparisonRecord(_Record):
    """What `bom rebuild --json` prints."""

    verdict: Level
    differences: list[DifferenceRecord]
    normalised: list[str] = Field(
        description="For `normalised`: what had to be made stable first, a phrase each."
    )


class ReproductionRecord(_Record):
    """What came of building an artifact a second time (`--check-reproducible`)."""

    outcome: Literal["same", "normalised", "different", "failed"] = Field(
        description="`failed`: the second build made no such artifact."
    )
    varied: list[str] = Field(description="What a probe saw differ between the two builds.")
    fixed: list[str] = Field(description="What `bom` set in both.")
    not_varied: dict[str, str] = Field(description="What could not be changed, and why.")
    normalised: list[str]
    differences: int
    first: list[str] = Field(description="`CAUSE PATH` of the first differences.")


class ArtifactRecord(_Record):
    """One artifact that a build left."""

    path: str
    state: Literal["sealed", "unchanged", "unsigned"]
    sealed_as: str
    sha256: str
    built_sha256: str
    built_size: int
    original_sha256: str | None = Field(
        default=None,
        description="Of what the builder wrote, where `built_sha256` is the normalised file's.",
    )
    components: int
    gaps: int
    findings: list[str] = Field(description="What its BOM says is wrong, a sentence each.")
    reproducible: ReproductionRecord | None = Field(
        default=None, description="null where it was not built a second time."
    )


class FailureRecord(_Record):
    """A failure of `bom` itself."""

    reason: str
    hint: str


class ResultRecord(_Record):
    """What `bom build` did. `command_exit_code` is null where `failure` is not."""

    format: Literal[1] = 1
    exit_code: int
    command_exit_code: int | None
    failure: FailureRecord | None
    artifacts: list[ArtifactRecord]
    failed_checks: list[str]
    warnings: list[str]


class FileRecord(_Record):
    """One line of `bom show --files --json`: a regular file of an image's final file system."""

    path: str = Field(description="From the root, without a leading slash.")
    size: int = Field(description="Bytes.")
    sha256: str | None = Field(description="Hex; null where the content could not be read.")
    owner: str | None = Field(description="A bom-ref of the BOM; `subject` is the artifact.")
    rule: str | None = Field(description="By which the owner was found (docs/attribution.md).")
    layer: str | None = Field(description="Diff ID of the layer that it came in with.")


class MovedRecord(_Record):
    """One input of the build that is not the locked one."""

    kind: Literal["lock-file", "image", "package", "tool"]
    name: str
    locked: str = Field(description="Empty where bom.lock does not name it.")
    found: str = Field(description="Empty where it is not there any more.")


class MovesRecord(_Record):
    """What `bom lock --json` prints: what is not as bom.lock has, or had, it."""

    format: Literal[1] = 1
    moved: list[MovedRecord]


class KeyRecord(_Record):
    """A key, as `bom key generate --json` and `bom key show --json` print it."""

    format: Literal[1] = 1
    key_id: str = Field(description="SHA-256 of the DER-encoded public key, hex.")
    type: Literal["ecdsa-p256", "ed25519"]
    pem: str = Field(description="The public key.")
    private_key: str | None = Field(
        default=None, description="Path of the private key that was made."
    )
    public_key: str | None = Field(
        default=None, description="Path of the public key that was made."
    )


def reproduction_record(fact: Reproduction) -> ReproductionRecord:
    return ReproductionRecord(
        outcome=fact.outcome,
        varied=list(fact.varied),
        fixed=list(fact.fixed),
        not_varied=dict(fact.kept),
        normalised=list(fact.normalised),
        differences=fact.count,
        first=[f"{cause} {path}" for cause, path in fact.differences],
    )


def finding_records(findings: Iterable[Finding]) -> list[FindingRecord]:
    return [
        FindingRecord(
            code=item.code,
            message=item.message,
            expected=item.expected,
            found=item.found,
            where=item.where,
        )
        for item in findings
    ]


def verdict_record(verdict: Verdict) -> VerdictRecord:
    return VerdictRecord(
        artifact=verdict.artifact,
        verdict="good" if verdict.good else "bad",
        findings=finding_records(verdict.findings),
        signed_by=list(verdict.signed_by),
        trusted=list(verdict.trusted),
        subject=verdict.subject_name,
        built_sha256=verdict.subject_sha256,
        built_size=verdict.subject_size,
        images=[
            ImageRecord(platform=platform, manifest=manifest or None, config=config)
            for platform, manifest, config in verdict.images
        ],
        sealed_as=verdict.format,
        commit=verdict.commit,
        gaps=verdict.gaps,
        build_findings=verdict.build_findings,
        failed_checks=list(verdict.failed_checks),
        reproducible=verdict.reproducible or None,
        rebuilt_by=list(verdict.rebuilt_by),
        warnings=list(verdict.warnings),
    )


def comparison_record(found: Comparison) -> ComparisonRecord:
    return ComparisonRecord(
        verdict=found.verdict,
        differences=[
            DifferenceRecord(
                path=item.path,
                cause=item.cause,
                candidates=list(item.candidates),
                evidence=item.evidence,
                remedy=item.remedy,
            )
            for item in found.differences
        ],
        normalised=list(found.normalised),
    )
