"""rpm's three database formats: what is read, and what strangers put there instead."""

from __future__ import annotations

import shutil
import sqlite3
import struct
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.catalog import rpm_made as made

from bom.catalog import WANTED, catalogue
from bom.catalog.rpm import bdb, database, header, ndb, sqlite, wal
from bom.catalog.rpm.package import Package
from bom.catalog.stated import Unreadable
from bom.catalog.view import directory_view

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

BLOBS = [made.package("a"), made.package("b", files={f"/usr/share/b/{n}": "" for n in range(900)})]


def names(content: bytes, log: bytes = b"") -> tuple[list[str], tuple[str, ...]]:
    """The packages in a database, and what is wrong with it."""
    headers, problems = database._headers(content, log)
    return [Package(item).name for item in headers], problems


def formats(tmp_path: Path) -> dict[str, bytes]:
    return {
        "sqlite": made.sqlite(tmp_path / "db", BLOBS),
        "ndb": made.ndb(BLOBS),
        "bdb": made.bdb(BLOBS),
        "bdb of a big endian machine": made.bdb(BLOBS, ">", 512),
    }


def test_every_format_gives_the_same_headers(tmp_path: Path) -> None:
    for name, content in formats(tmp_path).items():
        assert names(content) == (["a", "b"], ()), name


def test_a_database_that_is_cut_off_anywhere_gives_a_reason(tmp_path: Path) -> None:
    for name, content in formats(tmp_path).items():
        for end in range(len(content) - 1, 0, -max(1, len(content) // 40)):
            try:
                found, problems = names(content[:end])
            except Unreadable:
                continue
            assert found != ["a", "b"] and problems, (name, end)


@given(st.data())
def test_changed_bytes_give_headers_or_reasons_and_nothing_else(data: st.DataObject) -> None:
    made_ones = [made.ndb(BLOBS), made.bdb(BLOBS, "<", 512), SQLITE]
    content = bytearray(data.draw(st.sampled_from(made_ones)))
    for _ in range(data.draw(st.integers(1, 6))):
        # Near the start and in the first page is where the structure is.
        at = data.draw(st.integers(0, len(content) - 1) | st.integers(0, 120))
        piece = data.draw(st.binary(min_size=1, max_size=8) | st.just(b"\xff\xff\xff\xff"))
        content[at : at + len(piece)] = piece
    try:
        found, problems = database._headers(bytes(content))
    except Unreadable as error:
        problems, found = (str(error),), []
    for item in found:
        describe(Package(item))
    assert all(problem.isprintable() for problem in problems)


@given(st.binary(max_size=400))
def test_arbitrary_bytes_are_no_header_and_no_database(raw: bytes) -> None:
    for read in (bdb.blobs, ndb.blobs, sqlite.blobs):
        with pytest.raises(Unreadable):
            list(read(raw))
    try:
        describe(Package(header.parse(raw)))
    except Unreadable:
        return


@given(st.data())
def test_a_changed_header_gives_values_or_a_reason(data: st.DataObject) -> None:
    blob = bytearray(made.package("a", files={"/a": "0" * 64}, requires=[("b", 12, "1-1")]))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(blob) - 1))
        blob[at] = data.draw(st.integers(0, 255))
    try:
        describe(Package(header.parse(bytes(blob))))
    except Unreadable:
        return


def describe(package: Package) -> None:
    """Ask for all that is read of a package: texts that can be written down."""
    texts = [package.nevra, package.licence, package.summary, package.source, package.supplier]
    relations = [*package.provides(), *package.requires()]
    texts += [item.name + item.version for item in relations]
    "".join(texts).encode()
    try:
        for item in package.files():
            item.path.encode("utf-8", "surrogateescape")
    except Unreadable:
        return


def test_counts_of_four_billion_and_offsets_below_zero_are_refused() -> None:
    rows = [(1000, 6, 0, 0xFFFFFFFF), (1000, 8, -4, 1), (1003, 4, 0, 0x40000000), (1000, 6, 9, 1)]
    for row in rows:
        blob = struct.pack(">II", 1, 4) + struct.pack(">IIiI", *row) + b"abc\0"
        with pytest.raises(Unreadable, match="header with"):
            header.parse(blob)
    with pytest.raises(Unreadable, match="size"):
        header.parse(struct.pack(">II", 0xFFFFFFFF, 0xFFFFFFFF) + bytes(64))


def test_entries_over_each_other_dont_multiply_what_a_header_holds() -> None:
    text = b"x" * 1000 + b"\0"
    tags = [1000, 1001, 1002, 1004] * 1000
    rows = b"".join(struct.pack(">IIiI", tag, 6, 0, 1) for tag in tags)
    with pytest.raises(Unreadable, match="over each other"):
        header.parse(struct.pack(">II", len(tags), len(text)) + rows + text)


