"""Installed packages held against the tarballs that npm took them from."""

from __future__ import annotations

import gzip
import io
import json
import shutil
import tarfile
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.catalog.test_node_installed import found, npm, put

from bom.catalog.node import tarball
from bom.catalog.node.wanted import TARBALL

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Need

INTEGRITY = "bom-seal:integrity"


def integrity(root: Path, ref: str) -> str:
    dependencies, _, _ = found(root)
    return next(p.value for p in dependencies[ref].component.properties if p.name == INTEGRITY)


@pytest.fixture
def installed(tmp_path: Path, need: Need) -> Path:
    """A project into which npm installed one package, out of a tarball that lies in it, with
    npm's cache beside."""
    source = tmp_path / "source"
    stated = {"name": "left", "version": "1.2.3", "license": "MIT", "files": ["*.js", "lib"]}
    put(source, "package.json", stated)
    put(source, "index.js", "module.exports = 1\n")
    put(source, "lib/deep.js", "module.exports = 2\n")
    root = tmp_path / "project"
    put(root, "package.json", {"name": "app", "version": "1.0.0"})
    npm(need, source, "pack", "--pack-destination", str(root))
    npm(need, root, "install", "./left-1.2.3.tgz")
    return root


def test_what_npm_unpacked_is_verified_against_the_tarball_in_the_project(installed: Path) -> None:
    assert integrity(installed, "left@1.2.3") == "verified 3"


def test_npm_s_cache_serves_as_well_as_the_project_s_own_tarball(installed: Path) -> None:
    (installed / "left-1.2.3.tgz").unlink()
    shutil.rmtree(installed / ".npm-cache" / "_cacache" / "index-v5")
    assert integrity(installed, "left@1.2.3") == "verified 3"


def test_a_file_that_was_changed_after_the_install_is_a_finding(installed: Path) -> None:
    put(installed, "node_modules/left/lib/deep.js", "module.exports = 3\n")
    _, _, findings = found(installed)
    (finding,) = findings
    assert (finding.code, finding.where) == ("modified", "node_modules/left/lib/deep.js")
    assert integrity(installed, "left@1.2.3") == "modified 1 of 3"


def test_without_the_tarball_nothing_is_said_to_be_right(installed: Path) -> None:
    (installed / "left-1.2.3.tgz").unlink()
    shutil.rmtree(installed / ".npm-cache")
    assert integrity(installed, "left@1.2.3").startswith("not checkable: ")


def test_a_cached_tarball_with_other_bytes_is_not_the_one_that_was_installed(
    installed: Path,
) -> None:
    shutil.rmtree(installed / ".npm-cache")
    path = installed / "left-1.2.3.tgz"
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()), 1, mtime=7))
    assert integrity(installed, "left@1.2.3").startswith("not checkable: ")


def test_a_package_json_that_an_old_npm_wrote_into_is_not_held_against_the_tarball(
    installed: Path,
) -> None:
    path = installed / "node_modules" / "left" / "package.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "_resolved": "left-1.2.3.tgz"}))
    assert integrity(installed, "left@1.2.3") == "verified 2"


def packed(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


def test_a_program_whose_line_ends_npm_mends_is_left_out() -> None:
    content = packed(
        {"package/package.json": b"{}", "package/run": b"#!/usr/bin/env node\r\n1\r\n"}
    )
    lines = tarball.take(content)[TARBALL][64:].split(b"\0")
    assert [line.partition(b" ")[2] for line in lines[:-1]] == [b"package.json"]


def test_an_archive_that_is_no_package_gives_nothing() -> None:
    assert tarball.take(packed({"backup/home.txt": b"1"})) == {}


@given(st.binary(max_size=400))
def test_any_bytes_give_nothing_or_a_list(raw: bytes) -> None:
    assert tarball.take(raw) == {}
    assert tarball.take(gzip.compress(raw)) == {}


@given(st.integers(0, 10_000), st.integers(0, 255))
def test_a_damaged_tarball_never_ends_in_a_traceback(place: int, value: int) -> None:
    content = bytearray(packed({"package/package.json": b"{}", "package/a": bytes(3000)}))
    content[place % len(content)] = value
    assert set(tarball.take(bytes(content))) <= {TARBALL}
