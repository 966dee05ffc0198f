"""What a normaliser has to offer: it makes stable what a builder leaves unstable, and says what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from pathlib import Path

Aspect = Literal[
    "order",  # of entries or members
    "times",  # of entries, clamped to the epoch
    "owners",  # numbers and names
    "modes",  # bits that only the umask decides
    "headers",  # of a tar's entries, a gzip stream, a zip's members: the format's own freedom
    "compression",  # what is the same inflated
    "configuration",  # an image's creation time and history
    "bytecode",  # the source's time inside a .pyc
]


@dataclass(frozen=True, slots=True, order=True)
class Change:
    """One aspect of one file that was made stable.

    `where`: the member or layer that is itself an archive, "" for the artifact as a whole.
    `count`: how many entries were changed, 0 where that says nothing.
    """

    aspect: Aspect
    where: str = ""
    count: int = 0


class Normaliser(Protocol):
    """One format. The laws that all keep (tests/laws/): normalising twice changes nothing more;
    what is unpacked from the result has the same files with the same content; two inputs that
    differ only in the aspects come out equal."""

    name: str
    # All that it makes stable, whether or not one file needed it: this is what stands in the BOM,
    # which must be equal for two builds of which only one had, say, an unusual umask. What was
    # really changed (`Change`) differs from build to build and goes to the run record.
    aspects: tuple[Aspect, ...]

    def recognises(self, head: bytes, name: str) -> bool:
        """Whether a file is of this format, by its first 1024 bytes and its file name."""

    def normalise(self, path: Path, out: Path, epoch: int) -> tuple[Change, ...]:
        """Write to `out` the built file at `path` with everything stable: a pure function of its
        bytes and `epoch` (seconds, SOURCE_DATE_EPOCH). Constant memory.

        Raises CannotNormalise for what is of this format and can't be rewritten safely,
        BadArtifact for what can't be read.
        """
