"""`bom strip`: the built bytes back out of a sealed artifact."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bom.compose import reading
from bom.errors import BadArtifact, BomError
from bom.output import publish, temporary_file
from bom.seal import recognise, unseal_to
from bom.seal.beside import BOM_ENDING, stands
from bom.seal.protocol import document_of

if TYPE_CHECKING:
    from pathlib import Path

    from bom.seal.protocol import ArtifactFormat


def strip(artifact: Path, output: Path) -> str:
    """Write the built bytes of `artifact` to `output`, whole or not at all; their hex SHA-256.

    Raises BadArtifact where there is no seal, where the file is not exactly what sealing
    makes, or where its BOM is about other bytes: then what came out would not be what was built.
    """
    try:
        form = recognise(artifact)
    except OSError as error:
        raise BomError(f"{artifact} can't be read: {error.strerror}") from error
    if form is None:
        reason = f"{artifact.name} is of no format that carries a seal"
        if stands(artifact.with_name(artifact.name + BOM_ENDING)):
            reason = f"{artifact.name} is as it was built: its BOM stands beside it"
        raise BadArtifact("no-seal", reason)
    with temporary_file(output) as out:
        digest = unseal_to(form, artifact, out)
        _check_digest(form, artifact, digest)
        publish(out, output)
    return digest


def _check_digest(form: ArtifactFormat, artifact: Path, digest: str) -> None:
    """Raises BadArtifact where the artifact's own BOM is about other bytes than came out."""
    envelope = form.read(artifact)
    stated = reading.subject_sha256(document_of(envelope.bom)) if envelope else ""
    if stated != digest:
        raise BadArtifact(
            "subject-digest",
            f"{artifact.name}: what came out is not what was sealed",
            expected=f"sha256:{stated}",
            found=f"sha256:{digest}",
        )
