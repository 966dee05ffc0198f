"""`bom show`: the BOM that an artifact carries, or that stands beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bom.errors import BadArtifact, BomError
from bom.seal import beside, recognise

if TYPE_CHECKING:
    from pathlib import Path


def embedded(artifact: Path) -> bytes:
    """The BOM's exact bytes, unchecked.

    Raises BadArtifact("no-seal") where there is none, BomError where the file can't be read.
    """
    try:
        form = recognise(artifact)
        envelope = form.read(artifact) if form else None
        if envelope is not None:
            return envelope.bom
        bom = beside.part(artifact, beside.BOM_ENDING)
        if bom is not None:
            return bom
    except OSError as error:
        raise BomError(f"{artifact} can't be read: {error.strerror}") from error
    raise BadArtifact("no-seal", f"{artifact.name} carries no BOM, and there is none beside it")
