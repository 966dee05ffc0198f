"""Small programs, made to the formats' specifications, that hold one section each."""

from __future__ import annotations

import struct


def elf_with(name: bytes, section: bytes, *, wide: bool = True, big: bool = False) -> bytes:
    """An ELF with the section `name`, and the names of sections behind it."""
    order = ">" if big else "<"
    ident = b"\x7fELF" + bytes([2 if wide else 1, 2 if big else 1, 1]) + b"\0" * 9
    head, row = (64, 64) if wide else (52, 40)
    names = b"\0.shstrtab\0" + name + b"\0"
    section_at, names_at = head, head + len(section)
    table = names_at + len(names)
    shape = "HHIQQQIHHHHHH" if wide else "HHIIIIIHHHHHH"
    header = struct.pack(order + shape, 3, 0, 1, 0, 0, table, 0, head, 0, 0, row, 3, 1)

    def entry(name: int, kind: int, address: int, offset: int, size: int) -> bytes:
        form = "IIQQQQIIQQ" if wide else "10I"
        return struct.pack(order + form, name, kind, 0, address, offset, size, 0, 0, 1, 0)

    rows = entry(0, 0, 0, 0, 0)
    rows += entry(1, 3, 0, names_at, len(names))
    rows += entry(len(b"\0.shstrtab\0"), 1, 0x1000, section_at, len(section))
    return ident + header + section + names + rows


def pe_with(name: bytes, section: bytes, *, wide: bool = True) -> bytes:
    """A PE with the section `name`, of initialised data that is written to."""
    start = 0x80
    optional = struct.pack("<H22xQ", 0x20B, 0x140000000) if wide else b""
    optional = optional or struct.pack("<H26xI", 0x10B, 0x400000)
    optional = optional.ljust(112 if wide else 96, b"\0")
    at = start + 24 + len(optional) + 40
    header = struct.pack("<4sHHIIIHH", b"PE\0\0", 0x8664, 1, 0, 0, 0, len(optional), 2)
    size = len(section)
    row = struct.pack("<8sIIIIIIHHI", name, size, 0x1000, size, at, 0, 0, 0, 0, 0xC0000040)
    return (
        b"MZ".ljust(0x3C, b"\0")
        + struct.pack("<I", start)
        + b"\0" * 64
        + header
        + optional
        + (row + section)
    )


def macho_with(name: bytes, section: bytes, *, wide: bool = True, big: bool = False) -> bytes:
    """A Mach-O with the section `name` in a segment that is written to."""
    order = ">" if big else "<"
    magic = 0xFEEDFACF if wide else 0xFEEDFACE
    word = "Q" if wide else "I"
    segment_size, section_size, head = (72, 80, 32) if wide else (56, 68, 28)
    at = head + segment_size + section_size
    header = struct.pack(order + "7I", magic, 0, 0, 2, 1, segment_size + section_size, 0)
    header = header.ljust(head, b"\0")
    size = len(section)
    command = struct.pack(order + "II", 0x19 if wide else 1, segment_size + section_size)
    command += struct.pack(order + f"16s4{word}4I", b"__DATA", 0x1000, size, at, size, 3, 3, 1, 0)
    row = struct.pack(order + f"16s16s2{word}", name, b"__DATA", 0x1000, size)
    row += struct.pack(order + "I", at)
    return header + command + row.ljust(section_size, b"\0") + section


def fat(*slices: bytes) -> bytes:
    """A universal file of several Mach-O."""
    at = 8 + 20 * len(slices)
    rows = content = b""
    for one in slices:
        rows += struct.pack(">IIIII", 0, 0, at + len(content), len(one), 0)
        content += one
    return struct.pack(">II", 0xCAFEBABE, len(slices)) + rows + content
