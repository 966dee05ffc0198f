"""Programs and shared libraries: where their sections stand, and what is at an address.

Reads ELF (System V gABI, "ELF Header", "Sections", "Program Header"; 32 and 64 bits, both byte
orders), PE ("PE Format") and Mach-O (mach-o/loader.h, mach-o/fat.h). Only what is needed to find
a section by name and a pointer's target; whatever points outside of the file is not there.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    import mmap
    from collections.abc import Callable, Iterator, Sequence

ELF_MAGIC: Final = b"\x7fELF"
PE_MAGIC: Final = b"MZ"
MACHO_MAGICS: Final = (
    b"\xfe\xed\xfa\xce",
    b"\xfe\xed\xfa\xcf",
    b"\xce\xfa\xed\xfe",
    b"\xcf\xfa\xed\xfe",
)
FAT_MAGICS: Final = (b"\xca\xfe\xba\xbe", b"\xca\xfe\xba\xbf")
MAGICS: Final = (ELF_MAGIC, PE_MAGIC, *MACHO_MAGICS, *FAT_MAGICS)

_ENTRIES: Final = 20_000  # sections, segments or load commands of one program
_NAMES: Final = 1024 * 1024  # bytes of an ELF's section names
_SLICES: Final = 30  # of a fat file; what begins the same and says more is a Java class file

# By class (32 or 64 bits) and byte order, as an ELF's identification has them.
_ELF: Final = {
    bytes([width, encoding]): (
        width,
        struct.Struct(order + ("HHIIIIIHHHHHH" if width == 1 else "HHIQQQIHHHHHH")),
        struct.Struct(order + ("10I" if width == 1 else "IIQQQQIIQQ")),
        struct.Struct(order + ("8I" if width == 1 else "IIQQQQQQ")),
    )
    for width in (1, 2)
    for encoding, order in ((1, "<"), (2, ">"))
}
_ELF_LOAD: Final = 1
_ELF_NO_BITS: Final = 8
_ELF_COMPRESSED: Final = 0x800
_ELF_EXECUTE: Final = 1
_ELF_WRITE: Final = 2

_PE_DATA: Final = 0xC0000040  # initialised data, readable, writable
_PE_ALIGNMENT: Final = 0x600000
_MACHO_READ_WRITE: Final = 3


class Region(NamedTuple):
    """A section or segment: its address when loaded, and where its bytes stand in the file."""

    name: bytes
    address: int
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class Program:
    """One program of a file (a fat Mach-O holds several). Positions count from its own start.

    `find` gives a section by its name. `load` gives the segments that are mapped to addresses,
    and the first that is written to, as `go version` picks it: called only where it is needed,
    for most of an image's libraries are looked at for two names alone.
    """

    content: bytes | mmap.mmap
    start: int
    end: int
    find: Callable[[bytes], Region | None]
    load: Callable[[], tuple[Sequence[Region], Region | None]]
    named: bool = True  # whether its sections have names that say what they hold

    def read(self, region: Region, limit: int) -> bytes:
        """The region's bytes, as far as the file has them, at most `limit`."""
        first = self.start + region.offset
        return self.content[first : min(self.end, first + min(region.size, limit))]

    def at(self, address: int, limit: int) -> bytes:
        """What is loaded from `address` to the end of its segment, at most `limit` bytes."""
        for region in self.load()[0]:
            skipped = address - region.address
            if 0 <= skipped < region.size:
                rest = Region(b"", address, region.offset + skipped, region.size - skipped)
                return self.read(rest, limit)
        return b""


def programs(content: bytes | mmap.mmap) -> Iterator[Program]:
    """The programs of a file, none where it is of no known format or broken."""
    magic = content[:4]
    try:
        if magic == ELF_MAGIC:
            yield _elf(content)
        elif magic.startswith(PE_MAGIC):
            yield _pe(content)
        elif magic in MACHO_MAGICS:
            yield _macho(content, 0, len(content))
        elif magic in FAT_MAGICS:
            for first, end in _slices(content):
                yield _macho(content, first, end)
    except (struct.error, OverflowError, _Broken):
        return


class _Broken(Exception):
    """The headers contradict the format."""


# --- ELF -----------------------------------------------------------------------------------------


