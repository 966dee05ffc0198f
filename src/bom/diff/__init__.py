"""`bom diff`: what changed between two things, in what their BOMs say and in their bytes.

Each side is an artifact, a BOM, an image, a folder or a git revision (sides.py). What the BOMs say
is compared for all of them (report/changes.py), bytes where both sides are files (compare/).
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bom.compare import compare
from bom.compare.known import of_document
from bom.compare.protocol import Circumstances
from bom.diff.sides import Reader, Side
from bom.errors import BomError
from bom.private_folder import private_folder
from bom.report.changes import changes
from bom.versions import compared

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from bom.builder.protocol import Progress
    from bom.difference import Comparison
    from bom.report.change import Changes

__all__ = ["Diff", "Side", "diff"]

# Where neither BOM states an epoch: the earliest time that every format can hold (a zip's first).
_EPOCH: Final = 315_532_800


@dataclass(frozen=True, slots=True)
class Diff:
    """What changed. `changes`: None where a side has no BOM and none can be made of it.
    `comparison`: of the bytes; None unless both sides are files and it was asked for. One of the
    two is there."""

    one: Side
    two: Side
    changes: Changes | None
    comparison: Comparison | None

    @property
    def different(self) -> bool:
        """Whether they are: the bytes decide where they were compared, what is said elsewhere."""
        if self.comparison is not None:
            return self.comparison.verdict != "same"
        return self.changes is not None and self.changes.any


@contextmanager
def diff(
    one: Path | str,
    two: Path | str,
    progress: Progress,
    environment: Mapping[str, str],
    *,
    platform: str = "",
    compare_bytes: bool = True,
    scan_missing: bool = True,
) -> Iterator[Diff]:
    """Compare two sides, seals taken off. No signature is checked: `bom verify` does that.

    A BOM is made by scanning where a side has none, unless `scan_missing` is False or the two are
    the same bytes. What stands in the sides' files is there for as long as the context lasts.
    Raises BomError where a side can't be read, BadArtifact where a seal is not whole,
    EnvironmentLacks where no engine, registry or git answers.
    """
    with private_folder() as folder:
        reader = Reader(folder, progress, environment, platform, compare_bytes)
        first, second = reader.side(one, "0"), reader.side(two, "1")
        comparison = None
        if first.built is not None and second.built is not None:
            both = first.contents is not None and second.contents is not None
            known = (_known(first), _known(second)) if both else (Circumstances(),) * 2
            epoch = min((_epoch(item) for item in known if _epoch(item)), default=_EPOCH)
            comparison = compare(
                first.built, second.built, epoch=epoch, known=known, name=first.name
            )
        if comparison is None or (scan_missing and comparison.verdict != "same"):
            first, second = reader.with_boms(first, second)
        found = None
        if first.contents is not None and second.contents is not None:
            found = changes(
                first.contents,
                second.contents,
                compared,
                alike=first.scanned == second.scanned,
            )
        if found is None and comparison is None:
            without = first if first.contents is None else second
            raise BomError(
                f"{without.name} has no BOM, and none can be made of it",
                hint="name an artifact, a BOM, an image, a folder or a git revision",
            )
        yield Diff(first, second, found, comparison)


def _known(side: Side) -> Circumstances:
    if side.contents is None or side.scanned:
        return Circumstances()
    return of_document(side.contents.document)


def _epoch(known: Circumstances) -> int:
    stated = known.variables.get("SOURCE_DATE_EPOCH", "")
    return int(stated) if stated.isascii() and stated.isdigit() and len(stated) < 12 else 0
