"""What a sealed wheel is, and what of it is found when it is bent."""

from __future__ import annotations

import base64
import contextlib
import csv
import hashlib
import io
import json
import os
import struct
import subprocess
import sys
import threading
import zipfile
from typing import TYPE_CHECKING, Protocol

import pytest

from bom.archive import zip as zip_archive
from bom.archive.positioned import PositionedBytes
from bom.errors import BadArtifact, CannotSeal, Refused
from bom.model import Envelope, Finding, Property
from bom.seal.wheel import WheelFormat

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

Member = tuple[str, bytes]


class Lab(Protocol):
    """The fixture of conftest.py, as its users see it."""

    info: str
    files: tuple[Member, ...]
    folder: Path
    format: WheelFormat

    def record(self, files: Sequence[Member]) -> bytes: ...
    def archive(
        self, members: Sequence[Member], *, method: int = ..., comment: bytes = ...
    ) -> bytes: ...
    def wheel(self, data: bytes | None = None) -> Path: ...
    def document(self, properties: Sequence[Property], name: str = ...) -> bytes: ...
    def seal(self, path: Path, bundle: bytes = ...) -> Path: ...
    def strip(self, sealed: Path) -> bytes: ...


def problems(data: bytes) -> tuple[Finding, ...] | None:
    """All that unsealing says about these bytes, and the subject's digest with it."""
    built = hashlib.sha256()
    try:
        unsealed = WheelFormat().unseal(io.BytesIO(data), built.update)
    except BadArtifact as error:
        return (Finding(error.code, error.reason, error.expected, error.found, error.where),)
    return (*unsealed.findings, Finding("subject", built.hexdigest()))


def codes(data: bytes) -> set[str]:
    found = problems(data)
    assert found is not None
    return {finding.code for finding in found} - {"subject"}


def test_the_seal_is_three_stored_members_after_the_last(lab: Lab) -> None:
    path = lab.wheel()
    sealed = lab.seal(path)
    with zipfile.ZipFile(path) as built, zipfile.ZipFile(sealed) as archive:
        infos = archive.infolist()
        kept = [i.filename for i in built.infolist() if not i.filename.endswith("RECORD")]
        assert archive.testzip() is None
        rows = list(csv.reader(archive.read(f"{lab.info}/RECORD").decode().splitlines()))
        bom = archive.read(f"{lab.info}/sboms/bom-seal.cdx.json")
    seal = [
        f"{lab.info}/sboms/bom-seal.cdx.json",
        f"{lab.info}/bom-seal.sigstore.json",
        f"{lab.info}/RECORD",
    ]
    assert [info.filename for info in infos] == kept + seal
    for info in infos[-3:]:
        assert info.compress_type == zipfile.ZIP_STORED
        assert info.date_time == (1980, 1, 1, 0, 0, 0)
        assert info.external_attr >> 16 == 0o100644
        assert info.flag_bits == 0
    digest = base64.urlsafe_b64encode(hashlib.sha256(bom).digest()).rstrip(b"=").decode()
    assert [seal[0], f"sha256={digest}", str(len(bom))] in rows
    assert [f"{lab.info}/RECORD", "", ""] in rows


def test_the_built_wheel_comes_back_bit_for_bit(lab: Lab) -> None:
    path = lab.wheel()
    sealed = lab.seal(path)
    assert lab.strip(sealed) == path.read_bytes()


def test_a_wheel_without_bundle_has_no_bundle_member(lab: Lab) -> None:
    path = lab.wheel()
    sealed = lab.seal(path, bundle=b"")
    with zipfile.ZipFile(sealed) as archive:
        assert f"{lab.info}/bom-seal.sigstore.json" not in archive.namelist()
    assert lab.strip(sealed) == path.read_bytes()
    envelope = lab.format.read(sealed)
    assert envelope is not None
    assert envelope.bundle == b""


def test_reading_gives_the_envelope_and_none_where_there_is_none(lab: Lab) -> None:
    path = lab.wheel()
    sealed = lab.seal(path)
    assert lab.format.read(path) is None
    assert lab.format.read(sealed) == Envelope(
        lab.document(lab.format.parameters(path)), b'{"bundle": true}\n'
    )


