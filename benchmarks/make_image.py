"""make_image.py PATH MEGABYTES FILES: an image archive as `docker save` of a classic store writes
it, four plain layers of many small and some large files, the same in every run."""

from __future__ import annotations

import hashlib
import json
import random
import sys
import tarfile
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

LAYERS: Final = 4
FOLDER: Final = 12  # files of one folder
BLOB: Final = 8 << 20  # bytes from which all contents are cut


def contents(source: random.Random, total: int, files: int) -> Iterator[bytes]:
    """Contents of `total` bytes, their sizes spread as those of a node_modules tree are."""
    blob = source.randbytes(BLOB)
    weights = [source.lognormvariate(0, 1.6) for _ in range(files)]
    whole = sum(weights)
    for weight in weights:
        size = int(weight * total / whole)
        start = source.randrange(BLOB // 2)
        piece = blob[start : start + size]
        yield piece if len(piece) == size else (piece + blob * (size // BLOB + 1))[:size]


def layer(path: Path, number: int, total: int, files: int) -> str:
    """Write one layer; its diff ID."""
    source = random.Random(number)
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as archive:
        folder = ""
        for index, content in enumerate(contents(source, total, files)):
            if index % FOLDER == 0:
                package = index // FOLDER
                folder = f"usr/lib/part{number}/group{package // FOLDER:03d}/package{package:05d}"
                member = tarfile.TarInfo(folder)
                member.type, member.mode = tarfile.DIRTYPE, 0o755
                archive.addfile(member)
            member = tarfile.TarInfo(f"{folder}/module{index:06d}.js")
            member.size = len(content)
            archive.addfile(member, BytesIO(content))
    with path.open("rb") as stream:
        return f"sha256:{hashlib.file_digest(stream, 'sha256').hexdigest()}"


def main(path: Path, megabytes: int, files: int) -> None:
    layers = [path.with_name(f"layer{number}.tar") for number in range(LAYERS)]
    size = megabytes * 1_000_000 // LAYERS
    diff_ids = [layer(made, n, size, files // LAYERS) for n, made in enumerate(layers)]
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {},
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
        }
    ).encode()
    name = f"{hashlib.sha256(config).hexdigest()}.json"
    stored = [f"layer{number}/layer.tar" for number in range(LAYERS)]
    manifest = [{"Config": name, "RepoTags": ["bench/many:1"], "Layers": stored}]
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as archive:
        for document, data in ((name, config), ("manifest.json", json.dumps(manifest).encode())):
            member = tarfile.TarInfo(document)
            member.size = len(data)
            archive.addfile(member, BytesIO(data))
        for made, place in zip(layers, stored, strict=True):
            archive.add(made, place)
            made.unlink()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
