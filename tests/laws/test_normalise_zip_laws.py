"""The laws that normalising zips and wheels keeps, over zips that zipfile makes of anything."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import struct
import tempfile
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.laws.normalised import EPOCH, damaged, names, normalised, rewritten, stays

from bom.seal.wheel import WheelFormat

INFO = "law-1.dist-info"
NAME = names('/\\\0,"\r\n:')
LAW = settings(max_examples=120)


@dataclass(frozen=True)
class Packed:
    """What does not differ between two builds of one member. `old`: packed with an old time."""

    name: str
    content: bytes
    method: int
    executable: bool
    old: bool


@st.composite
def contents(draw: st.DrawFn) -> list[Packed]:
    found: list[Packed] = []
    for name in draw(st.lists(NAME, max_size=6, unique=True)):
        above = {name[:at] for at in range(len(name)) if name[at] == "/"}
        if any(e.name in above or e.name.startswith(f"{name}/") for e in found):
            continue
        if name.partition("/")[0].endswith(".dist-info"):
            continue
        method = draw(st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]))
        content = draw(st.binary(max_size=1500) | st.just(b"text " * 900))
        found.append(Packed(name, content, method, draw(st.booleans()), draw(st.booleans())))
    return found


def member(draw: st.DrawFn, entry: Packed) -> zipfile.ZipInfo:
    later = draw(st.integers(EPOCH, EPOCH + 10_000_000))
    moment = datetime.fromtimestamp(1_000_000_000 if entry.old else later, UTC)
    info = zipfile.ZipInfo(entry.name, moment.timetuple()[:6])
    loose = draw(st.sampled_from([0o022, 0o002, 0o077]))
    info.external_attr = (0o100777 if entry.executable else 0o100666) & ~loose
    info.external_attr <<= 16
    if draw(st.booleans()) and not entry.old:
        info.extra = struct.pack("<HHBl", 0x5455, 5, 1, later)
    info.compress_type = entry.method
    info.internal_attr = draw(st.integers(0, 1))
    return info


@st.composite
def builds(draw: st.DrawFn, entries: list[Packed]) -> bytes:
    """A zip of the members as some machine packs them."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for entry in draw(st.permutations(entries)):
            level = draw(st.integers(1, 9))
            archive.writestr(member(draw, entry), entry.content, entry.method, level)
    return out.getvalue()


@st.composite
def wheels(draw: st.DrawFn, entries: list[Packed]) -> bytes:
    """A sound wheel of them, RECORD anywhere."""
    found = [*entries, Packed(f"{INFO}/METADATA", b"Name: law\nVersion: 1\n", 8, False, False)]
    rows = [f"{INFO}/RECORD,,\n"]
    for entry in found:
        digest = base64.urlsafe_b64encode(hashlib.sha256(entry.content).digest()).rstrip(b"=")
        rows.append(f"{entry.name},sha256={digest.decode()},{len(entry.content)}\n")
    record = "".join(draw(st.permutations(rows))).encode()
    return draw(builds([*found, Packed(f"{INFO}/RECORD", record, 8, False, False)]))


def unpacked(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


ONE = contents().flatmap(builds)
TWO = contents().flatmap(lambda found: st.tuples(builds(found), builds(found)))
TWO_WHEELS = contents().flatmap(lambda found: st.tuples(wheels(found), wheels(found)))


@LAW
@given(TWO)
def test_two_builds_of_the_same_members_come_out_equal(pair: tuple[bytes, bytes]) -> None:
    assert normalised(pair[0], "law.zip") == normalised(pair[1], "law.zip")


@LAW
@given(ONE)
def test_normalising_a_zip_twice_changes_nothing_more(built: bytes) -> None:
    once = normalised(built, "law.zip")
    assert stays(once, "law.zip")


@LAW
@given(ONE)
def test_the_same_members_with_the_same_content_are_unpacked(built: bytes) -> None:
    assert unpacked(normalised(built, "law.zip")) == unpacked(built)


@LAW
@given(TWO_WHEELS)
def test_wheels_come_out_equal_with_record_last_and_right(pair: tuple[bytes, bytes]) -> None:
    one = normalised(pair[0], "law-1-py3-none-any.whl")
    assert one == normalised(pair[1], "law-1-py3-none-any.whl")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "law-1-py3-none-any.whl")
        path.write_bytes(one)
        WheelFormat().parameters(path)  # refuses a RECORD that isn't right
    members, before = unpacked(one), unpacked(pair[0])
    assert list(members)[-1] == f"{INFO}/RECORD"
    rows = list(csv.reader(io.StringIO(members.pop(f"{INFO}/RECORD").decode())))
    old = list(csv.reader(io.StringIO(before.pop(f"{INFO}/RECORD").decode())))
    assert sorted(rows) == sorted(old)
    assert members == before


@settings(max_examples=200)
@given(ONE, st.data())
def test_a_damaged_zip_is_refused_or_rewritten_and_nothing_else(
    built: bytes, data: st.DataObject
) -> None:
    result = rewritten(damaged(built, data), "law.zip")
    if result is not None:
        unpacked(result)
