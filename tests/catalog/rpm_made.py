"""RPM headers and databases made for tests, to the formats' descriptions; real ones are in
test_rpm_real.py."""

from __future__ import annotations

import sqlite3
import struct
import zlib
from typing import TYPE_CHECKING

from bom.catalog.rpm import header as tags

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

Value = str | int | bytes | list[str] | list[int]


def header(values: Mapping[int, Value]) -> bytes:
    """A header's bytes: a text is a string, numbers have 32 bits."""
    index, data = b"", b""
    for tag, value in values.items():
        count = len(value) if isinstance(value, list | bytes) else 1
        if isinstance(value, str):
            kind, raw = 6, value.encode("utf-8", "surrogateescape") + b"\0"
        elif isinstance(value, bytes):
            kind, raw = 7, value
        elif isinstance(value, int):
            kind, raw = 4, struct.pack(">I", value)
        elif isinstance(value[0], int):
            kind, raw = 4, b"".join(struct.pack(">I", item) for item in value)
        else:
            kind = 8
            raw = b"".join(str(v).encode("utf-8", "surrogateescape") + b"\0" for v in value)
        if kind == 4:
            data += bytes(-len(data) % 4)
        index += struct.pack(">IIiI", tag, kind, len(data), count)
        data += raw
    return struct.pack(">II", len(values), len(data)) + index + data


def package(
    name: str,
    version: str = "1",
    release: str = "1",
    *,
    arch: str = "noarch",
    files: Mapping[str, str] | None = None,
    flags: Mapping[str, int] | None = None,
    requires: Sequence[tuple[str, int, str]] = (),
    provides: Sequence[tuple[str, int, str]] = (),
    more: Mapping[int, Value] | None = None,
) -> bytes:
    """A package's header. `files`: absolute path to its SHA-256; `flags`: to rpm's file flags."""
    values: dict[int, Value] = {
        tags.NAME: name,
        tags.VERSION: version,
        tags.RELEASE: release,
        tags.ARCH: arch,
        tags.LICENSE: "MIT",
    }
    if files:
        folders = sorted({path.rpartition("/")[0] + "/" for path in files})
        values |= {
            tags.BASE_NAMES: [path.rpartition("/")[2] for path in files],
            tags.DIR_NAMES: folders,
            tags.DIR_INDEXES: [folders.index(p.rpartition("/")[0] + "/") for p in files],
            tags.FILE_DIGESTS: list(files.values()),
            tags.FILE_FLAGS: [(flags or {}).get(path, 0) for path in files],
            tags.FILE_DIGEST_ALGORITHM: 8,
        }
    for relations, columns in (
        (requires, (tags.REQUIRE_NAMES, tags.REQUIRE_FLAGS, tags.REQUIRE_VERSIONS)),
        (provides, (tags.PROVIDE_NAMES, tags.PROVIDE_FLAGS, tags.PROVIDE_VERSIONS)),
    ):
        if relations:
            values |= dict(zip(columns, map(list, zip(*relations, strict=True)), strict=True))
    return header({**values, **(more or {})})


def sqlite(path: Path, blobs: Iterable[bytes]) -> bytes:
    """rpmdb.sqlite, as rpm's schema has it."""
    path.unlink(missing_ok=True)
    connection = sqlite3.connect(path)
    connection.execute(
        "CREATE TABLE 'Packages' (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL)"
    )
    connection.executemany("INSERT INTO Packages (blob) VALUES (?)", [(blob,) for blob in blobs])
    connection.commit()
    connection.close()
    return path.read_bytes()


def ndb(blobs: Sequence[bytes]) -> bytes:
    """Packages.db."""
    slots, body = b"", b""
    for number, blob in enumerate(blobs, 1):
        blocks = (16 + len(blob) + 12 + 15) // 16
        slots += struct.pack("<4sIII", b"Slot", number, 256 + len(body) // 16, blocks)
        head = struct.pack("<4sIII", b"BlbS", number, 1, len(blob))
        head += blob + bytes(blocks * 16 - 16 - 12 - len(blob))
        body += head + struct.pack("<II4s", zlib.adler32(head), len(blob), b"BlbE")
    empty = (4096 - 32) // 16 - len(blobs)
    slots += struct.pack("<4sIII", b"Slot", 0, 0, 0) * empty
    return struct.pack("<4sIIII12x", b"RpmP", 0, 1, 1, len(blobs) + 1) + slots + body


def bdb(blobs: Sequence[bytes], order: str = "<", size: int = 4096) -> bytes:
    """Packages of Berkeley DB: all keys on one page, the values on pages of their own."""
    pages: list[bytes] = []
    items = [b"\1" + bytes(4), b"\1" + struct.pack(f"{order}I", len(blobs))]
    for number, blob in enumerate(blobs, 1):
        first = 2 + len(pages)
        items += [
            b"\1" + struct.pack(f"{order}I", number),
            struct.pack(f"{order}B3xII", 3, first, len(blob)),
        ]
        room = size - 26
        pieces = [blob[at : at + room] for at in range(0, len(blob), room)]
        for place, piece in enumerate(pieces):
            at = first + place
            following = at + 1 if place + 1 < len(pieces) else 0
            page = struct.pack(f"{order}8xIIIHHBB", at, 0, following, 1, len(piece), 0, 7)
            pages.append((page + piece).ljust(size, b"\0"))
    starts, content, at = [], b"", size
    for item in items:
        at -= len(item)
        starts.append(at)
        content = item + content
    page = struct.pack(f"{order}8xIIIHHBB", 1, 0, 0, len(items), at, 0, 13)
    page += struct.pack(f"{order}{len(starts)}H", *starts)
    hash_page = page + bytes(size - len(page) - len(content)) + content
    meta = struct.pack(f"{order}8xIIIIBBBB", 0, 0x061561, 9, size, 0, 8, 0, 0)
    meta += struct.pack(f"{order}II", 0, 1 + len(pages))
    return meta.ljust(size, b"\0") + hash_page + b"".join(pages)
