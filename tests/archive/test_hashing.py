"""Digests that another thread works out, and what they are used for."""

from __future__ import annotations

import io
import json
import random
import tarfile
from hashlib import md5, sha1, sha256

import pytest

from bom.archive.hashing import HashingThread
from bom.archive.image import ImageReader
from bom.catalog.interest import Wanted


def test_digests_that_share_the_thread_are_of_their_own_bytes() -> None:
    hashing = HashingThread()
    one, two = hashing.digest(), hashing.digest()
    for number in range(100):
        one.update(bytes([number]) * 1000)
        two.update(bytes([255 - number]) * 2000)
    expected = sha256(b"".join(bytes([n]) * 1000 for n in range(100))).hexdigest()
    assert one.hexdigest() == expected
    assert two.digest() == sha256(b"".join(bytes([255 - n]) * 2000 for n in range(100))).digest()
    hashing.close()


def test_what_was_given_is_hashed_although_the_thread_is_closed_at_once() -> None:
    hashing = HashingThread()
    digest = hashing.digest()
    for _ in range(5):
        digest.update(b"x" * (1 << 20))
    hashing.close()
    hashing.close()
    assert digest.hexdigest() == sha256(b"x" * (5 << 20)).hexdigest()


def test_a_digest_of_nothing_is_that_of_no_bytes() -> None:
    hashing = HashingThread()
    assert hashing.digest().hexdigest() == sha256().hexdigest()
    hashing.close()


def _tar(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return out.getvalue()


@pytest.mark.parametrize("piece", [511, 4096, 1 << 20, 1 << 24])
def test_every_file_has_its_digest_whatever_its_size_and_however_the_archive_comes(
    piece: int,
) -> None:
    source = random.Random(1)
    sizes = (1, 511, 512, 513, 40_000, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 3_000_000)
    files = {f"usr/lib/file{size}.bin": source.randbytes(size) for size in sizes}
    layer = _tar(files)
    config = {"rootfs": {"diff_ids": [f"sha256:{sha256(layer).hexdigest()}"]}}
    archive = _tar({"layer.tar": layer, "config.json": json.dumps(config).encode()})
    reader = ImageReader(Wanted(()))
    for start in range(0, len(archive), piece):
        reader.feed(archive[start : start + piece])
    read = reader.finish().layers["layer.tar"]
    assert read.diff_id == f"sha256:{sha256(layer).hexdigest()}"
    assert {entry.path: entry.digest for entry in read.entries} == {
        name: sha256(content).digest() for name, content in files.items()
    }
    assert {entry.path: entry.weak for entry in read.entries} == {
        name: md5(content, usedforsecurity=False).digest()
        + sha1(content, usedforsecurity=False).digest()
        for name, content in files.items()
    }
