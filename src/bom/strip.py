"""`bom strip`: the built bytes back out of a sealed artifact."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from bom.errors import BadArtifact, BomError
from bom.output import publish, temporary_file
from bom.seal import recognise

if TYPE_CHECKING:
    from pathlib import Path

    from bom.seal.protocol import ArtifactFormat


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
        digest = unseal(form, artifact, out)
        publish(out, output)
    return digest


def unseal(form: ArtifactFormat, artifact: Path, out: Path) -> str:
    """Write the built bytes to the file `out`, as they come; their hex SHA-256.

    Raises BadArtifact as `strip` does; what stands in `out` is then worth nothing.
    """
    digest = hashlib.sha256()
    with artifact.open("rb") as source, out.open("wb") as target:

        def sink(part: bytes | memoryview) -> None:
            digest.update(part)
            target.write(part)

        unsealed = form.unseal(source, sink)
    if unsealed.findings:
        first = unsealed.findings[0]
        raise BadArtifact(
            first.code,
            f"{artifact.name}: {first.message}",
            expected=first.expected,
            found=first.found,
            where=first.where,
        )
    return digest.hexdigest()
