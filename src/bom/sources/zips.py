"""Zip archives (wheels, zips) as file systems. Read strictly where the archive is sound, else by
its directory alone, with a gap: another reader may then see something else in it."""

from __future__ import annotations

import stat
import zipfile
import zlib
from typing import TYPE_CHECKING, Final

from bom.archive import zip as strict
from bom.archive.positioned import opened
from bom.archive.zip_errors import BROKEN_ZIP
from bom.archive.zip_records import END, END64, END64_SIGNATURE, END_SIGNATURE, MAX16
from bom.errors import BadArtifact
from bom.model import Gap

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bom.archive.positioned import PositionedFile
    from bom.archive.zip import ZipMember
    from bom.catalog.unpacked import Contents

# Deflate makes at most 1,032 bytes out of one; bzip2 and LZMA members may do better than that, but
# not over a gibibyte, and members that share their bytes (a zip bomb) are caught by it too.
_RATIO: Final = 1100
_UNSUSPICIOUS: Final = 1 << 30  # bytes
_LINK_LIMIT: Final = 4096  # bytes of a symbolic link's target
_PIECE: Final = 1024 * 1024
_UNIX: Final = 3  # "version made by": attributes are those of Unix (APPNOTE 4.4.2)
_ENCRYPTED: Final = 0x1
_BROKEN: Final = (*BROKEN_ZIP, OSError)


def read(path: Path, contents: Contents) -> tuple[Gap, ...]:
    """Give all members to `contents`. Raises BadArtifact where the archive can't be read at all."""
    with opened(path) as file:
        try:
            structure = strict.read(file)
        except BadArtifact as error:
            if error.code == "oversized":
                raise
            why = f"two readers can see different things in it: {error.reason}"
        else:
            _check_total(sum(member.row.size for member in structure.members), file.size)
            for member in structure.members:
                _strictly(file, member, contents)
            return ()
        _check_directory(file)
    _leniently(path, contents)
    return (Gap("archive.structure", path.name, why),)


def _check_total(total: int, size: int) -> None:
    if total > _UNSUSPICIOUS and total > _RATIO * size:
        raise BadArtifact(
            "oversized",
            f"{total >> 20} MiB would come out of {size >> 10} KiB: this is taken for an attack",
        )


# --- sound archives -----------------------------------------------------------------------------


def _strictly(file: PositionedFile, member: ZipMember, contents: Contents) -> None:
    row = member.row
    mode = int.from_bytes(row.raw[38:42], "little") >> 16 if row.raw[5] == _UNIX else 0
    if row.is_directory:
        return
    if stat.S_ISLNK(mode) and row.size <= _LINK_LIMIT:
        try:
            target = strict.read_content(file, member, _LINK_LIMIT)
        except BadArtifact as error:
            contents.lacks(row.name, error.reason)
            return
        contents.link(row.name, target.decode("utf-8", "surrogateescape"))
        return
    contents.file(row.name, row.size, bool(mode & 0o111), _checked(file, member))


def _checked(file: PositionedFile, member: ZipMember) -> Iterator[bytes]:
    crc = 0
    for piece in strict.content(file, member):
        crc = zlib.crc32(piece, crc)
        yield piece
    if crc != member.row.crc:
        raise BadArtifact("damaged", "the member's CRC is wrong", where=member.name)


# --- the others ---------------------------------------------------------------------------------


def _check_directory(file: PositionedFile) -> None:
    """Raise BadArtifact for a directory that costs too much memory."""
    start = max(0, file.size - END.size - MAX16 - END64.size - 20)
    tail = file.read_at(start, file.size - start)
    sizes = []
    for signature, record, field in ((END_SIGNATURE, END, 5), (END64_SIGNATURE, END64, 8)):
        at = tail.rfind(signature)
        if 0 <= at <= len(tail) - record.size:
            sizes.append(int(record.unpack_from(tail, at)[field]))
    # 2**32 - 1 says: see the other record
    if any(strict.DIRECTORY_LIMIT < size != 0xFFFFFFFF for size in sizes):
        raise BadArtifact("oversized", "the zip directory is too large")


def _leniently(path: Path, contents: Contents) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            rows = archive.infolist()
            if len(rows) > strict.MEMBER_LIMIT:
                raise BadArtifact("oversized", f"the zip holds {len(rows)} members")
            _check_total(sum(row.file_size for row in rows), path.stat().st_size)
            for row in rows:
                if not row.is_dir():
                    mode = row.external_attr >> 16 if row.create_system == _UNIX else 0
                    if stat.S_ISLNK(mode):
                        contents.lacks(row.filename, "a link in a zip that is not sound")
                        continue
                    executable = bool(mode & 0o111)
                    pieces = _member(archive, row)
                    contents.file(row.filename, row.file_size, executable, pieces)
    except _BROKEN as error:
        raise BadArtifact("damaged", "the zip archive can't be read") from error


def _member(archive: zipfile.ZipFile, row: zipfile.ZipInfo) -> Iterator[bytes]:
    if row.flag_bits & _ENCRYPTED:
        raise BadArtifact("damaged", "it is encrypted")
    total = 0
    try:
        with archive.open(row) as member:
            while piece := member.read(_PIECE):
                total += len(piece)
                yield piece
    except _BROKEN as error:
        raise BadArtifact("damaged", "its content can't be read") from error
    if total != row.file_size:
        raise BadArtifact("damaged", "less comes out of it than the directory states")
