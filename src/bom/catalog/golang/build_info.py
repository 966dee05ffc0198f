"""The build information that Go's linker puts into a program (`go version -m` prints it).

Where it stands and how it is framed: Go's packages debug/buildinfo and runtime/debug. Since Go
1.18 both texts follow the header, before that the header holds pointers to them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from bom.archive.executable import Region, programs
from bom.catalog.golang.wanted import ERROR, MODULES, VERSION
from bom.catalog.stated import Unreadable
from bom.printable import printable_bytes

if TYPE_CHECKING:
    import mmap
    from collections.abc import Iterator, Mapping

    from bom.archive.executable import Program

_MAGIC: Final = b"\xff Go buildinf:"
_ALIGNMENT: Final = 16
_HEADER: Final = 32
_INLINE: Final = 2  # flag: the texts follow
_BIG_ENDIAN: Final = 1  # flag: of the pointers
_VERSION_LIMIT: Final = 1024  # bytes
_MODULES_LIMIT: Final = 8 * 1024 * 1024  # bytes; 100,000 modules
_FRAME: Final = 16  # bytes before and after the modules' text
_PIECE: Final = 1024 * 1024  # bytes of a data segment that are searched at once
_MISSES: Final = 1000  # places that look like the header and are none

_SECTIONS: Final = (b".go.buildinfo", b"__go_buildinfo")
# What only Go's linker writes, whether there is build information or not.
_MARKS: Final = (b".gopclntab", b"__gopclntab", b".note.go.buildid")

_QUOTED: Final = re.compile(r'`[^`]*`|"(?:[^"\\\n]|\\.)*"')
_ESCAPE: Final = re.compile(
    r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|(.))", re.S
)
_LETTERS: Final = {
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
}


class Module(NamedTuple):
    """A module as build information states it; `sum` is its h1. `original`: the one that it
    replaces, as (path, version)."""

    path: str
    version: str = ""
    sum: str = ""
    original: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class BuildInfo:
    """What a program says of its build. `go`: the toolchain's version as it spells it, `path`:
    the main package; `main` is None for what was not built from a module."""

    go: str
    path: str = ""
    main: Module | None = None
    dependencies: tuple[Module, ...] = ()
    settings: tuple[tuple[str, str], ...] = ()


# --- out of the program --------------------------------------------------------------------------


def take(content: bytes | mmap.mmap) -> Mapping[str, bytes]:
    """The build information of a program, or nothing where it isn't one that Go made."""
    marked = False
    for program in programs(content):
        mark = any(program.find(name) is not None for name in _MARKS)
        marked |= mark
        found = next(filter(None, (_texts(program, at) for at in _places(program, mark))), None)
        if found is not None:
            version, modules = found
            return {VERSION: version, MODULES: modules}
    return {ERROR: b"it holds no build information that can be read"} if marked else {}


def _places(program: Program, mark: bool) -> Iterator[Region]:
    """Where the header may be: its section; else the first data segment, which is searched only
    where the program may be Go's (a C library's is no business of ours)."""
    for name in _SECTIONS:
        if (region := program.find(name)) is not None:
            yield region
            return
    if (mark or not program.named) and (data := program.load()[1]) is not None:
        yield data


def _texts(program: Program, place: Region) -> tuple[bytes, bytes] | None:
    found = _header(program, place)
    if found is None:
        return None
    address, header = found
    if header[15] & _INLINE:
        version, after = _inline(program, address + _HEADER, _VERSION_LIMIT)
        modules, _ = _inline(program, after, _MODULES_LIMIT)
    else:
        width, order = header[14], "big" if header[15] & _BIG_ENDIAN else "little"
        if width not in (4, 8):
            return None
        version = _pointed(program, header[16:], width, order, _VERSION_LIMIT)
        modules = _pointed(program, header[16 + width :], width, order, _MODULES_LIMIT)
    if not version:
        return None
    framed = len(modules) > 2 * _FRAME and modules[-_FRAME - 1 : -_FRAME] == b"\n"
    return version, modules[_FRAME:-_FRAME] if framed else b""


