"""Where two builds of one thing differ, and why: walked down to the smallest unit, each difference
with one cause and a remedy. Nothing here runs a process."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bom.archive.positioned import opened
from bom.compare.ar import ArContainer
from bom.compare.content import first_difference
from bom.compare.elf import ElfContainer
from bom.compare.image import ImageContainer
from bom.compare.packed import PackedContainer
from bom.compare.protocol import Circumstances
from bom.compare.pyc import PycContainer
from bom.compare.tar import TarContainer
from bom.compare.walk import Container, Pair, Walk
from bom.compare.zip import ZipContainer
from bom.difference import Comparison
from bom.errors import BadArtifact, BomError, CannotNormalise

if TYPE_CHECKING:
    from bom.normalise.protocol import Aspect, Change

__all__ = ["CONTAINERS", "compare"]

# The first that recognises two contents takes them: the more special one stands before.
CONTAINERS: Final[tuple[Container, ...]] = (
    ImageContainer(),
    TarContainer(),
    PackedContainer(),
    ZipContainer(),
    ArContainer(),
    ElfContainer(),
    PycContainer(),
)
_UNKNOWN: Final = (Circumstances(), Circumstances())
_PHRASES: Final[dict[Aspect, str]] = {
    "order": "the order of entries",
    "times": "the times of entries",
    "owners": "the owners of entries",
    "modes": "the modes of entries",
    "headers": "headers of the format",
    "compression": "the compression",
    "configuration": "the image's creation time and history",
    "bytecode": "the times in compiled Python modules",
}


def compare(
    one: Path,
    two: Path,
    *,
    epoch: int,
    known: tuple[Circumstances, Circumstances] = _UNKNOWN,
    name: str = "",
) -> Comparison:
    """The verdict on two built files, seals already taken off, and why they differ.

    `epoch`: seconds, to which both are normalised where only what a normaliser takes away
    differs. `known`: how each was built. `name`: the artifact's file name, where that of `one`
    is another. Raises BomError where a file can't be read; what is in it is never an error.
    """
    try:
        with opened(one) as first, opened(two) as second:
            at = first_difference(first, second)
            if at < 0:
                return Comparison("same")
            walk = Walk(CONTAINERS, known, name or one.name)
            walk.content(Pair("", name or one.name, first, second, at))
    except OSError as error:
        raise BomError(f"{error.filename or one} can't be compared: {error.strerror}") from error
    differences = walk.found.all()
    if not walk.found.firm:
        normalised = _normalised(one, two, epoch, name)
        if normalised is not None:
            return Comparison("normalised", differences, normalised)
    return Comparison("different", differences)


def _normalised(one: Path, two: Path, epoch: int, name: str) -> tuple[str, ...] | None:
    """What had to be made stable for the two to be equal; None where they are not even then."""
    from bom.normalise import normalise

    changes: list[Change] = []
    with tempfile.TemporaryDirectory(prefix="bom-compare-") as folder:
        outs = []
        for number, path in enumerate((one, two)):
            out = Path(folder) / str(number)
            out.touch(mode=0o600)
            try:
                made = normalise(path, out, epoch, name or path.name)
            except (CannotNormalise, BadArtifact):
                return None
            if made is None:
                return None
            changes += made
            outs.append(out)
        with opened(outs[0]) as first, opened(outs[1]) as second:
            if first_difference(first, second) >= 0:
                return None
    return tuple(sorted({_phrase(change) for change in changes}))


def _phrase(change: Change) -> str:
    told = _PHRASES[change.aspect]
    return f"{told} in {change.where}" if change.where else told
