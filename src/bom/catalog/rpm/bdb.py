"""Berkeley DB's hash format, of which rpm's `Packages` was until 2020 (Berkeley DB 4 and 5).

Only what rpm writes is read: a hash of 4-byte keys to headers. The first page describes the file;
every page of the hash holds keys and values in turn, a value mostly as a reference to a chain of
overflow pages. Numbers have the byte order of the machine that wrote them.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from bom.catalog.stated import Unreadable

if TYPE_CHECKING:
    import mmap
    from collections.abc import Iterator

MAGIC: Final = 0x061561
MAGIC_AT: Final = 12
_VERSIONS: Final = range(7, 11)
_META: Final = 72  # bytes that describe any database
_PAGE_HEADER: Final = 26
_HASH_PAGES: Final = frozenset([2, 13])  # unsorted (before 4.7) and sorted
_OVERFLOW: Final = 7
_HASH_META: Final = 8
_INLINE: Final = 1
_OFF_PAGE: Final = 3


def recognises(content: bytes | mmap.mmap) -> bool:
    return _order(content) != ""


def blobs(content: bytes | mmap.mmap) -> Iterator[bytes]:
    """The values that have a package's key. Raises Unreadable."""
    order = _order(content)
    if not order:
        raise Unreadable("is no Berkeley DB hash")
    version, size, encryption, kind, flags = struct.unpack_from(f"{order}IIBBB", content, 16)
    last = struct.unpack_from(f"{order}I", content, 32)[0]
    if version not in _VERSIONS or kind != _HASH_META:
        raise Unreadable("is a Berkeley DB hash of a version that is not known")
    if encryption or flags & 1:
        raise Unreadable("is a Berkeley DB file with encryption or checksums")
    if size < 512 or size > 65_536 or size & (size - 1):
        raise Unreadable("is a Berkeley DB file with an impossible size of pages")
    if (last + 1) * size > len(content):
        raise Unreadable("is a Berkeley DB file that is cut off")
    reader = _Pages(content, order, size, last)
    for number in range(1, last + 1):
        yield from reader.values(number)


class _Pages:
    def __init__(self, content: bytes | mmap.mmap, order: str, size: int, last: int) -> None:
        self._content = content
        self._size = size
        self._last = last
        # next page, number of items, free space's offset, level, type (the first 16 bytes: the
        # log's sequence number, the page's own, the one before)
        self._header = struct.Struct(f"{order}16xIHHBB")
        self._reference = struct.Struct(f"{order}4xII")
        self._order = order

    def values(self, number: int) -> Iterator[bytes]:
        """The values on one page of the hash; nothing of a page that is another."""
        base = number * self._size
        _, items, _, _, kind = self._header.unpack_from(self._content, base)
        if kind not in _HASH_PAGES:
            return
        if _PAGE_HEADER + 2 * items > self._size or items % 2:
            raise Unreadable("holds a page with an impossible number of items")
        starts = struct.unpack_from(f"{self._order}{items}H", self._content, base + _PAGE_HEADER)
        ends = (self._size, *starts)
        for place in range(0, items, 2):
            key = self._item(base, starts[place], ends[place])
            value = self._item(base, starts[place + 1], ends[place + 1])
            # The key 0 counts the packages ever installed.
            if key[:1] == bytes([_INLINE]) and len(key) == 5 and any(key[1:]):
                yield self._value(value)

    def _item(self, base: int, start: int, end: int) -> bytes:
        if not _PAGE_HEADER <= start < end <= self._size:
            raise Unreadable("holds a page with an item outside of it")
        return self._content[base + start : base + end]

    def _value(self, item: bytes) -> bytes:
        if item[0] == _INLINE:
            return item[1:]
        if item[0] != _OFF_PAGE or len(item) < self._reference.size:
            raise Unreadable("holds a value of a kind that rpm doesn't write")
        number, length = self._reference.unpack_from(item)
        if length > len(self._content):
            raise Unreadable("holds a value that is larger than the file")
        found = bytearray()
        while len(found) < length:
            if not 0 < number <= self._last:
                raise Unreadable("holds a value whose overflow pages end too early")
            base = number * self._size
            following, _, used, _, kind = self._header.unpack_from(self._content, base)
            # A page that adds nothing could be the first of a circle.
            if kind != _OVERFLOW or not 0 < used <= self._size - _PAGE_HEADER:
                raise Unreadable("holds a value with a broken overflow page")
            found += self._content[base + _PAGE_HEADER : base + _PAGE_HEADER + used]
            number = following
        if len(found) != length:
            raise Unreadable("holds a value of another length than it states")
        return bytes(found)


def _order(content: bytes | mmap.mmap) -> str:
    """`<` or `>`, as struct names it; "" for what is no Berkeley DB hash."""
    if len(content) < _META:
        return ""
    for order in "<>":
        if struct.unpack_from(f"{order}I", content, MAGIC_AT)[0] == MAGIC:
            return order
    return ""
