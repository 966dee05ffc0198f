"""Debian packages in a capsule: their index, their names, what they hold."""

from __future__ import annotations

import hashlib
import io
import subprocess
import tarfile
from typing import TYPE_CHECKING

import pytest

from bom.capsule.apt import Apt
from bom.capsule.deb import file_name, holds, index
from bom.capsule.steps import AptStep
from bom.capsule_record import Missing
from bom.errors import BadArtifact, BomError
from bom.lock_record import Lock, LockedInstall, LockedPackage, text

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Need

CONTROL = (
    "Package: thing\nVersion: 1:1.0\nArchitecture: all\nMaintainer: T <t@example.invalid>\n"
    "Description: nothing\n in two lines\n"
)


def deb(file: Path, control: str, member: str = "control.tar", name: str = "./control") -> Path:
    """A Debian package with this control file, as little as makes one (deb(5))."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        entry = tarfile.TarInfo(name)
        entry.size = len(control.encode())
        tar.addfile(entry, io.BytesIO(control.encode()))
    parts = [("debian-binary", b"2.0\n"), (member, packed.getvalue())]
    data = b"!<arch>\n"
    for part, content in parts:
        header = f"{part:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(content):<10}`\n"
        data += header.encode() + content + b"\n" * (len(content) % 2)
    file.write_bytes(data)
    return file


@pytest.mark.parametrize("compression", ["gzip", "xz", "zstd", "none"])
def test_a_package_of_dpkg_stands_in_the_index_as_its_control_file_has_it(
    compression: str, tmp_path: Path, need: Need
) -> None:
    need("dpkg-deb")
    (tmp_path / "tree" / "DEBIAN").mkdir(parents=True)
    (tmp_path / "tree" / "tool").write_text("tool")
    (tmp_path / "tree" / "DEBIAN" / "control").write_text(CONTROL)
    file = tmp_path / "thing_1%3a1.0_all.deb"
    argv = ["dpkg-deb", f"-Z{compression}", "--uniform-compression", "--build", "tree", file.name]
    subprocess.run(argv, cwd=tmp_path, check=True, capture_output=True)
    data = file.read_bytes()
    assert index([file]) == (
        f"{CONTROL}Filename: ./{file.name}\nSize: {len(data)}\n"
        f"SHA256: {hashlib.sha256(data).hexdigest()}\n"
    )
    assert holds(file, {hashlib.sha256(b"tool").hexdigest(), "0" * 64})
    assert not holds(file, {hashlib.sha256(b"other").hexdigest()})


def test_no_control_file_says_where_another_file_is(tmp_path: Path) -> None:
    words = "Filename: ../x\n more\nSHA256: 00\nInstalled-Size: 1\n\nPackage: other\n"
    found = index([deb(tmp_path / "thing.deb", f"Package: thing\n{words}")])
    assert [line.partition(":")[0] for line in found.splitlines()] == [
        "Package",
        "Installed-Size",
        "Filename",
        "Size",
        "SHA256",
    ]


@pytest.mark.parametrize(
    "content", [b"", b"!<arch>\n", b"x" * 200, b"!<arch>\n" + b"control.tar".ljust(58) + b"`\n"]
)
def test_what_is_no_package_is_refused(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "thing.deb"
    file.write_bytes(content)
    with pytest.raises(BadArtifact, match=r"'thing\.deb' is no Debian package"):
        index([file])
    with pytest.raises(BadArtifact):
        holds(file, {"0" * 64})
    with pytest.raises(BadArtifact):
        index([deb(file, CONTROL, name="other")])


def test_files_are_called_as_apt_calls_them() -> None:
    assert file_name("pkg:deb/debian/thing@1%3A2.0-1?arch=amd64") == "thing_1%3a2.0-1_amd64.deb"


@pytest.mark.parametrize(
    "purl",
    [
        "pkg:deb/debian/..%2F..%2Fetc@1.0?arch=all",
        "pkg:deb/debian/-o@1.0?arch=all",
        "pkg:deb/debian/thing@1.0%2F..?arch=all",
        "pkg:deb/debian/thing@1.0",
        "pkg:deb/debian/thing?arch=all",
    ],
)
def test_a_lock_can_name_no_other_file(purl: str) -> None:
    with pytest.raises(BomError):
        file_name(purl)


def test_two_images_that_take_two_versions_are_told(tmp_path: Path) -> None:
    """One index serves all steps: apt would take the newer one in both."""
    lines = "RUN apt-get install thing\n"
    (tmp_path / "Dockerfile").write_text(f"FROM one:1 AS a\n{lines}FROM two:1\n{lines}")
    places, installs = tmp_path / "debs", []
    places.mkdir()
    for image in ("one:1", "two:1"):
        file = deb(places / f"{image[:3]}.deb", CONTROL + f"Origin: {image}\n")
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        package = LockedPackage(purl="pkg:deb/debian/thing@1%3A1.0?arch=all", sha256=digest)
        installs.append(
            LockedInstall(
                dockerfile="Dockerfile",
                image=image,
                asked=["thing"],
                packages=[package],
                present=[],
            )
        )
    (tmp_path / "bom.lock").write_text(text(Lock(installs=installs)))
    (tmp_path / "out").mkdir()
    apt = Apt(tmp_path, ("false",), tmp_path / "out", {}, (places,))
    steps = [AptStep(n, "Dockerfile", f"Dockerfile:{n[:3]}") for n in ("one:1", "two:1")]
    (lack,) = apt.collect(steps)
    assert (lack.what, lack.where) == ("step.download", "Dockerfile:two")
    assert "two base images take thing in two versions" in lack.why
    assert [item.file.name for item in apt.found] == ["thing_1%3a1.0_all.deb"]


def test_an_update_that_nothing_is_installed_after_is_not_known(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM one:1\nRUN apt-get update\n")
    apt = Apt(tmp_path, ("false",), tmp_path, {}, ())
    why = "what `apt-get update` fetches is not known by digest"
    assert list(apt.collect([AptStep("one:1", "Dockerfile", "Dockerfile:2")])) == [
        Missing(what="step.download", where="Dockerfile:2", why=why)
    ]


def test_each_image_is_told_whose_packages_are_not_to_be_had(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(
        "FROM one:1 AS a\nRUN apt-get install a\nFROM two:1\nRUN apt-get install b\n"
    )
    installs = [
        LockedInstall(
            dockerfile="Dockerfile",
            image=image,
            asked=[name],
            packages=[LockedPackage(purl=f"pkg:deb/debian/{name}@1?arch=all", sha256="0" * 64)],
            present=[],
        )
        for image, name in (("one:1", "a"), ("two:1", "b"))
    ]
    (tmp_path / "bom.lock").write_text(text(Lock(installs=installs)))
    (tmp_path / "out").mkdir()
    apt = Apt(tmp_path, ("false",), tmp_path / "out", {"PATH": "/bin:/usr/bin"}, ())
    steps = [AptStep(n, "Dockerfile", f"Dockerfile:{n[:3]}") for n in ("one:1", "two:1")]
    assert [(item.where, item.why.partition(" is ")[0]) for item in apt.collect(steps)] == [
        ("Dockerfile:one", "pkg:deb/debian/a@1?arch=all"),
        ("Dockerfile:two", "pkg:deb/debian/b@1?arch=all"),
    ]
    assert apt.found == []
