"""Digests that are kept from one build to the next: never a stale one, never another user's."""

from __future__ import annotations

import os
import random
import time
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bom.builder.images import file_digests, folder, ignore
from bom.builder.images.file_digests import FileDigests
from bom.builder.images.folder import LocalContext


@pytest.fixture
def context(tmp_path: Path) -> LocalContext:
    root = tmp_path / "context"
    (root / "sub").mkdir(parents=True)
    for name in ("a", "b", "sub/c"):
        (root / name).write_text(name)
    return LocalContext(root, ignore.IgnoreRules())


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock goes ten seconds ahead of the files' times, so that they can be kept."""
    now = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: now() + 10_000_000_000)


def kept(state: Path) -> list[Path]:
    return sorted((state / "contexts").iterdir())


def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which files are read from now on."""
    read: list[str] = []
    hashed = file_digests._hash

    def noted(spelled: str, status: os.stat_result) -> tuple[bytes, bool]:
        read.append(Path(spelled).name)
        return hashed(spelled, status)

    monkeypatch.setattr(file_digests, "_hash", noted)
    return read


@pytest.mark.usefixtures("later")
def test_a_file_is_read_once_and_again_when_it_changed(
    context: LocalContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = opened(monkeypatch)
    state = tmp_path / "state"
    first = folder.digest(context, (), state)
    assert sorted(read) == ["a", "b", "c"]
    read.clear()
    assert folder.digest(context, (), state) == first
    assert read == []
    path = context.folder / "a"
    before = path.stat()
    path.write_text("A")  # of the same size, and its time set back
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert folder.digest(context, (), state) != first
    assert read == ["a"]
    assert folder.digest(context, (), state) == folder.digest(context)


def test_what_changed_a_moment_ago_is_not_kept(context: LocalContext, tmp_path: Path) -> None:
    folder.digest(context, (), tmp_path / "state")
    assert not list((tmp_path / "state").rglob("*"))[1:]


@pytest.mark.usefixtures("later")
def test_the_same_content_gives_the_same_digest_with_and_without_what_is_kept(
    context: LocalContext, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    choose = random.Random(1)
    for number in range(30):
        path = context.folder / choose.choice(["a", "b", "sub/c", "d"])
        change = choose.randrange(4)
        if change == 0:
            path.unlink(missing_ok=True)
        elif change == 1 and path.exists():
            path.rename(context.folder / "e")
        else:
            path.write_text(f"{number % 10}")
        assert folder.digest(context, (), state) == folder.digest(context)


@pytest.mark.usefixtures("later")
def test_it_is_private_and_what_others_could_write_is_not_read(
    context: LocalContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = tmp_path / "state"
    value = folder.digest(context, (), state)
    (place,) = kept(state)
    assert place.stat().st_mode & 0o777 == 0o600
    assert place.parent.stat().st_mode & 0o777 == 0o700
    read = opened(monkeypatch)
    place.chmod(0o620)
    assert folder.digest(context, (), state) == value
    assert len(read) == 3
    place.parent.chmod(0o770)
    assert folder.digest(context, (), state) == value
    assert len(read) == 6
    place.parent.chmod(0o700)
    place.unlink()
    (tmp_path / "planted").write_bytes(b"x")
    place.symlink_to(tmp_path / "planted")
    assert folder.digest(context, (), state) == value
    assert (tmp_path / "planted").read_bytes() == b"x"
    assert not place.is_symlink()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
@pytest.mark.usefixtures("later")
def test_another_users_digests_are_neither_read_nor_written(
    context: LocalContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = tmp_path / "state"
    folder.digest(context, (), state)
    (place,) = kept(state)
    content = place.read_bytes()
    read = opened(monkeypatch)
    os.chown(place, 12345, 12345)
    folder.digest(context, (), state)
    assert len(read) == 3
    os.chown(place.parent, 12345, 12345)
    place.write_bytes(content)
    folder.digest(context, (), state)
    assert len(read) == 6
    home = tmp_path / "home"
    home.mkdir()
    os.chown(home, 12345, 12345)  # `sudo` that keeps HOME
    folder.digest(context, (), home / ".local" / "state")
    assert list(home.iterdir()) == []


@pytest.mark.usefixtures("later")
def test_a_damaged_file_is_as_good_as_none(context: LocalContext, tmp_path: Path) -> None:
    state = tmp_path / "state"
    value = folder.digest(context, (), state)
    (place,) = kept(state)
    content = place.read_bytes()
    for damaged in (b"", content[:-1], content[:40], content.replace(content[60:64], b"----")):
        place.write_bytes(damaged)
        assert folder.digest(context, (), state) == value
        assert place.read_bytes() == content


@given(st.binary(max_size=400))
def test_any_bytes_in_its_place_are_harmless(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    root = tmp_path_factory.mktemp("any")
    (root / "a").write_text("a")
    with closing(FileDigests.of(root, root / "state")):
        pass
    (root / "state" / "contexts" / ("0" * 64)).write_bytes(data)
    assert file_digests._read(root / "state" / "contexts" / ("0" * 64)) == {}


@pytest.mark.usefixtures("later")
def test_it_holds_no_more_than_the_folders_and_files_that_it_may(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_digests, "FOLDERS_LIMIT", 3)
    monkeypatch.setattr(file_digests, "RECORDS_LIMIT", 2)
    state = tmp_path / "state"
    for number in range(5):
        root = tmp_path / f"context{number}"
        root.mkdir()
        for name in "abcd":
            (root / name).write_text(name)
        context = LocalContext(root, ignore.IgnoreRules())
        assert folder.digest(context, (), state) == folder.digest(context)
    assert len(kept(state)) == 3
    assert {path.stat().st_size for path in kept(state)} == {15 + 2 * 88 + 32}


@pytest.mark.usefixtures("later")
def test_where_nothing_can_be_kept_the_digest_is_the_same(
    context: LocalContext, tmp_path: Path
) -> None:
    value = folder.digest(context)
    (tmp_path / "file").write_text("")
    assert folder.digest(context, (), tmp_path / "file" / "state") == value
    state = tmp_path / "state"
    folder.digest(context, (), state)
    (place,) = kept(state)
    place.unlink()
    place.mkdir()
    assert folder.digest(context, (), state) == value
