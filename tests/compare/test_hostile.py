"""Archives made to hurt whoever looks into them: there is always an answer, and soon."""

from __future__ import annotations

import gzip
import io
import random
import resource
import tarfile
import threading
import time
import zipfile
import zlib
from typing import TYPE_CHECKING

import pytest
from tests.compare.archives import EPOCH, Entry, compared, image, tar, zipped

from bom.compare import compare, content
from bom.compare.found import joined

if TYPE_CHECKING:
    from pathlib import Path

TIMES = (b"built 2024-01-01T10:00:00Z\n", b"built 2024-02-03T11:12:13Z\n")


@pytest.mark.parametrize("cut", [0, 1, 100, 512, 600, 1024, 5000])
def test_archives_that_are_cut_short_are_different(tmp_path: Path, cut: int) -> None:
    whole = tar(*(Entry(f"{n}", bytes([n % 256]) * 400) for n in range(20)))
    found = compared(tmp_path, whole, whole[:cut])
    assert found.verdict == "different"
    assert found.differences


@pytest.mark.parametrize("place", range(0, 3000, 97))
def test_a_flipped_byte_anywhere_is_a_difference(tmp_path: Path, place: int) -> None:
    for whole, name in (
        (image([tar(Entry("a", b"x" * 100))]), "a.tar"),
        (zipped([(f"{n}", bytes(100)) for n in range(20)]), "a.zip"),
        (gzip.compress(tar(Entry("a", bytes(range(256)) * 9)), 1, mtime=0), "a.tgz"),
    ):
        data = bytearray(whole)
        data[place % len(data)] ^= 0x20
        found = compared(tmp_path, whole, bytes(data), name=name)
        assert found.verdict in ("different", "normalised")
        assert found.differences


def test_what_is_unpacked_has_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content, "UNPACKED_LIMIT", 50_000_000)
    bombs = [gzip.compress(bytes(100_000_000) + TIMES[n], 1, mtime=0) for n in (0, 1)]
    found = compared(tmp_path, *bombs, name="bomb.gz")
    assert found.verdict == "different"
    assert [item.path for item in found.differences] == ["bomb.gz"]


def test_archives_in_archives_end_somewhere(tmp_path: Path) -> None:
    one, two = TIMES
    for _ in range(300):
        one, two = (gzip.compress(data, 1, mtime=0) for data in (one, two))
    found = compared(tmp_path, one, two, name="deep.gz")
    assert found.verdict == "different"
    assert [item.path for item in found.differences] == ["deep.gz"]


def test_names_can_do_nothing_to_a_terminal(tmp_path: Path) -> None:
    name = "\x1b]0;title\x07\n::error::x\u202e\udcff"
    found = compared(tmp_path, *(tar(Entry(name, data)) for data in TIMES))
    (path,) = {item.path for item in found.differences}
    assert path.isprintable()
    assert path == "\\x1b]0;title\\x07\\x0a::error::x\\u202e\\xff"


def test_a_path_has_a_limit() -> None:
    assert len(joined("layer 1", "x" * 100_000)) < 2100


def test_documents_of_an_image_may_be_anything(tmp_path: Path) -> None:
    for broken in (b"[" * 100_000, b'{"a":' * 5000, b"[1]", b"[{}]", b'[{"Layers": {}}]', b"null"):
        archives = [tar(Entry("manifest.json", broken), Entry("x", data)) for data in TIMES]
        found = compared(tmp_path, *archives)
        assert [item.path for item in found.differences] == ["x"]
    config = {"history": 5, "config": [1], "rootfs": "x", "created": {"a": [None] * 1000}}
    found = compared(tmp_path, image([tar(Entry("a"))], config=config), image([tar(Entry("a"))]))
    assert found.verdict == "different"


def test_links_that_lead_in_a_circle_make_no_image(tmp_path: Path) -> None:
    circle = {"type": tarfile.SYMTYPE, "linkname": "manifest.json"}
    archives = [tar(Entry("manifest.json", more=circle), Entry("x", data)) for data in TIMES]
    found = compared(tmp_path, *archives)
    assert [item.path for item in found.differences] == ["x"]


def test_a_zip_whose_members_overlap_is_looked_at_as_bytes(tmp_path: Path) -> None:
    whole = bytearray(zipped([("a", TIMES[0]), ("b", TIMES[0])]))
    broken = whole.replace(b"PK\x01\x02", b"PK\x01\x03", 1)
    found = compared(tmp_path, bytes(whole), bytes(broken), name="a.zip")
    assert [item.path for item in found.differences] == ["a.zip"]


