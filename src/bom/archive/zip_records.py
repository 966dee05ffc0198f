"""The records a zip archive is made of: local header, directory row, end record.

Only their bytes are known here (APPNOTE 6.3.10, sections 4.3.7, 4.3.12, 4.3.14 to 4.3.16 and
4.5.3); what makes an archive of them is in `bom.archive.zip`. Whatever can be written in two
ways and read in two ways is refused.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from bom.errors import BadArtifact

LOCAL_SIGNATURE: Final = b"PK\x03\x04"
ROW_SIGNATURE: Final = b"PK\x01\x02"
END_SIGNATURE: Final = b"PK\x05\x06"
END64_SIGNATURE: Final = b"PK\x06\x06"
LOCATOR_SIGNATURE: Final = b"PK\x06\x07"
DESCRIPTOR_SIGNATURE: Final = b"PK\x07\x08"

LOCAL: Final = struct.Struct("<4sHHHHHLLLHH")
ROW: Final = struct.Struct("<4sHHHHHHLLLHHHHHLL")
END: Final = struct.Struct("<4sHHHHLLH")
END64: Final = struct.Struct("<4sQHHLLQQQQ")
LOCATOR: Final = struct.Struct("<4sLQL")

MAX16: Final = 0xFFFF
MAX32: Final = 0xFFFFFFFF
STORED: Final = 0
DEFLATED: Final = 8

ENCRYPTED: Final = 0x0001
DESCRIPTOR: Final = 0x0008  # sizes and CRC stand behind the content
UTF8: Final = 0x0800
# Patched data, strong encryption, masked headers.
_UNREADABLE: Final = 0x0020 | 0x0040 | 0x2000

_ROW_OFFSET_AT: Final = 42
_ZIP64_EXTRA: Final = 0x0001
_UNIX: Final = 3 << 8
_FIRST_DAY: Final = (1 << 5) | 1  # 1980-01-01
_MODE: Final = 0o100644 << 16


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the central directory. `raw`: its bytes; the offset stands at `offset_at` in it,
    in `offset_width` bytes (4, or 8 in a zip64 extra field)."""

    name: str
    raw_name: bytes
    flags: int
    method: int
    time: int
    date: int
    crc: int
    compressed: int
    size: int
    offset: int
    raw: bytes
    offset_at: int
    offset_width: int

    @property
    def is_directory(self) -> bool:
        return self.name.endswith("/")


@dataclass(frozen=True, slots=True)
class LocalHeader:
    """A local header. CRC and sizes may be 0 where a descriptor behind the content states them."""

    raw_name: bytes
    flags: int
    method: int
    time: int
    date: int
    crc: int
    compressed: int
    size: int
    length: int


@dataclass(frozen=True, slots=True)
class End:
    """What stands behind the directory: the end record, in zip64 archives two more before it."""

    count: int
    directory_size: int
    directory_offset: int
    comment: bytes
    zip64: bool


def damaged(reason: str, *, where: str = "", expected: str = "", found: str = "") -> BadArtifact:
    return BadArtifact("damaged", reason, where=where, expected=expected, found=found)


def parse_row(data: bytes, at: int) -> Row:
    """The directory row at `at`. Raises BadArtifact for what is cut short or ambiguous."""
    if at + ROW.size > len(data):
        raise damaged("a row of the zip directory is cut short", where="zip directory")
    fields = ROW.unpack_from(data, at)
    if fields[0] != ROW_SIGNATURE:
        raise damaged("a row of the zip directory does not start as one", where="zip directory")
    flags, method, time, date, crc, compressed, size = fields[3:10]
    name_length, extra_length, comment_length, disk = fields[10:14]
    offset: int = fields[16]
    extra_at = at + ROW.size + name_length
    end = extra_at + extra_length + comment_length
    if end > len(data):
        raise damaged("a row of the zip directory is cut short", where="zip directory")
    raw_name = data[at + ROW.size : extra_at]
    name = decode_name(raw_name, flags)
    if flags & ENCRYPTED:
        raise damaged("the member is encrypted", where=name)
    if flags & _UNREADABLE:
        raise damaged("the member is encrypted or a patch", where=name)
    if disk != 0:
        raise damaged("the archive is split over several files", where=name)
    saturated = [value == MAX32 for value in (size, compressed, offset)]
    offset_at, offset_width = _ROW_OFFSET_AT, 4
    extra = data[extra_at : extra_at + extra_length]
    found = _zip64(extra, name)
    if any(saturated):
        if found is None or found[1] != 8 * sum(saturated):
            raise damaged("the zip64 field of the directory row is wrong", where=name)
        values = iter(struct.unpack_from(f"<{sum(saturated)}Q", extra, found[0]))
        if saturated[0]:
            size = next(values)
        if saturated[1]:
            compressed = next(values)
        if saturated[2]:
            offset = next(values)
            offset_at = extra_at - at + found[0] + found[1] - 8
            offset_width = 8
    elif found is not None:
        raise damaged("the directory row has a zip64 field that it has no use for", where=name)
    return Row(
        name=name,
        raw_name=raw_name,
        flags=flags,
        method=method,
        time=time,
        date=date,
        crc=crc,
        compressed=compressed,
        size=size,
        offset=offset,
        raw=data[at:end],
        offset_at=offset_at,
        offset_width=offset_width,
    )


