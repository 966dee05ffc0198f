"""Files of strangers cost no more than their limit, and nobody waits for them."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest

from bom.input import open_at_once, open_plain, read_bounded

if TYPE_CHECKING:
    from pathlib import Path


def test_a_file_of_exactly_the_limit_is_read_and_one_byte_more_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    assert read_bounded(path, 5) == b"12345"
    with pytest.raises(OSError, match="more than 4 bytes") as caught:
        read_bounded(path, 4)
    assert caught.value.errno == errno.EFBIG


def test_what_has_no_end_is_refused_at_the_limit(tmp_path: Path) -> None:
    endless = tmp_path / "endless"
    endless.symlink_to("/dev/zero")
    with pytest.raises(OSError, match="more than 1000 bytes"):
        read_bounded(endless, 1000)


def test_a_pipe_that_nobody_writes_to_is_opened_without_waiting(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    open_at_once(path).close()
    with pytest.raises(OSError, match="no plain file"):
        open_plain(path)


def test_a_folder_is_no_plain_file(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        open_plain(tmp_path)
