"""`bom strip`: the built bytes back out of a sealed artifact."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bom.errors import BadArtifact, BomError
from bom.output import publish, temporary_file
from bom.seal import recognise, unseal_to
from bom.seal.beside import BOM_ENDING

if TYPE_CHECKING:
    from pathlib import Path


def strip(artifact: Path, output: Path) -> str:
    """Write the built bytes of `artifact` to `output`, whole or not at all; their hex SHA-256.

    Raises BadArtifact where there is no seal, or where the file is not exactly what sealing
    makes: then what came out would not be what was built.
    """
    try:
        form = recognise(artifact)
    except OSError as error:
        raise BomError(f"{artifact} can't be read: {error.strerror}") from error
    if form is None:
        reason = f"{artifact.name} is of no format that carries a seal"
        if artifact.with_name(artifact.name + BOM_ENDING).is_file():
            reason = f"{artifact.name} is as it was built: its BOM stands beside it"
        raise BadArtifact("no-seal", reason)
    with temporary_file(output) as out:
        digest = unseal_to(form, artifact, out)
        publish(out, output)
    return digest
