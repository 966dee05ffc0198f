"""Tars in their normal form, and what real tools make of them."""

from __future__ import annotations

import gzip
import io
import py_compile
import struct
import subprocess
import sys
import tarfile
from typing import TYPE_CHECKING

import pytest
from tests.normalise.conftest import CACHED, EPOCH, TIMESTAMP, compiled

from bom.errors import BadArtifact, CannotNormalise
from bom.normalise import Change, normalise, tar_contents

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from tests.conftest import Need
    from tests.normalise.conftest import Lab


def entry(name: str, kind: bytes = tarfile.REGTYPE, **fields: object) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type = kind
    info.mtime = EPOCH + 5
    for field, value in fields.items():
        setattr(info, field, value)
    return info


def packed(
    entries: Iterable[tarfile.TarInfo | tuple[tarfile.TarInfo, bytes]],
    form: int = tarfile.GNU_FORMAT,
    headers: dict[str, str] | None = None,
) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form, pax_headers=headers or {}) as archive:
        for item in entries:
            info, content = item if isinstance(item, tuple) else (item, b"")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def members(data: bytes) -> list[tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return archive.getmembers()


def names(data: bytes) -> list[str]:
    return [member.name for member in members(data)]


def test_entries_are_sorted_by_path_and_a_folder_comes_before_what_is_in_it(lab: Lab) -> None:
    built = packed(
        [
            (entry("b"), b"b"),
            (entry("a/z"), b"z"),
            (entry("a-b"), b"-"),
            entry("a", tarfile.DIRTYPE),
            (entry("./0"), b"0"),
        ]
    )
    assert names(lab.bytes_of(built, "x.tar")) == ["./0", "a", "a-b", "a/z", "b"]
    assert Change("order", "", 4) in lab.changes


def test_a_time_before_the_epoch_stays_and_a_later_one_becomes_the_epoch(lab: Lab) -> None:
    built = packed([entry("new", mtime=EPOCH + 1), entry("old", mtime=1_000), entry("t", mtime=0)])
    times = {m.name: m.mtime for m in members(lab.bytes_of(built, "x.tar"))}
    assert times == {"new": EPOCH, "old": 1_000, "t": 0}
    assert [c for c in lab.changes if c.aspect == "times"] == [Change("times", "", 1)]


def test_owners_go_and_of_the_mode_only_what_the_owner_may_run_counts(lab: Lab) -> None:
    built = packed(
        [
            entry("d", tarfile.DIRTYPE, mode=0o2700, uid=1000, gid=1000, uname="joe"),
            entry("plain", mode=0o600, uid=5_000_000, gname="staff"),
            entry("tool", mode=0o775),
        ]
    )
    got = members(lab.bytes_of(built, "x.tar"))
    assert [(m.name, m.mode, m.uid, m.gid, m.uname, m.gname) for m in got] == [
        ("d", 0o2755, 0, 0, "", ""),
        ("plain", 0o644, 0, 0, "", ""),
        ("tool", 0o755, 0, 0, "", ""),
    ]


@pytest.mark.parametrize(
    "special",
    [
        entry("su", mode=0o4755),
        entry("null", tarfile.CHRTYPE, devmajor=1, devminor=3),
        entry("ping", pax_headers={"SCHILY.xattr.security.capability": "\1\0\0\2"}),
    ],
    ids=["set-user-ID", "device", "capability"],
)
def test_a_file_system_keeps_its_numeric_owners_and_modes(
    lab: Lab, special: tarfile.TarInfo
) -> None:
    built = packed(
        [special, entry("data", uid=101, gid=102, uname="www", mode=0o640)], tarfile.PAX_FORMAT
    )
    got = {m.name: m for m in members(lab.bytes_of(built, "x.tar"))}
    data = got["data"]
    assert (data.uid, data.gid, data.uname, data.mode) == (101, 102, "", 0o640)
    found = got[special.name]
    assert (found.mode, found.type) == (special.mode, special.type)
    assert (found.devmajor, found.devminor) == (special.devmajor, special.devminor)
    assert found.pax_headers == special.pax_headers


def test_of_hard_links_the_first_in_order_is_the_file(lab: Lab) -> None:
    one = packed(
        [
            (entry("b"), b"x"),
            entry("a", tarfile.LNKTYPE, linkname="b"),
            entry("c", tarfile.LNKTYPE, linkname="a"),
        ]
    )
    two = packed(
        [
            (entry("c"), b"x"),
            entry("b", tarfile.LNKTYPE, linkname="c"),
            entry("a", tarfile.LNKTYPE, linkname="c"),
        ]
    )
    result = lab.bytes_of(one, "x.tar")
    assert result == lab.bytes_of(two, "x.tar")
    assert [(m.name, m.type, m.linkname) for m in members(result)] == [
        ("a", tarfile.REGTYPE, ""),
        ("b", tarfile.LNKTYPE, "a"),
        ("c", tarfile.LNKTYPE, "a"),
    ]


def test_a_hard_link_to_what_is_not_in_the_tar_stays(lab: Lab) -> None:
    built = packed([entry("a", tarfile.LNKTYPE, linkname="elsewhere")])
    assert members(lab.bytes_of(built, "x.tar"))[0].linkname == "elsewhere"


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize(
    "name",
    [
        "d/" * 9_999 + "f",
        "ä" * 90,
        "n" * 101,
        "d" * 150 + "/" + "n" * 100,
        "bad\udcff",
        "\udcff" * 150,
    ],
    ids=["10000 folders", "umlauts", "long", "split", "no UTF-8", "long and no UTF-8"],
)
def test_any_name_comes_back(lab: Lab, name: str, form: int) -> None:
    built = packed([(entry(name), b"content")], form)
    result = lab.bytes_of(built, "x.tar")
    assert names(result) == [name]


def test_a_pax_header_is_written_only_where_it_is_needed(lab: Lab) -> None:
    info = entry("a", mtime=1.25)
    info.pax_headers = {"atime": "3.5", "ctime": "4.5", "SCHILY.xattr.user.note": "kept"}
    result = lab.bytes_of(packed([info, entry("b", mtime=2.5)], tarfile.PAX_FORMAT), "x.tar")
    one, two = members(result)
    assert (one.pax_headers, one.mtime) == ({"SCHILY.xattr.user.note": "kept"}, 1)
    assert (two.pax_headers, two.mtime) == ({}, 2)
    assert len(result) == 6 * 512


def test_the_commit_that_git_archive_writes_stays(lab: Lab, need: Need, tmp_path: Path) -> None:
    git = need("git")
    project = tmp_path / "project"
    project.mkdir()
    (project / "a").write_text("a")
    run = [git, "-C", str(project), "-c", "user.name=t", "-c", "user.email=t@example.invalid"]
    for argv in (["init", "-q"], ["add", "a"], ["commit", "-qm", "t"]):
        subprocess.run([*run, *argv], check=True)
    subprocess.run([*run, "archive", "-o", str(tmp_path / "x.tar"), "HEAD"], check=True)
    head = subprocess.run([*run, "rev-parse", "HEAD"], check=True, capture_output=True).stdout
    result = lab.normalise(tmp_path / "x.tar").read_bytes()
    said = subprocess.run(
        [git, "get-tar-commit-id"], input=result, check=True, capture_output=True
    ).stdout
    assert said == head


# --- .pyc ---------------------------------------------------------------------------------------


def packed_with_bytecode(folder: Path, mode: py_compile.PycInvalidationMode = TIMESTAMP) -> bytes:
    """x.tar in the folder; the .pyc in it."""
    _, code = compiled(folder, EPOCH + 99, mode)
    with tarfile.open(folder / "x.tar", "w") as archive:
        for name in (CACHED, "mod.py"):
            archive.add(folder / name, name)
    return code


def test_python_recompiles_nothing_after_unpacking(lab: Lab, tmp_path: Path) -> None:
    before = packed_with_bytecode(tmp_path)
    result = lab.normalise(tmp_path / "x.tar")
    assert Change("bytecode", "", 1) in lab.changes
    there = tmp_path / "there"
    there.mkdir()
    subprocess.run(["tar", "-xf", result, "-C", there], check=True)
    said = subprocess.run(
        [sys.executable, "-v", "-c", "import mod; print(mod.answer)"],
        cwd=there,
        env={"PYTHONPATH": "."},
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout == "42\n"
    assert "mod.cpython" in said.stderr and "matches ./mod.py" in said.stderr.replace(
        f"{there}/", "./"
    )
    after = (there / CACHED).read_bytes()
    assert after == before[:8] + struct.pack("<L", EPOCH) + before[12:]


def test_a_pyc_that_did_not_match_its_source_is_left_alone(lab: Lab, tmp_path: Path) -> None:
    data = packed_with_bytecode(tmp_path)
    stale = data[:8] + struct.pack("<L", EPOCH + 7) + data[12:]
    built = packed([(entry(CACHED), stale), (entry("mod.py", mtime=EPOCH + 99), b"answer = 42\n")])
    result = lab.bytes_of(built, "y.tar")
    assert stale in result
    assert "bytecode" not in {change.aspect for change in lab.changes}


@pytest.mark.parametrize(
    "mode",
    [py_compile.PycInvalidationMode.CHECKED_HASH, py_compile.PycInvalidationMode.UNCHECKED_HASH],
)
def test_a_pyc_that_names_its_source_by_hash_is_left_alone(
    lab: Lab, tmp_path: Path, mode: py_compile.PycInvalidationMode
) -> None:
    data = packed_with_bytecode(tmp_path, mode)
    assert data in lab.normalise(tmp_path / "x.tar").read_bytes()
    assert "bytecode" not in {change.aspect for change in lab.changes}


# --- sparse files -------------------------------------------------------------------------------


def test_gnu_tar_unpacks_sparse_files_of_every_format_the_same(
    lab: Lab, need: Need, tmp_path: Path
) -> None:
    packer = need("tar")
    with (tmp_path / "holes").open("wb") as file:
        for place in range(0, 40 << 20, 1 << 20):  # more pieces than the header itself holds
            file.seek(place)
            file.write(b"data %d" % place)
    (tmp_path / "after").write_text("what comes after")
    results = set()
    for form in ("gnu", "posix --sparse-version=0.1", "posix --sparse-version=1.0"):
        packing = [packer, "-C", str(tmp_path), "-cSf", str(tmp_path / "x.tar")]
        subprocess.run([*packing, *f"--format={form}".split(), "holes", "after"], check=True)
        results.add(lab.normalise(tmp_path / "x.tar").read_bytes())
    assert len(results) == 1
    there = tmp_path / "there"
    there.mkdir()
    subprocess.run(
        [packer, "-xf", str(tmp_path / "normalised/x.tar"), "-C", str(there)], check=True
    )
    for name in ("holes", "after"):
        assert (there / name).read_bytes() == (tmp_path / name).read_bytes()
    assert (there / "holes").stat().st_blocks * 512 < 10 << 20


# --- what is refused ----------------------------------------------------------------------------


def raw_type(kind: bytes) -> bytes:
    block = bytearray(entry("odd").tobuf(tarfile.USTAR_FORMAT))
    block[156:157] = kind
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block[:512])
    return bytes(block) + bytes(1024)


@pytest.mark.parametrize(
    ("built", "reason"),
    [
        (lambda: packed([entry("a"), entry("./a")]), "two entries of the name 'a'"),
        (lambda: packed([entry("a"), (entry("a/b"), b"x")]), "'a' is no folder, but has entries"),
        (
            lambda: packed([entry("l", tarfile.SYMTYPE, linkname="/etc"), entry("l/d/passwd")]),
            "'l' is no folder, but has entries",
        ),
        (lambda: packed([entry("../up")]), "the name '../up' leads out of the archive"),
        (lambda: packed([entry("a/../../b")]), "the name 'a/../../b' leads out of the archive"),
        (lambda: packed([entry("/etc/passwd")]), "the name '/etc/passwd' leads out of the archive"),
        (
            lambda: packed([entry("a", tarfile.LNKTYPE, linkname="b"), entry("b")]),
            "'a' is a hard link to what comes after it",
        ),
        (lambda: raw_type(b"D"), "'odd' is of a type that only its writer knows"),
        (
            lambda: packed([entry("a")], tarfile.PAX_FORMAT, {"uid": "7"}),
            "a pax global header in it says something of several entries",
        ),
        (lambda: packed([entry("a")]) + b"more", "something follows"),
    ],
)
def test_what_could_unpack_to_something_else_is_refused(
    lab: Lab, built: Callable[[], bytes], reason: str
) -> None:
    refused = lab.refusal(built(), "x.tar")
    assert isinstance(refused, CannotNormalise)
    assert reason in refused.reason


@pytest.mark.parametrize("limit", ["_ENTRIES_LIMIT", "_NAMES_LIMIT"])
def test_entries_without_end_are_refused_before_they_fill_the_memory(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    monkeypatch.setattr(tar_contents, limit, 3)
    refused = lab.refusal(gzip.compress(packed([entry(f"n{i}") for i in range(9)])), "x.tgz")
    assert refused.reason == "it has more entries than can be put in order here"


def test_a_name_goes_into_a_message_without_its_control_characters(lab: Lab) -> None:
    refused = lab.refusal(packed([entry("\x1b]0;x\x07/../a")]), "x.tar")
    assert refused.reason == r"the name '\x1b]0;x\x07/../a' leads out of the archive"


def test_a_tar_that_ends_early_is_damaged(lab: Lab) -> None:
    refused = lab.refusal(packed([(entry("a"), bytes(5_000))])[:3_000], "x.tar")
    assert isinstance(refused, BadArtifact) and refused.code == "truncated"


# --- what is recognised -------------------------------------------------------------------------


def test_what_is_of_no_known_format_is_left_to_others(tmp_path: Path) -> None:
    path, out = tmp_path / "x.bin", tmp_path / "out"
    for content in (b"", b"\x7fELF", bytes(2_048)):
        path.write_bytes(content)
        assert normalise(path, out, EPOCH) is None
    assert not out.exists()


@pytest.mark.parametrize("name", ["machine.ova", "app.apk", "APP.APK"])
def test_a_format_whose_layout_is_part_of_it_is_refused(lab: Lab, name: str) -> None:
    assert "the layout of" in lab.refusal(packed([entry("a")]), name).reason
