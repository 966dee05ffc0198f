"""The packages of tools: from a folder or by apt, the right one if it has the very program."""

from __future__ import annotations

import hashlib
import os
import subprocess
from typing import TYPE_CHECKING

import pytest
from tests.loopback import folder_served

from bom.capsule.tools import collected
from bom.capsule.writing import Contents
from bom.model import Hash, Tool

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Need

    from bom.capsule_record import Item, Missing

PROGRAM = "#!/bin/sh\n"
DIGEST = hashlib.sha256(PROGRAM.encode()).hexdigest()
PURL = "pkg:deb/debian/packer@1.0-1?arch=all"


@pytest.fixture
def mirror(tmp_path: Path, need: Need) -> Path:
    """A flat repository with the package `packer`, which has one program."""
    need("dpkg-deb")
    mirror, tree = tmp_path / "mirror", tmp_path / "tree"
    mirror.mkdir()
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "usr/bin").mkdir(parents=True)
    (tree / "usr/bin/packer").write_text(PROGRAM)
    control = (
        "Package: packer\nVersion: 1.0-1\nArchitecture: all\n"
        "Maintainer: T <t@example.invalid>\nDescription: nothing\n"
    )
    (tree / "DEBIAN/control").write_text(control)
    file = mirror / "packer_1.0-1_all.deb"
    subprocess.run(["dpkg-deb", "--build", tree, file], check=True, capture_output=True)
    data = file.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    (mirror / "Packages").write_text(
        f"{control}Filename: ./{file.name}\nSize: {len(data)}\nSHA256: {digest}\n"
    )
    return mirror


def had(
    tools: list[Tool], tmp_path: Path, environment: dict[str, str], *places: Path
) -> tuple[list[Item], list[Missing]]:
    folder = tmp_path / "tools"
    folder.mkdir()
    contents = Contents()
    missing = list(collected(contents, tools, folder, environment, places))
    return contents.items, missing


def packer(digest: str = DIGEST, package: str = PURL) -> Tool:
    return Tool("wrapped", "packer", "1.0", "used", (Hash("SHA-256", digest),), package)


def test_a_package_comes_from_a_folder(mirror: Path, tmp_path: Path) -> None:
    ((item,), missing) = had([packer()], tmp_path, {"PATH": ""}, mirror)
    assert (item.role, item.name, item.purl, item.known) == (
        "tool",
        "packer_1.0-1_all.deb",
        PURL,
        "stated",
    )
    assert missing == []


def test_a_package_comes_by_apt(mirror: Path, tmp_path: Path, need: Need) -> None:
    need("apt-get")
    with folder_served(mirror) as url:
        environment = apt(tmp_path, f"deb [trusted=yes] {url} ./\n")
        subprocess.run(["apt-get", "update", "-qq"], env=environment, check=True)
        ((item,), missing) = had([packer()], tmp_path, environment)
    assert (item.name, item.known, missing) == ("packer_1.0-1_all.deb", "stated", [])


def apt(folder: Path, sources: str) -> dict[str, str]:
    """The environment of an apt that has these sources and no others."""
    for name in ("lists/partial", "cache/archives/partial", "parts"):
        (folder / "apt" / name).mkdir(parents=True)
    (folder / "apt/sources").write_text(sources)
    (folder / "apt/conf").write_text(
        f'Dir::State::Lists "{folder}/apt/lists";\nDir::Cache "{folder}/apt/cache";\n'
        f'Dir::Etc::SourceList "{folder}/apt/sources";\n'
        f'Dir::Etc::SourceParts "{folder}/apt/parts";\nAPT::Sandbox::User "root";\n'
    )
    return {**os.environ, "APT_CONFIG": str(folder / "apt/conf")}


def test_a_package_with_another_program_is_not_taken(mirror: Path, tmp_path: Path) -> None:
    items, (lack,) = had([packer("0" * 64)], tmp_path, {"PATH": ""}, mirror)
    assert items == []
    assert lack.why == "packer_1.0-1_all.deb does not hold the program that the BOM names"


def test_what_can_not_be_had_is_told_with_the_reason(tmp_path: Path, need: Need) -> None:
    need("apt-get")
    tools = [
        packer(),
        packer(package="pkg:deb/debian/..%2Fup@1.0?arch=all"),
        packer(package="pkg:apk/alpine/packer@1.0"),
        packer(package=""),
        packer(package="pkg:pypi/build@1.0"),
        Tool("engine", "engine", "28.0", "stated"),
    ]
    items, missing = had(tools, tmp_path, apt(tmp_path, ""))
    assert items == []
    assert [(item.where, item.why.partition(": ")[0]) for item in missing] == [
        ("packer 1.0", "this version of bom does not collect apk packages of tools"),
        ("packer 1.0", "no package is recorded that it belongs to"),
        (
            "pkg:deb/debian/..%2Fup@1.0?arch=all",
            "no Debian package can be pkg:deb/debian/..%2Fup@1.0?arch=all",
        ),
        (PURL, "apt-get does not have it"),
    ]


def test_without_apt_every_package_is_told(tmp_path: Path) -> None:
    _, (lack,) = had([packer()], tmp_path, {"PATH": str(tmp_path)})
    assert lack.why == "this machine has no apt-get"
