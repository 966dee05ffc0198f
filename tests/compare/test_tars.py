"""Two tars: what is found, where, and with which verdict."""

from __future__ import annotations

import gzip
import tarfile
from typing import TYPE_CHECKING

import pytest
from tests.compare.archives import EPOCH, Entry, compared, folder, link, tar, told, zipped

if TYPE_CHECKING:
    from pathlib import Path

FIRST = Entry("a/first.txt", b"one\n")
SECOND = Entry("a/second.txt", b"two\n")
TIME = Entry("a/time.txt", b"built 2024-01-01T10:00:00Z\n")
LATER = Entry("a/time.txt", b"built 2024-02-03T11:12:13Z\n")


def test_equal_bytes_are_the_same(tmp_path: Path) -> None:
    found = compared(tmp_path, tar(FIRST), tar(FIRST))
    assert (found.verdict, found.differences, found.normalised) == ("same", (), ())


def test_a_content_that_differs_is_named_and_nothing_else(tmp_path: Path) -> None:
    found = compared(tmp_path, tar(FIRST, TIME, SECOND), tar(FIRST, LATER, SECOND))
    assert found.verdict == "different"
    assert told(found) == [("timestamp", "a/time.txt")]


def test_times_later_than_the_epoch_are_normalised(tmp_path: Path) -> None:
    later = [Entry(item.name, item.content, {"mtime": EPOCH + 9}) for item in (FIRST, SECOND)]
    found = compared(tmp_path, tar(FIRST, SECOND), tar(*later))
    assert found.verdict == "normalised"
    assert told(found) == [("timestamp", "a/first.txt"), ("timestamp", "a/second.txt")]
    assert "the times of entries" in found.normalised
    evidence = "modification time 2023-11-14T22:13:20Z -> 2023-11-14T22:13:29Z"
    assert found.differences[0].evidence == evidence


def test_times_before_the_epoch_are_content_to_a_normaliser(tmp_path: Path) -> None:
    earlier = Entry("a/first.txt", b"one\n", {"mtime": 5})
    found = compared(tmp_path, tar(FIRST), tar(earlier))
    assert (found.verdict, told(found)) == ("different", [("timestamp", "a/first.txt")])


def test_another_order_is_one_difference(tmp_path: Path) -> None:
    found = compared(tmp_path, tar(FIRST, SECOND, TIME), tar(TIME, FIRST, SECOND))
    assert found.verdict == "normalised"
    assert [item.cause for item in found.differences] == ["order"]
    assert "'a/time.txt'" in found.differences[0].evidence


def test_what_only_one_has_is_no_other_order(tmp_path: Path) -> None:
    found = compared(tmp_path, tar(FIRST, SECOND, TIME), tar(FIRST, TIME))
    assert found.verdict == "different"
    assert [(item.cause, item.path) for item in found.differences] == [("unknown", "a/second.txt")]


def test_of_a_folder_that_only_one_has_the_folder_is_told(tmp_path: Path) -> None:
    more = [folder("b"), Entry("b/x"), folder("b/c"), Entry("b/c/y")]
    found = compared(tmp_path, tar(FIRST), tar(FIRST, *more))
    assert [item.path for item in found.differences] == ["b"]


def test_owners_and_modes_have_causes_of_their_own(tmp_path: Path) -> None:
    changed = Entry("a/first.txt", b"one\n", {"uid": 1000, "uname": "joe", "mode": 0o664})
    found = compared(tmp_path, tar(FIRST), tar(changed))
    assert told(found) == [("mode", "a/first.txt"), ("owner", "a/first.txt")]
    assert [item.evidence for item in found.differences] == [
        "mode 0644 -> 0664",
        "owner 0:0 -> 1000:0 (joe:)",
    ]
    assert found.verdict == "normalised"


def test_a_link_to_another_place_differs_in_content(tmp_path: Path) -> None:
    one, two = (link("a/link", f"/tmp/{name}/target") for name in ("build-one", "build-two"))
    found = compared(tmp_path, tar(FIRST, one), tar(FIRST, two))
    assert found.verdict == "different"
    assert [item.path for item in found.differences] == ["a/link"]


def test_a_file_that_became_a_link_is_told(tmp_path: Path) -> None:
    found = compared(tmp_path, tar(FIRST), tar(link("a/first.txt", "x")))
    assert found.verdict == "different"
    assert "a file -> a symbolic link" in [item.evidence for item in found.differences]


