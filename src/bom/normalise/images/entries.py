"""The entries of a layer's tar: where each is, and what decides on its place and its time."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, NamedTuple

from bom.archive.layer import ENTRIES_LIMIT, clean_path
from bom.archive.tar import TarWalk
from bom.archive.tar_header import BLOCK, HARDLINK, REGULAR, pax_records, plain_file
from bom.errors import BadArtifact, CannotNormalise
from bom.normalise.tar_entry import number, parse

if TYPE_CHECKING:
    from collections.abc import Iterator

_WINDOW: Final = 1 << 20  # bytes read at once
_NEAR: Final = 4096  # bytes read for a header
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
        self._near = b""
        self._near_at = 0
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

    def near(self, offset: int) -> bytes:
        """A block, for one that goes from header to header: it reads little of what is between."""
        begin = offset - self._near_at
        block = self._near[begin : begin + BLOCK] if begin >= 0 else b""
        if len(block) < BLOCK:
            self._near = self._pread(offset, max(0, min(_NEAR, self.size - offset)))
            self._near_at = offset
            block = self._near[:BLOCK]
        return block

    def buffer(self, offset: int, length: int) -> bytearray:
        """Exactly `length` bytes, to be changed. Raises BadArtifact where there are fewer."""
        made = bytearray(length)
        view = memoryview(made)
        while view:
            step = os.preadv(self._descriptor, [view], self._start + offset)
            if not step:
                raise BadArtifact("truncated", f"the archive ends early, after {offset} bytes")
            offset += step
            view = view[step:]
        return made

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
    problem: CannotNormalise | None = None
    at = count = 0
    while True:
        for entry in _plain(part, at, ENTRIES_LIMIT - count):
            at = entry.data + entry.size + -entry.size % BLOCK
            count += 1
            yield entry
        walk = TarWalk(part, at)  # type: ignore[arg-type] # it seeks and reads, no more
        member = next(iter(walk), None)
        if member is None:
            break
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
        count += 1
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


def _plain(part: Part, at: int, most: int) -> Iterator[Entry]:
    """The entries from `at` on as long as each is a plain regular file, as nearly all are: `read`
    takes the same of them at three times the cost."""
    near, last = part.near, part.size - BLOCK
    field, time = b"", 0
    while at <= last and most > 0:
        block = near(at)
        found = plain_file(block)
        if found is None:
            return
        name, size, mode = found
        data = at + BLOCK
        end = data + size + -size % BLOCK
        if end > part.size:
            return
        if block[136:148] != field:
            field = block[136:148]
            time = number(field)
        # without the call by name: there is one for each of a hundred thousand files
        fields = (clean_path(name), REGULAR, size, mode, "", time, at, data, False)
        yield tuple.__new__(Entry, fields)
        at = end
        most -= 1


def _require_comment(part: Part, start: int, end: int) -> None:
    """A header for all entries may say nothing of them; what it says is left out."""
    raw = b"".join(part.pieces(start, end - start))
    size = number(raw[124:136])
    stated = pax_records(raw[BLOCK : BLOCK + size])
    if end - start != BLOCK + size + -size % BLOCK or list(stated) != [b"comment"]:
        raise CannotNormalise("a pax global header in a layer says something of several entries")
