"""What scripts read: the verdict of `bom verify --json`, the result of `bom build --result`, keys.

The JSON schemas in schemas/ are generated from these models (`make schemas`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from bom.model import Verdict


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
    warnings: list[str]


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


def verdict_record(verdict: Verdict) -> VerdictRecord:
    return VerdictRecord(
        artifact=verdict.artifact,
        verdict="good" if verdict.good else "bad",
        findings=[
            FindingRecord(
                code=item.code,
                message=item.message,
                expected=item.expected,
                found=item.found,
                where=item.where,
            )
            for item in verdict.findings
        ],
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
        warnings=list(verdict.warnings),
    )
