"""Jars as Java reads them: by their directory alone, from the end, whatever stands in front.

`bom.archive.zip` refuses what two readers could see differently; here such archives are told of
too, for they ship and run: an executable jar begins with a shell script, many jars hold one name
twice. Everything is bounded: no member is inflated that isn't asked for, and no more than the
`Budget` allows for an archive with all that is nested in it. (APPNOTE 6.3.10, section 4.3.)
"""

from __future__ import annotations

import mmap
import struct
import tempfile
import zlib
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from hashlib import sha1, sha256
from typing import TYPE_CHECKING, Final

from bom.archive import zip_records as records
from bom.catalog.stated import Unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DIRECTORY_LIMIT: Final = 64 * 1024 * 1024  # bytes
MEMBERS_LIMIT: Final = 250_000  # rows of one directory
INFLATED_LIMIT: Final = 1024 * 1024 * 1024  # bytes that come out of one archive, all levels
ROWS_LIMIT: Final = 1_000_000  # rows of all directories of one archive, all levels

_IN_MEMORY: Final = 16 * 1024 * 1024  # bytes; a larger nested archive waits in a file
_PIECE: Final = 1024 * 1024


@dataclass(slots=True)
class Budget:
    """What may still be read of one archive and all that is nested in it."""

    inflated: int = INFLATED_LIMIT
    rows: int = ROWS_LIMIT

    def take_bytes(self, count: int) -> None:
        self.inflated -= count
        if self.inflated < 0:
            raise Unreadable(f"more than {INFLATED_LIMIT >> 20} MiB come out of the archive")

    def take_rows(self, count: int) -> None:
        self.rows -= count
        if self.rows < 0:
            raise Unreadable(f"the archive lists more than {ROWS_LIMIT} members")


@dataclass(frozen=True, slots=True)
class Window:
    """A part of some bytes, which are never copied as a whole."""

    buffer: bytes | mmap.mmap
    start: int
    size: int

    def read(self, offset: int, length: int) -> bytes:
        """`length` bytes, fewer at the end; none outside."""
        if offset < 0 or offset >= self.size:
            return b""
        begin = self.start + offset
        return bytes(self.buffer[begin : begin + min(length, self.size - offset)])


@dataclass(frozen=True, slots=True)
class Member:
    """A row of the directory; `offset`: of the local header, in the window."""

    name: str
    flags: int
    method: int
    crc: int
    compressed: int
    size: int
    offset: int


def members(window: Window, wanted: Callable[[bytes], bool], budget: Budget) -> list[Member]:
    """The members whose raw name is `wanted`, in the order of the directory; of several with one
    name the last. Raises Unreadable."""
    count, size, stated, start = _directory(window)
    if size > DIRECTORY_LIMIT or count > MEMBERS_LIMIT:
        raise Unreadable("its directory is larger than any honest one")
    budget.take_rows(count)
    shift = start - stated  # what stands in front of the archive
    if shift < 0:
        raise Unreadable("its directory does not stand where the end record says")
    data = window.read(start, size)
    found: dict[str, Member] = {}
    at = 0
    for _ in range(count):
        if data[at : at + 4] != records.ROW_SIGNATURE or at + records.ROW.size > len(data):
            raise Unreadable("its directory is cut short or damaged")
        fields = records.ROW.unpack_from(data, at)
        names, extra, comment = fields[10:13]
        name_at = at + records.ROW.size
        raw = data[name_at : name_at + names]
        at = name_at + names + extra + comment
        if wanted(raw):
            member = _member(raw, fields, data[name_at + names : name_at + names + extra], shift)
            found.pop(member.name, None)
            found[member.name] = member
    return list(found.values())


def _directory(window: Window) -> tuple[int, int, int, int]:
    """Number of rows, size, stated offset and real offset of the directory."""
    tail = min(window.size, records.END.size + records.MAX16)
    region = window.read(window.size - tail, tail)
    at = region.rfind(records.END_SIGNATURE)
    if at < 0 or at + records.END.size > len(region):
        raise Unreadable("is no zip archive: it has no end record")
    end = window.size - tail + at
    count, size, offset = records.END.unpack_from(region, at)[4:7]
    locator = window.read(end - records.LOCATOR.size, records.LOCATOR.size)
    if locator.startswith(records.LOCATOR_SIGNATURE):
        end -= records.LOCATOR.size + records.END64.size
        wide = window.read(end, records.END64.size)
        if len(wide) < records.END64.size or not wide.startswith(records.END64_SIGNATURE):
            raise Unreadable("its zip64 end record is not there")
        count, size, offset = records.END64.unpack(wide)[7:10]
    if size > end:
        raise Unreadable("its directory is larger than the file")
    return count, size, offset, end - size


