"""Put BOM and signature into an artifact, read them, take them out: one module per format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bom.seal.gzip import GzipFormat
from bom.seal.tar import TarFormat
from bom.seal.wheel import WheelFormat

if TYPE_CHECKING:
    from pathlib import Path

    from bom.seal.protocol import ArtifactFormat

__all__ = ["FORMATS", "HEAD", "recognise", "recognise_head"]

HEAD: Final = 1024  # bytes of a file by which a format knows it

# All formats that carry their envelope inside; the first that recognises a file takes it.
FORMATS: Final[tuple[ArtifactFormat, ...]] = (WheelFormat(), GzipFormat(), TarFormat())


def recognise_head(head: bytes, name: str) -> ArtifactFormat | None:
    """The format of a file by its first `HEAD` bytes and its name ("" where it has none)."""
    for candidate in FORMATS:
        if candidate.recognises(head, name):
            return candidate
    return None


def recognise(path: Path) -> ArtifactFormat | None:
    """The format of the file at `path`, None where it is none of ours. Raises OSError."""
    with path.open("rb") as file:
        return recognise_head(file.read(HEAD), path.name)
