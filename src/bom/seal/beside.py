"""A BOM and a run record that stand beside an artifact: under which names, and reading them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bom.errors import BadArtifact
from bom.model import Envelope
from bom.seal.protocol import ENVELOPE_LIMIT

if TYPE_CHECKING:
    from pathlib import Path

BESIDE: Final = "beside"  # bom-seal:seal of an artifact that carries nothing inside
BOM_ENDING: Final = ".bom.cdx.json"
BUNDLE_ENDING: Final = ".bom.cdx.json.sigstore.json"
RUN_RECORD_ENDING: Final = ".sigstore.jsonl"
ENDINGS: Final = (BOM_ENDING, BUNDLE_ENDING, RUN_RECORD_ENDING)


def read(artifact: Path) -> Envelope | None:
    """The BOM beside `artifact` and its bundle, unchecked; None where there is no BOM.

    Raises OSError, and BadArtifact as `part` does.
    """
    bom = part(artifact, BOM_ENDING)
    return None if bom is None else Envelope(bom, part(artifact, BUNDLE_ENDING) or b"")


def part(artifact: Path, ending: str) -> bytes | None:
    """What stands beside `artifact` under that ending; None where nothing does.

    Raises OSError, and BadArtifact (`oversized`) for more than an envelope may have.
    """
    path = artifact.with_name(artifact.name + ending)
    if not stands(path):
        return None
    with path.open("rb") as content:
        data = content.read(ENVELOPE_LIMIT + 1)
    if len(data) > ENVELOPE_LIMIT:
        raise BadArtifact("oversized", f"{path.name} is larger than it may be", where=path.name)
    return data


def stands(path: Path) -> bool:
    """Whether a file is there; a name that is too long to exist is no error."""
    try:
        return path.is_file()
    except OSError:
        return False
