"""A BOM and a run record that stand beside an artifact: under which names, and reading them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

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
    """The BOM beside `artifact` and its bundle, unchecked; None where there is none or it is
    larger than an envelope may be. Raises OSError."""
    parts: list[bytes] = []
    for ending in (BOM_ENDING, BUNDLE_ENDING):
        part = artifact.with_name(artifact.name + ending)
        if not stands(part) or part.stat().st_size > ENVELOPE_LIMIT:
            parts.append(b"")
            continue
        parts.append(part.read_bytes())
    return Envelope(parts[0], parts[1]) if parts[0] else None


def stands(path: Path) -> bool:
    """Whether a file is there; a name that is too long to exist is no error."""
    try:
        return path.is_file()
    except OSError:
        return False
