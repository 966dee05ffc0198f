"""Zips in their normal form."""

from __future__ import annotations

import hashlib
import io
import struct
import subprocess
import zipfile
from typing import TYPE_CHECKING

import pytest
from tests.normalise.conftest import EPOCH
from tests.normalise.zips import OLD, moment, names, opened_zip, packed

from bom.archive import zip as zip_archive
from bom.archive import zip_records as records
from bom.archive.positioned import PositionedBytes, opened
from bom.errors import BadArtifact, CannotNormalise
from bom.normalise.zip_entry import Head

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Need
    from tests.normalise.conftest import Lab


def file(name: str, mode: int, host: int = 3) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, OLD)
    info.create_system = host
    info.external_attr = mode << 16
    return info


def test_members_are_sorted_and_have_no_extra_fields_and_no_descriptors(
    lab: Lab, need: Need, tmp_path: Path
) -> None:
    (tmp_path / "in").mkdir()
    for name in ("b", "a", "c"):
        (tmp_path / "in" / name).write_text(name * 100)
    packing = [need("zip"), "-q", "-fd", "../x.zip", "b", "c", "a"]
    subprocess.run(packing, check=True, cwd=tmp_path / "in")
    result = lab.normalise(tmp_path / "x.zip")
    subprocess.run([need("unzip"), "-tq", str(result)], check=True, capture_output=True)
    with opened(result) as stream:
        structure = zip_archive.read(stream)
    for member in structure.members:
        assert member.content - member.start == 30 + len(member.name)
        assert not member.row.flags
        assert len(member.row.raw) == 46 + len(member.name)
    assert [member.name for member in structure.members] == ["a", "b", "c"]
    assert {c.aspect for c in lab.changes} >= {"headers", "order", "times"}


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        (EPOCH + 86_400, EPOCH),
        (EPOCH, EPOCH),
        # west of Greenwich the local time of a moment after the commit may be before it in UTC
        (EPOCH - 11 * 3_600, EPOCH),
        (EPOCH - 13 * 3_600, EPOCH - 13 * 3_600),
        (315_532_800, 315_532_800),
    ],
)
def test_a_time_is_clamped_also_where_its_zone_is_not_known(
    lab: Lab, stated: int, expected: int
) -> None:
    result = lab.bytes_of(packed([("a", b"a")], time=moment(stated)), "x.zip")
    assert opened_zip(result).infolist()[0].date_time == moment(expected)


def test_a_date_that_no_calendar_has_is_the_first_day(lab: Lab) -> None:
    built = bytearray(packed([("a", b"a")]))
    row = built.index(b"PK\1\2")
    built[10:14] = built[row + 12 : row + 16] = bytes(4)
    result = lab.bytes_of(bytes(built), "x.zip")
    assert opened_zip(result).infolist()[0].date_time == (1980, 1, 1, 0, 0, 0)


def test_a_mode_is_what_the_owner_may_do_and_unix_is_the_host(lab: Lab) -> None:
    built = packed(
        [
            (file("tool", 0o100775), b""),
            (file("secret", 0o100600), b""),
            (file("su", 0o104711), b""),
            (file("none", 0), b""),
            (file("link", 0o120755), b"tool"),
            (file("dos", 0o755, host=0), b""),
            (file("d/", 0o40700), b""),
            (file("maven/", 0xFFFF), b""),  # what Maven's default jar plugin writes
        ]
    )
    got = {i.filename: i for i in opened_zip(lab.bytes_of(built, "x.zip")).infolist()}
    assert {name: oct(info.external_attr >> 16) for name, info in got.items()} == {
        "tool": "0o100755",
        "secret": "0o100644",
        "su": "0o104755",
        "none": "0o100644",
        "link": "0o120777",
        "dos": "0o100644",
        "d/": "0o40755",
        "maven/": "0o40755",
    }
    assert {info.create_system for info in got.values()} == {3}


