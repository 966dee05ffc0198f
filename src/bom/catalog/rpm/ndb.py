"""rpm's own database format, `Packages.db` (ndb; openSUSE and SUSE write it).

A head of 32 bytes, then slots of sixteen (magic, package number, place and size in blocks of 16
bytes), in whole pages; after them the blobs, each between a head and a tail with its length and
an Adler-32 sum. All little endian.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Final

from bom.catalog.stated import Unreadable

if TYPE_CHECKING:
    import mmap
    from collections.abc import Iterator

MAGIC: Final = b"RpmP"
_HEAD: Final = struct.Struct("<4sIIII")  # magic, version, generation, pages of slots, next number
_HEAD_SIZE: Final = 32
_PAGE: Final = 4096
_SLOT: Final = struct.Struct("<4sIII")
_BLOCK: Final = 16
_BLOB_HEAD: Final = struct.Struct("<4sIII")  # magic, package number, generation, length
_BLOB_TAIL: Final = struct.Struct("<II4s")  # Adler-32, length, magic


def recognises(content: bytes | mmap.mmap) -> bool:
    return content[:4] == MAGIC


def blobs(content: bytes | mmap.mmap) -> Iterator[bytes]:
    """The packages' headers. Raises Unreadable."""
    if not recognises(content) or len(content) < _PAGE:
        raise Unreadable("is no database of rpm's ndb format")
    _, version, _, pages, _ = _HEAD.unpack_from(content)
    if version != 0:
        raise Unreadable("is a database of rpm's ndb format in a version that is not known")
    end = pages * _PAGE
    if not pages or end > len(content):
        raise Unreadable("is a database of rpm's ndb format that is cut off")
    for magic, number, block, blocks in _SLOT.iter_unpack(content[_HEAD_SIZE:end]):
        if magic != b"Slot":
            raise Unreadable("holds a broken slot")
        if number:
            yield _blob(content, number, block * _BLOCK, blocks * _BLOCK, end)


def _blob(content: bytes | mmap.mmap, number: int, start: int, size: int, slots: int) -> bytes:
    if start < slots or start + size > len(content) or size < _BLOB_HEAD.size + _BLOB_TAIL.size:
        raise Unreadable("holds a slot that leads out of the file")
    magic, own, _, length = _BLOB_HEAD.unpack_from(content, start)
    tail = start + size - _BLOB_TAIL.size
    adler, again, last = _BLOB_TAIL.unpack_from(content, tail)
    padded = (_BLOB_HEAD.size + length + _BLOB_TAIL.size + _BLOCK - 1) // _BLOCK * _BLOCK
    if (magic, last) != (b"BlbS", b"BlbE") or own != number or length != again or padded != size:
        raise Unreadable("holds a header that is not where its slot says")
    if zlib.adler32(content[start:tail]) != adler:
        raise Unreadable("holds a header whose checksum is wrong")
    body = start + _BLOB_HEAD.size
    return content[body : body + length]
