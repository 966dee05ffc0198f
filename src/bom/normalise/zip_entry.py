"""The one way in which a zip's member is written: no descriptor, no extra field that a machine
decides, a mode that no umask does (APPNOTE 6.3.10 sections 4.3.7, 4.3.12, 4.4 and 4.5).
"""

from __future__ import annotations

import stat
import struct
import zlib
from typing import TYPE_CHECKING, Final

from bom.archive.zip_records import (
    DEFLATED,
    LOCAL,
    LOCAL_SIGNATURE,
    MAX32,
    ROW,
    ROW_SIGNATURE,
    UTF8,
)
from bom.errors import CannotNormalise
from bom.normalise.moments import from_dos, to_dos

if TYPE_CHECKING:
    from bom.archive.zip_records import Row

_MADE_BY: Final = 3 << 8 | 20  # unix, version 2.0
_UNIX: Final = (3, 19)  # and macOS: the upper half of the attributes is st_mode
_ZIP64: Final = 0x0001
_TIMESTAMP: Final = 0x5455
_UNICODE_PATH: Final = 0x7075
# -1: the plexus-archiver of Maven's default jar plugin writes it for folders that it adds itself
_UNKNOWN_MODE: Final = 0xFFFF
_DOS_DIRECTORY: Final = 0x10


class Head:
    """All of a member's two headers but what its content decides.

    `time`: seconds as the result has it. `is_wide`: its sizes may not fit into 32 bits.
    """

    def __init__(self, row: Row, time: int, size: int) -> None:
        self.row = row
        self.method = row.method if not row.is_directory else 0
        self.mode = normal_mode(row)
        self.is_wide = size + (size >> 10) + 65_536 >= MAX32
        self._flags = 0 if row.raw_name.isascii() else row.flags & UTF8
        self._path = _unicode_path(row)
        version = 20 if row.is_directory or self.method == DEFLATED else 10
        self._version = 45 if self.is_wide else version
        date, clock = to_dos(time)
        self._stated = (self._flags, self.method, clock, date)

    @property
    def length(self) -> int:
        """Bytes of the local header."""
        return LOCAL.size + len(self.row.raw_name) + (20 if self.is_wide else 0) + len(self._path)

    def local(self, crc: int, compressed: int, size: int) -> bytes:
        """The local header."""
        extra = self._path
        sizes = (compressed, size)
        if self.is_wide:
            extra = struct.pack("<HHQQ", _ZIP64, 16, size, compressed) + extra
            sizes = (MAX32, MAX32)
        head = (LOCAL_SIGNATURE, self._version, *self._stated, crc, *sizes)
        return LOCAL.pack(*head, len(self.row.raw_name), len(extra)) + self.row.raw_name + extra

    def directory(self, crc: int, compressed: int, size: int, offset: int) -> bytes:
        """The row of the directory."""
        wide = b"".join(
            struct.pack("<Q", value) for value in (size, compressed, offset) if value >= MAX32
        )
        extra = (struct.pack("<HH", _ZIP64, len(wide)) + wide if wide else b"") + self._path
        comment = comment_of(self.row)
        narrow = [min(value, MAX32) for value in (compressed, size)]
        version = 45 if wide else self._version
        attributes = self.mode << 16 | (_DOS_DIRECTORY if self.row.is_directory else 0)
        lengths = (len(self.row.raw_name), len(extra), len(comment), 0, 0)
        head = (ROW_SIGNATURE, _MADE_BY, version, *self._stated, crc, *narrow, *lengths)
        packed = ROW.pack(*head, attributes, min(offset, MAX32))
        return packed + self.row.raw_name + extra + comment


def stated_mode(row: Row) -> int:
    """st_mode as the row states it, 0 where it states none."""
    (host,) = struct.unpack_from("<B", row.raw, 5)
    (attributes,) = struct.unpack_from("<L", row.raw, 38)
    mode = attributes >> 16 if host in _UNIX else 0
    return 0 if mode == _UNKNOWN_MODE else mode


def normal_mode(row: Row) -> int:
    """The mode without what the umask decides. Raises CannotNormalise for a device or a pipe."""
    mode = stated_mode(row)
    kind = stat.S_IFMT(mode)
    if row.is_directory:
        # some writers (older plexus-archiver) say S_IFREG of folders, too
        if kind not in (0, stat.S_IFDIR, stat.S_IFREG):
            raise CannotNormalise(f"{row.name!a} is a folder by its name alone")
        return stat.S_IFDIR | (mode & 0o7000) | 0o755
    if kind == stat.S_IFLNK:
        return stat.S_IFLNK | 0o777
    if kind not in (0, stat.S_IFREG):
        raise CannotNormalise(f"{row.name!a} is neither a file nor a folder nor a link")
    return stat.S_IFREG | (mode & 0o7000) | (0o755 if mode & 0o100 else 0o644)


def time_of(row: Row) -> int:
    """Seconds since 1970: what the extended timestamp says, else the MS-DOS time read as UTC."""
    stamp = _extras(row).get(_TIMESTAMP, b"")
    if len(stamp) >= 5 and stamp[0] & 1:
        return int(struct.unpack_from("<l", stamp, 1)[0])
    return from_dos(row.date, row.time)


def comment_of(row: Row) -> bytes:
    (length,) = struct.unpack_from("<H", row.raw, 32)
    return row.raw[len(row.raw) - length :] if length else b""


def _extras(row: Row) -> dict[int, bytes]:
    """The extra fields of the directory row, which `zip_records` has walked before."""
    (length,) = struct.unpack_from("<H", row.raw, 30)
    at = ROW.size + len(row.raw_name)
    end, found = at + length, {}
    while at + 4 <= end:
        tag, size = struct.unpack_from("<HH", row.raw, at)
        found[tag] = row.raw[at + 4 : at + 4 + size]
        at += 4 + size
    return found


def _unicode_path(row: Row) -> bytes:
    """Info-ZIP's field with the name in UTF-8, where it is about this name (APPNOTE 4.6.9)."""
    data = _extras(row).get(_UNICODE_PATH, b"")
    if len(data) < 6 or struct.unpack_from("<L", data, 1)[0] != zlib.crc32(row.raw_name):
        return b""
    if row.raw_name.isascii() or row.flags & UTF8:
        return b""
    return struct.pack("<HH", _UNICODE_PATH, len(data)) + data
