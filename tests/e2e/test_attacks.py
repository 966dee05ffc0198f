"""Whatever is changed, added, swapped or cut: exit 1 with a finding, never a traceback."""

from __future__ import annotations

import gzip
import io
import json
import random
import shutil
import subprocess
import tarfile
from typing import TYPE_CHECKING

import pytest

from bom.model import Envelope
from bom.seal import recognise, unseal_to
from bom.sign.keys import load_public
from bom.sign.trust import TrustedKey
from bom.verify import verify

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.e2e.builds import Bom, Key, Package

    from bom.model import Verdict

CHANGES = 2000


def judge(path: Path, key: Key) -> Verdict:
    public = load_public(key.public)
    return verify(path, [TrustedKey("release.pub", public)])


@pytest.fixture(scope="module")
def image_tar(bom: Bom, key: Key, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small image archive, made by hand, so that 2,000 changes of it are quick; the engines'
    own exports are bent in test_image_attacks."""
    folder = tmp_path_factory.mktemp("tar")
    tree = folder / "tree"
    tree.mkdir()
    for number in range(5):
        (tree / f"file{number}").write_bytes(random.Random(number).randbytes(3000))
    script = "tar -cf app.tar --sort=name --mtime=@0 --owner=0 --group=0 tree"
    bom("build", "--key", key.private, "--", "sh", "-c", script, cwd=folder)
    return folder / "app.tar"


@pytest.fixture(params=["tar", "wheel", "sdist"])
def sealed(request: pytest.FixtureRequest, image_tar: Path, package: Package) -> Path:
    return {"tar": image_tar, "wheel": package.wheel, "sdist": package.sdist}[request.param]


def test_the_unchanged_file_is_good(sealed: Path, key: Key) -> None:
    assert judge(sealed, key).good


def test_every_one_of_many_random_one_byte_changes_is_found(
    sealed: Path, key: Key, tmp_path: Path
) -> None:
    data = sealed.read_bytes()
    chance = random.Random(20261124)
    target = tmp_path / sealed.name
    unseen = []
    for _ in range(CHANGES):
        where = chance.randrange(len(data))
        change = chance.randrange(1, 256)
        bent = bytearray(data)
        bent[where] ^= change
        target.write_bytes(bent)
        if judge(target, key).good:
            unseen.append((where, change))
    assert unseen == []


@pytest.mark.parametrize("cut", [0, 1, 511, 512, 513, 1024, 5000, -1, -512, -1024])
def test_a_truncated_file_is_found(sealed: Path, key: Key, tmp_path: Path, cut: int) -> None:
    target = tmp_path / sealed.name
    target.write_bytes(sealed.read_bytes()[:cut])
    assert not judge(target, key).good


@pytest.mark.parametrize("tail", [b"\0", b"\0" * 512, b"PK\5\6" + b"\0" * 18, b"\x1f\x8b\x08"])
def test_trailing_bytes_are_found(sealed: Path, key: Key, tmp_path: Path, tail: bytes) -> None:
    target = tmp_path / sealed.name
    target.write_bytes(sealed.read_bytes() + tail)
    assert not judge(target, key).good


def test_another_artifacts_seal_is_found(image_tar: Path, key: Key, tmp_path: Path) -> None:
    """The BOM of one artifact put into another: both were signed by the same key."""
    other, swapped = tmp_path / "other.tar", tmp_path / "app.tar"
    other.write_bytes(_entry("tree/evil.py", b"evil") + b"\0" * 1024)
    form = recognise(image_tar)
    assert form is not None
    envelope = form.read(image_tar)
    assert envelope is not None
    form.seal(other, envelope, swapped)
    codes = {finding.code for finding in judge(swapped, key).findings}
    assert codes >= {"subject-digest", "subject-size"}


def test_a_removed_bundle_is_found(sealed: Path, key: Key, tmp_path: Path) -> None:
    form = recognise(sealed)
    assert form is not None
    envelope = form.read(sealed)
    assert envelope is not None
    built, bare = tmp_path / f"built-{sealed.name}", tmp_path / sealed.name
    unseal_to(form, sealed, built)
    form.seal(built, Envelope(envelope.bom), bare)
    assert {finding.code for finding in judge(bare, key).findings} == {"bundle-missing"}


def _entry(name: str, content: bytes, kind: bytes = tarfile.REGTYPE) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as archive:
        info = tarfile.TarInfo(name)
        info.size, info.type = len(content), kind
        archive.addfile(info, io.BytesIO(content))
    return out.getvalue()[: 512 + (len(content) + 511) // 512 * 512]


ATTACKS: dict[str, bytes] = {
    "a second manifest.json": _entry("manifest.json", b"[]"),
    "a second envelope": _entry("tree/.bom/bom.cdx.json", b"{}"),
    "a duplicate member": _entry("tree/file0", b"evil"),
    "a pax global header": _entry(
        "pax_global_header", b"17 path=evilname\n\n"[:17], tarfile.XGLTYPE
    ),
    "an empty block": b"\0" * 512,
}


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("place", ["front", "between"])
def test_an_entry_before_or_after_the_envelope_is_found(
    image_tar: Path, key: Key, tmp_path: Path, attack: str, place: str
) -> None:
    data = image_tar.read_bytes()
    with tarfile.open(image_tar) as archive:
        names = archive.getmembers()
    ours = [member for member in names if "/.bom/" in f"/{member.name}"]
    assert len(ours) == 2
    end = ours[-1].offset_data + (ours[-1].size + 511) // 512 * 512
    at = 0 if place == "front" else end
    target = tmp_path / "app.tar"
    target.write_bytes(data[:at] + ATTACKS[attack] + data[at:])
    assert not judge(target, key).good


def test_the_same_inside_a_gzip_member_is_found(package: Package, key: Key, tmp_path: Path) -> None:
    with gzip.open(package.sdist) as stream:
        data = stream.read()
    target = tmp_path / package.sdist.name
    for attack in ATTACKS.values():
        target.write_bytes(gzip.compress(attack + data, mtime=0))
        assert not judge(target, key).good
    target.write_bytes(gzip.compress(data, mtime=0))  # the same tar, in other deflate data
    assert not judge(target, key).good


def _nested() -> bytes:
    return b"[" * 200_000 + b"]" * 200_000


def _gigantic_header() -> bytes:
    info = tarfile.TarInfo("x")
    info.size = 1 << 62
    return info.tobuf(tarfile.GNU_FORMAT)


def _deep_tar() -> bytes:
    return _entry(".bom/bom.cdx.json", _nested()) + b"\0" * 1024


def _zip_bomb() -> bytes:
    import zipfile

    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a-1.dist-info/RECORD", b"0" * (64 << 20))
    return out.getvalue()


def _gzip_bomb() -> bytes:
    return gzip.compress(_entry("x", b"") + b"\0" * (256 << 20), mtime=0)


HOSTILE: dict[str, Callable[[], bytes]] = {
    "empty.tar": lambda: b"",
    "empty.whl": lambda: b"",
    "text.whl": lambda: b"this is no archive\n",
    "zeros.tar": lambda: b"\0" * 10240,
    "gigantic-header.tar": _gigantic_header,
    "deeply-nested.tar": _deep_tar,
    "bomb.whl": _zip_bomb,
    "bomb.tar.gz": _gzip_bomb,
    "half-gzip.tar.gz": lambda: b"\x1f\x8b\x08\x00",
    "end-record-only.whl": lambda: b"PK\5\6" + b"\0" * 18,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_input_is_a_finding_and_no_traceback(
    bom: Bom, key: Key, tmp_path: Path, name: str
) -> None:
    target = tmp_path / name
    target.write_bytes(HOSTILE[name]())
    done = bom("verify", target, "--key", key.public, "--json", cwd=tmp_path, code=1)
    assert json.loads(done.stdout)["findings"]


def test_what_is_not_there_is_a_wrong_call(bom: Bom, key: Key, tmp_path: Path) -> None:
    done = bom("verify", tmp_path / "none.tar", "--key", key.public, cwd=tmp_path, code=2)
    assert done.stderr.startswith("error: ")
    assert "hint: " in done.stderr
    bom("verify", tmp_path, "--key", key.public, cwd=tmp_path, code=2)


def test_a_wheels_changed_member_is_named(package: Package, key: Key, tmp_path: Path) -> None:
    """pip and uv install a wheel whose RECORD is wrong without a word."""
    target = tmp_path / package.wheel.name
    folder = tmp_path / "unpacked"
    shutil.unpack_archive(package.wheel, folder, "zip")
    (folder / "newest" / "__init__.py").write_text("print('evil')\n")
    subprocess.run(["python3", "-m", "zipfile", "-c", target, *folder.iterdir()], check=True)
    verdict = judge(target, key)
    assert any("newest/__init__.py" in finding.where for finding in verdict.findings), verdict


def test_damage_in_a_tar_names_the_member(image_tar: Path, key: Key, tmp_path: Path) -> None:
    data = bytearray(image_tar.read_bytes())
    with tarfile.open(image_tar) as archive:
        data[archive.getmember("tree/file3").offset_data + 5] ^= 1
    target = tmp_path / "app.tar"
    target.write_bytes(data)
    found = judge(target, key).findings
    assert any(f.code == "damaged" and "tree/file3" in f.where for f in found), found
