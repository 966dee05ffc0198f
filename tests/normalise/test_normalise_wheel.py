"""Wheels in their normal form."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import struct
from typing import TYPE_CHECKING

import pytest
from tests.normalise.conftest import EPOCH, compiled
from tests.normalise.zips import opened_zip, packed

from bom.errors import CannotNormalise
from bom.normalise import Change

if TYPE_CHECKING:
    from pathlib import Path

    from tests.normalise.conftest import Lab

WHEEL = "law-1-py3-none-any.whl"
INFO = "law-1.dist-info"


def wheel(entries: list[tuple[str, bytes]], *more: tuple[str, bytes]) -> bytes:
    rows = [f"{INFO}/RECORD,,\n"]
    for name, content in entries:
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        rows.append(f"{name},sha256={digest},{len(content)}\n")
    return packed([(f"{INFO}/RECORD", "".join(rows).encode()), *entries, *more])


def test_record_has_the_new_digest_of_a_pyc_that_names_its_sources_new_time(
    lab: Lab, tmp_path: Path
) -> None:
    source, code = compiled(tmp_path, EPOCH + 3_601)
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
    source, code = compiled(tmp_path, EPOCH + 3_601)
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
