"""Zip archives, jars and wheels: each member's fields and content, and the order of members."""

from __future__ import annotations

import struct
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

from bom.archive import zip as reader
from bom.archive.zip_records import DEFLATED, LOCAL_SIGNATURE, ROW, STORED
from bom.compare.content import LEAF_LIMIT, Window, both, first_difference
from bom.compare.derived import Siblings
from bom.compare.found import joined
from bom.compare.metadata import (
    format_differs,
    mode_differs,
    order_differs,
    owner_differs,
    time_differs,
)
from bom.compare.packed import compression_differs
from bom.compare.walk import Pair

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bom.archive.positioned import Positioned
    from bom.archive.zip import ZipMember, ZipStructure
    from bom.archive.zip_records import Row
    from bom.compare.walk import Walk

_TIMES_FIELD: Final = 0x5455  # extended timestamp: flags, then seconds since 1970 (APPNOTE 4.6)
_OWNER_FIELD: Final = 0x7875  # Info-ZIP's new Unix field: version, then sized numbers
_UNIX: Final = 3


class ZipContainer:
    name = "zip archive"

    def recognises(self, one: bytes, two: bytes, name: str) -> bool:
        return one.startswith(LOCAL_SIGNATURE) and two.startswith(LOCAL_SIGNATURE)

    def compare(self, pair: Pair, walk: Walk) -> None:
        one, two = (reader.read(part) for part in (pair.one, pair.two))
        firsts, seconds = ({item.name: item for item in zipped.members} for zipped in (one, two))
        siblings = Siblings(pair, walk)
        for name, first in firsts.items():
            second = seconds.get(name)
            if second is None:
                siblings.changed.add(name)
                walk.only(pair.path, name, "one", _beginning(pair.one, first))
            else:
                _both(pair, walk, siblings, first, second)
        for name, second in seconds.items():
            if name not in firsts:
                siblings.changed.add(name)
                walk.only(pair.path, name, "two", _beginning(pair.two, second))
        siblings.finish()
        _order(pair, walk, list(firsts), list(seconds))
        if not walk.found:
            _spelling(pair, walk, one, two)


def _order(pair: Pair, walk: Walk, one: list[str], two: list[str]) -> None:
    firsts, seconds = set(one), set(two)
    common = (name for name in one if name in seconds), (name for name in two if name in firsts)
    for first, second in zip(*common, strict=True):
        if first != second:
            order_differs(walk, pair.path, first, second)
            return


def _both(pair: Pair, walk: Walk, siblings: Siblings, one: ZipMember, two: ZipMember) -> None:
    packed = _packed(pair.one, one), _packed(pair.two, two)
    # stored and deflated are read; of any other method both must be the same
    if one.row.method != two.row.method or first_difference(*packed) >= 0:

        def opened(kept: ExitStack) -> Pair:
            contents = _content(pair.one, one, walk, kept), _content(pair.two, two, walk, kept)
            at = max(0, first_difference(*contents))
            return Pair(joined(pair.path, one.name), one.name, *contents, at)

        with ExitStack() as kept:
            inner = opened(kept)
            differ = first_difference(inner.one, inner.two, inner.equal) >= 0
        if differ:
            siblings.differs(one.name, opened)
        else:
            compression_differs(walk, pair.path, one.name)
    _fields(pair, walk, one.row, two.row)


def _packed(file: Positioned, member: ZipMember) -> Positioned:
    return Window(file, member.content, member.row.compressed)


def _content(file: Positioned, member: ZipMember, walk: Walk, kept: ExitStack) -> Positioned:
    if member.row.method == STORED:
        return _packed(file, member)
    return walk.unpacking.content(reader.content(file, member), kept)


def _beginning(file: Positioned, member: ZipMember) -> bytes:
    """Of a member that only one has: as much as is looked at."""
    if member.row.method not in (STORED, DEFLATED):
        return b""
    kept: list[bytes] = []
    size = 0
    for piece in reader.content(file, member):
        kept.append(piece)
        size += len(piece)
        if size >= LEAF_LIMIT:
            break
    return b"".join(kept)[:LEAF_LIMIT]


