"""Outputs are there whole or not at all, and never in a device's place."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from bom.cli.target import target
from bom.errors import BomError
from bom.output import temporary_file, write_whole

if TYPE_CHECKING:
    from pathlib import Path


def test_a_device_or_a_pipe_is_never_replaced_by_a_file(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(BomError, match="no plain file"):
        target(pipe)
    with pytest.raises(BomError, match="no plain file"):
        write_whole(pipe, b"x")
    assert pipe.is_fifo()
    assert list(tmp_path.iterdir()) == [pipe]


def test_an_output_is_replaced_whole_and_only_when_it_is_ready(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.write_bytes(b"old")
    with pytest.raises(ZeroDivisionError), temporary_file(out) as path:
        path.write_bytes(b"half")
        raise ZeroDivisionError
    assert (out.read_bytes(), list(tmp_path.iterdir())) == (b"old", [out])
    write_whole(out, b"new")
    assert (out.read_bytes(), list(tmp_path.iterdir())) == (b"new", [out])
