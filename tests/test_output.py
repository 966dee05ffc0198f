"""Outputs are there whole or not at all, and never in a device's place."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from bom import output
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


ALONE = """
import sys, time
from pathlib import Path
from bom.output import alone_in
with alone_in(Path(sys.argv[1])):
    print("in", flush=True)
    time.sleep(float(sys.argv[2]))
    print("out", flush=True)
"""


def test_what_two_runs_publish_in_a_folder_is_not_mixed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def holding(seconds: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", ALONE, tmp_path, seconds], stdout=subprocess.PIPE, text=True
        )

    with holding("0.4") as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "in\n"
        with output.alone_in(tmp_path):
            assert other.stdout.read() == "out\n"
    monkeypatch.setattr(output, "_PATIENCE", 0.05)
    with holding("60") as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "in\n"
        with output.alone_in(tmp_path):  # whoever keeps it must not keep everybody
            assert other.poll() is None
        other.kill()
    assert list(tmp_path.iterdir()) == []
