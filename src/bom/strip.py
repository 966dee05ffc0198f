"""`bom strip`: the built bytes back out of a sealed artifact."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bom.errors import BadArtifact, BomError
from bom.output import publish, temporary_file
from bom.seal import recognise, unseal_to

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
        raise BadArtifact("no-seal", f"{artifact.name} is of no format that carries a seal")
    with temporary_file(output) as out:
        digest = unseal_to(form, artifact, out)
        publish(out, output)
    return digest
