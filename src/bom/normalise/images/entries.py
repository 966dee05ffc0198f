"""The entries of a layer's tar: where each is, and what decides on its place and its time."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, NamedTuple

from bom.archive.layer import ENTRIES_LIMIT, clean_path
from bom.archive.tar import TarWalk
from bom.archive.tar_header import BLOCK, HARDLINK, pax_records
from bom.errors import BadArtifact, CannotNormalise
from bom.normalise.tar_entry import number, parse

if TYPE_CHECKING:
    from collections.abc import Iterator

_WINDOW: Final = 1 << 20  # bytes read at once
_TYPES: Final = "0123456"
_UNKNOWN: Final = 1 << 62  # a time that can't be read: it may be any


class Part:
    """A part of an open file, read at any place; a file for TarWalk. `size`: bytes."""

    def __init__(self, descriptor: int, start: int, size: int) -> None:
        self.size = size
        self._descriptor = descriptor
        self._start = start
        self._window = b""
        self._at = 0  # where the window begins
        self._position = 0  # of what is read next

    def read_at(self, offset: int, length: int) -> bytes:
        """Exactly `length` bytes. Raises BadArtifact where there are fewer."""
        begin = offset - self._at
        if begin < 0 or begin + length > len(self._window):
            wanted = min(max(_WINDOW, length), self.size - offset)
            self._window = self._pread(offset, max(wanted, 0))
            self._at, begin = offset, 0
        data = self._window[begin : begin + length]
        if len(data) < length:
            raise BadArtifact("truncated", f"the archive ends early, after {self.size} bytes")
        return data

    def pieces(self, offset: int = 0, size: int = -1) -> Iterator[bytes]:
        """`size` bytes from `offset` on in pieces of at most 1 MiB; -1: up to the end. They go
        past the window, so that another thread may read the part like this at the same time."""
        left = self.size - offset if size < 0 else size
        while left:
            piece = self._pread(offset, min(left, _WINDOW))
            if not piece:
                raise BadArtifact("truncated", f"the archive ends early, after {offset} bytes")
            yield piece
            offset += len(piece)
            left -= len(piece)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._position = offset + (self.size if whence == os.SEEK_END else 0)
        return self._position

    def read(self, size: int) -> bytes:
        size = max(0, min(size, self.size - self._position))
        data = self.read_at(self._position, size) if size else b""
        self._position += size
        return data

    def _pread(self, offset: int, length: int) -> bytes:
        return os.pread(self._descriptor, length, self._start + offset)


class Entry(NamedTuple):
    """One entry. `path`: from the root, without a slash at either end. `link`: a symbolic link's
    target as stored, a hard link's as a path. `time`: whole seconds, rounded down. `offset`,
    `data`: where its headers and its content begin."""

    path: str
    type: str
    size: int
    mode: int
    link: str
    time: int
    offset: int
    data: int
    is_sparse: bool


def read(part: Part) -> Iterator[Entry]:
    """The entries in their order. Raises BadArtifact; after the last one CannotNormalise for what
    would be lost."""
    walk = TarWalk(part)  # type: ignore[arg-type] # it seeks and reads, no more
    problem: CannotNormalise | None = None
    at = 0
    for count, member in enumerate(walk):
        if count >= ENTRIES_LIMIT:
            raise BadArtifact("oversized", f"a layer has more than {ENTRIES_LIMIT} entries")
        raw = part.read_at(member.offset, member.data - member.offset)
        time = number(raw[136:148]) if len(raw) == BLOCK else _UNKNOWN
        try:
            if member.offset > at:
                _require_comment(part, at, member.offset)
            if member.type not in _TYPES:
                raise CannotNormalise(f"{member.name!r:.200} is of a type that's not known")
            if time == _UNKNOWN:
                time = parse(raw, member).time
        except CannotNormalise as error:
            problem = problem or error
        at = member.end
        yield Entry(
            clean_path(member.name),
            member.type,
            member.size,
            member.mode,
            clean_path(member.linkname) if member.type == HARDLINK else member.linkname,
            time,
            member.offset,
            member.data,
            member.sparse,
        )
    if walk.trailing_byte() >= 0:
        raise CannotNormalise("something follows the end of a layer's tar")
    if problem is not None:
        raise problem


def _require_comment(part: Part, start: int, end: int) -> None:
    """A header for all entries may say nothing of them; what it says is left out."""
    raw = b"".join(part.pieces(start, end - start))
    size = number(raw[124:136])
    stated = pax_records(raw[BLOCK : BLOCK + size])
    if end - start != BLOCK + size + -size % BLOCK or list(stated) != [b"comment"]:
        raise CannotNormalise("a pax global header in a layer says something of several entries")
