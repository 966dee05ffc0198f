"""Gzip: a header without time and name, what is inside compressed anew, and a tar inside made
stable, too (RFC 1952). An npm package and an sdist are such tars.
"""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING, Final
from zlib import crc32

from bom.archive import gzip
from bom.archive.decompress import Inflate
from bom.archive.positioned import PositionedFile, opened, pieces, write_all
from bom.archive.tar import BLOCK, is_header
from bom.errors import CannotNormalise
from bom.normalise import tar
from bom.normalise.deflate import Deflate
from bom.normalise.protocol import Aspect, Change

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# No flags, no time, no statement on speed, an unknown system (RFC 1952 2.3.1).
HEADER: Final = gzip.MAGIC + b"\0\0\0\0\0\0\xff"
_HEAD: Final = 64 * 1024  # bytes, which hold the first header of a tar in any case


class GzipNormaliser:
    """Anything compressed by gzip, in one member. Stateless."""

    name: str = "gzip"
    aspects: tuple[Aspect, ...] = ("compression", *tar.ASPECTS)

    def recognises(self, head: bytes, name: str) -> bool:
        """By its magic number; the name doesn't matter."""
        return head.startswith(gzip.MAGIC)

    def normalise(self, path: Path, out: Path, epoch: int) -> tuple[Change, ...]:
        with path.open("rb") as file:
            header = gzip.read_header(file.read)
            file.seek(0)
            holds_tar = is_header(gzip.inflated_head(file.read(_HEAD), BLOCK))
        if header[3] & gzip.FEXTRA:
            raise CannotNormalise("its gzip header has an extra field, which may say where it is")
        changes: list[Change] = []
        with opened(path) as built, out.open("wb", buffering=0) as target:
            if holds_tar:
                with tempfile.TemporaryFile(dir=out.parent, buffering=0) as spool:
                    descriptor = spool.fileno()
                    inflate = _OneMember(lambda data: write_all(descriptor, data))
                    for piece in pieces(built, 0, built.size):
                        inflate.feed(piece)
                    inflate.close()
                    sink = _GzipSink(target.fileno())
                    changes += tar.rewrite(PositionedFile(descriptor), sink, epoch)
                    sink.close()
            else:
                sink = _GzipSink(target.fileno())
                inflate = _OneMember(sink.write)
                for piece in pieces(built, 0, built.size):
                    inflate.feed(piece)
                inflate.close()
                sink.close()
            differs = not _equal(
                pieces(built, len(header), built.size), out, len(HEADER), built.size - len(header)
            )
        if header != HEADER:
            changes = _counted_in(changes, Change("headers", "", 1))
        return (*changes, Change("compression")) if differs else tuple(changes)


def _counted_in(changes: list[Change], one: Change) -> list[Change]:
    """One more of an aspect."""
    count = one.count + sum(c.count for c in changes if c.aspect == one.aspect)
    return [*(c for c in changes if c.aspect != one.aspect), Change(one.aspect, one.where, count)]


def _equal(built: Iterator[bytes], out: Path, start: int, size: int) -> bool:
    """Whether `out` has from `start` on just these `size` bytes."""
    with opened(out) as written:
        if written.size - start != size:
            return False
        for piece in built:
            if written.read_at(start, len(piece)) != piece:
                return False
            start += len(piece)
    return True


class _OneMember(Inflate):
    """Several members are several files to some readers, and to others only the first is there."""

    def next_member(self) -> None:
        raise CannotNormalise("more follows after its first gzip member")


class _GzipSink:
    """Compresses what is written to it."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._engine = Deflate()
        self._crc = self._size = 0
        write_all(target, HEADER)

    def write(self, data: bytes | memoryview) -> None:
        self._crc = crc32(data, self._crc)
        self._size += len(data)
        for piece in self._engine.feed(data):
            write_all(self._target, piece)

    def copy(self, file: PositionedFile, start: int, end: int) -> None:
        for piece in pieces(file, start, end):
            self.write(piece)

    def close(self) -> None:
        write_all(self._target, self._engine.finish())
        write_all(self._target, gzip.trailer(self._crc, self._size))
