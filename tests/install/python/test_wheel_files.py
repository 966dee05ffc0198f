"""Wheels that can't be read are told as such, whatever is broken in them."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

import pytest

from bom.errors import BomError
from bom.installed.python import wheel_files

if TYPE_CHECKING:
    from pathlib import Path

NAME = "a-1.dist-info/METADATA"


@pytest.mark.parametrize("place", ["content", "method", "end"])
def test_a_damaged_wheel_is_no_wheel_that_can_be_read(tmp_path: Path, place: str) -> None:
    wheel = tmp_path / "a-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(NAME, b"Name: a\nVersion: 1\n" * 100)
    data = bytearray(wheel.read_bytes())
    if place == "content":
        start = 30 + len(NAME)
        data[start : start + 8] = b"\xff" * 8  # no deflate block begins so
    elif place == "method":
        data[data.rindex(b"PK\x01\x02") + 10] = 99
    else:
        del data[-22:]
    wheel.write_bytes(data)
    with pytest.raises(BomError, match="can't be read as a wheel"):
        wheel_files.metadata(wheel)