def test_what_was_added_on_installing_counts_where_a_tag_stands_twice() -> None:
    blob = struct.pack(">II", 2, 4) + struct.pack(">IIiI", 1000, 6, 0, 1)
    blob += struct.pack(">IIiI", 1000, 6, 2, 1) + b"a\0b\0"
    assert Package(header.parse(blob)).name == "b"


def test_one_broken_header_leaves_the_others(tmp_path: Path) -> None:
    blobs = [*BLOBS, b"no header"]
    for content in (made.ndb(blobs), made.bdb(blobs), made.sqlite(tmp_path / "db", blobs)):
        found, problems = names(content)
        assert found == ["a", "b"] and len(problems) == 1


def test_overflow_pages_in_a_circle_end() -> None:
    content = bytearray(made.bdb([bytes(9000)], size=4096))
    assert struct.unpack_from("<I", content, 3 * 4096 + 16) == (4,)
    struct.pack_into("<I", content, 3 * 4096 + 16, 2)  # the second page leads to the first
    at = content.index(struct.pack("<B3xII", 3, 2, 9000))
    struct.pack_into("<I", content, at + 8, len(content))
    with pytest.raises(Unreadable, match="another length"):
        list(bdb.blobs(bytes(content)))
    struct.pack_into("<I", content, at + 8, 0xFFFFFFFF)
    with pytest.raises(Unreadable, match="larger than the file"):
        list(bdb.blobs(bytes(content)))
    struct.pack_into("<H", content, 2 * 4096 + 22, 0)  # it adds nothing
    struct.pack_into("<I", content, at + 8, 9000)
    with pytest.raises(Unreadable, match="broken overflow page"):
        list(bdb.blobs(bytes(content)))


def test_many_references_to_one_value_are_no_more_than_the_file_holds() -> None:
    content = bytearray(made.bdb([b"x" * 3000] * 100, size=4096))
    for at in range(4096, 8192 - 11):
        if content[at] == 3 and struct.unpack_from("<I", content, at + 8)[0] == 3000:
            struct.pack_into("<I", content, at + 4, 2)
    _, problems = names(bytes(content[: 4096 * 4]).ljust(4096 * 102, b"\0"))
    assert problems == ("holds a header whose size is not what it states",)
    few = bytearray(content[: 4096 * 4])
    struct.pack_into("<I", few, 32, 3)
    assert "holds more than its own size" in names(bytes(few))[1]


def test_slots_that_overlap_or_lead_out_of_the_file_are_refused() -> None:
    content = bytearray(made.ndb(BLOBS))
    for at, value in ((40, 0), (40, 0xFFFFFFFF), (44, 0xFFFFFFFF), (44, 1), (36, 77)):
        broken = bytearray(content)
        struct.pack_into("<I", broken, at, value)
        with pytest.raises(Unreadable):
            list(ndb.blobs(bytes(broken)))
    content[4096 + 20] ^= 1
    with pytest.raises(Unreadable, match="checksum"):
        list(ndb.blobs(bytes(content)))


def schema(path: Path, *statements: str) -> bytes:
    path.unlink(missing_ok=True)
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()
    return path.read_bytes()


ENDLESS = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n)"


@pytest.mark.parametrize(
    "statements",
    [
        [f"CREATE VIEW Packages AS {ENDLESS} SELECT randomblob(1000000) AS blob FROM n"],
        ["CREATE TABLE Packages (hnum, blob AS (zeroblob(1000000000)))"],
        ["CREATE VIRTUAL TABLE Packages USING fts5(blob)"],
        ["CREATE TABLE Packages (hnum INTEGER PRIMARY KEY)"],
        ["CREATE TABLE Other (blob)"],
        ["CREATE TABLE Packages (blob)", "INSERT INTO Packages VALUES ('text'), (1), (NULL)"],
    ],
)
def test_a_schema_that_computes_is_not_evaluated(tmp_path: Path, statements: list[str]) -> None:
    content = schema(tmp_path / "db", *statements)
    if "AS (zero" in statements[0]:
        content = schema(tmp_path / "db", *statements, "INSERT INTO Packages (hnum) VALUES (1)")
    try:
        found, problems = names(content)
    except Unreadable as error:
        found, problems = [], (str(error),)
    assert not found and problems


