"""Files of every kind: tars, zips, programs, sealed ones, and hostile ones."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import json
import lzma
import random
import struct
import tarfile
import time
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.catalog.test_image_layers import Layout, folder, hard, link, member, saved, tar

from bom import sources
from bom.builder.protocol import Silent
from bom.errors import BomError
from bom.model import Dependency, Finding, Gap
from bom.report.text import inert
from bom.scan import scan
from bom.sources import files

if TYPE_CHECKING:
    from pathlib import Path

STATUS = b"Package: tool\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n"
METADATA = b"Metadata-Version: 2.4\nName: lamp\nVersion: 2.0\nLicense-Expression: MIT\n"
RELEASE = member("etc/os-release", b'ID=debian\nVERSION_ID="12"\n')
ROOT = tar(folder("etc"), RELEASE, member("var/lib/dpkg/status", STATUS))
SITE = {
    "srv/site-packages/lamp-2.0.dist-info/METADATA": METADATA,
    "srv/site-packages/lamp-2.0.dist-info/RECORD": b"lamp.py,,\n",
    "srv/site-packages/lamp.py": b"print()\n",
}
TOOL = "pkg:deb/debian/tool@1?arch=amd64&distro=debian-12"


def found(path: Path, **how: Any) -> sources.Found:
    return sources.read(path, Silent(), {}, **how)


def purls(path: Path) -> list[str]:
    return sorted(
        item.component.purl
        for item in found(path).observations
        if isinstance(item, Dependency) and item.component.purl
    )


def gaps(path: Path) -> list[tuple[str, str]]:
    return sorted((i.what, i.where) for i in found(path).observations if isinstance(i, Gap))


def document(path: Path) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(scan(path, Silent(), {}))
    return made


def zipped(path: Path, members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


# --- tars ---------------------------------------------------------------------------------------

PACKED = {
    "a.tar": lambda data: data,
    "a.tar.gz": gzip.compress,
    "a.tar.bz2": bz2.compress,
    "a.tar.xz": lzma.compress,
}


@pytest.mark.parametrize("name", sorted(PACKED))
def test_a_tar_that_is_no_image_is_read_for_what_is_in_it(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(PACKED[name](ROOT))
    assert purls(path) == [TOOL]
    described = found(path)
    assert described.image is None
    assert described.subject.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert described.view.entry("var/lib/dpkg/status") is not None


@pytest.mark.parametrize("name", sorted(PACKED))
def test_an_image_is_an_image_however_its_archive_is_compressed(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(PACKED[name](saved(ROOT)))
    assert found(path).image is not None
    assert purls(path) == [TOOL]


def test_an_image_is_found_behind_another_file_and_a_tar_that_only_begins_like_one_is_none(
    tmp_path: Path,
) -> None:
    image = saved(ROOT)
    readme = tar(member("README", b"hello"))[:1024]
    (tmp_path / "image.tar").write_bytes(readme + image)
    assert found(tmp_path / "image.tar").image is not None
    (tmp_path / "plain.tar").write_bytes(tar(member("blobs/x", b"1"))[:1024] + ROOT)
    assert purls(tmp_path / "plain.tar") == [TOOL]
    manifest = member("manifest.json", b'{"name": "a web app", "icons": []}')
    (tmp_path / "web.tar").write_bytes(tar(manifest)[:1024] + ROOT)
    assert purls(tmp_path / "web.tar") == [TOOL]


def test_hostile_entries_of_a_tar_are_gaps_or_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(
        tar(
            RELEASE,
            member("../../etc/shadow", b"x"),
            member("/var/lib/dpkg/status", STATUS),
            hard("out", "../../etc/passwd"),
            hard("nowhere", "gone"),
            link("loop", "loop"),
            link("var/lib/up", "../../../../.."),
            member("dev/null", type=tarfile.CHRTYPE),
            member("file", b"1"),
            member("file/below", b"2"),
            member("odd\udcff\nname", b"1"),
            member("twice", b"1"),
            member("twice", b"22"),
        )
    )
    assert purls(path) == [TOOL]
    assert gaps(path)[:4] == [
        ("archive.file", "../../etc/shadow"),
        ("archive.file", "file/below"),
        ("archive.file", "nowhere"),
        ("archive.file", "out"),
    ]
    twice = found(path).view.entry("twice")
    assert twice is not None and twice.size == 2
    json.dumps(document(path)).encode("utf-8")


def sparse(apparent: int) -> bytes:
    """An entry of the old GNU kind: one block of data, `apparent` bytes to be."""
    info = tarfile.TarInfo("disk.img")
    info.size = 512
    block = bytearray(info.tobuf(tarfile.GNU_FORMAT)[:512])
    block[156:157] = b"S"
    block[386:410] = b"%011o\0%011o\0" % (0, 512)
    block[483:495] = b"\x80" + apparent.to_bytes(11, "big")
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block) + b"x" * 512


def test_a_sparse_file_of_ten_gigabytes_costs_nothing_and_is_a_gap(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(sparse(10 << 30) + ROOT)
    started = time.monotonic()
    assert purls(path) == [TOOL]
    assert ("archive.file", "disk.img") in gaps(path)
    assert time.monotonic() - started < 30


def test_what_stands_behind_the_end_of_a_tar_is_a_gap(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(ROOT + ROOT)
    assert ("archive.trailing", "tar") in gaps(tmp_path / "a.tar")


@pytest.mark.parametrize("size", [1, 300, 600, 1024, len(ROOT) // 3])
def test_a_tar_that_ends_early_is_refused_in_words(tmp_path: Path, size: int) -> None:
    (tmp_path / "a.tar").write_bytes(ROOT[:size])
    with pytest.raises(BomError) as caught:
        found(tmp_path / "a.tar")
    assert caught.value.exit_code == 2


# --- zips, wheels, jars -------------------------------------------------------------------------


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_zip_is_read_for_what_is_in_it(tmp_path: Path, method: int) -> None:
    path = zipped(tmp_path / "a.zip", SITE, method)
    assert purls(path) == ["pkg:pypi/lamp@2.0"]
    assert found(path).subject.kind == "zip"


def test_a_wheel_is_its_own_subject_and_no_component_of_itself(tmp_path: Path) -> None:
    inside = {name.removeprefix("srv/site-packages/"): data for name, data in SITE.items()}
    inside["lamp-2.0.dist-info/METADATA"] += b"Requires-Dist: bulb>=1\n"
    path = zipped(tmp_path / "lamp-2.0-py3-none-any.whl", inside)
    described = document(path)
    assert described["metadata"]["component"]["purl"] == "pkg:pypi/lamp@2.0"
    assert described["metadata"]["component"]["licenses"][0]["license"]["id"] == "MIT"
    assert [part["purl"] for part in described["components"]] == ["pkg:pypi/bulb"]


def test_a_zip_that_two_readers_see_differently_is_read_with_a_gap(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", SITE)
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("srv/site-packages/lamp.py", b"other")
    assert purls(path) == ["pkg:pypi/lamp@2.0"]
    assert ("archive.structure", "a.zip") in gaps(path)


def test_a_zip_behind_a_launcher_is_read_with_a_gap(tmp_path: Path) -> None:
    path = zipped(tmp_path / "app", SITE)
    path.write_bytes(b"#!/usr/bin/env python3\n" + path.read_bytes())
    assert purls(path) == ["pkg:pypi/lamp@2.0"]
    assert ("archive.structure", "app") in gaps(path)


def test_members_that_cant_be_read_are_gaps(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {**SITE, "broken": b"abc" * 99}, zipfile.ZIP_STORED)
    data = bytearray(path.read_bytes())
    data[data.index(b"abcabc")] ^= 1
    path.write_bytes(data)
    assert purls(path) == ["pkg:pypi/lamp@2.0"]
    assert ("archive.file", "broken") in gaps(path)
    entry = found(path).view.entry("broken")
    assert entry is not None and not entry.sha256


def test_names_that_lead_out_of_a_zip_and_encrypted_members_are_gaps(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"../../evil": b"x", **SITE, "secret": b"y"})
    data = bytearray(path.read_bytes())
    for at in range(len(data)):
        if bytes(data[at : at + 4]) in (b"PK\x01\x02", b"PK\x03\x04"):
            head = 46 if data[at + 2] == 1 else 30
            if bytes(data[at + head : at + head + 6]) == b"secret":
                data[at + (8 if head == 46 else 6)] |= 1
    path.write_bytes(data)
    assert purls(path) == ["pkg:pypi/lamp@2.0"]
    assert {("archive.file", "../../evil"), ("archive.file", "secret")} <= set(gaps(path))


def test_a_zip_bomb_of_members_that_share_their_bytes_is_refused(tmp_path: Path) -> None:
    """Every row of the directory points to one and the same member."""
    path = zipped(tmp_path / "a.zip", {"zero": bytes(16 << 20)})
    data = path.read_bytes()
    start = data.index(b"PK\x01\x02")
    end = data.index(b"PK\x05\x06")
    row = data[start:end]
    rows = b"".join(row[:46] + b"%04d" % n + row[50:] for n in range(200))
    tail = struct.pack("<4sHHHHLLH", b"PK\x05\x06", 0, 0, 200, 200, len(rows), start, 0)
    path.write_bytes(data[:start] + rows + tail)
    with pytest.raises(BomError, match="attack"):
        found(path)


def test_a_zip_without_an_end_is_refused_in_words(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", SITE)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(BomError, match="can't be read"):
        found(path)


# --- several platforms --------------------------------------------------------------------------


def two_platforms() -> bytes:
    made = Layout()
    layers = {"amd64": ROOT, "arm64": tar(member("a", b"1"))}
    images = [made.image([layer], arch=arch) for arch, layer in layers.items()]
    return made.archive(images, None)


def test_of_several_platforms_one_has_to_be_chosen(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(two_platforms())
    with pytest.raises(BomError) as caught:
        found(path)
    assert "linux/amd64, linux/arm64" in caught.value.reason
    assert "--platform linux/amd64" in caught.value.hint
    chosen = found(path, platform="linux/arm64").image
    assert chosen is not None and chosen.identity.platform == "linux/arm64"
    with pytest.raises(BomError, match="no image for linux/s390x"):
        found(path, platform="linux/s390x")


# --- fuzz ---------------------------------------------------------------------------------------


def mutated(draw: st.DataObject, data: bytes) -> bytes:
    out = bytearray(data)
    for _ in range(draw.draw(st.integers(1, 8))):
        place = draw.draw(st.integers(0, len(out) - 1))
        match draw.draw(st.sampled_from(["flip", "cut", "copy"])):
            case "flip":
                out[place] ^= draw.draw(st.integers(1, 255))
            case "cut":
                del out[place : place + draw.draw(st.integers(1, 600))]
            case _:
                out[place:place] = out[place : place + draw.draw(st.integers(1, 600))]
        if not out:
            break
    return bytes(out)


SEEDS = {
    "a.tar": ROOT,
    "image.tar": saved(ROOT),
    "a.tar.gz": gzip.compress(ROOT),
    "a.tar.xz": lzma.compress(ROOT),
}


def _zip_bytes() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in SITE.items():
            archive.writestr(name, content)
    return out.getvalue()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_arbitrary_and_mutated_files_give_observations_or_an_error_in_words(
    tmp_path: Path, data: st.DataObject
) -> None:
    seeds = {**SEEDS, "a.zip": _zip_bytes(), "a.whl": _zip_bytes()}
    name = data.draw(st.sampled_from(sorted(seeds)))
    whole = data.draw(st.binary(max_size=2000)) if data.draw(st.booleans()) else b""
    path = tmp_path / name
    path.write_bytes(whole or mutated(data, seeds[name]))
    try:
        made = found(path)
    except BomError as error:
        assert error.exit_code == 2 and inert(error.reason).isprintable()
        return
    for item in made.observations:
        assert isinstance(item, Dependency | Gap | Finding)
        if isinstance(item, Gap):
            f"{item.what}{item.where}{item.why}".encode()  # a document takes it


def test_no_file_is_left_behind_and_the_digest_is_of_what_lies_there(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {f"f{n}": random.randbytes(3000) for n in range(9)})
    seen = files.contents(path, "", Silent())
    assert seen.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert seen.size == path.stat().st_size
    assert sorted(item.name for item in tmp_path.iterdir()) == ["a.zip"]


def test_a_name_with_control_characters_is_told_in_words(tmp_path: Path) -> None:
    archive = bytearray(_zip_bytes())
    place = archive.index(b"PK\x01\x02")
    archive[place + 46] = 0x13  # the first letter of the name in the directory alone
    (tmp_path / "a.whl").write_bytes(archive)
    with pytest.raises(BomError, match="disagree") as caught:
        found(tmp_path / "a.whl")
    assert "\\x13" in inert(caught.value.reason)
