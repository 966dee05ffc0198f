"""The sections of an ELF file (System V gABI, "Sections"), compared one by one.

A section of strings that differs says why; the addresses and offsets of the others follow from
its length, and the build ID from all of them.
"""

from __future__ import annotations

import struct
import zlib
from typing import Final, NamedTuple

MAGIC: Final = b"\x7fELF"
BUILD_IDS: Final = (".note.gnu.build-id", ".note.go.buildid")
# Follow from the rest: a checksum of the separate debugging file, the names of sections.
DERIVED: Final = (".gnu_debuglink", ".shstrtab", ".gnu_debugaltlink")
# Hold places in others, or describe them: differ whenever those are of another length.
_PLACES: Final = (".debug_", ".rel", ".symtab", ".strtab", ".eh_frame", ".gcc_except", ".zdebug")
_SECTIONS: Final = 5000
_INFLATED: Final = 32 * 1024 * 1024
_NO_BITS: Final = 8
_COMPRESSED: Final = 0x800
_ZLIB: Final = 1


class Section(NamedTuple):
    name: str
    content: bytes


def sections(data: bytes) -> list[Section]:
    """The sections with content, in their order; none where the headers don't hold together."""
    if len(data) < 64 or data[:4] != MAGIC or data[4] not in (1, 2) or data[5] not in (1, 2):
        return []
    order, wide = "<>"[data[5] - 1], data[4] == 2
    table, size, count, names = (
        (
            *struct.unpack_from(order + "Q", data, 0x28),
            *struct.unpack_from(order + "HHH", data, 0x3A),
        )
        if wide
        else (
            *struct.unpack_from(order + "I", data, 0x20),
            *struct.unpack_from(order + "HHH", data, 0x2E),
        )
    )
    row = struct.Struct(order + ("IIQQQQIIQQ" if wide else "10I"))
    if size < row.size or not 0 < count <= _SECTIONS or names >= count:
        return []
    if table + size * count > len(data):
        return []
    rows = [row.unpack_from(data, table + size * index) for index in range(count)]
    strings = data[rows[names][4] : rows[names][4] + rows[names][5]]
    found: list[Section] = []
    for name, kind, flags, _, offset, length, *_ in rows:
        if kind in (0, _NO_BITS):
            continue
        raw = strings[name : name + 200].partition(b"\0")[0]
        content = data[offset : offset + length]
        if flags & _COMPRESSED:
            content = _inflated(content, order, wide)
        found.append(Section(raw.decode("ascii", "backslashreplace"), content))
    return found


def _inflated(content: bytes, order: str, wide: bool) -> bytes:
    if len(content) < 24 or struct.unpack_from(order + "I", content)[0] != _ZLIB:
        return content
    try:
        return zlib.decompressobj().decompress(content[24 if wide else 12 :], _INFLATED)
    except zlib.error:
        return content


def holds_places(name: str) -> bool:
    """Whether a section holds mostly offsets and addresses in others."""
    return name.startswith(_PLACES)