def _member(raw: bytes, fields: tuple[int, ...], extra: bytes, shift: int) -> Member:
    flags, method = fields[3:5]
    crc, compressed, size = fields[7:10]
    offset = fields[16]
    try:
        name = raw.decode("utf-8" if flags & records.UTF8 or raw.isascii() else "cp437")
    except UnicodeDecodeError:
        name = raw.decode("utf-8", "backslashreplace")
    if records.MAX32 in (size, compressed, offset):
        wide = iter(_zip64(extra))
        size = next(wide, size) if size == records.MAX32 else size
        compressed = next(wide, compressed) if compressed == records.MAX32 else compressed
        offset = next(wide, offset) if offset == records.MAX32 else offset
    return Member(name, flags, method, crc, compressed, size, offset + shift)


def _zip64(extra: bytes) -> list[int]:
    at = 0
    while at + 4 <= len(extra):
        tag, length = struct.unpack_from("<HH", extra, at)
        if tag == 1:
            values = extra[at + 4 : at + 4 + min(length, 24)]
            return [value for (value,) in struct.iter_unpack("<Q", values[: len(values) & ~7])]
        at += 4 + length
    return []


def _stored_at(window: Window, member: Member) -> int:
    """Where the member's content begins. Raises Unreadable."""
    if member.flags & records.ENCRYPTED:
        raise Unreadable("it is encrypted")
    if member.method not in (records.STORED, records.DEFLATED):
        raise Unreadable(f"it is compressed by method {member.method}")
    header = window.read(member.offset, records.LOCAL.size)
    if len(header) < records.LOCAL.size or not header.startswith(records.LOCAL_SIGNATURE):
        raise Unreadable("no local header stands where the directory says")
    names, extra = records.LOCAL.unpack(header)[9:11]
    begin: int = member.offset + records.LOCAL.size + names + extra
    if begin + member.compressed > window.size:
        raise Unreadable("it is cut short")
    if member.method == records.STORED and member.compressed != member.size:
        raise Unreadable("a stored member has two sizes")
    return begin


def _pieces(window: Window, member: Member, budget: Budget) -> Iterator[bytes]:
    at = _stored_at(window, member)
    end = at + member.compressed
    if member.method == records.STORED:
        while at < end:
            piece = window.read(at, min(_PIECE, end - at))
            at += len(piece)
            budget.take_bytes(len(piece))
            yield piece
        return
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    total = 0
    while not inflater.eof:
        pending = inflater.unconsumed_tail
        if not pending:
            pending = window.read(at, min(_PIECE, end - at))
            at += len(pending)
        try:
            piece = inflater.decompress(pending, _PIECE)
        except zlib.error:
            raise Unreadable("its compressed data is broken") from None
        if not piece and not pending:
            raise Unreadable("its compressed data is cut short")
        total += len(piece)
        budget.take_bytes(len(piece))
        if total > member.size:
            raise Unreadable("more comes out of it than the directory states")
        if piece:
            yield piece
    if total != member.size:
        raise Unreadable("less comes out of it than the directory states")


def read(window: Window, member: Member, limit: int, budget: Budget) -> bytes:
    """The whole content of a small member. Raises Unreadable."""
    if member.size > limit:
        raise Unreadable(f"it is larger than {limit >> 10} KiB")
    data = b"".join(_pieces(window, member, budget))
    if zlib.crc32(data) != member.crc:
        raise Unreadable("its CRC is wrong")
    return data


@dataclass(frozen=True, slots=True)
class Nested:
    """A member that is an archive of its own: its bytes, and their digests in hex."""

    window: Window
    sha256: str
    sha1: str


@contextmanager
def nested(window: Window, member: Member, limit: int, budget: Budget) -> Iterator[Nested]:
    """The member's bytes as a window, for as long as the context lasts: where it is only stored
    the very same bytes, where it is large a file without a name. Raises Unreadable."""
    if member.size > limit:
        raise Unreadable(f"it is larger than {limit >> 20} MiB")
    strong, weak, crc = sha256(), sha1(usedforsecurity=False), 0
    stored = member.method == records.STORED
    begin = _stored_at(window, member)
    parts: list[bytes] = []
    with ExitStack() as stack:
        large = not stored and member.size > _IN_MEMORY
        aside = stack.enter_context(tempfile.TemporaryFile()) if large else None
        for piece in _pieces(window, member, budget):
            strong.update(piece)
            weak.update(piece)
            crc = zlib.crc32(piece, crc)
            if aside is not None:
                aside.write(piece)
            elif not stored:
                parts.append(piece)
        if crc != member.crc:
            raise Unreadable("its CRC is wrong")
        inner = Window(window.buffer, window.start + begin, member.size)
        if aside is not None:
            aside.flush()
            content = mmap.mmap(aside.fileno(), 0, access=mmap.ACCESS_READ)
            inner = Window(stack.enter_context(content), 0, member.size)
        elif not stored:
            inner = Window(b"".join(parts), 0, member.size)
        yield Nested(inner, strong.hexdigest(), weak.hexdigest())