def test_a_program_that_lies_about_its_sections_is_looked_at_as_bytes(tmp_path: Path) -> None:
    head = b"\x7fELF\x02\x01\x01" + bytes(9)
    for rest in (b"", bytes(48), b"\xff" * 48, b"\xff" * 4000):
        found = compared(tmp_path, head + rest, head + rest + TIMES[0], name="program")
        assert [item.path for item in found.differences] == ["program"]


def test_very_many_entries_in_another_order_take_bounded_memory(tmp_path: Path) -> None:
    count = 15_000
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for number in range(count):
            member = tarfile.TarInfo(f"folder/{number:07}")
            archive.addfile(member)
    blocks = [plain.getvalue()[n * 512 : n * 512 + 512] for n in range(count)]
    started, before = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    one, two = b"".join(blocks) + bytes(1024), b"".join(reversed(blocks)) + bytes(1024)
    found = compared(tmp_path, one, two)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert [item.cause for item in found.differences] == ["order"]
    assert grown < 300 * 1024  # KiB
    assert time.process_time() - started < 30


def test_files_larger_than_what_is_looked_at_are_compared_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(content, "LEAF_LIMIT", 1 << 20)
    filler = b"".join(b"line %d\n" % n for n in range(200_000))
    builds = [tar(Entry("large.txt", filler + data + filler)) for data in TIMES]
    found = compared(tmp_path, *builds)
    assert [(item.cause, item.path) for item in found.differences] == [("timestamp", "large.txt")]
    moved = [tar(Entry("large.txt", filler + data + filler)) for data in (TIMES[0], b"")]
    found = compared(tmp_path, *moved)
    assert [item.path for item in found.differences] == ["large.txt"]


def test_two_kinds_of_files_differ_as_bytes(tmp_path: Path) -> None:
    found = compared(tmp_path, zipped([("a", b"1")]), tar(Entry("a", b"1")), name="a")
    assert (found.verdict, [item.path for item in found.differences]) == ("different", ["a"])
    found = compared(tmp_path, b"", tar(Entry("a", b"1")), name="a")
    assert (found.verdict, [item.path for item in found.differences]) == ("different", ["a"])


def test_a_member_that_is_compressed_in_an_unknown_way_is_no_crash(tmp_path: Path) -> None:
    out = []
    for data in TIMES:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_LZMA) as archive:
            archive.writestr(zipfile.ZipInfo("a"), data, zipfile.ZIP_LZMA)
        out.append(buffer.getvalue())
    found = compared(tmp_path, *out, name="a.zip")
    assert (found.verdict, [item.path for item in found.differences]) == ("different", ["a.zip"])


def test_a_stream_with_a_wrong_checksum_is_looked_at_as_bytes(tmp_path: Path) -> None:
    whole = gzip.compress(TIMES[0], mtime=0)
    broken = whole[:-8] + zlib.crc32(b"").to_bytes(4, "little") + whole[-4:]
    found = compared(tmp_path, whole, broken, name="a.gz")
    assert (found.verdict, [item.path for item in found.differences]) == ("different", ["a.gz"])


@pytest.mark.parametrize("damaged", [(), (0,), (1,), (0, 1)])
def test_two_large_streams_are_unpacked_at_once_and_a_damaged_one_ends_both(
    tmp_path: Path, damaged: tuple[int, ...]
) -> None:
    filler = random.Random(1).randbytes(3 << 20)
    both = [bytearray(gzip.compress(filler + text, 1, mtime=0)) for text in TIMES]
    for number in damaged:
        both[number][1000:2000] = bytes(1000)
    found = compared(tmp_path, *(bytes(data) for data in both), name="a.gz")
    assert (found.verdict, {item.path for item in found.differences}) == ("different", {"a.gz"})
    assert ([item.cause for item in found.differences] == ["timestamp"]) == (not damaged)
    assert not [thread for thread in threading.enumerate() if "unpack" in thread.name]


def test_an_epoch_of_any_size_is_no_crash(tmp_path: Path) -> None:
    for number, data in enumerate((tar(Entry("a")), tar(Entry("a", more={"mtime": EPOCH + 1})))):
        (tmp_path / f"{number}.tar").write_bytes(data)
    for epoch in (0, 1 << 31, 1 << 40):
        found = compare(tmp_path / "0.tar", tmp_path / "1.tar", epoch=epoch)
        assert found.differences


def test_a_long_number_is_soon_no_version(tmp_path: Path) -> None:
    one, two = (b"gcc " + str(n).encode() * 40 + b"!\n" for n in (10, 20))
    started = time.process_time()
    assert compared(tmp_path, one, two, name="a").differences
    assert time.process_time() - started < 5