def _fields(pair: Pair, walk: Walk, one: Row, two: Row) -> None:
    where = walk, pair.path, one.name
    told = False
    extras = both(lambda row: dict(_extra(row)), one, two)
    if (one.date, one.time) != (two.date, two.time):
        told = True
        evidence = f"time {_dos_time(one)} -> {_dos_time(two)}"
        walk.say(pair.path, one.name, "timestamp", evidence, _TIMES)
    elif _unix_time(extras[0]) != _unix_time(extras[1]):
        told = True
        times = both(lambda extra: _unix_time(extra) or "none", *extras)
        time_differs(*where, *times, what="time in an extra field")
    if _owner(extras[0]) != _owner(extras[1]):
        told = True
        owner_differs(*where, _owner(extras[0]) or "none", _owner(extras[1]) or "none")
    modes = [_mode(row) for row in (one, two)]
    if modes[0] != modes[1] and None not in modes:
        told = True
        mode_differs(*where, modes[0] or 0, modes[1] or 0)
    if not told and _said(one) != _said(two):
        format_differs(*where, "the member's header is written in another way")


def _spelling(pair: Pair, walk: Walk, one: ZipStructure, two: ZipStructure) -> None:
    if one.end.comment != two.end.comment:
        comments = (item.end.comment.decode("utf-8", "surrogateescape") for item in (one, two))
        walk.text(pair.path, "comment of the zip archive", *comments)
        return
    names = [[row.name for row in item.rows] for item in (one, two)]
    if names[0] != names[1]:
        _order(pair, walk, *names)


def _said(row: Row) -> tuple[object, ...]:
    """What a directory row says, without what follows from the content, and its place."""
    fields = ROW.unpack_from(row.raw)
    versions, flags = fields[1:3], fields[3]
    names = len(row.raw_name)
    extra = row.raw[ROW.size + names :] if row.offset_width == 4 else b""
    return versions, flags, fields[14:16], extra


def _mode(row: Row) -> int | None:
    """Unix permission bits, None where the member has none."""
    fields = ROW.unpack_from(row.raw)
    made_by, external = fields[1], fields[15]
    return external >> 16 & 0o7777 if made_by >> 8 == _UNIX else None


def _extra(row: Row) -> Iterator[tuple[int, bytes]]:
    at = ROW.size + len(row.raw_name)
    end = at + ROW.unpack_from(row.raw)[11]
    while at + 4 <= end:
        tag, length = struct.unpack_from("<HH", row.raw, at)
        yield tag, row.raw[at + 4 : at + 4 + length]
        at += 4 + length


def _unix_time(extra: dict[int, bytes]) -> str:
    data = extra.get(_TIMES_FIELD, b"")
    return str(int.from_bytes(data[1:5], "little")) if len(data) >= 5 else ""


def _owner(extra: dict[int, bytes]) -> str:
    data = extra.get(_OWNER_FIELD, b"")
    numbers, at = [], 1
    while at < len(data):
        width = data[at]
        numbers.append(str(int.from_bytes(data[at + 1 : at + 1 + width], "little")))
        at += 1 + width
    return ":".join(numbers)


def _dos_time(row: Row) -> str:
    """APPNOTE 4.4.6: local time, whichever that was, in steps of two seconds."""
    year, month, day = 1980 + (row.date >> 9), row.date >> 5 & 15, row.date & 31
    hour, minute, second = row.time >> 11, row.time >> 5 & 63, (row.time & 31) * 2
    return f"{year}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}"


_TIMES: Final = (
    "Set SOURCE_DATE_EPOCH, which wheel builders, Maven (project.build.outputTimestamp) and zip -X "
    "after touch -d take, and TZ=UTC; or build with `--normalize`."
)