def test_an_extended_attribute_is_content(tmp_path: Path) -> None:
    pax = [
        tar(
            Entry("a", b"x", {"pax_headers": {"SCHILY.xattr.security.capability": value}}),
            form=tarfile.PAX_FORMAT,
        )
        for value in ("one", "two")
    ]
    found = compared(tmp_path, *pax)
    assert found.verdict == "different"
    assert "security.capability" in found.differences[0].evidence


def test_the_format_of_headers_is_no_content(tmp_path: Path) -> None:
    forms = (tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT)
    found = compared(tmp_path, *(tar(FIRST, form=form) for form in forms))
    assert found.verdict == "normalised"
    assert found.differences[0].candidates == ("environment", "tool-version")


def test_dots_before_names_make_no_other_entries(tmp_path: Path) -> None:
    dotted = Entry("./a/first.txt", b"one\n")
    found = compared(tmp_path, tar(FIRST), tar(dotted))
    assert [item.path for item in found.differences] == ["a/first.txt"]
    assert "spelled" in found.differences[0].evidence


def test_a_fraction_of_a_second_is_a_time(tmp_path: Path) -> None:
    times = (EPOCH + 0.25, EPOCH + 0.5)
    pax = [tar(Entry("a", b"x", {"mtime": t}), form=tarfile.PAX_FORMAT) for t in times]
    found = compared(tmp_path, *pax)
    assert told(found) == [("timestamp", "a")]
    assert found.verdict == "normalised"


def test_a_pax_global_header_is_no_member(tmp_path: Path) -> None:
    def archive(comment: str) -> bytes:
        header = tarfile.TarInfo.create_pax_global_header({"comment": comment})
        return header + tar(FIRST)

    found = compared(tmp_path, archive("1" * 40), archive("2" * 40))
    assert [item.path for item in found.differences] == ["a/first.txt"]


def test_what_stands_after_the_end_is_told(tmp_path: Path) -> None:
    found = compared(tmp_path, tar(FIRST), tar(FIRST) + bytes(10240))
    assert [item.path for item in found.differences] == ["a.tar"]
    assert found.verdict == "normalised"


def test_a_name_that_stands_twice_is_compared_in_its_order(tmp_path: Path) -> None:
    again = Entry("a/first.txt", b"built 2024-01-01T10:00:00Z\n")
    other = Entry("a/first.txt", b"built 2024-01-02T10:00:00Z\n")
    found = compared(tmp_path, tar(FIRST, again), tar(FIRST, other))
    assert told(found) == [("timestamp", "a/first.txt")]


def test_archives_in_archives_are_one_path(tmp_path: Path) -> None:
    inner = [zipped([("x.txt", item.content)]) for item in (TIME, LATER)]
    packed = [gzip.compress(tar(Entry("lib/x.jar", data)), mtime=0) for data in inner]
    found = compared(tmp_path, *packed, name="a.tar.gz")
    assert told(found) == [("timestamp", "lib/x.jar > x.txt")]


def test_of_a_gzip_file_the_header_and_the_content_differ(tmp_path: Path) -> None:
    packed = (
        gzip.compress(tar(TIME), mtime=EPOCH + 1),
        gzip.compress(tar(LATER), mtime=EPOCH + 2),
    )
    found = compared(tmp_path, *packed, name="a.tar.gz")
    assert told(found) == [("timestamp", "a.tar.gz"), ("timestamp", "a/time.txt")]
    assert "gzip -n" in found.differences[0].remedy


def test_the_same_content_compressed_in_another_way_is_normalised(tmp_path: Path) -> None:
    data = tar(*(Entry(f"{n}", f"{n}{n * n}".encode() * 99) for n in range(50)))
    packed = [gzip.compress(data, level, mtime=0) for level in (6, 5)]
    found = compared(tmp_path, *packed, name="a.tar.gz")
    assert found.verdict == "normalised"
    assert found.differences[0].candidates == ("environment", "parallelism", "tool-version")


@pytest.mark.parametrize("count", [1500])
def test_of_very_many_entries_the_rest_is_counted(tmp_path: Path, count: int) -> None:
    one = [Entry(f"{n:05}") for n in range(count)]
    two = [Entry(f"{n:05}", more={"mtime": EPOCH + 1}) for n in range(count)]
    found = compared(tmp_path, tar(*one), tar(*two))
    assert len(found.differences) == 1001
    assert found.differences[0].path == "(500 more)"
    assert found.verdict == "normalised"