def decode_name(raw: bytes, flags: int) -> str:
    """A member's name. Raises BadArtifact for one that no archive should hold: empty, absolute,
    with `..`, a backslash, a NUL, or not in the encoding that the flags state."""
    try:
        name = raw.decode("utf-8" if flags & UTF8 else "cp437")
    except UnicodeDecodeError:
        raise damaged("a member's name is not UTF-8, as its flags state") from None
    parts = name.split("/")
    if name.endswith("/"):
        parts.pop()
    if "\\" in name or "\0" in name or any(part in ("", ".", "..") for part in parts):
        raise damaged("a member's name is no plain relative path", where=name)
    return name


def _zip64(extra: bytes, name: str) -> tuple[int, int] | None:
    """Where the zip64 field's data stands in the extra fields, and its length."""
    at, found = 0, None
    while at < len(extra):
        if at + 4 > len(extra):
            raise damaged("the member's extra fields are cut short", where=name)
        tag, length = struct.unpack_from("<HH", extra, at)
        if at + 4 + length > len(extra):
            raise damaged("the member's extra fields are cut short", where=name)
        if tag == _ZIP64_EXTRA:
            if found is not None:
                raise damaged("the member has two zip64 fields", where=name)
            found = (at + 4, length)
        at += 4 + length
    return found


def parse_local(data: bytes, name: str) -> LocalHeader | int:
    """The local header that `data` starts with, or how many bytes it needs to be parsed.

    `name` is what the directory calls the member, for messages. Raises BadArtifact.
    """
    if len(data) < LOCAL.size:
        return LOCAL.size
    fields = LOCAL.unpack_from(data)
    if fields[0] != LOCAL_SIGNATURE:
        raise damaged("no local header where the directory says", where=name)
    flags, method, time, date, crc, compressed, size, name_length, extra_length = fields[2:]
    length: int = LOCAL.size + name_length + extra_length
    if len(data) < length:
        return length
    extra = data[LOCAL.size + name_length : length]
    found = _zip64(extra, name)
    if found is not None:
        if found[1] != 16:
            raise damaged("the zip64 field of the local header is wrong", where=name)
        wide = struct.unpack_from("<QQ", extra, found[0])
        # APPNOTE 4.5.3 wants the narrow fields at their maximum; Python's zipfile before 3.11.4
        # states small sizes there too, the same ones
        if (size, compressed) not in ((MAX32, MAX32), wide):
            raise damaged("the zip64 field of the local header is wrong", where=name)
        size, compressed = wide
    elif MAX32 in (size, compressed):
        raise damaged("the zip64 field of the local header is missing", where=name)
    return LocalHeader(
        raw_name=data[LOCAL.size : LOCAL.size + name_length],
        flags=flags,
        method=method,
        time=time,
        date=date,
        crc=crc,
        compressed=compressed,
        size=size,
        length=length,
    )


def is_descriptor(data: bytes, row: Row) -> bool:
    """Whether `data` is exactly the descriptor (APPNOTE 4.3.9) of the member of `row`."""
    if len(data) in (16, 24):
        if not data.startswith(DESCRIPTOR_SIGNATURE):
            return False
        data = data[4:]
    if len(data) == 12:
        return struct.unpack("<LLL", data) == (row.crc, row.compressed, row.size)
    return len(data) == 20 and struct.unpack("<LQQ", data) == (row.crc, row.compressed, row.size)


