"""change_image.py IMAGE OUT: a second build of an image of make_image.py, in which one file in the
middle of its largest layer is another, and with it the layer's digest in the configuration."""

from __future__ import annotations

import gzip
import io
import shutil
import sys
import tarfile
from pathlib import Path
from typing import Final

from benchmarks.make_image import compressed

CHANGED: Final = b"built 2024-01-01T10:00:00Z"
GZIP: Final = b"\x1f\x8b"


def change_layer(layer: Path) -> None:
    """Change the first large file past the middle of a layer, in place; gzip stays gzip."""
    packed = layer.read_bytes()[:2] == GZIP
    if packed:
        plain = layer.with_suffix(".plain")
        with gzip.open(layer) as source, plain.open("wb") as target:
            shutil.copyfileobj(source, target, 1 << 20)
        plain.replace(layer)
    with layer.open("r+b") as content:
        with tarfile.open(fileobj=content, mode="r:") as archive:
            middle = layer.stat().st_size // 2
            place = next(
                item.offset_data
                for item in archive
                if item.isreg() and item.offset_data > middle and item.size > len(CHANGED)
            )
        content.seek(place)
        content.write(CHANGED)
    if packed:
        compressed(layer)


def main(image: Path, out: Path) -> None:
    with (
        tarfile.open(image) as archive,
        tarfile.open(out, "w", format=tarfile.GNU_FORMAT) as changed,
    ):
        members = archive.getmembers()
        largest = max(members, key=lambda item: item.size)
        layer = out.with_suffix(".layer")
        for member in members:
            content = archive.extractfile(member)
            assert content is not None
            if member is largest:
                with layer.open("wb") as target:
                    shutil.copyfileobj(content, target, 1 << 20)
                change_layer(layer)
                member.size = layer.stat().st_size
                with layer.open("rb") as source:
                    changed.addfile(member, source)
                layer.unlink()
            elif member is members[0]:  # the configuration
                start, _, end = content.read().rpartition(b"sha256:")
                changed.addfile(member, io.BytesIO(start + b"sha256:" + b"0" * 64 + end[64:]))
            else:
                changed.addfile(member, content)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
