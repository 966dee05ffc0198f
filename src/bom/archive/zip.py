"""A strict reader of zip archives, at the level of their structure.

Two readers of one zip file can see different things: one goes by the directory, one by the local
headers, one takes the first of two equal names, one the last. Here every byte belongs to exactly
one record, the two accounts of each member agree, and names are unique; all else is BadArtifact.
(APPNOTE 6.3.10 section 4.3.)
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bom.archive import zip_records as records
from bom.archive.positioned import CHUNK, pieces
from bom.archive.zip_records import End, Row, damaged
from bom.errors import BadArtifact

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bom.archive.positioned import Positioned

DIRECTORY_LIMIT: Final = 64 * 1024 * 1024  # bytes
MEMBER_LIMIT: Final = 250_000
_LOCAL_GUESS: Final = 64  # room for extra fields, so that one read per member is enough
_INFLATED: Final = 256 * 1024


@dataclass(frozen=True, slots=True)
class ZipMember:
    """A member: its directory row, and where its content stands; the entry ends at `end`."""

    row: Row
    start: int
    content: int
    end: int

    @property
    def name(self) -> str:
        return self.row.name


@dataclass(frozen=True, slots=True)
class ZipStructure:
    """An archive without its contents.

    `members`: in the order of their entries. `rows`: in the order of the directory.
    `end_region`: all bytes behind the directory.
    """

    members: tuple[ZipMember, ...]
    rows: tuple[Row, ...]
    end: End
    end_region: bytes


def read(file: Positioned) -> ZipStructure:
    """The structure of the archive that is all of `file`.

    Raises BadArtifact: `truncated` where the end is missing, `oversized` where the directory is
    larger than any honest one, `damaged` for everything that two readers could see differently.
    """
    if file.size < records.END.size or not file.read_at(0, 2) == b"PK":
        raise damaged("this is not a zip archive")
    region_start = _end_position(file)
    region = file.read_at(region_start, file.size - region_start)
    end = records.parse_end(region, region_start)
    if end.directory_size > DIRECTORY_LIMIT or end.count > MEMBER_LIMIT:
        raise BadArtifact(
            "oversized",
            "the zip directory is too large",
            expected=f"at most {MEMBER_LIMIT} members and {DIRECTORY_LIMIT} bytes",
            found=f"{end.count} members and {end.directory_size} bytes",
        )
    rows = tuple(_rows(file.read_at(end.directory_offset, end.directory_size), end.count))
    return ZipStructure(tuple(_members(file, rows, end.directory_offset)), rows, end, region)


def _end_position(file: Positioned) -> int:
    tail_size = min(file.size, records.END.size + records.MAX16)
    tail_start = file.size - tail_size
    tail = file.read_at(tail_start, tail_size)
    # The last signature must be the end record's: readers differ in which of two they take.
    found = tail.rfind(records.END_SIGNATURE)
    if found < 0:
        raise BadArtifact("truncated", "the zip archive's end record is missing")
    position = tail_start + found
    locator_at = position - records.LOCATOR.size
    start = locator_at - records.END64.size
    if start >= 0 and file.read_at(locator_at, 4) == records.LOCATOR_SIGNATURE:
        return start
    return position


def _rows(directory: bytes, count: int) -> Iterator[Row]:
    at, names = 0, set()
    for _ in range(count):
        row = records.parse_row(directory, at)
        at += len(row.raw)
        if row.name in names:
            raise damaged("two members have the same name", where=row.name)
        names.add(row.name)
        yield row
    if at != len(directory):
        raise damaged("bytes between the zip directory and its end", where="zip directory")


def _members(file: Positioned, rows: tuple[Row, ...], directory_offset: int) -> Iterator[ZipMember]:
    ordered = sorted(rows, key=lambda row: row.offset)
    if ordered and ordered[0].offset != 0:
        raise damaged("bytes stand before the first member", found=f"{ordered[0].offset} bytes")
    if not ordered:
        if directory_offset != 0:
            raise damaged("bytes stand before the directory", found=f"{directory_offset} bytes")
        return
    ends = [row.offset for row in ordered[1:]] + [directory_offset]
    for row, end in zip(ordered, ends, strict=True):
        yield member(file, row, row.offset, end)


def member(file: Positioned, row: Row, start: int, end: int) -> ZipMember:
    """The member of `row` whose entry fills `file` from `start` to `end`.

    Raises BadArtifact unless local header, content and descriptor fill it exactly and say what
    the row says.
    """
    guess = records.LOCAL.size + len(row.raw_name) + _LOCAL_GUESS
    header = records.parse_local(file.read_at(start, max(0, min(guess, end - start))), row.name)
    if isinstance(header, int) and header <= end - start:
        header = records.parse_local(file.read_at(start, header), row.name)
    if isinstance(header, int) and header <= end - start:
        header = records.parse_local(file.read_at(start, header), row.name)
    if isinstance(header, int):
        raise damaged("the member overlaps what follows it", where=row.name)
    stated = (header.raw_name, header.flags, header.method, header.time, header.date)
    if stated != (row.raw_name, row.flags, row.method, row.time, row.date):
        raise damaged("local header and zip directory disagree", where=row.name)
    content = start + header.length
    behind = content + row.compressed
    if behind > end:
        raise damaged("the member overlaps what follows it", where=row.name)
    sizes = (header.crc, header.compressed, header.size)
    if row.flags & records.DESCRIPTOR:
        # Info-ZIP's zip states the size that it knows already, and 0 for the others
        known = (row.crc, row.compressed, row.size)
        if any(stated not in (0, right) for stated, right in zip(sizes, known, strict=True)):
            raise damaged("local header and zip directory disagree", where=row.name)
        if end - behind > 24 or not records.is_descriptor(file.read_at(behind, end - behind), row):
            raise damaged("the member's descriptor and the zip directory disagree", where=row.name)
    else:
        if sizes != (row.crc, row.compressed, row.size):
            raise damaged("local header and zip directory disagree", where=row.name)
        if behind != end:
            raise damaged("bytes between two members", where=row.name, found=f"{end - behind}")
    if row.method == records.STORED and row.compressed != row.size:
        raise damaged("a stored member has two sizes", where=row.name)
    return ZipMember(row, start, content, end)


def content(file: Positioned, member: ZipMember) -> Iterator[bytes]:
    """The member's content in pieces of at most 1 MiB, in constant memory.

    Raises BadArtifact for another method than stored and deflated, for a stream that is broken
    or goes on, and as soon as more comes out than the directory states. The CRC is the caller's.
    """
    row = member.row
    if row.method == records.STORED:
        yield from pieces(file, member.content, member.content + row.compressed)
        return
    if row.method != records.DEFLATED:
        raise damaged(
            "the member is compressed by a method that installers don't share",
            where=row.name,
            expected="stored (0) or deflated (8)",
            found=str(row.method),
        )
    total = 0
    for piece in _inflated(file, member):
        total += len(piece)
        if total > row.size:
            raise damaged(
                "more comes out of the member than the directory states",
                where=row.name,
                expected=f"{row.size} bytes",
            )
        yield piece
    if total != row.size:
        raise damaged(
            "less comes out of the member than the directory states",
            where=row.name,
            expected=f"{row.size} bytes",
            found=f"{total} bytes",
        )


def _inflated(file: Positioned, member: ZipMember) -> Iterator[bytes]:
    at, end = member.content, member.content + member.row.compressed
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    while not inflater.eof:
        pending = inflater.unconsumed_tail
        if not pending:
            pending = file.read_at(at, min(_INFLATED, end - at))
            at += len(pending)
        try:
            piece = inflater.decompress(pending, CHUNK)
        except zlib.error:
            raise damaged("the member's compressed data is broken", where=member.name) from None
        if piece:
            yield piece
        elif not pending:
            raise damaged("the member's compressed data is cut short", where=member.name)
    if inflater.unused_data or at != end:
        raise damaged("bytes behind the member's compressed data", where=member.name)


def read_content(file: Positioned, member: ZipMember, limit: int) -> bytes:
    """The whole content of a small member. Raises BadArtifact: `oversized` over `limit` bytes,
    `damaged` where its CRC is wrong."""
    if member.row.size > limit:
        raise BadArtifact(
            "oversized",
            "the member is too large",
            where=member.name,
            expected=f"at most {limit} bytes",
            found=f"{member.row.size} bytes",
        )
    data = b"".join(content(file, member))
    if zlib.crc32(data) != member.row.crc:
        raise damaged("the member's CRC is wrong", where=member.name)
    return data