def _header(program: Program, place: Region) -> tuple[int, bytes] | None:
    """The address of the first aligned header in a region, and its bytes. Read in pieces, for a
    data segment may be as large as the file."""
    misses = 0
    start = -place.address % _ALIGNMENT
    while start < place.size:
        piece = Region(b"", 0, place.offset + start, place.size - start)
        data = program.read(piece, _PIECE + _HEADER)
        at = data.find(_MAGIC)
        while at >= 0 and at % _ALIGNMENT and misses < _MISSES:
            misses += 1
            at = data.find(_MAGIC, at + -at % _ALIGNMENT)
        if 0 <= at < _PIECE:
            whole = at % _ALIGNMENT == 0 and at + _HEADER <= len(data)
            return (place.address + start + at, data[at : at + _HEADER]) if whole else None
        if len(data) < _PIECE:  # the file has no more
            return None
        start += _PIECE
    return None


def _inline(program: Program, address: int, limit: int) -> tuple[bytes, int]:
    """A text after its length, and the address after it."""
    size = shift = used = 0
    for byte in program.at(address, 10):
        size |= (byte & 0x7F) << shift
        shift += 7
        used += 1
        if byte < 0x80:
            break
    else:
        return b"", address
    if size > limit:
        return b"", address
    found = program.at(address + used, size) if size else b""
    return (found if len(found) == size else b""), address + used + size


def _pointed(program: Program, pointer: bytes, width: int, order: str, limit: int) -> bytes:
    """The Go string (address and length) that a pointer leads to."""

    def number(raw: bytes) -> int:
        return int.from_bytes(raw, "big" if order == "big" else "little")

    place = program.at(number(pointer[:width]), 2 * width)
    if len(place) < 2 * width:
        return b""
    size = number(place[width:])
    if not 0 < size <= limit:
        return b""
    found = program.at(number(place[:width]), size)
    return found if len(found) == size else b""


# --- what it says --------------------------------------------------------------------------------


def parse(version: bytes, modules: bytes) -> BuildInfo:
    """The texts' content (runtime/debug, ParseBuildInfo). Raises Unreadable."""
    path = ""
    main: Module | None = None
    dependencies: list[Module] = []
    settings: list[tuple[str, str]] = []
    last = ""
    for line in printable_bytes(modules).split("\n"):
        word, tab, rest = line.partition("\t")
        if not tab:
            continue
        if word == "path":
            path = rest
        elif word == "mod":
            main = _module(rest)
        elif word == "dep":
            dependencies.append(_module(rest))
        elif word == "=>":
            if last == "mod" and main is not None:
                main = _replaced(main, rest)
            elif last == "dep":
                dependencies[-1] = _replaced(dependencies[-1], rest)
            else:
                raise Unreadable("has a replacement of nothing in its build information")
        elif word == "build":
            settings.append(_setting(rest))
        last = word
    return BuildInfo(printable_bytes(version), path, main, tuple(dependencies), tuple(settings))


def _module(spelled: str) -> Module:
    columns = spelled.split("\t")
    if len(columns) not in (2, 3) or not columns[0]:
        raise Unreadable("has a module without path or version in its build information")
    return Module(columns[0], columns[1], "".join(columns[2:]))


def _replaced(original: Module, spelled: str) -> Module:
    new = _module(spelled)
    return new._replace(original=(original.path, original.version))


def _setting(spelled: str) -> tuple[str, str]:
    key, value = "", spelled
    if quoted := _QUOTED.match(spelled):
        key, value = _unquoted(quoted[0]), spelled[quoted.end() :]
        if not value.startswith("="):
            raise Unreadable("has a setting without a value in its build information")
        value = value[1:]
    else:
        key, equals, value = spelled.partition("=")
        if not equals or not key or key[0] in '`"':
            raise Unreadable("has a setting without a value in its build information")
    if value.startswith(("`", '"')):
        if not _QUOTED.fullmatch(value):
            raise Unreadable("has a badly quoted setting in its build information")
        value = _unquoted(value)
    return key, value


def _unquoted(literal: str) -> str:
    """A Go string literal's value; what is no character stays as it is spelled."""
    if literal.startswith("`"):
        return literal[1:-1]

    def character(found: re.Match[str]) -> str:
        byte, short, long, octal, letter = found.groups()
        if letter is not None:
            return _LETTERS.get(letter, letter)
        code = int(octal, 8) if octal else int(byte or short or long, 16)
        if code > 0x10FFFF or 0xD800 <= code < 0xE000:
            return found[0]
        return chr(code)

    return _ESCAPE.sub(character, literal[1:-1])
