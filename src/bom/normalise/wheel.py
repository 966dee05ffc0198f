"""Wheels: a zip whose RECORD says what is in it, and stands last (PyPA, Binary distribution
format: "Archivers are encouraged to place the .dist-info files physically at the end").
"""

from __future__ import annotations

import base64
import csv
import io
from typing import TYPE_CHECKING, Final

from bom.archive import zip as zip_archive
from bom.archive.positioned import opened
from bom.errors import CannotNormalise
from bom.normalise.zip import ASPECTS, Rewriting, is_zip

if TYPE_CHECKING:
    from contextlib import ExitStack
    from pathlib import Path

    from bom.archive.positioned import PositionedFile
    from bom.archive.zip import ZipMember
    from bom.archive.zip_records import Row
    from bom.normalise.protocol import Aspect, Change

_RECORD_LIMIT: Final = 32 * 1024 * 1024  # bytes
_INFO: Final = ".dist-info"
_SIGNED: Final = (".jws", ".p7s")


class WheelNormaliser:
    """A wheel. Stateless."""

    name: str = "wheel"
    aspects: tuple[Aspect, ...] = ASPECTS

    def recognises(self, head: bytes, name: str) -> bool:
        """A zip that is called a wheel."""
        return name.lower().endswith(".whl") and is_zip(head)

    def normalise(self, path: Path, out: Path, epoch: int) -> tuple[Change, ...]:
        with opened(path) as file, out.open("wb", buffering=0) as target:
            return _Wheel(file, target.fileno(), epoch, out.parent).run()


class _Wheel(Rewriting):
    """Writes RECORD last, when it is known what all other members hold."""

    def __init__(self, file: PositionedFile, target: int, epoch: int, scratch: Path) -> None:
        super().__init__(file, target, epoch, scratch)
        found = [
            row.name
            for row in self.structure.rows
            if row.name.count("/") == 1 and row.name.endswith(f"{_INFO}/RECORD")
        ]
        if len(found) != 1:
            raise CannotNormalise("it has not exactly one .dist-info/RECORD")
        self._record = found[0]
        self._anew: dict[str, tuple[str, int]] = {}

    def place(self, row: Row) -> int:
        if row.name.startswith(f"{self._record}"):
            return 6 if row.name == self._record else 5
        top = row.name.partition("/")[0]
        return 4 if top.endswith(_INFO) else 3

    def is_signed(self) -> bool:
        return any(
            row.name.endswith(tuple(f"{_INFO}/RECORD{end}" for end in _SIGNED))
            for row in (self.structure.rows)
        )

    def replaced(self, member: ZipMember, kept: ExitStack) -> PositionedFile | bytes | None:
        if member.name != self._record or self.is_signed():
            return super().replaced(member, kept)
        old = zip_archive.read_content(self.file, member, _RECORD_LIMIT)
        new = _record(old, self._record, self._anew)
        if new == old:
            return None
        self.changed["order", self._record] += 1
        return new

    def wrote(self, member: ZipMember, digest: bytes, size: int) -> None:
        encoded = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        self._anew[member.name] = (f"sha256={encoded}", size)


def _record(text: bytes, own: str, anew: dict[str, tuple[str, int]]) -> bytes:
    """RECORD with its rows sorted, its own last, and those of changed members made anew."""
    try:
        lines = list(csv.reader(io.StringIO(text.decode(), newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise CannotNormalise(f"its RECORD can't be read: {error}") from error
    rows = [line for line in lines if line]
    if any(len(row) != 3 for row in rows):
        raise CannotNormalise("a row of its RECORD has not three fields")
    if len({row[0] for row in rows}) != len(rows):
        raise CannotNormalise("its RECORD names a file twice")
    for row in rows:
        if row[0] in anew:
            row[1], row[2] = anew[row[0]][0], str(anew[row[0]][1])
    rows.sort(key=lambda row: (row[0] == own, row[0].encode()))
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue().encode()
