"""Put BOM and signature into an artifact, read them, take them out: one module per format."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from bom.errors import BadArtifact
from bom.input import open_plain
from bom.seal._front import BOM_ENTRY, BUNDLE_ENTRY, is_own
from bom.seal.beside import ENDINGS
from bom.seal.gzip import GzipFormat
from bom.seal.tar import TarFormat
from bom.seal.wheel import WheelFormat

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import BinaryIO

    from bom.seal.protocol import ArtifactFormat

__all__ = [
    "BOM_ENTRY",
    "BUNDLE_ENTRY",
    "FORMATS",
    "HEAD",
    "is_envelope",
    "is_left_by_bom",
    "recognise",
    "recognise_head",
    "unseal",
    "unseal_to",
]

HEAD: Final = 1024  # bytes of a file by which a format knows it

# All formats that carry their envelope inside; the first that recognises a file takes it.
FORMATS: Final[tuple[ArtifactFormat, ...]] = (WheelFormat(), GzipFormat(), TarFormat())


def is_envelope(name: str) -> bool:
    """Whether a tar's entry of this name can be one of the two that sealing puts in front."""
    return is_own(name)


def recognise_head(head: bytes, name: str) -> ArtifactFormat | None:
    """The format of a file by its first `HEAD` bytes and its name ("" where it has none)."""
    for candidate in FORMATS:
        if candidate.recognises(head, name):
            return candidate
    return None


def recognise(path: Path) -> ArtifactFormat | None:
    """The format of the file at `path`, None where it is none of ours.

    Raises OSError, also for a device or a pipe: those may have no end.
    """
    with open_plain(path) as file:
        return recognise_head(file.read(HEAD), path.name)


def unseal_to(form: ArtifactFormat, artifact: Path, out: Path) -> str:
    """Write the built bytes of a sealed file to the file `out`, as they come; their hex SHA-256.

    Raises BadArtifact where there is no seal, or where the file is not exactly what sealing
    makes; what stands in `out` is then worth nothing.
    """
    digest = hashlib.sha256()
    with artifact.open("rb") as source, out.open("wb") as target:

        def sink(part: bytes | memoryview) -> None:
            digest.update(part)
            target.write(part)

        unseal(form, source, sink, artifact.name)
    return digest.hexdigest()


def unseal(
    form: ArtifactFormat,
    source: BinaryIO,
    sink: Callable[[bytes | memoryview], object],
    name: str,
) -> None:
    """The built bytes of a sealed stream, into `sink` as they come.

    Raises BadArtifact where there is no seal, or where the stream is not exactly what sealing
    makes; what `sink` got is then worth nothing.
    """
    unsealed = form.unseal(source, sink)
    if unsealed.findings:
        first = unsealed.findings[0]
        raise BadArtifact(
            first.code,
            f"{name}: {first.message}",
            expected=first.expected,
            found=first.found,
            where=first.where,
        )


def is_left_by_bom(path: Path) -> bool:
    """Whether an earlier `bom build` left this file: sealed, or beside something sealed."""
    if path.name.endswith(ENDINGS):
        return True
    try:
        form = recognise(path)
        return form is not None and form.read(path) is not None
    except (BadArtifact, OSError):
        return False
