"""One package's header, as rpm keeps it in its database (the RPM package format, "Header
structure"; rpm's own tag numbers).

Four bytes with the number of entries, four with the size of the data, the entries (tag, type,
offset, count; sixteen bytes each), the data; all big endian. What was added on installing stands
behind the immutable region, and counts where a tag stands twice.
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from typing import Final, NamedTuple

from bom.catalog.stated import Unreadable

NAME: Final = 1000
VERSION: Final = 1001
RELEASE: Final = 1002
EPOCH: Final = 1003
SUMMARY: Final = 1004
VENDOR: Final = 1011
LICENSE: Final = 1014
PACKAGER: Final = 1015
URL: Final = 1020
ARCH: Final = 1022
OLD_FILE_NAMES: Final = 1027
FILE_STATES: Final = 1029
FILE_MODES: Final = 1030
FILE_DIGESTS: Final = 1035
FILE_FLAGS: Final = 1037
SOURCE_RPM: Final = 1044
FILE_VERIFY_FLAGS: Final = 1045
PROVIDE_NAMES: Final = 1047
REQUIRE_FLAGS: Final = 1048
REQUIRE_NAMES: Final = 1049
REQUIRE_VERSIONS: Final = 1050
PROVIDE_FLAGS: Final = 1112
PROVIDE_VERSIONS: Final = 1113
DIR_INDEXES: Final = 1116
BASE_NAMES: Final = 1117
DIR_NAMES: Final = 1118
FILE_DIGEST_ALGORITHM: Final = 5011
MODULARITY_LABEL: Final = 5096
SIGNED_MD5: Final = 261
SHA256_HEADER: Final = 273

_READ: Final = frozenset(
    value for name, value in list(globals().items()) if name.isupper() and isinstance(value, int)
)
_COUNTS: Final = struct.Struct(">II")
_ENTRY: Final = struct.Struct(">IIiI")
_ENTRIES_LIMIT: Final = 65_535  # rpm's own
_COUNT_LIMIT: Final = 4_000_000  # values of one entry: a package has some thousand files
_NUMBERS: Final = {1: ("B", 1), 2: ("B", 1), 3: ("H", 2), 4: ("I", 4), 5: ("Q", 8)}
_STRING: Final = 6
_BINARY: Final = 7
_STRINGS: Final = frozenset([6, 8, 9])  # 8: an array, 9: one for each language, C first


class _Value(NamedTuple):
    type: int
    size: int
    raw: bytes


class Header:
    """The values of a header that are read here, by tag."""

    __slots__ = ("_values",)

    def __init__(self, values: dict[int, _Value]) -> None:
        self._values = values

    def text(self, tag: int) -> str:
        """A string, of several the first; "" where there is none. Bytes that are no UTF-8 are
        surrogate escapes."""
        value = self._values.get(tag)
        if value is None or value.type not in _STRINGS or not value.size:
            return ""
        return value.raw.split(b"\0", 1)[0].decode("utf-8", "surrogateescape")

    def texts(self, tag: int) -> list[str]:
        """A list of strings, as `text` has them."""
        value = self._values.get(tag)
        if value is None or value.type not in _STRINGS:
            return []
        found = value.raw.decode("utf-8", "surrogateescape").split("\0", value.size)
        return found[: value.size]

    def numbers(self, tag: int) -> tuple[int, ...]:
        """A list of unsigned numbers."""
        value = self._values.get(tag)
        if value is None or value.type not in _NUMBERS:
            return ()
        return struct.unpack(f">{value.size}{_NUMBERS[value.type][0]}", value.raw)

    def binary(self, tag: int) -> bytes:
        value = self._values.get(tag)
        return b"" if value is None or value.type != _BINARY else value.raw

    def packed(self) -> bytes:
        """A header with no more than what is read of it."""
        entries, data = [], bytearray()
        for tag, value in self._values.items():
            entries.append(_ENTRY.pack(tag, value.type, len(data), value.size))
            data += value.raw
        return _COUNTS.pack(len(entries), len(data)) + b"".join(entries) + data


def parse(blob: bytes) -> Header:
    """The header that these bytes are. Raises Unreadable."""
    if len(blob) < _COUNTS.size:
        raise Unreadable("holds a header that is cut off")
    entries, size = _COUNTS.unpack_from(blob)
    start = _COUNTS.size + entries * _ENTRY.size
    if not 0 < entries <= _ENTRIES_LIMIT or start + size != len(blob):
        raise Unreadable("holds a header whose size is not what it states")
    index = list(_ENTRY.iter_unpack(blob[_COUNTS.size : start]))
    bounds = sorted({offset for _, _, offset, _ in index if 0 <= offset < size} | {size})
    values = {}
    left = size
    for tag, kind, offset, count in {row[0]: row for row in index if row[0] in _READ}.values():
        if not 0 <= offset < size or not 0 < count <= _COUNT_LIMIT:
            raise Unreadable("holds a header with an entry outside of its data")
        at = start + offset
        if kind in _STRINGS:
            raw = blob[at : start + bounds[bisect_right(bounds, offset)]]
            if raw.count(b"\0") < count:
                raise Unreadable("holds a header with fewer strings than it states")
        else:
            width = _NUMBERS[kind][1] if kind in _NUMBERS else 1
            raw = blob[at : at + count * width]
            if len(raw) != count * width:
                raise Unreadable("holds a header with an entry outside of its data")
        left -= len(raw)
        if left < 0:
            raise Unreadable("holds a header whose entries lie over each other")
        values[tag] = _Value(kind, count, raw)
    return Header(values)
