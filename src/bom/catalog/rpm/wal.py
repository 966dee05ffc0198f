"""SQLite's write-ahead log: pages that are newer than those in the database file (the database
file format, "The Write-Ahead Log").

SQLite copies them into the file when the last program closes it. An image taken before that has
them in the log alone.
"""

from __future__ import annotations

import struct
from typing import Final

from bom.catalog.stated import Unreadable

LIMIT: Final = 32 * 1024 * 1024  # bytes; SQLite empties it at 4 MB
_HEADER: Final = struct.Struct(">8I")
_FRAME: Final = struct.Struct(">6I")
_MAGICS: Final = {0x377F0682: "<", 0x377F0683: ">"}  # the byte order of its checksums
_VERSION: Final = 3_007_000


def applied(content: bytearray, log: bytes) -> bytearray:
    """The database as its log leaves it: all transactions that were finished, none that was not.

    Raises Unreadable where the log is none of this database.
    """
    if not log:
        return content
    if len(log) > LIMIT:
        raise Unreadable("has a write-ahead log of a size that is not read")
    if len(log) < _HEADER.size:
        return content  # SQLite takes nothing out of it either
    magic, version, size, _, *salts_and_sum = _HEADER.unpack_from(log)
    order = _MAGICS.get(magic)
    if order is None or version != _VERSION:
        raise Unreadable("has a write-ahead log that is none")
    stated = int.from_bytes(content[16:18], "big")
    if size != (65_536 if stated == 1 else stated) or size < 512:
        raise Unreadable("has a write-ahead log of another size of pages")
    salts = salts_and_sum[:2]
    sums = _sum(order, log[: _HEADER.size - 8], (0, 0))
    if list(sums) != salts_and_sum[2:]:
        return content
    frames: list[tuple[int, int]] = []
    finished = pages = 0
    for at in range(_HEADER.size, len(log) - _FRAME.size - size + 1, _FRAME.size + size):
        number, after, *rest = _FRAME.unpack_from(log, at)
        sums = _sum(order, log[at : at + 8], sums)
        sums = _sum(order, log[at + _FRAME.size : at + _FRAME.size + size], sums)
        if rest != [*salts, *sums] or not number:
            break
        frames.append((number, at + _FRAME.size))
        if after:
            finished, pages = len(frames), after
    if not finished:
        return content
    # The log can add no more pages than it has frames.
    if pages * size > len(content) + len(log):
        raise Unreadable("has a write-ahead log that states an impossible size")
    if pages * size > len(content):
        content.extend(bytes(pages * size - len(content)))
    for number, at in frames[:finished]:
        if number <= pages:
            content[(number - 1) * size : number * size] = log[at : at + size]
    del content[pages * size :]
    return content


def _sum(order: str, data: bytes, before: tuple[int, int]) -> tuple[int, int]:
    """The log's running checksum ("Checksum Algorithm")."""
    one, two = before
    words = struct.unpack(f"{order}{len(data) // 4}I", data)
    for place in range(0, len(words), 2):
        one = (one + words[place] + two) & 0xFFFFFFFF
        two = (two + words[place + 1] + one) & 0xFFFFFFFF
    return one, two
