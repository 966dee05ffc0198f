"""Make stable what a builder leaves unstable, without changing what is inside: one module per
format of artifact. docs/reproducibility.md says what is made stable in which."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bom.errors import CannotNormalise
from bom.normalise.gzip import GzipNormaliser
from bom.normalise.image import ImageNormaliser
from bom.normalise.protocol import Change, Normaliser
from bom.normalise.tar import TarNormaliser
from bom.normalise.wheel import WheelNormaliser
from bom.normalise.zip import ZipNormaliser

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["NORMALISERS", "Change", "Normaliser", "normalise", "normaliser_of"]

# The first that recognises a file takes it: the more special one stands before.
NORMALISERS: Final[tuple[Normaliser, ...]] = (
    WheelNormaliser(),
    ZipNormaliser(),
    GzipNormaliser(),
    ImageNormaliser(),
    TarNormaliser(),
)
# What is laid out for whoever reads it in place: the first entry of an OVA says what it is
# (DSP0243 5.1), an Android package is aligned and signed as a whole.
_LAID_OUT: Final = (".ova", ".apk", ".apex")
_HEAD: Final = 1024  # bytes by which a format is recognised


def normalise(path: Path, out: Path, epoch: int, name: str = "") -> tuple[Change, ...] | None:
    """Write to `out`, a private temporary file of the caller, the built file at `path` with
    everything stable; what had to be changed for that, sorted, () where it was stable already.
    None, and nothing written, where no normaliser knows the format.

    `epoch`: seconds, SOURCE_DATE_EPOCH. `name`: the artifact's file name, where that of `path` is
    another. Equal bytes, epoch and names give equal results. Raises CannotNormalise, BadArtifact,
    and OSError where a file can't be read or written; `out` is then empty.
    """
    normaliser = normaliser_of(path, name)
    if normaliser is None:
        return None
    called = name or path.name
    try:
        if called.lower().endswith(_LAID_OUT):
            kind = called.rpartition(".")[2].lower()
            raise CannotNormalise(f"the layout of {kind} files is part of them")
        return tuple(sorted(normaliser.normalise(path, out, epoch)))
    except BaseException:
        out.write_bytes(b"")
        raise


def normaliser_of(path: Path, name: str = "") -> Normaliser | None:
    """The normaliser that takes the file at `path`, None where none does. Raises OSError."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    called = name or path.name
    return next((item for item in NORMALISERS if item.recognises(head, called)), None)
