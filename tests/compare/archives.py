"""Small archives, made to differ in one thing."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
import zipfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from bom.compare import compare

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from bom.difference import Comparison

EPOCH: Final = 1_700_000_000
YEAR: Final = (2024, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Entry:
    """A tar's entry. `more`: attributes of a TarInfo."""

    name: str
    content: bytes = b""
    more: Mapping[str, Any] = field(default_factory=dict)


def tar(*entries: Entry, form: int = tarfile.GNU_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for entry in entries:
            member = tarfile.TarInfo(entry.name)
            member.size, member.mtime = len(entry.content), EPOCH
            for name, value in entry.more.items():
                setattr(member, name, value)
            archive.addfile(member, io.BytesIO(entry.content))
    return out.getvalue()


def folder(name: str) -> Entry:
    return Entry(name, more={"type": tarfile.DIRTYPE, "mode": 0o755})


def link(name: str, target: str) -> Entry:
    return Entry(name, more={"type": tarfile.SYMTYPE, "linkname": target})


def zipped(members: Sequence[tuple[str, bytes]], **more: Any) -> bytes:
    """`more`: attributes of every ZipInfo."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in members:
            member = zipfile.ZipInfo(name, YEAR)
            member.compress_type, member.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            for key, value in more.items():
                setattr(member, key, value)
            archive.writestr(member, content)
    return out.getvalue()


def image(
    layers: Sequence[bytes],
    *,
    config: Mapping[str, Any] | None = None,
    tags: Sequence[str] = ("example/image:1",),
    packed: bool = False,
) -> bytes:
    """A docker archive, as the classic store saves it; `packed`: with gzip layers."""
    diff_ids = [f"sha256:{hashlib.sha256(layer).hexdigest()}" for layer in layers]
    document = {
        "architecture": "amd64",
        "os": "linux",
        "created": "2024-01-01T00:00:00Z",
        "config": {"Env": ["PATH=/bin"]},
        "history": [
            {"created": "2024-01-01T00:00:00Z", "created_by": f"step {number}"}
            for number in range(len(layers))
        ],
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
        **(config or {}),
    }
    raw = json.dumps(document).encode()
    name = f"{hashlib.sha256(raw).hexdigest()}.json"
    stored = [f"{diff_id[7:]}/layer.tar" for diff_id in diff_ids]
    manifest = [{"Config": name, "RepoTags": list(tags), "Layers": stored}]
    blobs = [gzip.compress(layer, mtime=0) if packed else layer for layer in layers]
    return tar(
        Entry(name, raw),
        *(Entry(*item) for item in zip(stored, blobs, strict=True)),
        Entry("manifest.json", json.dumps(manifest).encode()),
    )


def compared(tmp_path: Path, *builds: bytes, name: str = "a.tar") -> Comparison:
    """Two builds of one artifact."""
    paths = []
    for number, data in enumerate(builds):
        place = tmp_path / f"build{number}"
        place.mkdir(exist_ok=True)
        paths.append(place / name)
        paths[-1].write_bytes(data)
    one, two = paths
    return compare(one, two, epoch=EPOCH)


def told(comparison: Comparison) -> list[tuple[str, str]]:
    """(cause, path) of every difference."""
    return [(item.cause, item.path) for item in comparison.differences]
