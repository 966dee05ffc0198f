"""A sealed image archive as an engine is given it: without its seal, and without any name.

An engine that loads an archive lets the names in it mean what it loaded, before anybody could look
at that. So the documents that name images are written anew on the way: `RepoTags` of Docker's
manifest.json, two annotations of an OCI layout's index.json; `repositories` is left out. The blobs,
which the image consists of, go through as they are.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from bom.archive.layer import clean_path
from bom.archive.tar import BLOCK, TarWalk, encode_head, padding
from bom.errors import BadArtifact
from bom.seal import is_envelope

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

    from bom.archive.tar import TarMember

_LIMIT: Final = 8 * 1024 * 1024  # bytes of a document
_CHUNK: Final = 1024 * 1024
# By these containerd names what it imports (OCI image specification, "Annotations").
_NAMING: Final = ("io.containerd.image.name", "org.opencontainers.image.ref.name")
_DOCUMENTS: Final = ("manifest.json", "index.json")
_LEFT_OUT: Final = "repositories"
_END: Final = bytes(2 * BLOCK)


class Untagged:
    """The archive at `path`. `size`: of what `pieces` gives, bytes. `tops`: digests of what its
    index.json names, by which a containerd store knows what it loaded.

    Raises BadArtifact where one name stands in it twice, or a document is none.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._parts: list[bytes | tuple[int, int]] = []
        self.tops: frozenset[str] = frozenset()
        seen: set[str] = set()
        with path.open("rb") as file:
            for number, member in enumerate(TarWalk(file)):
                if number <= 1 and is_envelope(member.name):
                    continue
                name = clean_path(member.name)
                if not member.is_directory and name in seen:
                    raise BadArtifact("ambiguous-image", f"the archive holds {name!r:.200} twice")
                seen.add(name)
                if name == _LEFT_OUT:
                    continue
                if name in _DOCUMENTS:
                    document = self._without_names(name, _document(file, name, member))
                    self._parts += [encode_head(name, len(document), "ustar"), document]
                    self._parts.append(padding(len(document)))
                else:
                    self._add(member.offset, member.end)
        self._parts.append(_END)
        self.size = sum(
            len(part) if isinstance(part, bytes) else part[1] - part[0] for part in self._parts
        )

    def pieces(self) -> Iterator[bytes]:
        """The archive, in pieces of at most 1 MiB. Raises OSError."""
        with self._path.open("rb", buffering=0) as file:
            for part in self._parts:
                if isinstance(part, bytes):
                    yield part
                    continue
                at, end = part
                file.seek(at)
                while at < end:
                    piece = file.read(min(_CHUNK, end - at))
                    if not piece:
                        raise BadArtifact("truncated", "the archive ends early")
                    at += len(piece)
                    yield piece

    def _add(self, start: int, end: int) -> None:
        last = self._parts[-1] if self._parts else b""
        if isinstance(last, tuple) and last[1] == start:
            self._parts[-1] = (last[0], end)
        else:
            self._parts.append((start, end))

    def _without_names(self, name: str, document: Any) -> bytes:
        if name == "manifest.json":
            entries = document if isinstance(document, list) else None
            key = "RepoTags"
        else:
            entries = document.get("manifests") if isinstance(document, dict) else None
            key = "annotations"
        if not isinstance(entries, list) or not all(isinstance(item, dict) for item in entries):
            raise BadArtifact("damaged", f"{name} is not that of an image archive", where=name)
        for entry in entries:
            if key == "RepoTags":
                entry[key] = None
            elif isinstance(stated := entry.get(key), dict):
                entry[key] = {k: value for k, value in stated.items() if k not in _NAMING}
        if key == "annotations":
            self.tops = frozenset(str(entry.get("digest")) for entry in entries)
        return json.dumps(document, separators=(",", ":")).encode()


def _document(file: BinaryIO, name: str, member: TarMember) -> Any:
    if not member.is_file or member.sparse or member.size > _LIMIT:
        raise BadArtifact("damaged", f"{name} is too large to be what it is called", where=name)
    file.seek(member.data)
    try:
        return json.loads(file.read(member.size))
    except (ValueError, RecursionError) as error:
        raise BadArtifact("damaged", f"{name} is no JSON that can be read", where=name) from error
