"""A tar as the build context: its digest is that of the folder it unpacks to."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import os
import subprocess
import tarfile
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bom.builder.images import folder, ignore, stdin, tar_context
from bom.builder.images.folder import LocalContext
from bom.errors import BomError

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ("Dockerfile",)


def packed(members: list[tuple[tarfile.TarInfo, bytes]]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for info, content in members:
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


def file(name: str, content: bytes = b"x", mode: int = 0o644) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.mode = mode
    return info, content


def other(name: str, kind: bytes, target: str = "") -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode = kind, target, 0o755
    return info, b""


def read(place: Path, data: bytes, *names: str) -> tar_context.TarContext:
    path = place / "context.tar"
    path.write_bytes(data)
    return tar_context.read(path, names or NAMES)


def folder_digest(place: Path) -> str:
    value, unread = folder.digest(LocalContext(place, ignore.IgnoreRules()))
    assert unread == ()
    return value


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress])
@pytest.mark.parametrize("flags", [["."], ["--format=gnu", "."], ["--format=pax", "-h", "."]])
def test_a_tar_has_the_digest_of_the_folder_it_was_made_of(
    tmp_path: Path, pack: type[bytes], flags: list[str]
) -> None:
    root = tmp_path / "context"
    (root / "deep" / ("d" * 120)).mkdir(parents=True)
    (root / "deep" / ("d" * 120) / "ü.txt").write_text("text")
    (root / "empty").mkdir()
    (root / "Dockerfile").write_text("FROM scratch\n")
    (root / "run.sh").write_text("#!/bin/sh\n")
    (root / "run.sh").chmod(0o755)
    os.link(root / "run.sh", root / "again.sh")
    if "-h" not in flags:
        (root / "link").symlink_to("deep/file")
    (root / ".git").mkdir()
    (root / ".git" / "HEAD").write_text("x")
    (root / ".dockerignore").write_text("*\n")  # which no builder applies to a tar
    subprocess.run(["tar", "-cf", tmp_path / "made.tar", "-C", root, *flags], check=True)
    found = read(tmp_path, pack((tmp_path / "made.tar").read_bytes()))
    assert found.digest == folder_digest(root)
    assert found.dockerfile == ("Dockerfile", b"FROM scratch\n")
    assert found.has_repository
    assert found.holds(root / "run.sh")
    (tmp_path / "else").write_text("else")
    assert not found.holds(tmp_path / "else")


_NAME = st.sampled_from(["a", "b", "c", "Dockerfile"])
_PATH = st.lists(_NAME, min_size=1, max_size=3).map("/".join)
_MEMBER = st.one_of(
    st.builds(file, _PATH, st.binary(max_size=600), st.sampled_from([0o644, 0o755])),
    st.builds(other, _PATH, st.just(tarfile.DIRTYPE)),
    st.builds(other, _PATH, st.sampled_from([tarfile.SYMTYPE, tarfile.LNKTYPE]), _PATH),
)


@given(st.lists(_MEMBER, max_size=8))
def test_what_it_says_of_any_tar_is_what_unpacking_gives(
    tmp_path_factory: pytest.TempPathFactory, members: list[tuple[tarfile.TarInfo, bytes]]
) -> None:
    place = tmp_path_factory.mktemp("any")
    found = read(place, packed(members))
    if found.problem:
        assert found.digest == ""
        return
    out = place / "out"
    out.mkdir()
    done = subprocess.run(
        ["tar", "-xf", place / "context.tar", "-C", out], capture_output=True, check=False
    )
    if done.returncode == 0:
        assert found.digest == folder_digest(out)
        path = out / "Dockerfile"
        if path.is_file() and not path.is_symlink():
            assert found.dockerfile == ("Dockerfile", path.read_bytes())


def test_the_last_file_of_a_name_counts(tmp_path: Path) -> None:
    found = read(tmp_path, packed([file("./a", b"1"), file("a", b"2")]))
    assert found.digest == read(tmp_path, packed([file("a", b"2")])).digest


def test_the_dockerfile_is_found_by_its_name_and_through_links(tmp_path: Path) -> None:
    data = packed(
        [
            file("sub/Dev", b"FROM a\n"),
            other("Dockerfile", tarfile.SYMTYPE, "docker/Dev"),
            other("docker", tarfile.SYMTYPE, "./sub"),
        ]
    )
    assert read(tmp_path, data, "./sub/Dev").dockerfile == ("sub/Dev", b"FROM a\n")
    assert read(tmp_path, data).dockerfile == ("sub/Dev", b"FROM a\n")
    assert read(tmp_path, data, "none", "sub/Dev").dockerfile == ("sub/Dev", b"FROM a\n")
    assert read(tmp_path, data, "none").dockerfile is None
    loop = packed([other("Dockerfile", tarfile.SYMTYPE, "Dockerfile")])
    assert read(tmp_path, loop).dockerfile is None
    huge = packed([file("Dockerfile", bytes(5 << 20))])
    assert read(tmp_path, huge).dockerfile is None


@pytest.mark.parametrize(
    "members",
    [
        [file("../a")],
        [file("a/../../b")],
        [other("link", tarfile.SYMTYPE, "/etc"), file("link/passwd")],
        [file("a"), file("a/b")],
        [file("a/b"), file("a")],
        [other("a", tarfile.LNKTYPE, "b")],
        [file("a/" * 2500 + "b")],
    ],
)
def test_a_tar_that_builders_may_unpack_in_other_ways_has_no_digest(
    tmp_path: Path, members: list[tuple[tarfile.TarInfo, bytes]]
) -> None:
    found = read(tmp_path, packed(members))
    assert (found.digest, bool(found.problem)) == ("", True)


def test_a_damaged_tar_is_no_error_of_ours(tmp_path: Path) -> None:
    data = packed([file("a", bytes(3000)), file("Dockerfile")])
    for cut in (data[:2000], gzip.compress(data)[:40], data[:600] + b"y" * 600, b"\x1f\x8b"):
        found = read(tmp_path, cut)
        assert (found.digest, found.dockerfile) == ("", None)
        assert found.problem.startswith("the tar can't be read")


@given(st.binary(max_size=2000), st.integers(0, 2000))
def test_any_bytes_are_read_without_an_error(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, at: int
) -> None:
    place = tmp_path_factory.mktemp("bytes")
    good = packed([file("a"), file("Dockerfile", b"FROM a\n")])
    for mixed in (data, good[:at] + data + good[at + len(data) :]):
        read(place, mixed)
        stdin.is_tar(place / "context.tar")


# --- standard input -----------------------------------------------------------------------------


def test_standard_input_is_kept_whole_and_private(tmp_path: Path) -> None:
    data = os.urandom(3 << 20)
    (tmp_path / "given").write_bytes(data)
    with (tmp_path / "given").open("rb") as source:
        path = stdin.spool(tmp_path, source.fileno())
    assert path.read_bytes() == data
    assert path.stat().st_mode & 0o777 == 0o600
    reader, writer = os.pipe()
    os.write(writer, b"FROM a\n")
    os.close(writer)
    (tmp_path / "second").mkdir()
    assert stdin.spool(tmp_path / "second", reader).read_bytes() == b"FROM a\n"
    os.close(reader)


def test_a_terminal_or_nothing_at_all_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leader, follower = os.openpty()
    with pytest.raises(BomError, match="which is a terminal") as caught:
        stdin.spool(tmp_path, follower)
    assert caught.value.hint
    os.close(leader)
    os.close(follower)
    with pytest.raises(BomError, match="can't be kept"):
        stdin.spool(tmp_path, follower)
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(BomError, match="which is closed"):
        stdin.spool(tmp_path)


def test_a_tar_is_told_from_a_dockerfile_as_docker_does(tmp_path: Path) -> None:
    tar = packed([file("a")])
    path = tmp_path / "given"
    for data in (tar, gzip.compress(tar), bz2.compress(tar), lzma.compress(tar)):
        path.write_bytes(data)
        assert stdin.is_tar(path)
    for text in (b"", b"FROM scratch\n", b"x" * 600):
        path.write_bytes(text)
        assert not stdin.is_tar(path)


def test_one_standard_input_is_not_two_things() -> None:
    assert stdin.is_used("-", "")
    assert stdin.is_used(".", "-")
    assert not stdin.is_used(".", "Dockerfile")
    with pytest.raises(BomError, match="can't be both"):
        stdin.is_used("-", "-")


def test_the_private_key_is_found_in_a_tar_by_its_content(tmp_path: Path) -> None:
    key = tmp_path / "release.key"
    key.write_text("private")
    found = read(tmp_path, packed([file("some/where", key.read_bytes())]))
    assert hashlib.sha256(b"private").hexdigest() in found.files
    assert found.holds(key)