def test_sealing_twice_gives_the_same_bytes(lab: Lab) -> None:
    path = lab.wheel()
    first = lab.seal(path).read_bytes()
    assert lab.seal(path).read_bytes() == first


@pytest.mark.parametrize("place", [0, 2, 4])
@pytest.mark.parametrize("comment", [b"", b"built with care", b"PK\x05\x07" * 9])
def test_record_may_stand_anywhere_and_comments_stay(lab: Lab, place: int, comment: bytes) -> None:
    members = list(lab.files)
    members.insert(place, (f"{lab.info}/RECORD", lab.record(lab.files)))
    path = lab.wheel(lab.archive(members, comment=comment))
    sealed = lab.seal(path)
    with zipfile.ZipFile(sealed) as archive:
        assert archive.testzip() is None
        assert archive.comment == comment
    assert lab.strip(sealed) == path.read_bytes()


def test_members_written_as_a_stream_keep_their_descriptors(lab: Lab) -> None:
    class Pipe(io.RawIOBase):
        """Can't seek, so that zipfile writes descriptors."""

        def __init__(self) -> None:
            self.data = bytearray()

        def writable(self) -> bool:
            return True

        def write(self, data: object) -> int:
            piece = bytes(data)  # type: ignore[call-overload]
            self.data += piece
            return len(piece)

    pipe = Pipe()
    members = [*lab.files, (f"{lab.info}/RECORD", lab.record(lab.files))]
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    path = lab.wheel(bytes(pipe.data))
    assert lab.strip(lab.seal(path)) == path.read_bytes()