def test_pages_of_sqlite_in_a_circle_end(tmp_path: Path) -> None:
    path = tmp_path / "db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, blob)")
    connection.executemany("INSERT INTO Packages (blob) VALUES (?)", [(BLOBS[0],)] * 3_000)
    connection.commit()
    connection.close()
    content = bytearray(path.read_bytes())
    root = 4096  # page 2, an inner page: all its cells lead to one child
    cells = struct.unpack_from(">H", content, root + 3)[0]
    assert content[root] == 5 and cells > 10
    first = struct.unpack_from(">H", content, root + 12)[0]
    child = content[root + first : root + first + 4]
    for place in range(cells):
        at = struct.unpack_from(">H", content, root + 12 + 2 * place)[0]
        content[root + at : root + at + 4] = child
    names(bytes(content))  # whatever it gives, it ends, and no more than its own size
    for place in range(cells):
        at = struct.unpack_from(">H", content, root + 12 + 2 * place)[0]
        content[root + at : root + at + 4] = (2).to_bytes(4, "big")
    try:
        assert names(bytes(content))[1]
    except Unreadable:
        return


def logged(tmp_path: Path) -> tuple[bytes, bytes]:
    """A database and the log that holds its second package, as a killed rpm leaves them."""
    path = tmp_path / "log" / "rpmdb.sqlite"
    path.parent.mkdir()
    made.sqlite(path, BLOBS[:1])
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    connection.execute("INSERT INTO Packages (blob) VALUES (?)", (BLOBS[1],))
    connection.commit()
    content, log = path.read_bytes(), (path.parent / "rpmdb.sqlite-wal").read_bytes()
    connection.close()
    assert content[18] == 2
    return content, log


def test_what_stands_in_the_write_ahead_log_alone_is_read(tmp_path: Path) -> None:
    content, log = logged(tmp_path)
    assert names(content) == (["a"], ())
    assert names(content, log) == (["a", "b"], ())


def test_a_transaction_that_was_not_finished_doesnt_count(tmp_path: Path) -> None:
    content, log = logged(tmp_path)
    assert names(content, log[:-1]) == (["a"], ())
    torn = bytearray(log)
    torn[-1] ^= 1
    assert names(content, bytes(torn)) == (["a"], ())
    assert names(content, log[:20]) == (["a"], ())


@given(st.data())
def test_a_changed_log_gives_a_database_or_a_reason(data: st.DataObject) -> None:
    log = bytearray(LOG)
    for _ in range(data.draw(st.integers(1, 3))):
        log[data.draw(st.integers(0, len(log) - 1) | st.integers(0, 60))] = data.draw(
            st.integers(0, 255)
        )
    try:
        assert len(wal.applied(bytearray(SQLITE), bytes(log))) <= len(SQLITE) + len(log)
    except Unreadable:
        return


def test_a_log_or_journal_that_cant_be_applied_is_a_gap(tmp_path: Path) -> None:
    content, log = logged(tmp_path)
    for beside in (
        {"rpmdb.sqlite-wal": b"\0" * 40},
        {"rpmdb.sqlite-wal": log[:8] + (512).to_bytes(4, "big") + log[12:]},
        {"rpmdb.sqlite-journal": bytes.fromhex("d9d505f920a163d7") + bytes(100)},
    ):
        root = tmp_path / "root"
        shutil.rmtree(root, ignore_errors=True)
        folder = root / "var/lib/rpm"
        folder.mkdir(parents=True)
        for name, raw in {"rpmdb.sqlite": content, **beside}.items():
            (folder / name).write_bytes(raw)
        found = catalogue(directory_view(root, WANTED)[0])
        assert [gap.what for gap in found.gaps] == ["component"] and not found.installed


def test_a_database_too_large_to_keep_is_read_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("bom.catalog.view", "bom.catalog.rpm.database", "bom.catalog.rpm.sqlite"):
        monkeypatch.setattr(f"{module}.CONTENT_LIMIT", 1000)
    for name, make in writers(tmp_path).items():
        root = tmp_path / f"root-{name}"
        folder = root / "usr/lib/sysimage/rpm"
        folder.mkdir(parents=True)
        (folder / name).write_bytes(make(BLOBS))
        view, _ = directory_view(root, WANTED)
        found, gaps = database.find(view)
        assert found is not None and not gaps and not found.problems
        packages = [Package(item) for item in found.headers]
        assert [item.name for item in packages] == ["a", "b"]
        assert len(list(packages[1].files())) == 900
        (folder / name).write_bytes(make([b"x" * 2000]))
        found, _ = database.find(directory_view(root, WANTED)[0])
        assert found is not None and found.problems


def writers(tmp_path: Path) -> dict[str, Callable[[list[bytes]], bytes]]:
    return {
        "rpmdb.sqlite": lambda blobs: made.sqlite(tmp_path / "db", blobs),
        "Packages.db": made.ndb,
        "Packages": made.bdb,
    }


def _constants() -> tuple[bytes, bytes]:
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        return logged(Path(folder))


SQLITE, LOG = _constants()
