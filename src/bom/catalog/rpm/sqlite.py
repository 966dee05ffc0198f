"""rpm's database as SQLite has it, `rpmdb.sqlite` (Fedora 33, RHEL 9 and later).

The file comes from a stranger: its schema may say that `Packages` is a view, a virtual table or
has computed columns, and its pages may lead in circles. Only a plain table is read, nothing is
evaluated, and the steps and bytes of reading have limits.
"""

from __future__ import annotations

import sqlite3
import struct
import tempfile
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Final

from bom.archive.layer import CONTENT_LIMIT
from bom.catalog.rpm import wal
from bom.catalog.stated import Unreadable

if TYPE_CHECKING:
    import mmap
    from collections.abc import Iterator

MAGIC: Final = b"SQLite format 3\0"
_FORMATS: Final = slice(18, 20)  # of writing and reading; 2 needs a log beside the file
_NO_LOG: Final = b"\1\1"
_STEPS: Final = 10_000  # of SQLite's machine, between two looks at how many there were
_LOOKS: Final = 2_000
_ROW: Final = 256 * 1024 * 1024  # bytes of a header: rpm's own limit
_COPIED: Final = 1024 * 1024


def recognises(content: bytes | mmap.mmap) -> bool:
    return content[: len(MAGIC)] == MAGIC


def blobs(content: bytes | mmap.mmap, log: bytes = b"") -> Iterator[bytes]:
    """The packages' headers, with what the write-ahead log `log` adds. Raises Unreadable."""
    if not recognises(content) or len(content) < 512:
        raise Unreadable("is no SQLite database")
    try:
        with _opened(content, log) as connection:
            _restrict(connection, len(content) + len(log))
            place = connection.execute(
                "SELECT rootpage FROM sqlite_master WHERE name = 'Packages' AND type = 'table'"
            ).fetchone()
            if place is None or not place[0]:
                raise Unreadable("is an SQLite database without a table of packages")
            for (blob,) in connection.execute("SELECT blob FROM Packages"):
                if not isinstance(blob, bytes):
                    raise Unreadable("holds a row that is no header")
                yield blob
    except (sqlite3.Error, ValueError, OverflowError, MemoryError) as error:
        raise Unreadable(f"is no SQLite database that can be read: {_reason(error)}") from error


@contextmanager
def _opened(content: bytes | mmap.mmap, log: bytes) -> Iterator[sqlite3.Connection]:
    """A connection to the content: in memory, or what is large from a file of its own."""
    if len(content) <= CONTENT_LIMIT:
        whole = wal.applied(bytearray(content), log)
        _complete(whole, len(whole))
        whole[_FORMATS] = _NO_LOG
        with closing(sqlite3.connect(":memory:")) as connection:
            connection.deserialize(whole)
            yield connection
        return
    _complete(content, len(content))
    with tempfile.NamedTemporaryFile() as file:
        for start in range(0, len(content), _COPIED):
            file.write(content[start : start + _COPIED])
        file.seek(_FORMATS.start)
        file.write(_NO_LOG)
        file.flush()
        place = f"file:{file.name}?mode=ro&immutable=1"
        with closing(sqlite3.connect(place, uri=True)) as connection:
            yield connection


def _complete(content: bytes | bytearray | mmap.mmap, length: int) -> None:
    """Whether all pages are there ("In-header database size"). Raises Unreadable."""
    size, pages = struct.unpack_from(">H10xI", content, 16)
    changed, counted = struct.unpack_from(">I64xI", content, 24)
    if changed == counted and pages * (65_536 if size == 1 else size) > length:
        raise Unreadable("is an SQLite database that is cut off")


def _restrict(connection: sqlite3.Connection, size: int) -> None:
    """Nothing is evaluated, no row is larger than the database, and it ends."""
    looks = 0

    def enough() -> int:
        nonlocal looks
        looks += 1
        return looks > _LOOKS

    def allowed(action: int, table: str | None, *rest: str | None) -> int:
        if action == sqlite3.SQLITE_SELECT:
            return sqlite3.SQLITE_OK
        if action == sqlite3.SQLITE_READ and table in ("Packages", "sqlite_master"):
            return sqlite3.SQLITE_OK
        return sqlite3.SQLITE_DENY

    connection.text_factory = bytes
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, min(size, _ROW))
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA cell_size_check = ON")
    connection.set_progress_handler(enough, _STEPS)
    connection.set_authorizer(allowed)


def _reason(error: BaseException) -> str:
    if isinstance(error, MemoryError):
        return "it needs too much memory"
    return " ".join(str(error).split())[:200]
