"""Real exports of both engines, bent: each change is found, and said where it is."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tarfile
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from tests.e2e.builds import ENGINES, Bom

from bom.sign.keys import load_public
from bom.sign.trust import TrustedKey
from bom.verify import verify

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Need
    from tests.e2e.builds import Key

    from bom.model import Verdict

pytestmark = pytest.mark.e2e

CHANGES = 2000
KILLS = 12


@dataclass(frozen=True)
class Tiny:
    """A sealed image of one small file, and the command that builds it."""

    bom: Bom
    context: Path
    tar: Path
    command: tuple[str, ...]


@pytest.fixture(scope="module", params=ENGINES)
def tiny(
    request: pytest.FixtureRequest,
    bom: Bom,
    key: Key,
    need: Need,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Tiny]:
    engine = need.engine(request.param)
    folder = tmp_path_factory.mktemp(f"tiny-{request.param}")
    context = folder / "context"
    context.mkdir()
    (context / "Dockerfile").write_text("FROM scratch\nCOPY a /\n")
    (context / "a").write_bytes(random.Random(3).randbytes(4000))
    tag = f"bom-e2e/tiny-{request.param}:1"
    tar = folder / "tiny.tar"
    own = ("build", "-o", str(tar), "--key", str(key.private), "--")
    command = (*own, "docker", "build", "-t", tag, ".")
    wrapped = bom.on(engine)
    wrapped(*command, cwd=context)
    yield Tiny(wrapped, context, tar, command)
    subprocess.run(
        ["docker", "image", "rm", "-f", tag], env=engine, capture_output=True, check=True
    )


def judge(path: Path, key: Key) -> Verdict:
    return verify(path, [TrustedKey("release.pub", load_public(key.public))])


def test_every_one_of_many_random_one_byte_changes_is_found(
    tiny: Tiny, key: Key, tmp_path: Path
) -> None:
    assert judge(tiny.tar, key).good
    data = tiny.tar.read_bytes()
    chance = random.Random(20261124)
    target = tmp_path / tiny.tar.name
    unseen = []
    for _ in range(CHANGES):
        where, change = chance.randrange(len(data)), chance.randrange(1, 256)
        bent = bytearray(data)
        bent[where] ^= change
        target.write_bytes(bent)
        if judge(target, key).good:
            unseen.append((where, change))
    assert unseen == []


def test_damage_in_a_layer_names_the_layer(tiny: Tiny, key: Key, tmp_path: Path) -> None:
    data = bytearray(tiny.tar.read_bytes())
    with tarfile.open(tiny.tar) as archive:
        layer = max(archive.getmembers()[2:], key=lambda member: member.size)
    data[layer.offset_data + layer.size // 2] ^= 1
    target = tmp_path / "tiny.tar"
    target.write_bytes(data)
    found = judge(target, key).findings
    assert any(f.code == "damaged" and layer.name in f"{f.where} {f.message}" for f in found), found


def test_kill_9_during_build_export_and_seal_leaves_the_old_or_the_new(
    tiny: Tiny, key: Key
) -> None:
    before = tiny.tar.read_bytes()
    started = time.monotonic()
    tiny.bom(*tiny.command, cwd=tiny.context)
    length = time.monotonic() - started
    assert tiny.tar.read_bytes() == before
    chance = random.Random(4)
    for _ in range(KILLS):
        child = subprocess.Popen(
            [sys.executable, "-m", "bom", *tiny.command],
            cwd=tiny.context,
            env=tiny.bom.variables(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(chance.uniform(0, length))
        child.kill()
        child.wait()
        assert tiny.tar.read_bytes() == before
        assert judge(tiny.tar, key).good
    for rest in tiny.tar.parent.glob(".bom-tmp-*"):
        assert rest.stat().st_mode & 0o077 == 0
        rest.unlink()


def test_ctrl_c_leaves_no_temporary_file(tiny: Tiny) -> None:
    chance = random.Random(5)
    for _ in range(6):
        child = subprocess.Popen(
            [sys.executable, "-m", "bom", *tiny.command],
            cwd=tiny.context,
            env=tiny.bom.variables(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        time.sleep(chance.uniform(0.4, 1.5))
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGINT)
        _, errors = child.communicate()
        assert b"Traceback" not in errors, errors.decode()
        assert not list(tiny.tar.parent.glob(".bom-tmp-*"))


def test_two_documents_that_disagree_are_not_sealed_inside(
    tiny: Tiny, key: Key, tmp_path: Path
) -> None:
    """index.json and manifest.json that name different images: clients would differ."""
    stripped = tmp_path / "built.tar"
    tiny.bom("strip", tiny.tar, "-o", stripped, cwd=tmp_path)
    folder = tmp_path / "tree"
    folder.mkdir()
    subprocess.run(["tar", "-xf", stripped, "-C", folder], check=True)
    if (folder / "index.json").exists():
        manifest = json.loads((folder / "manifest.json").read_text())
        manifest[0]["Config"] = manifest[0]["Layers"][0]
        (folder / "manifest.json").write_text(json.dumps(manifest))
    else:  # the classic store writes none: an OCI client would go by one that somebody adds
        other = {"mediaType": "application/vnd.oci.image.manifest.v1+json", "size": 2}
        index = {"schemaVersion": 2, "manifests": [{**other, "digest": "sha256:" + "0" * 64}]}
        (folder / "index.json").write_text(json.dumps(index))
        (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    script = "tar -cf two.tar --sort=name -C tree ."
    done = tiny.bom("build", "--key", key.private, "--", "sh", "-c", script, cwd=tmp_path)
    assert "beside" in done.stderr
    assert (tmp_path / "two.tar.bom.cdx.json").is_file()
    tiny.bom("verify", tmp_path / "two.tar", "--key", key.public, cwd=tmp_path)
