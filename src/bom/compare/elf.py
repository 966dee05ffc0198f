"""Programs and libraries, section by section (System V gABI, "ELF Header", "Sections").

A text of another length moves everything behind it, and with that every address in the code: what
follows from another section is not told again.
"""

from __future__ import annotations

import struct
import zlib
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bom.archive.positioned import PositionedBytes
from bom.compare.content import LEAF_LIMIT, Window, first_difference, whole
from bom.compare.found import joined
from bom.compare.walk import Pair
from bom.errors import BadArtifact

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bom.archive.positioned import Positioned
    from bom.compare.walk import Walk

MAGIC: Final = b"\x7fELF"
_SECTIONS: Final = 20_000
_NAMES: Final = 1024 * 1024  # bytes
# By class: 32 or 64 bits.
_HEADERS: Final = {
    1: (struct.Struct("HHIIIIIHHHHHH"), struct.Struct("10I")),
    2: (struct.Struct("HHIQQQIHHHHHH"), struct.Struct("IIQQQQIIQQ")),
}
_NO_BITS: Final = 8
_COMPRESSED: Final = 0x800
_STRINGS: Final = 0x20
# What holds texts, which say by themselves why they differ; in this order.
_TELLING: Final = (
    ".comment",
    ".note.",
    ".rodata",
    ".interp",
    ".go.buildinfo",
    ".debug_line_str",  # which DWARF 5 has apart from .debug_line
    ".debug_str",
    ".dynstr",
    ".strtab",
)
_BUILD_IDS: Final = (".note.gnu.build-id", ".note.go.buildid")
# Follow from the other sections whatever these are.
_DERIVED: Final = (".gnu_debuglink", ".shstrtab", ".symtab", ".debug_aranges", ".debug_str_offsets")
_BUILD_ID_REMEDY: Final = (
    "Let the linker make the build ID from what it links (-Wl,--build-id=sha1), or none "
    "(-Wl,--build-id=none); where it does, the program differed before it was stripped."
)


@dataclass(frozen=True, slots=True)
class Section:
    name: str
    kind: int
    flags: int
    address: int
    content: Positioned


class ElfContainer:
    name = "ELF"

    def recognises(self, one: bytes, two: bytes, name: str) -> bool:
        return one.startswith(MAGIC) and two.startswith(MAGIC)

    def compare(self, pair: Pair, walk: Walk) -> None:
        one, two = (_by_name(sections(part)) for part in (pair.one, pair.two))
        differing = [
            name
            for name in one
            if name in two and first_difference(one[name].content, two[name].content) >= 0
        ]
        moved = one.keys() != two.keys() or any(
            (one[name].address, one[name].content.size)
            != (two[name].address, two[name].content.size)
            for name in one
        )
        told = False
        for name in sorted(filter(_is_telling, differing), key=_turn):
            told = True
            _section(pair, walk, one[name], two[name])
        others = [name for name in differing if not _is_telling(name) and name not in _BUILD_IDS]
        if others and not (told and (moved or _by_another_tool(walk))):
            told |= self._code(pair, walk, others, one, two)
        if not told:
            for name in (name for name in differing if name in _BUILD_IDS):
                _build_id(pair, walk, one[name], two[name])
                return

    def _code(
        self,
        pair: Pair,
        walk: Walk,
        names: Sequence[str],
        one: dict[str, Section],
        two: dict[str, Section],
    ) -> bool:
        """Sections of code and data: the first of them that follows from no other."""
        own = [name for name in names if not name.startswith(_DERIVED)]
        for name in (".text", ".debug_line", *own):
            if name in own:
                _section(pair, walk, one[name], two[name])
                return True
        return False


def _by_another_tool(walk: Walk) -> bool:
    """Whether what was said of this program so far is that another tool made it."""
    return any(difference.cause == "tool-version" for difference in walk.found.differences)


def _is_telling(name: str) -> bool:
    return name.startswith(_TELLING) and name not in _BUILD_IDS


