"""Compressed streams that are fed in pieces: gzip, zstandard, bzip2, xz.

What comes out goes on in bounded pieces, in bounded memory, and not without end: small data that
becomes a thousand times its size and more is refused.
"""

from __future__ import annotations

import bz2
import lzma
import sys
from typing import TYPE_CHECKING, Final, Protocol

from zlib_ng import zlib_ng

from bom.errors import BadArtifact

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

if TYPE_CHECKING:
    from collections.abc import Callable

PIECE: Final = 1024 * 1024  # bytes that come out at a time
# The window that zstd itself takes without being told (RFC 8878 3.1.1.1.2 asks for 8 MiB).
_WINDOW_LOG: Final = 27
_XZ_MEMORY: Final = 160 * 1024 * 1024  # bytes; `xz -9` needs 65 MiB
# Deflate makes at most 1,032 bytes out of one (RFC 1951: 258 of two bits); the others can make
# more, which nobody needs once it is over a gibibyte.
_RATIO: Final = 1100
_UNSUSPICIOUS: Final = 1 << 30  # bytes
_OUT_LIMIT: Final = 256 << 30  # bytes of one stream

_GZIP: Final = b"\x1f\x8b"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_SKIPPABLE: Final = b"\x2a\x4d\x18"  # after one byte 0x50 to 0x5f: a frame without content
_BZIP2: Final = b"BZh"
_XZ: Final = b"\xfd7zXZ\0"
MAGIC: Final = 6  # bytes by which `form_of` knows a stream


class Stream(Protocol):
    """A compressed stream. Both raise BadArtifact (`damaged`, `truncated`, `oversized`)."""

    def feed(self, piece: bytes | memoryview, /) -> None:
        """Take the next bytes of it."""

    def close(self) -> None:
        """It is over: everything that was announced must have come."""


def form_of(head: bytes) -> str:
    """What a stream that begins with `head` is compressed with: "gzip", "zstd", "bzip2", "xz",
    or "" for nothing known."""
    if head.startswith(_GZIP):
        return "gzip"
    if head.startswith(_ZSTD) or (head[1:4] == _SKIPPABLE and head[0] >> 4 == 5):
        return "zstd"
    if head.startswith(_BZIP2):
        return "bzip2"
    return "xz" if head.startswith(_XZ) else ""


def stream(form: str, sink: Callable[[bytes], object]) -> Stream:
    """A stream of this form, what comes out of it going to `sink`."""
    return Inflate(sink) if form == "gzip" else Unpack(form, sink)


class _Output:
    """Counts what goes in and out."""

    def __init__(self, form: str, sink: Callable[[bytes], object]) -> None:
        self.form = form
        self._sink = sink
        self._in = self._out = 0

    def give(self, data: bytes) -> None:
        self._out += len(data)
        if self._out > _OUT_LIMIT or (
            self._out > _UNSUSPICIOUS and self._out > _RATIO * (self._in + PIECE)
        ):
            raise BadArtifact(
                "oversized",
                f"{self._out >> 20} MiB and more come out of {self._in >> 10} KiB of {self.form}"
                " data: this is taken for an attack",
            )
        self._sink(data)

    def broken(self, error: Exception) -> BadArtifact:
        return BadArtifact("damaged", f"{self.form} data can't be decompressed: {error}")

    def cut(self) -> BadArtifact:
        return BadArtifact("truncated", f"the {self.form} data ends early")


class Inflate(_Output):
    """Gzip, in one or several members (RFC 1952 2.2)."""

    def __init__(self, sink: Callable[[bytes], object]) -> None:
        super().__init__("gzip", sink)
        self._engine = zlib_ng.decompressobj(wbits=31)

    def feed(self, piece: bytes | memoryview, /) -> None:
        self._in += len(piece)
        data: bytes | memoryview = piece
        try:
            while data:
                if self._engine.eof:
                    self.next_member()
                    self._engine = zlib_ng.decompressobj(wbits=31)
                inflated = self._engine.decompress(data, PIECE)
                if inflated:
                    self.give(inflated)
                # Whatever the output limit held back is drained before more input is taken.
                data = self._engine.unconsumed_tail or self._engine.unused_data
        except zlib_ng.error as error:  # type: ignore[misc] # its stub calls it a value
            raise self.broken(error) from error

    def next_member(self) -> None:
        """Called before each member but the first."""

    def close(self) -> None:
        try:
            while not self._engine.eof:
                inflated = self._engine.decompress(b"", PIECE)
                if not inflated:
                    raise self.cut()
                self.give(inflated)
        except zlib_ng.error as error:  # type: ignore[misc] # its stub calls it a value
            raise self.broken(error) from error


class InflateOne(Inflate):
    """Gzip in one member: what stands behind it, readers in the field take or leave."""

    def next_member(self) -> None:
        raise BadArtifact("damaged", "more follows after the first gzip member")


class _Engine(Protocol):
    """What Python's own decompressors have in common."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes | memoryview, max_length: int) -> bytes: ...


class Unpack(_Output):
    """Zstandard (RFC 8878), bzip2 or xz, in one or several frames."""

    def __init__(self, form: str, sink: Callable[[bytes], object]) -> None:
        super().__init__(form, sink)
        self._engine = _engine(form)
        self._started = False  # something of the current frame has come

    def feed(self, piece: bytes | memoryview, /) -> None:
        self._in += len(piece)
        data: bytes | memoryview = piece
        try:
            while data or (self._started and not self._engine.needs_input):
                if self._engine.eof:
                    data = self._padding(data)
                    if not data:
                        return
                    self._engine = _engine(self.form)
                self._started = True
                unpacked = self._engine.decompress(data, PIECE)
                data = b""
                if unpacked:
                    self.give(unpacked)
                if self._engine.eof:
                    self._started = False
                    data = self._engine.unused_data
        except (zstd.ZstdError, lzma.LZMAError, OSError, EOFError, ValueError) as error:
            raise self.broken(error) from error

    def close(self) -> None:
        if self._started or not self._engine.eof:
            raise self.cut()

    def _padding(self, data: bytes | memoryview) -> bytes | memoryview:
        """Between streams xz allows zeros (xz file format 2.2)."""
        return bytes(data).lstrip(b"\0") if self.form == "xz" else data


def _engine(form: str) -> _Engine:
    if form == "zstd":
        return zstd.ZstdDecompressor(
            options={zstd.DecompressionParameter.window_log_max: _WINDOW_LOG}
        )
    if form == "bzip2":
        return bz2.BZ2Decompressor()
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)