def test_zip64_entries_and_end_records_come_back(lab: Lab) -> None:
    out = io.BytesIO()
    members = [*lab.files, (f"{lab.info}/RECORD", lab.record(lab.files))]
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in members:
            with archive.open(name, "w", force_zip64=True) as member:
                member.write(content)
    small = out.getvalue()
    start = small.rindex(b"PK\x05\x06")
    count, size, offset = struct.unpack("<HLL", small[start + 10 : start + 20])
    wide = struct.pack("<4sQHHLLQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, size, offset)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, start, 1)
    path = lab.wheel(small[:start] + wide + locator + small[start:])
    sealed = lab.seal(path)
    with zipfile.ZipFile(sealed) as again:
        assert again.testzip() is None
    assert lab.strip(sealed) == path.read_bytes()


def test_record_keeps_its_own_line_ends_and_its_last_line_may_lack_one(lab: Lab) -> None:
    record = lab.record(lab.files).replace(b"\n", b"\r\n")
    path = lab.wheel(lab.archive([*lab.files, (f"{lab.info}/RECORD", record)]))
    with zipfile.ZipFile(lab.seal(path)) as archive:
        sealed = archive.read(f"{lab.info}/RECORD")
    assert sealed.startswith(record)
    assert sealed.count(b"\n") == sealed.count(b"\r\n")
    bare = lab.record(lab.files).rstrip(b"\n")
    path = lab.wheel(lab.archive([*lab.files, (f"{lab.info}/RECORD", bare)]))
    with zipfile.ZipFile(lab.seal(path)) as archive:
        assert archive.read(f"{lab.info}/RECORD").startswith(bare + b"\n")


def test_a_pipe_is_unsealed_like_a_file(lab: Lab) -> None:
    path = lab.wheel()
    data = lab.seal(path).read_bytes()
    reading, writing = os.pipe()

    def feed() -> None:
        with os.fdopen(writing, "wb") as sink:
            sink.write(data)

    feeder = threading.Thread(target=feed)
    feeder.start()
    built = bytearray()
    with os.fdopen(reading, "rb") as source:
        unsealed = lab.format.unseal(source, built.extend)
    feeder.join()
    assert unsealed.findings == ()
    assert bytes(built) == path.read_bytes()


def test_a_wheel_is_recognised_by_name_and_magic(lab: Lab) -> None:
    head = lab.wheel().read_bytes()[:1024]
    assert lab.format.recognises(head, "demo-1.0-py3-none-any.whl")
    assert lab.format.recognises(head, "-")
    assert not lab.format.recognises(head, "demo.zip")
    assert not lab.format.recognises(b"no zip", "demo.whl")


def test_every_single_byte_change_is_found(lab: Lab) -> None:
    path = lab.wheel()
    subject = hashlib.sha256(path.read_bytes()).hexdigest()
    data = bytearray(lab.seal(path).read_bytes())
    bom = lab.document(lab.format.parameters(path))
    missed = []
    for at in range(len(data)):
        for change in (0x01, 0x80, 0xFF):
            data[at] ^= change
            built = hashlib.sha256()
            try:
                unsealed = lab.format.unseal(io.BytesIO(data), built.update)
            except BadArtifact:
                pass
            else:
                same = unsealed.envelope == Envelope(bom, b'{"bundle": true}\n')
                if not unsealed.findings and built.hexdigest() == subject and same:
                    missed.append((at, change))
            data[at] ^= change
    assert missed == []


def test_every_truncation_is_found(lab: Lab) -> None:
    data = lab.seal(lab.wheel()).read_bytes()
    for length in range(len(data)):
        with pytest.raises(BadArtifact):
            lab.format.unseal(io.BytesIO(data[:length]), bytearray().extend)


def test_an_unsealed_wheel_has_no_seal(lab: Lab) -> None:
    assert codes(lab.wheel().read_bytes()) == {"no-seal"}


def test_bytes_behind_the_end_are_found(lab: Lab) -> None:
    assert codes(lab.seal(lab.wheel()).read_bytes() + b"\0") == {"damaged"}


def test_bytes_before_the_first_member_are_found(lab: Lab) -> None:
    data = lab.seal(lab.wheel()).read_bytes()
    assert codes(b"PK" + data) == {"damaged"}


def _rebuilt(sealed: Path, change: Sequence[tuple[int, Member]]) -> bytes:
    """The sealed wheel written again by zipfile, with members put in at places."""
    out = io.BytesIO()
    with zipfile.ZipFile(sealed) as archive, zipfile.ZipFile(out, "w") as target:
        members = [(info, archive.read(info)) for info in archive.infolist()]
        for place, (name, content) in change:
            members.insert(place, (zipfile.ZipInfo(name), content))
        for info, content in members:
            with contextlib.suppress(UserWarning):
                target.writestr(info, content)
    return out.getvalue()


def test_a_member_put_in_between_is_named(lab: Lab) -> None:
    sealed = lab.seal(lab.wheel())
    found = problems(_rebuilt(sealed, [(1, ("demo/evil.py", b"import os\n"))]))
    assert found is not None
    assert Finding("record", "the file is not in RECORD", where="demo/evil.py") in found


def test_a_member_behind_the_seal_is_found(lab: Lab) -> None:
    sealed = lab.seal(lab.wheel())
    found = problems(_rebuilt(sealed, [(99, ("demo/evil.py", b"import os\n"))]))
    assert found is not None
    assert {(f.code, f.where) for f in found} >= {
        ("damaged", "demo/evil.py"),
        ("record", "demo/evil.py"),
    }


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_of_one_name_are_found(lab: Lab) -> None:
    sealed = lab.seal(lab.wheel())
    found = problems(_rebuilt(sealed, [(1, ("demo/__init__.py", b"import os\n"))]))
    assert found == (
        Finding("damaged", "two members have the same name", where="demo/__init__.py"),
    )


def test_another_wheels_bom_does_not_fit(lab: Lab) -> None:
    sealed = lab.seal(lab.wheel()).read_bytes()
    other = [*lab.files[:1], ("demo/more.py", b"more\n"), *lab.files[1:]]
    path = lab.wheel(lab.archive([*other, (f"{lab.info}/RECORD", lab.record(other))]))
    foreign = lab.document(lab.format.parameters(path))
    lab.folder.joinpath("first.whl").write_bytes(sealed)
    out = io.BytesIO()
    with (
        zipfile.ZipFile(lab.folder / "first.whl") as archive,
        zipfile.ZipFile(out, "w") as target,
    ):
        for info in archive.infolist():
            swap = info.filename.endswith("cdx.json")
            target.writestr(info, foreign if swap else archive.read(info))
    assert "damaged" in codes(out.getvalue())


def test_a_wheel_is_not_sealed_with_another_wheels_bom(lab: Lab) -> None:
    bom = lab.document(lab.format.parameters(lab.wheel()))
    other = [("demo/more.py", b"more\n"), *lab.files]
    path = lab.wheel(lab.archive([*other, (f"{lab.info}/RECORD", lab.record(other))]))
    with pytest.raises(Refused):
        lab.format.seal(path, Envelope(bom), lab.folder / "out.whl")


def test_another_base64_spelling_in_the_bom_is_found(lab: Lab) -> None:
    path = lab.wheel()
    properties = [
        Property(p.name, p.value + "\n" if p.name.endswith("record-row") else p.value)
        for p in lab.format.parameters(path)
    ]
    sealed = lab.seal(path)
    bom = lab.document(properties)
    out = io.BytesIO()
    with zipfile.ZipFile(sealed) as archive, zipfile.ZipFile(out, "w") as target:
        for info in archive.infolist():
            swap = info.filename.endswith("cdx.json")
            target.writestr(info, bom if swap else archive.read(info))
    found = problems(out.getvalue())
    assert found is not None
    assert found[0].message.startswith("the BOM's property bom-seal:seal:record-row")


def test_changed_content_is_named_though_crc_and_directory_are_right(lab: Lab) -> None:
    sealed = lab.seal(lab.wheel())
    out = io.BytesIO()
    with zipfile.ZipFile(sealed) as archive, zipfile.ZipFile(out, "w") as target:
        for info in archive.infolist():
            content = archive.read(info)
            target.writestr(
                info, content.replace(b"42", b"43") if "init" in info.filename else content
            )
    found = problems(out.getvalue())
    assert found is not None
    named = [finding for finding in found if finding.code == "record"]
    assert [finding.where for finding in named] == ["demo/__init__.py"]
    assert named[0].expected.startswith("sha256=")
    assert named[0].found.startswith("sha256=")


def test_a_damaged_record_does_not_hide_the_rest(lab: Lab) -> None:
    data = bytearray(lab.seal(lab.wheel()).read_bytes())
    data[data.rindex(b"sha256=") + 9] ^= 1
    found = problems(bytes(data))
    assert found is not None
    record = f"{lab.info}/RECORD"
    assert Finding("damaged", "the member's CRC is wrong", where=record) in found
    assert found[-1] == Finding(
        "subject",
        hashlib.sha256((lab.folder / "demo-1.0-py3-none-any.whl").read_bytes()).hexdigest(),
    )


def test_damage_names_the_member_or_says_that_it_is_none(lab: Lab) -> None:
    path = lab.wheel(
        lab.archive(
            [*lab.files, (f"{lab.info}/RECORD", lab.record(lab.files))], method=zipfile.ZIP_STORED
        )
    )
    sealed = lab.seal(path)
    data = bytearray(sealed.read_bytes())
    data[data.index(b"return 42")] ^= 1
    sealed.write_bytes(data)
    document: dict[str, object] = {}
    assert [f.where for f in lab.format.damage(sealed, document)] == ["demo/__init__.py"]
    data[data.index(b"return 42"[1:]) - 1] ^= 1
    sealed.write_bytes(data)
    assert [f.where for f in lab.format.damage(sealed, document)] == ["zip headers and directory"]
    sealed.write_bytes(data[:-30])
    assert [f.code for f in lab.format.damage(sealed, document)] == ["truncated"]


def _record_cases(lab: Lab) -> dict[str, tuple[Sequence[Member], bytes]]:
    good = lab.record(lab.files).decode()
    first = good.splitlines(keepends=True)[0]
    return {
        "missing row": (lab.files, good.replace(first, "").encode()),
        "row without member": (lab.files[1:], good.encode()),
        "row twice": (lab.files, (good + first).encode()),
        "no hash": (lab.files, good.replace(first, "demo/__init__.py,,\n").encode()),
        "md5": (lab.files, good.replace("sha256=", "md5=", 1).encode()),
        "wrong size": (lab.files, good.replace(",28\n", ",29\n", 1).encode()),
        "size no number": (lab.files, good.replace(",28\n", ",２8\n", 1).encode()),
        "own hash": (lab.files, good.replace("RECORD,,", "RECORD,sha256=x,1").encode()),
        "no row of its own": (lab.files, good.replace(f"{lab.info}/RECORD,,\n", "").encode()),
        "not text": (lab.files, b"\xff\xfe"),
        "two fields": (lab.files, b"demo/__init__.py,\n"),
        "open quote": (lab.files, b'"demo,sha256=x,1\n'),
        "a huge field": (lab.files, b"a" * 200_000 + b",,\n"),
    }


@pytest.mark.parametrize(
    "case",
    [
        "missing row", "row without member", "row twice", "no hash", "md5", "wrong size",
        "size no number", "own hash", "no row of its own", "not text", "two fields",
        "open quote", "a huge field",
    ],
)  # fmt: skip
def test_a_wheel_with_a_wrong_record_is_not_sealed(lab: Lab, case: str) -> None:
    files, record = _record_cases(lab)[case]
    path = lab.wheel(lab.archive([*files, (f"{lab.info}/RECORD", record)]))
    with pytest.raises(CannotSeal):
        lab.format.parameters(path)


def test_wheels_that_cannot_carry_a_seal_say_why(lab: Lab) -> None:
    record = (f"{lab.info}/RECORD", lab.record(lab.files))
    own = (f"{lab.info}/sboms/bom-seal.cdx.json", b"{}")
    signed = (f"{lab.info}/RECORD.jws", b"{}")
    other = ("other-1.dist-info/METADATA", b"")
    sound = lab.archive([*lab.files, record])
    cases = {
        "bytes stand before": b"#!/bin/sh\n" + sound,
        "the archive does not end": sound + b"\n",
        "already has a file": lab.archive([*lab.files, record, own]),
        "is signed by": lab.archive([*lab.files, record, signed]),
        "exactly one .dist-info": lab.archive([*lab.files, record, other]),
        "has no RECORD": lab.archive(lab.files),
        "not a zip archive": b"not a zip",
        "end record is missing": sound[:-25],
        "a method that": lab.archive([*lab.files, record], method=zipfile.ZIP_LZMA),
    }
    for reason, data in cases.items():
        if reason == "bytes stand before":
            data = b"PK" + data  # past the first look
        with pytest.raises(CannotSeal) as caught:
            lab.format.parameters(lab.wheel(data))
        assert reason in caught.value.reason or reason == "bytes stand before"


def test_an_encrypted_member_is_refused(lab: Lab) -> None:
    data = bytearray(lab.wheel().read_bytes())
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(CannotSeal, match="encrypted"):
        lab.format.parameters(lab.wheel(bytes(data)))


@pytest.mark.parametrize("name", ["../evil", "/etc/passwd", "a//b", "a\\b", "./a", "a/../b"])
def test_names_that_leave_the_folder_are_refused(lab: Lab, name: str) -> None:
    files = [*lab.files, (name.replace("\\", "!"), b"x")]
    data = lab.archive([*files, (f"{lab.info}/RECORD", lab.record(files))])
    path = lab.wheel(data.replace(b"a!b", b"a\\b"))
    with pytest.raises(CannotSeal, match="plain relative path"):
        lab.format.parameters(path)


def test_overlapping_members_are_refused(lab: Lab) -> None:
    data = bytearray(lab.archive([("a", b"aaaa"), ("b", b"bbbb")], method=zipfile.ZIP_STORED))
    second = data.rindex(b"PK\x01\x02")
    data[second + 42 : second + 46] = struct.pack("<L", 10)
    with pytest.raises(BadArtifact) as caught:
        zip_archive.read(PositionedBytes(bytes(data)))
    assert caught.value.code == "damaged"


def test_a_member_that_inflates_to_more_than_stated_is_stopped(lab: Lab) -> None:
    bomb = [*lab.files, ("demo/bomb", bytes(64 * 1024 * 1024))]
    data = lab.archive([*bomb, (f"{lab.info}/RECORD", lab.record(bomb))])
    large, small = struct.pack("<L", 64 * 1024 * 1024), struct.pack("<L", 100)
    path = lab.wheel(data.replace(large, small))
    with path.open("rb") as stream:
        structure = zip_archive.read(PositionedBytes(stream.read()))
    member = next(m for m in structure.members if m.name == "demo/bomb")
    seen = 0
    with pytest.raises(BadArtifact, match="more comes out"):
        for piece in zip_archive.content(PositionedBytes(path.read_bytes()), member):
            seen += len(piece)
    assert seen == 0
    with pytest.raises(CannotSeal):
        lab.format.parameters(path)


def test_an_oversized_bom_is_not_read(lab: Lab) -> None:
    path = lab.wheel()
    with pytest.raises(Refused):
        lab.format.seal(path, Envelope(bytes(64 * 1024 * 1024 + 1)), lab.folder / "out.whl")
    huge = (f"{lab.info}/sboms/bom-seal.cdx.json", bytes(64 * 1024 * 1024 + 1))
    data = lab.archive([*lab.files, huge, (f"{lab.info}/RECORD", b"")])
    assert codes(data) == {"oversized"}


def test_a_bom_that_is_no_json_or_nested_too_deep_is_a_finding(lab: Lab) -> None:
    for bom in (b"{", b"[" * 200_000, b"[]", b'{"metadata": []}', b"\xff"):
        member = (f"{lab.info}/sboms/bom-seal.cdx.json", bom)
        data = lab.archive([*lab.files, member, (f"{lab.info}/RECORD", b"")])
        assert codes(data) == {"damaged", "record"}


def test_hostile_parameters_in_a_bom_are_findings(lab: Lab) -> None:
    path = lab.wheel()
    good = {p.name: p.value for p in lab.format.parameters(path)}
    record = lab.seal(path)
    hostile = {
        "bom-seal:seal": ["tar", ""],
        "bom-seal:seal:record-position": ["4", "-1 0", "9 0", "0 9", "0 0", "04 4", "4 4 4"],
        "bom-seal:seal:record-local": ["", "!!", "AAAA", good["bom-seal:seal:record-row"]],
        "bom-seal:seal:record-row": ["", "AAAA", good["bom-seal:seal:record-local"]],
        "bom-seal:seal:end-record": ["", "AAAA", base64.b64encode(b"PK\x06\x06").decode()],
    }
    for name, values in hostile.items():
        for value in values:
            bom = lab.document([Property(*pair) for pair in (good | {name: value}).items()])
            out = io.BytesIO()
            with zipfile.ZipFile(record) as archive, zipfile.ZipFile(out, "w") as target:
                for info in archive.infolist():
                    swap = info.filename.endswith("cdx.json")
                    target.writestr(info, bom if swap else archive.read(info))
            assert codes(out.getvalue()) - {"record"} == {"damaged"}, (name, value)


def test_unsealing_needs_constant_memory(lab: Lab) -> None:
    big = [*lab.files, ("demo/big.bin", os.urandom(1024 * 1024) * 300)]
    path = lab.wheel(
        lab.archive([*big, (f"{lab.info}/RECORD", lab.record(big))], method=zipfile.ZIP_STORED)
    )
    sealed = lab.seal(path)
    code = (
        "import hashlib, pathlib, re, sys\n"
        "from bom.seal.wheel import WheelFormat\n"
        "digest = hashlib.sha256()\n"
        "with open(sys.argv[1], 'rb') as source:\n"
        "    assert not WheelFormat().unseal(source, digest.update).findings\n"
        "status = pathlib.Path('/proc/self/status').read_text()\n"
        "print(re.search(r'VmHWM:\\s*(\\d+) kB', status)[1], digest.hexdigest())\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(sealed)], capture_output=True, text=True, check=True
    )
    peak, digest = run.stdout.split()
    assert int(peak) < 100 * 1024
    assert digest == hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_parameters_are_stable_names(lab: Lab) -> None:
    values = {p.name: p.value for p in lab.format.parameters(lab.wheel())}
    assert sorted(values) == [
        "bom-seal:seal",
        "bom-seal:seal:end-record",
        "bom-seal:seal:record-local",
        "bom-seal:seal:record-position",
        "bom-seal:seal:record-row",
    ]
    assert values["bom-seal:seal"] == "wheel"
    assert values["bom-seal:seal:record-position"] == "4 4"
    assert json.dumps(values)
