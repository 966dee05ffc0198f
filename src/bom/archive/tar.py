"""Tar archives, member by member: fed in pieces, walked in a file, or read from a stream.

Strict, incremental and in bounded memory; contents are never kept. An archive that readers in
the field take apart differently (a lone zero block with more after it) counts as damaged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bom.archive.tar_header import (
    BLOCK,
    DIRECTORY,
    HARDLINK,
    REGULAR,
    SYMLINK,
    HeaderDecoder,
    HeaderFormat,
    TarMember,
    encode_head,
    header_format,
    is_header,
    padding,
    plain_file,
)
from bom.errors import BadArtifact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import BinaryIO

__all__ = [
    "BLOCK",
    "DIRECTORY",
    "HARDLINK",
    "REGULAR",
    "SYMLINK",
    "HeaderFormat",
    "TarMember",
    "TarPush",
    "TarWalk",
    "encode_head",
    "header_format",
    "is_header",
    "next_member",
    "padding",
]

_ZEROS: Final = bytes(BLOCK)


class TarPush:
    """Reads a tar that is fed in pieces of any size.

    `on_member` is called for each member and returns what its content goes to, or None to skip
    it; `on_end` is called when a member's content is over. `on_plain`, where it is given, takes
    regular files in one call instead: those whose plain header and content are at hand together,
    with name, size and mode. After `close()`: `members` counts
    them, `first` is the first header's format, `end` the offset after the last member, and
    `trailing` the offset of the first byte after the end mark that isn't zero, -1 for none.
    `after`, at any time: how many bytes after the end mark were fed. Raises BadArtifact
    (`damaged`, `truncated`).
    """

    def __init__(
        self,
        on_member: Callable[[TarMember], Callable[[memoryview], object] | None],
        on_end: Callable[[TarMember], object] | None = None,
        on_plain: Callable[[str, int, int, memoryview], object] | None = None,
    ) -> None:
        self._on_member = on_member
        self._on_end = on_end
        self._on_plain = on_plain
        self._decoder = HeaderDecoder()
        self._member: TarMember | None = None
        self._sink: Callable[[memoryview], object] | None = None
        self._content = 0  # bytes of content still to come
        self._skip = 0  # bytes of padding still to come
        self._extension = bytearray()
        self._partial = bytearray()
        self._offset = 0  # of the next byte to be fed
        self._zeros = 0
        self.members = 0
        self.end = 0
        self.trailing = -1
        self.after = 0

    @property
    def first(self) -> HeaderFormat | None:
        return self._decoder.first

    def feed(self, data: bytes | bytearray | memoryview) -> None:
        """Take the next bytes of the archive."""
        view = memoryview(data)
        here, there = 0, len(view)
        base = self._offset
        self._offset += there
        while here < there:
            if self._content:
                step = min(self._content, there - here)
                self._take(view[here : here + step])
                here += step
                self._content -= step
                if not self._content:
                    self._finish()
            elif self._skip:
                step = min(self._skip, there - here)
                self._skip -= step
                here += step
            elif self._zeros >= 2:
                self._after_end(view[here:], base + here)
                return
            elif self._partial or there - here < BLOCK:
                step = min(BLOCK - len(self._partial), there - here)
                self._partial += view[here : here + step]
                here += step
                if len(self._partial) == BLOCK:
                    block = bytes(self._partial)
                    self._partial.clear()
                    self._block(block, base + here - BLOCK)
            else:
                block = bytes(view[here : here + BLOCK])
                if self._on_plain is not None and self._decoder.first and self._decoder.idle:
                    after = self._plain(block, view[here + BLOCK :], base + here + BLOCK)
                    if after >= 0:
                        here += BLOCK + after
                        if here > there:
                            self._skip = here - there
                        continue
                self._block(block, base + here)
                here += BLOCK
                if (member := self._member) is not None and member.size <= there - here:
                    # nearly every member: all of it is at hand
                    if self._sink is not None:
                        self._sink(view[here : here + member.size])
                    here += member.size
                    self._content = 0
                    self._finish()
                    step = min(self._skip, there - here)
                    self._skip -= step
                    here += step

    def close(self) -> None:
        """The archive is over: everything that was announced must have come."""
        if self._content or self._skip or self._partial or not self._decoder.idle:
            raise BadArtifact(
                "truncated", f"the tar archive ends early, after {self._offset} bytes"
            )

    def _plain(self, block: bytes, rest: memoryview, offset: int) -> int:
        """Hand over a regular file of which all is at hand: how far its content and padding go,
        -1 where it is none or the archive ought to be over. `offset`: of `rest`."""
        if self._zeros:
            return -1
        found = plain_file(block)
        if found is None:
            return -1
        name, size, mode = found
        if size > len(rest):
            return -1
        stored = size + -size % BLOCK
        self.members += 1
        self.end = offset + stored
        assert self._on_plain is not None
        self._on_plain(name, size, mode, rest[:size])
        return stored

    def _block(self, block: bytes, offset: int) -> None:
        if self._decoder.wants_sparse_map:
            self._announce(self._decoder.sparse_map(block, offset))
            return
        if block == _ZEROS:
            self._decoder.check_idle(offset)
            self._zeros += 1
            return
        if self._zeros:
            raise BadArtifact("damaged", f"a lone zero block before byte {offset} of the tar")
        self._announce(self._decoder.header(block, offset))

    def _announce(self, member: TarMember | None) -> None:
        if member is not None:
            self.members += 1
            self.end = member.end
            self._member = member
            self._sink = self._on_member(member)
            self._content = member.size
            self._skip = -member.size % BLOCK
            if not self._content:
                self._finish()
        else:
            self._content = self._decoder.extension_size
            self._skip = -self._content % BLOCK

    def _take(self, piece: memoryview) -> None:
        if self._member is None:
            self._extension += piece
        elif self._sink is not None:
            self._sink(piece)

    def _finish(self) -> None:
        member = self._member
        if member is None:
            self._decoder.extension(bytes(self._extension))
            self._extension.clear()
            return
        self._member = self._sink = None
        if self._on_end is not None:
            self._on_end(member)

    def _after_end(self, rest: memoryview, offset: int) -> None:
        self.after += len(rest)
        if self.trailing < 0 and (stripped := bytes(rest).lstrip(b"\0")):
            self.trailing = offset + len(rest) - len(stripped)


class TarWalk:
    """The members of a tar in a seekable file, contents skipped.

    Iterates from `start` (default: the beginning); afterwards `first`, `end` and `trailing` are
    as in TarPush, except that `trailing` tells only of bytes in the blocks that were read:
    `trailing_byte()` looks at the rest. Raises BadArtifact (`damaged`, `truncated`).
    """

    def __init__(self, file: BinaryIO, start: int = 0) -> None:
        self._file = file
        self._start = start
        self._decoder = HeaderDecoder()
        self.size = file.seek(0, 2)
        self.end = start

    @property
    def first(self) -> HeaderFormat | None:
        return self._decoder.first

    def __iter__(self) -> Iterator[TarMember]:
        decoder, offset = self._decoder, self._start
        while block := self._at(offset, BLOCK):
            if block == _ZEROS and not decoder.wants_sparse_map:
                decoder.check_idle(offset)
                following = self._at(offset + BLOCK, BLOCK) if offset + BLOCK < self.size else b""
                if following.strip(b"\0"):
                    where = offset + BLOCK
                    raise BadArtifact(
                        "damaged", f"a lone zero block before byte {where} of the tar"
                    )
                return
            member = (
                decoder.sparse_map(block, offset)
                if decoder.wants_sparse_map
                else decoder.header(block, offset)
            )
            offset += BLOCK
            if member is not None:
                if member.end > self.size:
                    raise _truncated(self.size)
                self.end = offset = member.end
                yield member
            elif size := decoder.extension_size:
                decoder.extension(self._at(offset, size))
                offset += size + -size % BLOCK
        if not decoder.idle:
            raise _truncated(self.size)

    def trailing_byte(self) -> int:
        """The offset of the first byte after the end that isn't zero, -1 for none."""
        self._file.seek(self.end)
        offset = self.end
        while piece := self._file.read(1 << 20):
            if stripped := piece.lstrip(b"\0"):
                return offset + len(piece) - len(stripped)
            offset += len(piece)
        return -1

    def _at(self, offset: int, size: int) -> bytes:
        self._file.seek(offset)
        data = self._file.read(size)
        if data and len(data) < size:
            raise _truncated(self.size)
        return data


