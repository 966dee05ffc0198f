"""The normalising step of a build, for one artifact."""

from __future__ import annotations

import hashlib
import io
import tarfile
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from bom.builder.protocol import Artifact
from bom.model import Gap, Property, RunDetail, Subject
from bom.normalise.protocol import Change
from bom.normalising import normalised

if TYPE_CHECKING:
    from pathlib import Path

EPOCH = 1_700_000_000


def artifact(path: Path, data: bytes, *, is_file_system: bool = False) -> Artifact:
    path.write_bytes(data)
    digest = hashlib.sha256(data).hexdigest()
    subject = Subject(path.name, "tar", digest, len(data))
    return Artifact(path, path, subject, is_file_system=is_file_system)


def tar(uid: int = 1000, mode: int = 0o640, time: int = EPOCH + 5) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        member = tarfile.TarInfo("etc/passwd")
        member.uid, member.gid, member.uname = uid, 7, "somebody"
        member.mode, member.mtime, member.size = mode, time, 3
        archive.addfile(member, io.BytesIO(b"abc"))
    return out.getvalue()


def only(data: bytes) -> tarfile.TarInfo:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        (member,) = archive.getmembers()
    return member


def test_what_stands_in_the_bom_is_the_same_for_a_file_that_needed_nothing(tmp_path: Path) -> None:
    with ExitStack() as stack:
        one, first = normalised(
            artifact(tmp_path / "x.tar", tar()), tmp_path / "x.tar", EPOCH, stack
        )
        data = first.read_bytes()
        again, second = normalised(
            artifact(tmp_path / "y.tar", data), tmp_path / "y.tar", EPOCH, stack
        )
        assert second.read_bytes() == data
    assert one.subject.properties == again.subject.properties
    assert Property("bom-seal:normalised:epoch", str(EPOCH)) in one.subject.properties
    assert one.subject.sha256 == again.subject.sha256 == hashlib.sha256(data).hexdigest()
    assert RunDetail("original.sha256", one.original_sha256) in one.observations
    assert RunDetail("normalised.times", "1") in one.observations
    assert (again.changes, again.original_sha256) == ((), again.subject.sha256)
    assert not list(tmp_path.glob(".bom-tmp-*"))


def test_a_file_system_keeps_its_owners_and_modes(tmp_path: Path) -> None:
    place = tmp_path / "root.tar"
    with ExitStack() as stack:
        made, path = normalised(artifact(place, tar(), is_file_system=True), place, EPOCH, stack)
        member = only(path.read_bytes())
    assert (member.uid, member.gid, member.uname, member.mode) == (1000, 7, "", 0o640)
    assert member.mtime == EPOCH
    aspects = {p.value for p in made.subject.properties if p.name == "bom-seal:normalised"}
    assert "times" in aspects
    assert "modes" not in aspects


@pytest.mark.parametrize("data", [b"no archive at all", tar()[:700]])
def test_what_can_not_be_normalised_stays_and_says_why(tmp_path: Path, data: bytes) -> None:
    place = tmp_path / "x.tar"
    given = artifact(place, data)
    with ExitStack() as stack:
        made, path = normalised(given, place, EPOCH, stack)
    assert path == place
    assert (made.subject, made.original_sha256) == (given.subject, "")
    (gap,) = made.observations
    assert isinstance(gap, Gap)
    assert gap.what == "artifact.normalised"
    assert made.warnings == (
        gap.why.replace("it is sealed as it was built", "x.tar is not normalised"),
    )
    assert not list(tmp_path.glob(".bom-tmp-*"))


def test_an_image_is_left_to_its_collector(tmp_path: Path) -> None:
    from dataclasses import replace

    from bom.model import ImageIdentity

    place = tmp_path / "x.tar"
    given = artifact(place, tar())
    image = replace(given, subject=replace(given.subject, kind="image", image=ImageIdentity()))
    done = replace(image, original_sha256="ab" * 32, changes=(Change("times", "layer 1", 3),))
    with ExitStack() as stack:
        assert normalised(image, place, EPOCH, stack) == (image, place)
        made, path = normalised(done, place, EPOCH, stack)
    assert path == place
    assert made.subject.sha256 == done.subject.sha256
    assert RunDetail("normalised.times", "layer 1: 3") in made.observations
