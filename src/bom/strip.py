"""`bom strip`: the built bytes back out of a sealed artifact."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from bom.errors import BadArtifact, BomError
from bom.output import publish, temporary_file
from bom.seal import recognise

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
    digest = hashlib.sha256()
    with temporary_file(output) as out:
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
        publish(out, output)
    return digest.hexdigest()