def next_member(read: Callable[[int], bytes], limit: int) -> TarMember | None:
    """The next member's header, read from a stream that stands before it.

    `read(n)` gives exactly n bytes, fewer only at the end. Offsets count from where the stream
    stands. None at the end of the archive. Raises BadArtifact, also where a member's headers
    take more than `limit` bytes.
    """
    decoder = HeaderDecoder()
    offset = 0
    while offset <= limit:
        block = read(BLOCK)
        if len(block) < BLOCK:
            if block or not decoder.idle:
                raise _truncated(offset + len(block))
            return None
        if decoder.wants_sparse_map:
            member = decoder.sparse_map(block, offset)
        elif block == _ZEROS:
            decoder.check_idle(offset)
            return None
        else:
            member = decoder.header(block, offset)
        offset += BLOCK
        if member is not None:
            return member
        if size := decoder.extension_size:
            stored = size + -size % BLOCK
            payload = read(stored)
            if len(payload) < stored:
                raise _truncated(offset + len(payload))
            decoder.extension(payload[:size])
            offset += stored
    raise BadArtifact("damaged", f"more than {limit} bytes of tar headers before a member")


def _truncated(size: int) -> BadArtifact:
    return BadArtifact("truncated", f"the tar archive ends early, after {size} bytes")
