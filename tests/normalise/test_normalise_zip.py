"""Zips, jars and wheels in their normal form."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import os
import py_compile
import struct
import subprocess
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.normalise.conftest import EPOCH

from bom.archive import zip as zip_archive
from bom.archive import zip_records as records
from bom.archive.positioned import PositionedBytes, opened
from bom.errors import BadArtifact, CannotNormalise
from bom.normalise import Change
from bom.normalise.zip_entry import Head

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.conftest import Need
    from tests.normalise.conftest import Lab

OLD = (2001, 9, 9, 1, 46, 40)
WHEEL = "law-1-py3-none-any.whl"
INFO = "law-1.dist-info"


def moment(seconds: int) -> tuple[int, ...]:
    return datetime.fromtimestamp(seconds, UTC).timetuple()[:6]


def packed(
    entries: Iterable[tuple[str, bytes] | tuple[zipfile.ZipInfo, bytes]],
    method: int = zipfile.ZIP_DEFLATED,
    time: tuple[int, ...] | None = None,
) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in entries:
            info = name
            if isinstance(info, str):
                info = zipfile.ZipInfo(info, time or moment(EPOCH + 3_600))  # type: ignore[arg-type]
                info.external_attr = 0o100644 << 16
                info.compress_type = zipfile.ZIP_STORED if info.is_dir() else method
            archive.writestr(info, content)
    return out.getvalue()


def opened_zip(data: bytes) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(data))


def names(data: bytes) -> list[str]:
    return opened_zip(data).namelist()


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


# --- jars ----------------------------------------------------------------------------------------


MANIFEST = ("META-INF/MANIFEST.MF", b"Manifest-Version: 1.0\r\nMain-Class: A\r\n\r\n")


def test_the_manifest_comes_first_and_signatures_behind_it(lab: Lab) -> None:
    built = packed(
        [
            ("A.class", b"A"),
            ("META-INF/services/x", b"x"),
            ("META-INF/K.SF", b"s"),
            ("META-INF/K.EC", b"s"),
            MANIFEST,
            ("META-INF/", b""),
        ]
    )
    assert names(lab.bytes_of(built, "x.jar")) == [
        "META-INF/",
        "META-INF/MANIFEST.MF",
        "META-INF/K.EC",
        "META-INF/K.SF",
        "A.class",
        "META-INF/services/x",
    ]


def test_a_jar_inside_that_this_build_made_is_made_stable_and_stays_stored(lab: Lab) -> None:
    one = packed([MANIFEST, ("B.class", b"B" * 99), ("A.class", b"A")])
    two = packed([("A.class", b"A"), ("B.class", b"B" * 99), MANIFEST], time=moment(EPOCH + 9_000))
    results = [
        lab.bytes_of(packed([MANIFEST, ("lib/m.jar", inner)], zipfile.ZIP_STORED), "x.jar")
        for inner in (one, two)
    ]
    assert results[0] == results[1]
    assert {c.where for c in lab.changes} == {"", "lib/m.jar"}
    outer = opened_zip(results[0])
    assert outer.getinfo("lib/m.jar").compress_type == zipfile.ZIP_STORED
    assert names(outer.read("lib/m.jar")) == ["META-INF/MANIFEST.MF", "A.class", "B.class"]


def test_a_jar_inside_that_was_published_before_keeps_its_bytes_and_its_digest(lab: Lab) -> None:
    library = packed([("Z.class", b"Z" * 99), ("A.class", b"A")], time=OLD)
    result = lab.bytes_of(packed([MANIFEST, ("lib/z.jar", library)]), "x.jar")
    assert opened_zip(result).read("lib/z.jar") == library


def test_nothing_inside_a_signed_jar_is_touched(lab: Lab) -> None:
    inner = packed([("Z.class", b"Z"), ("A.class", b"A")])
    built = packed([MANIFEST, ("META-INF/K.SF", b"digests"), ("m.jar", inner)])
    assert opened_zip(lab.bytes_of(built, "x.jar")).read("m.jar") == inner


@pytest.mark.parametrize("inside", [b"no zip at all", b"PK\3\4" + bytes(40)])
def test_what_is_only_called_a_jar_stays_as_it_is(lab: Lab, inside: bytes) -> None:
    built = packed([MANIFEST, ("m.jar", inside)])
    assert opened_zip(lab.bytes_of(built, "x.jar")).read("m.jar") == inside


def test_jars_in_jars_without_end_are_looked_into_only_so_deep(lab: Lab) -> None:
    built = packed([("b", b"b"), ("a", b"a")])
    for _ in range(60):
        built = packed([("z", b""), ("m.jar", built)], zipfile.ZIP_STORED)
    data, depth = lab.bytes_of(built, "x.jar"), 0
    while "m.jar" in names(data):
        assert names(data) == (["m.jar", "z"] if depth < 5 else ["z", "m.jar"])
        data, depth = opened_zip(data).read("m.jar"), depth + 1
    assert depth == 60


def test_without_an_index_libraries_of_a_spring_boot_jar_keep_the_order_of_the_class_path(
    lab: Lab,
) -> None:
    libraries = [(f"BOOT-INF/lib/{name}.jar", b"no zip") for name in "cab"]
    index = ("BOOT-INF/classpath.idx", b"- c\n- a\n- b\n")
    result = names(lab.bytes_of(packed([*libraries, ("A.class", b""), MANIFEST]), "x.jar"))
    assert result == [MANIFEST[0], "A.class", *(name for name, _ in libraries)]
    indexed = names(lab.bytes_of(packed([*libraries, index, MANIFEST]), "x.jar"))
    assert indexed == [MANIFEST[0], *sorted([index[0], *(name for name, _ in libraries)])]


def test_java_runs_the_jar_and_its_signature_still_holds(
    lab: Lab, need: Need, tmp_path: Path
) -> None:
    jar, java = need("jar"), need("java")
    source = "public class A { public static void main(String[] a) { System.out.print(42); } }"
    (tmp_path / "A.java").write_text(source)
    (tmp_path / "m.txt").write_text("Main-Class: A\n")
    store = ("-keystore", "keys", "-storepass", "secret")
    for argv in (
        (need("javac"), "A.java"),
        (jar, "cfm", "app.jar", "m.txt", "A.java", "A.class"),
        (need("keytool"), "-genkeypair", *store, "-alias", "k", "-keyalg", "EC", "-dname", "CN=t"),
        (need("jarsigner"), *store, "app.jar", "k"),
    ):
        subprocess.run(argv, check=True, cwd=tmp_path, capture_output=True)
    result = str(lab.normalise(tmp_path / "app.jar"))
    said = subprocess.run([java, "-jar", result], check=True, capture_output=True, text=True)
    assert said.stdout == "42"
    listed = subprocess.run([jar, "tf", result], check=True, capture_output=True, text=True)
    assert listed.stdout.split()[:2] == ["META-INF/", "META-INF/MANIFEST.MF"]
    verified = subprocess.run(
        [need("jarsigner"), "-verify", result], check=True, capture_output=True, text=True
    )
    assert "jar verified." in verified.stdout


# --- wheels --------------------------------------------------------------------------------------


def wheel(entries: list[tuple[str, bytes]], *more: tuple[str, bytes]) -> bytes:
    rows = [f"{INFO}/RECORD,,\n"]
    for name, content in entries:
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        rows.append(f"{name},sha256={digest},{len(content)}\n")
    return packed([(f"{INFO}/RECORD", "".join(rows).encode()), *entries, *more])


def compiled(folder: Path) -> tuple[bytes, bytes]:
    source = folder / "mod.py"
    source.write_text("answer = 42\n")
    os.utime(source, (EPOCH + 3_601, EPOCH + 3_601))
    made = py_compile.compile(
        str(source), doraise=True, invalidation_mode=py_compile.PycInvalidationMode.TIMESTAMP
    )
    return source.read_bytes(), Path(str(made)).read_bytes()


def test_record_has_the_new_digest_of_a_pyc_that_names_its_sources_new_time(
    lab: Lab, tmp_path: Path
) -> None:
    source, code = compiled(tmp_path)
    cached = "law/__pycache__/mod.cpython-311.pyc"
    built = wheel([("law/mod.py", source), (cached, code), (f"{INFO}/METADATA", b"Name: law\n")])
    result = opened_zip(lab.bytes_of(built, WHEEL))
    after = result.read(cached)
    assert after == code[:8] + struct.pack("<L", EPOCH) + code[12:]
    assert result.namelist()[-2:] == [f"{INFO}/METADATA", f"{INFO}/RECORD"]
    rows = list(csv.reader(io.StringIO(result.read(f"{INFO}/RECORD").decode())))
    digest = base64.urlsafe_b64encode(hashlib.sha256(after).digest()).rstrip(b"=").decode()
    assert [cached, f"sha256={digest}", str(len(after))] in rows
    assert [row[0] for row in rows] == [
        f"{INFO}/METADATA",
        cached,
        "law/mod.py",
        f"{INFO}/RECORD",
    ]
    assert {Change("bytecode", "", 1), Change("order", f"{INFO}/RECORD", 1)} <= set(lab.changes)


def test_a_signed_record_stays_and_so_does_what_it_vouches_for(lab: Lab, tmp_path: Path) -> None:
    source, code = compiled(tmp_path)
    cached = "law/__pycache__/mod.cpython-311.pyc"
    built = wheel([("law/mod.py", source), (cached, code)], (f"{INFO}/RECORD.jws", b"{}"))
    result = opened_zip(lab.bytes_of(built, WHEEL))
    assert result.read(cached) == code
    assert result.read(f"{INFO}/RECORD") == opened_zip(built).read(f"{INFO}/RECORD")
    assert result.namelist()[-2:] == [f"{INFO}/RECORD.jws", f"{INFO}/RECORD"]


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (b'"open\n', "its RECORD can't be read"),
        (b"\xff,,\n", "its RECORD can't be read"),
        (b"a,b\n", "a row of its RECORD has not three fields"),
        (b"a,,\na,,\n", "its RECORD names a file twice"),
        (None, "it has not exactly one .dist-info/RECORD"),
    ],
)
def test_a_wheel_without_a_sound_record_is_refused(
    lab: Lab, record: bytes | None, reason: str
) -> None:
    entries = [("a", b"a")] if record is None else [(f"{INFO}/RECORD", record)]
    refused = lab.refusal(packed(entries), WHEEL)
    assert isinstance(refused, CannotNormalise)
    assert reason in refused.reason


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
