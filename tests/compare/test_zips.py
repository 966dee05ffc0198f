"""Two zips, jars or wheels: members, and what only follows from them."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

from tests.compare.archives import compared, told, zipped

if TYPE_CHECKING:
    from pathlib import Path

TIMES = (b"built 2024-01-01T10:00:00Z\n", b"built 2024-02-03T11:12:13Z\n")


def test_a_record_that_follows_from_a_member_is_not_told(tmp_path: Path) -> None:
    wheels = []
    for number, content in enumerate(TIMES):
        record = f"p/a.py,sha256=digest{number},27\np-1.dist-info/RECORD,,\n".encode()
        wheels.append(zipped([("p/a.py", content), ("p-1.dist-info/RECORD", record)]))
    found = compared(tmp_path, *wheels, name="p-1-py3-none-any.whl")
    assert told(found) == [("timestamp", "p/a.py")]
    assert found.verdict == "different"


def test_a_record_that_differs_by_itself_is_told(tmp_path: Path) -> None:
    wheels = [
        zipped([("p/a.py", b"x"), ("p-1.dist-info/RECORD", f"p/a.py,sha256={n},1\n".encode())])
        for n in ("one", "two")
    ]
    found = compared(tmp_path, *wheels, name="p-1-py3-none-any.whl")
    assert [item.path for item in found.differences] == ["p-1.dist-info/RECORD"]


def test_of_a_signed_jar_only_the_entry_is_told(tmp_path: Path) -> None:
    jars = []
    for number, content in enumerate(TIMES):
        manifest = (
            "Manifest-Version: 1.0\r\n\r\n"
            f"Name: long/{'x' * 60}\r\n /b.txt\r\nSHA-256-Digest: d{number}\r\n\r\n"
            "Name: c.txt\r\nSHA-256-Digest: same\r\n\r\n"
        )
        signature = f"Signature-Version: 1.0\r\nSHA-256-Digest-Manifest: m{number}\r\n\r\n"
        jars.append(
            zipped(
                [
                    ("META-INF/MANIFEST.MF", manifest.encode()),
                    ("META-INF/KEY.SF", signature.encode()),
                    ("META-INF/KEY.RSA", bytes([number] * 99)),
                    (f"long/{'x' * 60}/b.txt", content),
                    ("c.txt", b"c"),
                ]
            )
        )
    found = compared(tmp_path, *jars, name="a.jar")
    assert told(found) == [("timestamp", f"long/{'x' * 60}/b.txt")]


def test_times_owners_modes_and_order_of_members(tmp_path: Path) -> None:
    members = [("a", b"1"), ("b", b"2")]
    later = zipped(members, date_time=(2024, 1, 1, 0, 0, 2))
    found = compared(tmp_path, zipped(members), later, name="a.zip")
    assert told(found) == [("timestamp", "a"), ("timestamp", "b")]
    found = compared(tmp_path, zipped(members), zipped(members[::-1]), name="a.zip")
    assert (found.verdict, told(found)) == ("normalised", [("order", "a")])
    found = compared(
        tmp_path, zipped(members), zipped(members, external_attr=0o664 << 16), name="a.zip"
    )
    assert told(found) == [("mode", "a"), ("mode", "b")]
    owners = [
        zipped(members, extra=b"ux\x0b\x00\x01\x04" + bytes([n, 0, 0, 0, 4, 0, 0, 0, 0]))
        for n in (0, 5)
    ]
    found = compared(tmp_path, *owners, name="a.zip")
    assert told(found) == [("owner", "a"), ("owner", "b")]
    assert found.differences[0].evidence == "owner 0:0 -> 5:0"


def test_a_time_in_an_extra_field_is_a_time(tmp_path: Path) -> None:
    zips = [zipped([("a", b"1")], extra=b"UT\x05\x00\x01" + bytes([n, 0, 0, 101])) for n in (0, 1)]
    found = compared(tmp_path, *zips, name="a.zip")
    assert told(found) == [("timestamp", "a")]
    assert found.verdict == "normalised"


def test_a_member_stored_or_deflated_holds_the_same(tmp_path: Path) -> None:
    stored = zipped([("a", b"1" * 99)], compress_type=zipfile.ZIP_STORED)
    found = compared(tmp_path, zipped([("a", b"1" * 99)]), stored, name="a.zip")
    assert [item.path for item in found.differences] == ["a"]
    assert found.differences[0].candidates == ("environment", "parallelism", "tool-version")


def test_a_member_that_one_has_alone_is_named(tmp_path: Path) -> None:
    two = zipped([("a", b"1"), ("b", b"2")])
    found = compared(tmp_path, zipped([("a", b"1")]), two, name="a.zip")
    assert [item.path for item in found.differences] == ["b"]
    assert found.verdict == "different"


def test_a_compiled_module_follows_from_its_source(tmp_path: Path) -> None:
    head = b"\xa7\x0d\r\n" + bytes(12)
    wheels = [
        zipped([("p/__pycache__/a.cpython-311.pyc", head + b"code" + content), ("p/a.py", content)])
        for content in TIMES
    ]
    found = compared(tmp_path, *wheels, name="p-1-py3-none-any.whl")
    assert told(found) == [("timestamp", "p/a.py")]


def test_the_stamp_of_a_compiled_module_is_a_time(tmp_path: Path) -> None:
    wheels = [
        zipped([("p/a.pyc", b"\xa7\x0d\r\n" + bytes(4) + bytes([n, 0, 0, 101]) + b"\1\0\0\0code")])
        for n in (0, 9)
    ]
    found = compared(tmp_path, *wheels, name="a.zip")
    assert told(found) == [("timestamp", "p/a.pyc")]


def test_a_compiled_module_of_another_python_is_of_another_tool(tmp_path: Path) -> None:
    zips = [
        zipped([("a.pyc", magic + b"\r\n" + bytes(14))]) for magic in (b"\xa7\x0d", b"\xcb\x0d")
    ]
    found = compared(tmp_path, *zips, name="a.zip")
    assert told(found) == [("tool-version", "a.pyc")]
    assert found.verdict == "different"
