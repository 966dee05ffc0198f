"""Bytes of the two builds: read anywhere, compared in pieces, unpacked to a private file."""

from __future__ import annotations

import tempfile
import threading
from typing import TYPE_CHECKING, Final, TypeVar

from bom.archive.positioned import CHUNK, PositionedBytes, PositionedFile, write_all
from bom.common_start import common_start
from bom.errors import BadArtifact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from contextlib import ExitStack

    from bom.archive.positioned import Positioned

LEAF_LIMIT: Final = 8 * 1024 * 1024  # bytes of one content that are looked at for a cause
UNPACKED_LIMIT: Final = 16 * 1024**3  # bytes that one comparison unpacks, both builds together
_BEFORE: Final = 64 * 1024
_T = TypeVar("_T")
_U = TypeVar("_U")
_BLOCK: Final = 4096  # of large contents of one size: the unit in which differences are looked for


class Window:
    """A part of something that can be read anywhere."""

    def __init__(self, base: Positioned, start: int, size: int) -> None:
        while isinstance(base, Window):
            start += base.start
            base = base.base
        self.base: Positioned = base
        self.start: int = start
        self.size: int = size

    def read_at(self, offset: int, length: int) -> bytes:
        if offset < 0 or length < 0 or offset + length > self.size:
            raise BadArtifact("truncated", "the content ends too early")
        return self.base.read_at(self.start + offset, length)


class Unpacking:
    """Where unpacked content goes: to memory while it is small, else to files without a name.

    What both builds unpack to is counted, so that a small file can't fill the disk. Raises
    BadArtifact (`oversized`).
    """

    def __init__(self) -> None:
        self._left = UNPACKED_LIMIT
        self._counting = threading.Lock()  # both builds may unpack at the same time

    def content(self, pieces: Iterable[bytes], kept: ExitStack) -> Positioned:
        """All pieces; the file that they may be in is closed together with `kept`."""
        small: list[bytes] = []
        size = 0
        spool: PositionedFile | None = None
        for piece in pieces:
            with self._counting:
                self._left -= len(piece)
            if self._left < 0:
                raise BadArtifact(
                    "oversized",
                    f"more than {UNPACKED_LIMIT >> 30} GiB come out of the archives in the two",
                )
            size += len(piece)
            if spool is None and size > LEAF_LIMIT:
                stream = kept.enter_context(tempfile.TemporaryFile(buffering=0))  # noqa: SIM115
                spool = PositionedFile(stream.fileno())
                for earlier in small:
                    write_all(spool.descriptor, earlier)
                small.clear()
            if spool is None:
                small.append(piece)
            else:
                write_all(spool.descriptor, piece)
        if spool is None:
            return PositionedBytes(b"".join(small))
        return PositionedFile(spool.descriptor)  # which knows its size only now


def both(make: Callable[[_T], _U], one: _T, two: _T) -> tuple[_U, _U]:
    """The same of either."""
    return make(one), make(two)


def small(content: Positioned, limit: int) -> bytes:
    """All of a content. Raises BadArtifact (`oversized`) over `limit` bytes."""
    if content.size > limit:
        raise BadArtifact("oversized", f"more than {limit} bytes")
    return whole(content)


def whole(content: Positioned) -> bytes:
    return content.read_at(0, content.size)


def head(content: Positioned, size: int) -> bytes:
    return content.read_at(0, min(size, content.size))


def first_difference(one: Positioned, two: Positioned, start: int = 0) -> int:
    """The offset of the first byte that differs, -1 where none does; where one is the beginning
    of the other, the smaller size. Bytes before `start` are known to be equal."""
    end = min(one.size, two.size)
    while start < end:
        length = min(CHUNK, end - start)
        first, second = one.read_at(start, length), two.read_at(start, length)
        if first != second:
            return start + common_start(first, second)
        start += length
    return -1 if one.size == two.size else end


def excerpts(one: Positioned, two: Positioned, start: int = 0) -> tuple[bytes, bytes, bool]:
    """What is looked at of two contents, at most LEAF_LIMIT bytes each, and whether that is all.

    Of larger ones the blocks that differ, one after the other, where both have one size; else
    the surroundings of the first difference.
    """
    if max(one.size, two.size) <= LEAF_LIMIT:
        return whole(one), whole(two), True
    if one.size == two.size:
        return (*_differing(one, two, start), False)
    at = max(0, first_difference(one, two, start) - _BEFORE)
    span = LEAF_LIMIT // 2
    return (
        one.read_at(at, min(span, one.size - at)),
        two.read_at(at, min(span, two.size - at)),
        False,
    )


def _differing(one: Positioned, two: Positioned, start: int) -> tuple[bytes, bytes]:
    first, second, size = [], [], 0
    after = -1  # end of the last block that was taken
    at = start - start % _BLOCK
    while at < one.size and size < LEAF_LIMIT:
        length = min(CHUNK, one.size - at)
        ours, theirs = one.read_at(at, length), two.read_at(at, length)
        if ours != theirs:
            for place in range(0, length, _BLOCK):
                end = place + _BLOCK
                if ours[place:end] == theirs[place:end]:
                    continue
                # the block before it too, where a text or a record may begin
                begin = at + place if after == at + place else max(0, at + place - _BLOCK)
                stop = min(at + end, one.size)
                first.append(one.read_at(begin, stop - begin))
                second.append(two.read_at(begin, stop - begin))
                size += stop - begin
                after = stop
                if size >= LEAF_LIMIT:
                    break
        at += length
    return b"".join(first)[:LEAF_LIMIT], b"".join(second)[:LEAF_LIMIT]
