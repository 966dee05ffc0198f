"""Files of the source that are older than their commit get its time, and nothing else does."""

from __future__ import annotations

import io
import os
import tarfile
import zipfile
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tests.e2e.builds import git
from tests.normalise.images import EPOCH, OLD, Image, Opened, docker, entry, folder, layer

from bom.normalise import normalise
from bom.normalise.moments import Epoch
from bom.observe.source_files import times

if TYPE_CHECKING:
    from pathlib import Path

SOURCE = Epoch.of(EPOCH, files={(OLD, 3)}, folders={OLD + 9})


def test_a_tar_of_the_source_states_the_epoch(tmp_path: Path) -> None:
    path, out = tmp_path / "in.tar", tmp_path / "out.tar"
    path.write_bytes(
        layer(
            entry("another", b"size", mtime=OLD),
            folder("d", mtime=OLD + 9),
            folder("e", mtime=OLD),
            entry("own", b"abc", mtime=OLD),
            entry("other-time", b"abc", mtime=OLD + 1),
        )
    )
    normalise(path, out, SOURCE)
    with tarfile.open(out) as made:
        assert {item.name: item.mtime for item in made} == {
            "another": OLD,
            "d": EPOCH,
            "e": OLD,
            "other-time": OLD + 1,
            "own": EPOCH,
        }


def test_a_zip_of_the_source_states_the_epoch(tmp_path: Path) -> None:
    def moment(seconds: int) -> tuple[int, int, int, int, int, int]:
        at = datetime.fromtimestamp(seconds & ~1, UTC)
        return (at.year, at.month, at.day, at.hour, at.minute, at.second)

    path, out = tmp_path / "in.zip", tmp_path / "out.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in (("another", b"size"), ("own", b"abc")):
            archive.writestr(zipfile.ZipInfo(name, moment(OLD)), data)
    normalise(path, out, SOURCE)
    with zipfile.ZipFile(out) as made:
        found = {item.filename: item.date_time for item in made.infolist()}
    assert found == {"another": moment(OLD), "own": moment(EPOCH)}


def test_a_layer_with_a_file_of_the_source_is_rewritten_and_a_base_is_not(tmp_path: Path) -> None:
    base = layer(entry("z", b"size", mtime=OLD, uname="x"), folder("d", mtime=OLD + 9))
    copied = layer(entry("own", b"abc", mtime=OLD), entry("kept", b"size", mtime=OLD))
    path, out = docker(tmp_path / "in.tar", Image([base, copied])), tmp_path / "out.tar"
    normalise(path, out, SOURCE)
    opened = Opened(out)
    assert opened.layers[0] == base
    with tarfile.open(fileobj=io.BytesIO(opened.layers[1])) as made:
        assert {item.name: item.mtime for item in made} == {"kept": OLD, "own": EPOCH}


def test_the_times_of_the_source_are_those_of_what_git_tracks(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "f").write_text("abc")
    (tmp_path / "untracked").write_text("abcd")
    (tmp_path / "link").symlink_to("d/f")
    git(tmp_path, "add", "d", "link")
    os.utime(tmp_path / "d" / "f", (OLD, OLD + 0.9))
    os.utime(tmp_path / "link", (OLD, OLD + 2), follow_symlinks=False)
    os.utime(tmp_path / "untracked", (OLD, OLD + 3))
    os.utime(tmp_path / "d", (OLD, OLD + 4))
    os.utime(tmp_path, (OLD, OLD + 5))
    found = times(tmp_path)
    assert found.files == {(OLD, 3), (OLD + 2, 0)}
    assert found.folders == {OLD + 4, OLD + 5}


def test_without_git_no_time_is_the_sources(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("abc")
    assert times(tmp_path).files == frozenset()