def test_comments_and_names_outside_ascii_stay(lab: Lab) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        info = zipfile.ZipInfo("größe/ñ", OLD)
        info.comment = b"of the member"
        archive.writestr(info, b"x")
        archive.comment = b"0123456789abcdef: the commit, as git archive has it"
    result = opened_zip(lab.bytes_of(out.getvalue(), "x.zip"))
    assert result.comment == b"0123456789abcdef: the commit, as git archive has it"
    assert [(i.filename, i.comment) for i in result.infolist()] == [("größe/ñ", b"of the member")]


def test_a_large_member_goes_through_in_pieces(lab: Lab) -> None:
    content = b"".join(hashlib.sha256(b"%d" % n).digest() for n in range(200_000))
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        result = opened_zip(lab.bytes_of(packed([("a", b"1"), ("b", content)], method), "x.zip"))
        assert result.testzip() is None
        assert result.read("b") == content
        assert result.getinfo("b").compress_type == method


def test_sizes_over_four_gibibytes_stand_in_zip64_fields() -> None:
    row = zip_archive.read(PositionedBytes(packed([("a", b"")]))).rows[0]
    size = 5 << 30
    head = Head(row, EPOCH, size)
    local = records.parse_local(head.local(7, size - 1, size), "a")
    assert isinstance(local, records.LocalHeader)
    assert (local.length, local.compressed, local.size) == (head.length, size - 1, size)
    parsed = records.parse_row(head.directory(7, size - 1, size, size + 9), 0)
    assert (parsed.compressed, parsed.size, parsed.offset) == (size - 1, size, size + 9)
    narrow = records.parse_row(Head(row, EPOCH, 9).directory(7, 8, 9, size), 0)
    assert (narrow.compressed, narrow.size, narrow.offset) == (8, 9, size)


def test_the_first_member_says_what_it_is_where_a_format_wants_that(lab: Lab) -> None:
    book = packed([("META-INF/container.xml", b"x"), ("mimetype", b"application/epub+zip")])
    assert names(lab.bytes_of(book, "x.epub"))[0] == "mimetype"
    document = packed([("_rels/.rels", b"x"), ("Z", b""), ("[Content_Types].xml", b"x")])
    assert names(lab.bytes_of(document, "x.docx"))[0] == "[Content_Types].xml"


# --- what is refused -----------------------------------------------------------------------------


def test_a_file_that_has_members_is_refused(lab: Lab) -> None:
    refused = lab.refusal(packed([("a", b"a"), ("a/b", b"b")]), "x.zip")
    assert refused.reason == "'a' is a file, but has members"


def test_a_method_that_is_neither_stored_nor_deflated_is_refused(lab: Lab) -> None:
    refused = lab.refusal(packed([("a", b"a")], zipfile.ZIP_BZIP2), "x.zip")
    assert isinstance(refused, CannotNormalise)
    assert refused.reason == "'a' is neither stored nor deflated, but of method 12"


@pytest.mark.parametrize("name", ["../a", "/a", "a/../../b", "a\\b"])
def test_a_name_that_leads_out_is_refused(lab: Lab, name: str) -> None:
    assert isinstance(lab.refusal(packed([(name, b"a")]), "x.zip"), BadArtifact)


def test_a_member_with_a_wrong_checksum_is_damaged(lab: Lab) -> None:
    built = packed([("a", b"content")], zipfile.ZIP_STORED).replace(b"content", b"CONTENT")
    refused = lab.refusal(built, "x.zip")
    assert isinstance(refused, BadArtifact) and refused.code == "damaged"


def test_a_member_that_holds_more_than_is_stated_is_damaged(lab: Lab) -> None:
    built = bytearray(packed([("a", bytes(100_000))]))
    row = built.index(b"PK\1\2")
    built[22:26] = built[row + 24 : row + 28] = struct.pack("<L", 10)
    assert "more comes out" in lab.refusal(bytes(built), "x.zip").reason


def test_two_members_of_one_place_are_damaged(lab: Lab) -> None:
    built = bytearray(packed([("a", b"x"), ("b", b"x")], zipfile.ZIP_STORED))
    second = built.rindex(b"PK\1\2")
    built[second + 42 : second + 46] = bytes(4)
    assert isinstance(lab.refusal(bytes(built), "x.zip"), BadArtifact)