def _turn(name: str) -> int:
    return next(place for place, start in enumerate(_TELLING) if name.startswith(start))


def _section(pair: Pair, walk: Walk, one: Section, two: Section) -> None:
    contents = _inflated(one), _inflated(two)
    if one.flags & two.flags & _STRINGS and max(item.size for item in contents) <= LEAF_LIMIT:
        contents = _strings(*contents)
    at = first_difference(*contents)
    walk.leaf(Pair(joined(pair.path or pair.name, one.name), pair.name, *contents, max(0, at)))


def _strings(one: Positioned, two: Positioned) -> tuple[Positioned, Positioned]:
    """Of two string tables the strings that only one has, a line each, sorted: a linker orders
    them by its own hashes, which change with any of them. Both as they are where nothing is
    left."""
    first, second = (Counter(whole(content).split(b"\0")) for content in (one, two))
    left = [sorted((first - second).elements()), sorted((second - first).elements())]
    if not any(left):
        return one, two
    return PositionedBytes(b"\n".join(left[0])), PositionedBytes(b"\n".join(left[1]))


def _build_id(pair: Pair, walk: Walk, one: Section, two: Section) -> None:
    walk.found.firm = True
    shown = (item.content.read_at(0, min(item.content.size, 128)) for item in (one, two))
    told = " -> ".join(
        raw[16:].hex() if one.name == _BUILD_IDS[0] else raw[16:].strip(b"\0").decode("latin-1")
        for raw in shown
    )
    place = pair.path or pair.name
    walk.say(place, one.name, "build-id", f"only the build ID differs: {told}", _BUILD_ID_REMEDY)


def _by_name(found: Sequence[Section]) -> dict[str, Section]:
    named: dict[str, Section] = {}
    for section in found:
        name, number = section.name, 1
        while name in named:
            number += 1
            name = f"{section.name} ({number})"
        named[name] = section
    return named


def sections(file: Positioned) -> list[Section]:
    """All sections that have bytes in the file. Raises BadArtifact."""
    identification = file.read_at(0, 16)
    width, order = identification[4], {1: "<", 2: ">"}.get(identification[5])
    if width not in _HEADERS or order is None:
        raise BadArtifact("damaged", "an ELF file of no known class")
    header, row = (struct.Struct(order + item.format) for item in _HEADERS[width])
    fields = header.unpack(file.read_at(16, header.size))
    table, row_size, count, names_at = fields[5], fields[10], fields[11], fields[12]
    if table and not count:  # too many for the field: the first section says how many
        first = row.unpack(file.read_at(table, row.size))
        count, names_at = first[5], first[6] if names_at == 0xFFFF else names_at
    if not table or row_size != row.size or not names_at < count <= _SECTIONS:
        raise BadArtifact("damaged", "an ELF file without sections")
    rows = list(row.iter_unpack(file.read_at(table, count * row.size)))
    strings = rows[names_at]
    names = file.read_at(strings[4], min(strings[5], _NAMES))
    found = []
    for name, kind, flags, address, offset, size, *_ in rows[1:]:
        if kind == _NO_BITS or not size:
            continue
        if offset + size > file.size:
            raise BadArtifact("damaged", "a section of an ELF file stands outside of it")
        text = names[name:].partition(b"\0")[0].decode("utf-8", "surrogateescape")
        found.append(Section(text, kind, flags, address, Window(file, offset, size)))
    return found


def _inflated(section: Section) -> Positioned:
    """The section as a debugger sees it (gABI, "Section Compression"); as it is where that is
    larger than what is looked at, or compressed in another way."""
    if not section.flags & _COMPRESSED:
        return section.content
    content = section.content.read_at(0, min(section.content.size, LEAF_LIMIT))
    # the header's kind is its first word, in the file's byte order; zlib says itself what it is
    for skipped in (24, 12):
        if content[skipped : skipped + 1] == b"\x78":
            try:
                return PositionedBytes(
                    zlib.decompressobj().decompress(content[skipped:], LEAF_LIMIT)
                )
            except zlib.error:
                continue
    return section.content
