"""What is in a sealed tar, entry by entry, with all that unpacking it needs.

Plain or compressed, by what it begins with. The reading of headers is the strict one of
`bom.archive`; sparse files come in pieces (GNU tar manual, "Storing Sparse Files").
"""

from __future__ import annotations

import io
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, NamedTuple

from bom.archive import decompress
from bom.archive.tar import next_member
from bom.archive.tar_header import BLOCK, TarMember, is_header
from bom.errors import BadArtifact
from bom.normalise.tar_entry import parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import BinaryIO

    from bom.normalise.tar_entry import Entry

_HEADERS: Final = 4 * 1024 * 1024  # bytes of one entry's headers
_CHUNK: Final = 1024 * 1024
# Of packed bytes fewer at a time: what comes out waits in memory, and may be a thousand times that.
_PACKED: Final = 32 * 1024
_XATTR: Final = (b"SCHILY.xattr.", b"LIBARCHIVE.xattr.", b"SCHILY.acl.", b"RHT.security.")
_DIGITS: Final = 20  # of a number in a sparse map


class Item(NamedTuple):
    """One entry. `size`: of the whole file. `time`: seconds since 1970. `owner`: user and group.
    `has_attributes`: extended attributes or an ACL are stored with it."""

    member: TarMember
    size: int
    time: int
    owner: tuple[int, int]
    has_attributes: bool


class Content:
    """The bytes of one entry, while its turn has come."""

    def __init__(self, read: Callable[[int], bytes], member: TarMember, entry: Entry) -> None:
        self._read = read
        self._left = member.size
        self._name = member.name
        self._entry = entry

    def pieces(self) -> Iterator[tuple[int, bytes]]:
        """Offset and bytes, in order; between them are zeros. Raises BadArtifact."""
        parts: tuple[tuple[int, int], ...] = ((0, self._left),)
        if self._entry.mapped:
            parts = self._map()
        elif self._entry.sparse is not None:
            parts = self._entry.sparse
        whole = self._entry.real if self._is_sparse() else self._left
        end = 0
        for offset, length in parts:
            if offset < end or length < 0 or offset + length > whole:
                raise self._bad("its sparse map contradicts itself")
            end = offset + length
            while offset < end:
                piece = self._next(min(_CHUNK, end - offset))
                yield offset, piece
                offset += len(piece)

    def skip(self) -> None:
        """Whatever of it was not read."""
        while self._left:
            self._next(min(_CHUNK, self._left))

    def _is_sparse(self) -> bool:
        return self._entry.mapped or self._entry.sparse is not None

    def _next(self, amount: int) -> bytes:
        piece = self._read(amount) if amount <= self._left else b""
        if len(piece) < amount:
            raise self._bad("it ends early")
        self._left -= len(piece)
        return piece

    def _map(self) -> tuple[tuple[int, int], ...]:
        """Format 1.0: decimal lines before the data, filled up to whole blocks."""
        text = b""

        def number() -> int:
            nonlocal text
            while b"\n" not in text:
                text += self._next(BLOCK)
            digits, _, text = text.partition(b"\n")
            if not digits.isdigit() or len(digits) > _DIGITS:
                raise self._bad("its sparse map is none")
            return int(digits)

        return tuple((number(), number()) for _ in range(number()))

    def _bad(self, why: str) -> BadArtifact:
        return BadArtifact("damaged", f"{self._name!r:.200} can't be read: {why}")


def items(path: Path) -> Iterator[tuple[Item, Content]]:
    """The entries of the tar at `path`, in order; a content can be read until the next is asked
    for. Raises BadArtifact, CannotNormalise (a sparse file of a form that isn't known), OSError."""
    with _plain(path) as stream:
        while True:
            head = _Recorded(stream)
            member = next_member(head.read, _HEADERS)
            if member is None:
                return
            entry = parse(head.data[member.offset : member.data], member)
            content = Content(stream.read, member, entry)
            is_sparse = entry.mapped or entry.sparse is not None
            yield (
                Item(
                    member,
                    entry.real if is_sparse else member.size,
                    entry.time,
                    entry.owner,
                    any(key.startswith(_XATTR) for key in entry.extensions),
                ),
                content,
            )
            content.skip()
            stream.read(-member.size % BLOCK)


def is_tar(path: Path) -> bool:
    """Whether there is a tar in it, be it compressed. Raises OSError."""
    with _plain(path) as stream:
        try:
            return is_header(stream.read(BLOCK))
        except BadArtifact:
            return False


class _Recorded:
    """Keeps what is read."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.data = b""

    def read(self, amount: int) -> bytes:
        piece = self._stream.read(amount)
        self.data += piece
        return piece


@contextmanager
def _plain(path: Path) -> Iterator[BinaryIO]:
    """The plain tar, from which as much comes as is asked for, and less only at its end."""
    with path.open("rb", buffering=0) as file:
        form = decompress.form_of(file.read(decompress.MAGIC))
        file.seek(0)
        raw: io.RawIOBase = _Unpacked(file, form) if form else file
        with io.BufferedReader(raw, _CHUNK) as stream:
            yield stream


class _Unpacked(io.RawIOBase):
    """What comes out of a compressed file."""

    def __init__(self, file: BinaryIO, form: str) -> None:
        self._file = file
        self._ready: list[memoryview] = []
        self._stream = decompress.stream(form, lambda piece: self._ready.append(memoryview(piece)))
        self._over = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self._ready and not self._over:
            packed = self._file.read(_PACKED)
            if packed:
                self._stream.feed(packed)
            else:
                self._stream.close()
                self._over = True
        if not self._ready:
            return 0
        piece = self._ready[0]
        amount = min(len(buffer), len(piece))
        buffer[:amount] = piece[:amount]
        if amount == len(piece):
            self._ready.pop(0)
        else:
            self._ready[0] = piece[amount:]
        return amount
