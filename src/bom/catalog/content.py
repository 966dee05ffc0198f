"""The hash of what is installed: one file's digest, or one over the lines of `sha256sum`.

For several files it is what a person gets by `sha256sum FILES | LC_ALL=C sort | sha256sum`,
with paths relative to the root.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from bom.model import Hash

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bom.catalog.protocol import FileView
    from bom.model import HashOf


def content_hash(files: Iterable[tuple[str, str]]) -> tuple[tuple[Hash, ...], HashOf]:
    """The hash over files given as (path, hex SHA-256), and what it is of.

    Empty where there are no files. Paths may hold surrogate escapes.
    """
    pairs = sorted(set(files))
    if not pairs:
        return (), ""
    if len(pairs) == 1:
        return (Hash("SHA-256", pairs[0][1]),), "file"
    lines = sorted(_line(path, digest) for path, digest in pairs)
    return (Hash("SHA-256", sha256(b"".join(lines)).hexdigest()),), "installed-files"


def hash_files(
    view: FileView, paths: Iterable[str]
) -> tuple[tuple[Hash, ...], HashOf, tuple[str, ...]]:
    """The hash over those of `paths` that are regular files in the view; the third value names
    those whose bytes could not be hashed (a sparse file in a layer)."""
    pairs = []
    unhashed = []
    for path in paths:
        entry = view.entry(path)
        if entry is None or entry.type != "file":
            continue
        if entry.sha256:
            pairs.append((path, entry.sha256))
        else:
            unhashed.append(path)
    hashes, of = content_hash(pairs)
    return hashes, of, tuple(sorted(unhashed))


def _line(path: str, digest: str) -> bytes:
    """A line as GNU sha256sum writes it, special characters escaped as it does."""
    raw = path.encode("utf-8", "surrogateescape")
    escaped = raw.replace(b"\\", b"\\\\").replace(b"\n", b"\\n").replace(b"\r", b"\\r")
    mark = b"\\" if escaped != raw else b""
    return mark + digest.encode("ascii") + b"  " + escaped + b"\n"
