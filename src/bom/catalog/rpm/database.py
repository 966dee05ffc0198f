"""Where rpm keeps its database, in which format, and the headers in it.

The places are rpm's own default since 2020 (`usr/lib/sysimage/rpm`), the one before it and that of
ostree systems; of several formats in one place rpm takes the newest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from bom.archive.layer import CONTENT_LIMIT
from bom.catalog.rpm import bdb, header, ndb, sqlite
from bom.catalog.rpm.wanted import (
    ERROR,
    FOLDERS,
    FORMATS,
    HEADERS,
    JOURNAL,
    LOG,
    PROBLEMS,
    SQLITE,
)
from bom.catalog.stated import Unreadable
from bom.model import Gap

if TYPE_CHECKING:
    import mmap
    from collections.abc import Mapping

    from bom.catalog.protocol import FileView
    from bom.catalog.rpm.header import Header

_JOURNAL_MAGIC: Final = bytes.fromhex("d9d505f920a163d7")
_KEPT: Final = 96 * 1024 * 1024  # bytes of the headers of one database
_SIZE: Final = 4


class Found(NamedTuple):
    """A database: its path, the headers in it, and why some of them are wanting."""

    path: str
    headers: tuple[Header, ...]
    problems: tuple[str, ...]


def find(view: FileView) -> tuple[Found | None, list[Gap]]:
    """The database that rpm would use, None where there is none; and a gap for each other one."""
    places: dict[str, str] = {}  # where a file really is: two of the folders may be one
    for folder in FOLDERS:
        for name in FORMATS:
            entry = view.entry(folder + name)
            if entry is not None and entry.type == "file" and entry.size:
                places.setdefault(view.resolve(folder + name), folder + name)
    if not places:
        return None, []
    used, *others = places
    gaps = [
        Gap("component", path, f"rpm's database is {used}; this other one was not read")
        for path in others
    ]
    return _read(view, used), gaps


def _read(view: FileView, path: str) -> Found:
    try:
        content = view.read(path)
        if content is None:
            return _from_extract(view, path)
        headers, problems = _headers(content, _log(view, path))
    except Unreadable as error:
        return Found(path, (), (str(error),))
    return Found(path, tuple(headers), problems)


def _log(view: FileView, path: str) -> bytes:
    """SQLite's write-ahead log beside the database. Raises Unreadable for what else is there."""
    if not path.endswith(SQLITE):
        return b""
    entry = view.entry(path + LOG)
    log = view.read(path + LOG) or b""
    if entry is not None and entry.size != len(log):
        raise Unreadable("has a write-ahead log of a size that is not read")
    if (view.read(path + JOURNAL) or b"").startswith(_JOURNAL_MAGIC):
        raise Unreadable("has a rollback journal: it was left in the middle of a change")
    return log


def _headers(content: bytes | mmap.mmap, log: bytes = b"") -> tuple[list[Header], tuple[str, ...]]:
    """The headers that can be read, and what is wrong with the others."""
    if sqlite.recognises(content):
        found = sqlite.blobs(content, log)
    elif ndb.recognises(content):
        found = ndb.blobs(content)
    elif bdb.recognises(content):
        found = bdb.blobs(content)
    else:
        raise Unreadable("is no database in a format that rpm writes")
    headers = []
    problems = set()
    size = 0
    try:
        for blob in found:
            # Pages that lead in circles give one header again and again.
            size += len(blob)
            if size > len(content) + len(log):
                raise Unreadable("holds more than its own size")
            try:
                headers.append(header.parse(blob))
            except Unreadable as error:
                problems.add(str(error))
    except Unreadable as error:
        problems.add(str(error))
    return headers, tuple(sorted(problems))


# --- databases too large to be kept -----------------------------------------------------------


def take(content: bytes | mmap.mmap, /) -> Mapping[str, bytes]:
    """Of a database that `FileView.read` doesn't give: its headers with what is read of them."""
    if len(content) <= CONTENT_LIMIT:
        return {}
    try:
        headers, problems = _headers(content)
    except Unreadable as error:
        return {ERROR: str(error).encode()}
    packed = [item.packed() for item in headers]
    if sum(map(len, packed)) > _KEPT:
        return {ERROR: b"is too large to be read"}
    joined = b"".join(len(item).to_bytes(_SIZE, "big") + item for item in packed)
    return {HEADERS: joined, PROBLEMS: "\n".join(problems).encode()}


def _from_extract(view: FileView, path: str) -> Found:
    parts = next((parts for place, parts in view.extracted() if place == path), {})
    if HEADERS not in parts:
        raise Unreadable(
            parts[ERROR].decode() if ERROR in parts else "is larger than 512 MiB or can't be read"
        )
    _log_of_a_large_one(view, path)
    packed = memoryview(parts[HEADERS])
    headers = []
    at = 0
    while at < len(packed):
        size = int.from_bytes(packed[at : at + _SIZE], "big")
        at += _SIZE + size
        headers.append(header.parse(bytes(packed[at - size : at])))
    problems = tuple(filter(None, parts[PROBLEMS].decode().split("\n")))
    return Found(path, tuple(headers), problems)


def _log_of_a_large_one(view: FileView, path: str) -> None:
    if _log(view, path):
        raise Unreadable("has a write-ahead log, which is not read for so large a database")
