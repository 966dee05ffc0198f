"""Reading a capsule, which may come from anybody: nothing of it is used before its digest is
right, and no name in it says where something is written."""

from __future__ import annotations

import hashlib
import json
import re
import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pydantic import ValidationError

from bom.capsule_record import BLOBS, NAME, CapsuleRecord, Item
from bom.errors import BadArtifact, BomError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_RECORD_LIMIT: Final = 64 * 1024 * 1024  # bytes
_TEXTS: Final = frozenset({NAME, "README.md", "rebuild.sh"})
_BLOB: Final = re.compile(rf"{re.escape(BLOBS)}([0-9a-f]{{64}})")
_CHUNK: Final = 1 << 20
_BLOCK: Final = 512


@dataclass(frozen=True, slots=True)
class Capsule:
    """A capsule whose contents lie in a folder, each under its digest."""

    record: CapsuleRecord
    folder: Path

    def items(self, role: str) -> Iterator[tuple[Item, Path]]:
        for item in self.record.items:
            if item.role == role:
                yield item, self.folder / item.sha256


def is_capsule(path: Path) -> bool:
    """Whether the file begins as a capsule does. Raises OSError."""
    with path.open("rb") as stream:
        head = stream.read(_BLOCK)
    return head[:100].rstrip(b"\0") == NAME.encode() and head[257:262] == b"ustar"


def unpacked(path: Path, folder: Path) -> Capsule:
    """The capsule at `path`, with every content in the new folder `folder`.

    Raises BadArtifact (`damaged`, `truncated`, `oversized`) where it is not what it says, and
    BomError for a format that is not known here.
    """
    try:
        with tarfile.open(path, "r:") as tar:
            record, left = None, None
            for entry in tar:
                if not entry.isreg() or entry.sparse:
                    raise _damaged(f"the entry {entry.name!r:.120} is no plain file")
                if record is None:
                    record = _record(tar, entry)
                    left = {item.sha256: item.size for item in record.items}
                elif match := _BLOB.fullmatch(entry.name):
                    assert left is not None
                    _blob(tar, entry, match[1], left, folder)
                elif entry.name not in _TEXTS:
                    raise _damaged(f"nothing in it says what {entry.name!r:.120} is")
    except tarfile.TarError as error:
        raise BadArtifact("truncated", f"the capsule can't be read: {error}") from error
    if record is None or left is None:
        raise _damaged("it has no capsule.json")
    if left:
        raise BadArtifact("truncated", f"{len(left)} of its contents are not in the capsule")
    return Capsule(record, folder)


def _record(tar: tarfile.TarFile, entry: tarfile.TarInfo) -> CapsuleRecord:
    if entry.name != NAME:
        raise _damaged(f"it does not begin with {NAME}")
    if entry.size > _RECORD_LIMIT:
        raise BadArtifact("oversized", f"{NAME} has {entry.size} bytes")
    stream = tar.extractfile(entry)
    data = stream.read() if stream is not None else b""
    try:
        found = json.loads(data)
        stated = found.get("format") if isinstance(found, dict) else None
        if isinstance(stated, int) and stated > 1:
            raise BomError(
                f"the capsule has format {stated}, which this version of bom does not know",
                hint="use a newer version of bom",
            )
        return CapsuleRecord.model_validate_json(data)
    except (ValidationError, ValueError, RecursionError) as error:
        raise _damaged(f"{NAME} is not as `bom capsule` writes it") from error


def _blob(
    tar: tarfile.TarFile,
    entry: tarfile.TarInfo,
    digest: str,
    left: dict[str, int],
    folder: Path,
) -> None:
    if left.pop(digest, None) != entry.size:
        raise _damaged(f"the content {digest} is not in {NAME}, twice, or of another size")
    stream = tar.extractfile(entry)
    assert stream is not None  # a regular file has one
    actual = hashlib.sha256()
    with (folder / digest).open("xb") as out:
        while part := stream.read(_CHUNK):
            actual.update(part)
            out.write(part)
    if actual.hexdigest() != digest:
        raise BadArtifact(
            "damaged",
            "a content of the capsule is not what its digest says",
            expected=digest,
            found=actual.hexdigest(),
        )


def _damaged(reason: str) -> BadArtifact:
    return BadArtifact("damaged", f"the capsule can't be trusted: {reason}")