def _elf(content: bytes | mmap.mmap) -> Program:
    known = _ELF.get(content[4:6])
    if known is None:
        raise _Broken
    width, whole_header, section, segment = known
    header = whole_header.unpack_from(content, 16)
    _, _, _, _, segment_table, section_table, _, _, segment_size, segments = header[:10]
    section_size, sections, names_at = header[10:]
    if section_table and not sections:  # too many for the field: the first one says how many
        first = section.unpack_from(content, section_table)
        sections, names_at = first[5], first[6] if names_at == 0xFFFF else names_at
    names = b""
    if section_table and names_at < sections <= _ENTRIES and section_size == section.size:
        row = section.unpack_from(content, section_table + names_at * section_size)
        names = content[row[4] : row[4] + min(row[5], _NAMES)]

    def find(name: bytes) -> Region | None:
        whole = name + b"\0"
        if whole not in names:
            return None
        for place in range(sections):
            position = section_table + place * section_size
            if position + section_size > len(content):
                break
            row = section.unpack_from(content, position)
            if names.startswith(whole, row[0]):
                stored = row[1] != _ELF_NO_BITS and not row[2] & _ELF_COMPRESSED
                return Region(name, row[3], row[4], row[5]) if stored else None
        return None

    def load() -> tuple[Sequence[Region], Region | None]:
        mapped: list[Region] = []
        data = None
        for place in range(segments if segment_size == segment.size else 0):
            position = segment_table + place * segment_size
            if position + segment_size > len(content):
                break
            row = segment.unpack_from(content, position)
            if width == 1:
                kind, offset, address, _, stored, _, flags, _ = row
            else:
                kind, flags, offset, address, _, stored, _, _ = row
            if kind == _ELF_LOAD and stored:
                mapped.append(Region(b"", address, offset, stored))
                if data is None and flags & (_ELF_WRITE | _ELF_EXECUTE) == _ELF_WRITE:
                    data = mapped[-1]
        return mapped, data

    return Program(content, 0, len(content), find, load, bool(names))


# --- PE ------------------------------------------------------------------------------------------


def _pe(content: bytes | mmap.mmap) -> Program:
    (header,) = struct.unpack_from("<I", content, 0x3C)
    signature, _, count, _, _, _, optional, _ = struct.unpack_from("<4sHHIIIHH", content, header)
    if signature != b"PE\0\0":
        raise _Broken
    base = 0
    if optional >= 32:
        (magic,) = struct.unpack_from("<H", content, header + 24)
        if magic == 0x20B:
            (base,) = struct.unpack_from("<Q", content, header + 24 + 24)
        elif magic == 0x10B:
            (base,) = struct.unpack_from("<I", content, header + 24 + 28)
    regions = []
    data = None
    for place in range(count):
        row = struct.unpack_from("<8sIIIIIIHHI", content, header + 24 + optional + 40 * place)
        name, _, address, stored, offset = row[:5]
        region = Region(name.rstrip(b"\0"), base + address, offset, stored)
        regions.append(region)
        if data is None and address and stored and row[9] & ~_PE_ALIGNMENT == _PE_DATA:
            data = region
    return Program(content, 0, len(content), _by_name(regions), lambda: (regions, data), False)


# --- Mach-O --------------------------------------------------------------------------------------


def _slices(content: bytes | mmap.mmap) -> Iterator[tuple[int, int]]:
    (count,) = struct.unpack_from(">I", content, 4)
    if count > _SLICES:
        return
    row = struct.Struct(">IIQQII" if content[3] == 0xBF else ">IIIII")
    for place in range(count):
        _, _, first, size, *_ = row.unpack_from(content, 8 + place * row.size)
        if content[first : first + 4] in MACHO_MAGICS:
            yield first, min(first + size, len(content))


def _macho(content: bytes | mmap.mmap, start: int, end: int) -> Program:
    magic = content[start : start + 4]
    order = "<" if magic[3] == 0xFE else ">"
    wide = 0xCF in magic
    (count,) = struct.unpack_from(order + "I", content, start + 16)
    command = struct.Struct(order + "II")
    segment = struct.Struct(order + ("16sQQQQIIII" if wide else "16sIIIIIIII"))
    section = struct.Struct(order + ("16s16sQQIIIIIIII" if wide else "16s16sIIIIIIIII"))
    position = start + (32 if wide else 28)
    sections: list[Region] = []
    segments: list[Region] = []
    data = None
    for _ in range(min(count, _ENTRIES)):
        kind, size = command.unpack_from(content, position)
        if size < command.size:
            raise _Broken
        if kind == (0x19 if wide else 1):
            row = segment.unpack_from(content, position + command.size)
            name, address, _, offset, stored, most, protection, inside, _ = row
            region = Region(name.rstrip(b"\0"), address, offset, stored)
            if stored and region.name != b"__PAGEZERO":
                segments.append(region)
                writable = most == protection == _MACHO_READ_WRITE
                if data is None and address and writable:
                    data = region
            at = position + command.size + segment.size
            for _ in range(min(inside, _ENTRIES - len(sections))):
                called, _, address, stored, offset, *_ = section.unpack_from(content, at)
                sections.append(Region(called.rstrip(b"\0"), address, offset, stored))
                at += section.size
        position += size
    return Program(content, start, end, _by_name(sections), lambda: (segments, data))


def _by_name(regions: list[Region]) -> Callable[[bytes], Region | None]:
    return lambda name: next((region for region in regions if region.name == name), None)
