"""A capsule as a file: a plain tar, capsule.json first, every content once by its digest. Equal
contents give equal bytes: entries are sorted, with one owner, mode and time."""

from __future__ import annotations

import hashlib
import io
import tarfile
from typing import TYPE_CHECKING

from bom.capsule_record import BLOBS, NAME, CapsuleRecord, Item

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO, Literal

    Role = Literal[
        "artifact",
        "beside",
        "bom",
        "source",
        "submodule",
        "package",
        "module",
        "tool",
        "base-image",
        "builder-image",
        "environment",
    ]


class Contents:
    """The files that go into a capsule, where they lie now."""

    def __init__(self) -> None:
        self._files: dict[str, Path] = {}
        self._items: set[Item] = set()

    def add(
        self,
        role: Role,
        name: str,
        file: Path,
        *,
        purl: str = "",
        known: Literal["stated", "resolved", ""] = "",
    ) -> None:
        with file.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
            size = stream.tell()
        self._files.setdefault(digest, file)
        self._items.add(
            Item(role=role, name=name, sha256=digest, size=size, purl=purl, known=known)
        )

    @property
    def items(self) -> list[Item]:
        return sorted(self._items, key=lambda item: (item.role, item.name, item.sha256))

    def write(self, record: CapsuleRecord, texts: dict[str, str], epoch: int, out: Path) -> None:
        """The capsule, into the new file `out`. `texts`: further files at its front. `epoch`:
        seconds, the time of every entry."""
        front = {NAME: record.model_dump_json(indent=2) + "\n", **texts}
        with tarfile.open(out, "w", format=tarfile.PAX_FORMAT) as tar:
            for name, text in front.items():
                data = text.encode()
                mode = 0o755 if name.endswith(".sh") else 0o644
                _put(tar, name, len(data), epoch, mode, io.BytesIO(data))
            for digest in sorted(self._files):
                with self._files[digest].open("rb") as stream:
                    size = self._files[digest].stat().st_size
                    _put(tar, f"{BLOBS}{digest}", size, epoch, 0o644, stream)


def _put(
    tar: tarfile.TarFile, name: str, size: int, epoch: int, mode: int, stream: BinaryIO
) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mtime, entry.mode = size, epoch, mode
    tar.addfile(entry, stream)
