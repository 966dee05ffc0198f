"""The gzip format (RFC 1952) around deflate data (RFC 1951) that nobody recompresses.

Enough to put bytes of our own in front of somebody else's deflate data inside one member: the
header's extent, stored blocks, and the CRC-32 of two strings that were never seen together.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Final

from bom.errors import BadArtifact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Protocol

    class Readable(Protocol):
        """All that is needed of a file."""

        def read(self, size: int, /) -> bytes: ...


MAGIC: Final = b"\x1f\x8b\x08"
TRAILER: Final = 8  # bytes: CRC-32 and size modulo 2**32, little endian
STORED_LIMIT: Final = 65_535  # RFC 1951 3.2.4: LEN is 16 bits
HEADER_TEXT_LIMIT: Final = 64 * 1024  # bytes of the stored file name or comment
_CHUNK: Final = 1024 * 1024
_SALVAGED: Final = 64  # compressed bytes at a time, around damage

_FHCRC: Final = 0x02
FEXTRA: Final = 0x04
_FNAME: Final = 0x08
_FCOMMENT: Final = 0x10
_RESERVED: Final = 0xE0


def read_header(read: Callable[[int], bytes]) -> bytes:
    """A member's header, from a stream that stands before it, as it is (RFC 1952 2.3).

    `read(n)` gives exactly n bytes, fewer only at the end. Raises BadArtifact (`damaged`,
    `truncated`).
    """
    head = _exactly(read, 10)
    if head[:3] != MAGIC or head[3] & _RESERVED:
        raise BadArtifact("damaged", "this is not a gzip header that RFC 1952 knows")
    parts = [head]
    if head[3] & FEXTRA:
        length = _exactly(read, 2)
        parts += [length, _exactly(read, int.from_bytes(length, "little"))]
    for flag in (_FNAME, _FCOMMENT):
        if head[3] & flag:
            parts.append(_text(read))
    if head[3] & _FHCRC:
        stated = _exactly(read, 2)
        if int.from_bytes(stated, "little") != zlib.crc32(b"".join(parts)) & 0xFFFF:
            raise BadArtifact("damaged", "the gzip header has a wrong checksum")
        parts.append(stated)
    return b"".join(parts)


def inflate(file: Readable) -> Iterator[bytes]:
    """What one gzip member holds, in pieces of at most 1 MiB, its trailer verified.

    All that can be had comes before the error. Raises BadArtifact: `damaged` (also for anything
    after the member) or `truncated`.
    """
    read = len(read_header(file.read))
    engine = zlib.decompressobj(wbits=-15)
    crc = size = 0
    while not engine.eof:
        data = engine.unconsumed_tail
        if not data:
            data = file.read(_CHUNK)
            read += len(data)
            if not data:
                raise BadArtifact("truncated", f"the gzip data ends early, after {read} bytes")
        before = engine.copy()
        try:
            piece = engine.decompress(data, _CHUNK)
        except zlib.error as error:
            start = read - len(data)
            for piece in _salvaged(before, data):
                start += _SALVAGED
                yield piece
            raise BadArtifact(
                "damaged",
                f"the gzip data can't be inflated after byte {start}",
                where=f"from byte {start}",
            ) from error
        crc = zlib.crc32(piece, crc)
        size += len(piece)
        if piece:
            yield piece
    tail = engine.unused_data[: TRAILER + 1]
    tail += file.read(TRAILER + 1 - len(tail))
    if len(tail) < TRAILER:
        raise BadArtifact("truncated", "the gzip data ends inside its trailer")
    if tail[:TRAILER] != trailer(crc, size):
        raise BadArtifact(
            "damaged",
            "the gzip trailer is not that of the data before it",
            expected=trailer(crc, size).hex(),
            found=tail[:TRAILER].hex(),
        )
    if len(tail) > TRAILER:
        raise BadArtifact("damaged", "more follows after the first gzip member")


def _salvaged(engine: zlib._Decompress, data: bytes) -> Iterator[bytes]:
    """What comes out of the whole steps before the one that can't be inflated."""
    for start in range(0, len(data), _SALVAGED):
        step = data[start : start + _SALVAGED]
        pieces = []
        try:
            while step:
                pieces.append(engine.decompress(step, _CHUNK))
                step = engine.unconsumed_tail
        except zlib.error:
            return
        yield b"".join(pieces)


def inflated_head(head: bytes, size: int) -> bytes:
    """At most `size` bytes of what a gzip file that begins with `head` holds; b"" if it isn't."""
    if head[:3] != MAGIC:
        return b""
    try:
        return zlib.decompressobj(wbits=31).decompress(head, size)
    except zlib.error:
        return b""


def stored(data: bytes) -> Iterator[bytes]:
    """`data` as stored deflate blocks, none of them final (RFC 1951 3.2.4).

    All blocks but the last are full and the last never is (it may be empty), so that a reader
    knows from the blocks alone where our data ends.
    """
    view = memoryview(data)
    for start in range(0, len(data) + 1, STORED_LIMIT):
        block = view[start : start + STORED_LIMIT]
        yield stored_head(len(block))
        yield bytes(block)


def stored_head(length: int) -> bytes:
    """The five bytes before a stored block that is not the last of its stream."""
    return struct.pack("<BHH", 0, length, length ^ 0xFFFF)


def read_stored(read: Callable[[int], bytes]) -> bytes | None:
    """The next stored, not final block of byte-aligned deflate data; None for another kind.

    Raises BadArtifact (`damaged`, `truncated`).
    """
    head = read(1)
    if head != b"\0":
        return None
    lengths = _exactly(read, 4)
    length = int.from_bytes(lengths[:2], "little")
    if head + lengths != stored_head(length):
        raise BadArtifact("damaged", "a stored deflate block contradicts its own length")
    return _exactly(read, length)


def trailer(crc: int, size: int) -> bytes:
    """The eight bytes after the deflate data."""
    return struct.pack("<II", crc, size & 0xFFFFFFFF)


def trailer_crc(data: bytes) -> int:
    """The CRC-32 that a trailer states."""
    return int.from_bytes(data[:4], "little")


def crc32_combine(first: int, second: int, size: int) -> int:
    """The CRC-32 of two strings put together; `size` is the length of the second in bytes.

    Appending n bytes multiplies the first CRC by x**(8n) in GF(2)[x] modulo the CRC polynomial
    (the method of zlib's crc32_combine; bits are reflected, so x**0 is the highest bit).
    """
    return _multiply(_power(8 * size), first) ^ second


def _multiply(a: int, b: int) -> int:
    product = 0
    mask = 1 << 31
    while mask:
        if a & mask:
            product ^= b
        mask >>= 1
        b = b >> 1 ^ 0xEDB88320 if b & 1 else b >> 1
    return product


def _power(exponent: int) -> int:
    """x**exponent modulo the polynomial, by squaring."""
    result, square = 1 << 31, 1 << 30
    while exponent:
        if exponent & 1:
            result = _multiply(square, result)
        square = _multiply(square, square)
        exponent >>= 1
    return result


def _text(read: Callable[[int], bytes]) -> bytes:
    text = bytearray()
    while (byte := _exactly(read, 1)) != b"\0":
        text += byte
        if len(text) > HEADER_TEXT_LIMIT:
            raise BadArtifact("damaged", "the gzip header holds an endless file name or comment")
    return bytes(text) + b"\0"


def _exactly(read: Callable[[int], bytes], size: int) -> bytes:
    data = read(size)
    if len(data) < size:
        raise BadArtifact("truncated", "the gzip data ends early, before its content")
    return data