def parse_end(region: bytes, start: int) -> End:
    """What stands behind the directory, which ends at `start`. Raises BadArtifact unless every
    byte of `region` is accounted for and all that is stated twice is stated equally."""
    wide: tuple[int, int, int] | None = None
    at = 0
    if region.startswith(END64_SIGNATURE):
        at = END64.size + LOCATOR.size
        if len(region) < at:
            raise damaged("the zip64 end record is cut short", where="zip end record")
        _, length, _, _, disk, first_disk, here, count, size, offset = END64.unpack_from(region)
        signature, locator_disk, position, disks = LOCATOR.unpack_from(region, END64.size)
        if (length, disk, first_disk, here) != (END64.size - 12, 0, 0, count) or (
            (signature, locator_disk, position, disks) != (LOCATOR_SIGNATURE, 0, start, 1)
        ):
            raise damaged("the zip64 end record is wrong", where="zip end record")
        wide = (count, size, offset)
    if len(region) < at + END.size or region[at : at + 4] != END_SIGNATURE:
        raise damaged("no end record behind the zip directory", where="zip end record")
    _, disk, first_disk, here, count, size, offset, comment_length = END.unpack_from(region, at)
    comment = region[at + END.size :]
    if len(comment) != comment_length:
        raise damaged(
            "the archive does not end where its comment does",
            where="zip end record",
            expected=f"{comment_length} bytes",
            found=f"{len(comment)} bytes",
        )
    if disk != 0 or first_disk != 0 or here != count:
        raise damaged("the archive is split over several files", where="zip end record")
    narrow = (count, size, offset)
    limits = (MAX16, MAX32, MAX32)
    if wide is None:
        if any(value == limit for value, limit in zip(narrow, limits, strict=True)):
            raise damaged("the zip64 end record is missing", where="zip end record")
        wide = narrow
    elif any(n not in (w, m) for n, w, m in zip(narrow, wide, limits, strict=True)):
        raise damaged("the two zip end records disagree", where="zip end record")
    if wide[1] + wide[2] != start:
        raise damaged(
            "the zip directory does not end where the end record begins",
            where="zip end record",
            expected=str(start),
            found=str(wide[1] + wide[2]),
        )
    return End(wide[0], wide[1], wide[2], comment, zip64=at != 0)


def moved(row: Row, offset: int) -> bytes:
    """The row's bytes with another offset, in the same width. Raises BadArtifact if too wide."""
    if not 0 <= offset < (MAX32 if row.offset_width == 4 else 1 << 63):
        raise damaged("the member can't stand where the directory would put it", where=row.name)
    value = offset.to_bytes(row.offset_width, "little")
    return row.raw[: row.offset_at] + value + row.raw[row.offset_at + row.offset_width :]


def stored_local(name: str, crc: int, size: int) -> bytes:
    """The local header of a stored member, dated 1980-01-01 00:00:00; `size` under 4 GiB."""
    raw = name.encode()
    flags = 0 if name.isascii() else UTF8
    return (
        LOCAL.pack(LOCAL_SIGNATURE, 10, flags, STORED, 0, _FIRST_DAY, crc, size, size, len(raw), 0)
        + raw
    )


def stored_row(name: str, crc: int, size: int, offset: int) -> bytes:
    """The directory row of a stored member of mode 0644, dated 1980-01-01 00:00:00."""
    raw = name.encode()
    flags = 0 if name.isascii() else UTF8
    extra, version = b"", 10
    if offset >= MAX32:
        extra, version = struct.pack("<HHQ", _ZIP64_EXTRA, 8, offset), 45
    fields = (_UNIX | 20, version, flags, STORED, 0, _FIRST_DAY, crc, size, size)
    lengths = (len(raw), len(extra), 0, 0, 0)
    return ROW.pack(ROW_SIGNATURE, *fields, *lengths, _MODE, min(offset, MAX32)) + raw + extra


def end_region(end: End) -> bytes:
    """The bytes behind the directory; zip64 records where `end` says so or the values need them."""
    start = end.directory_offset + end.directory_size
    wide = (end.count, end.directory_size, end.directory_offset)
    region = b""
    if end.zip64 or end.count >= MAX16 or start >= MAX32:
        region = END64.pack(
            END64_SIGNATURE, END64.size - 12, _UNIX | 45, 45, 0, 0, end.count, *wide
        ) + LOCATOR.pack(LOCATOR_SIGNATURE, 0, start, 1)
    count = min(end.count, MAX16)
    size, offset = min(end.directory_size, MAX32), min(end.directory_offset, MAX32)
    return (
        region
        + END.pack(END_SIGNATURE, 0, 0, count, count, size, offset, len(end.comment))
        + end.comment
    )
