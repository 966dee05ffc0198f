"""The hash of what is installed: one file's digest, or one over the lines of `sha256sum`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bom import sha256sum
from bom.model import Gap, Hash
from bom.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bom.catalog.protocol import FileView
    from bom.model import HashOf


def content_hash(files: Iterable[tuple[str, str]]) -> tuple[tuple[Hash, ...], HashOf]:
    """The hash over files given as (path, hex SHA-256), and what it is of.

    Empty where there are no files. Paths may hold surrogate escapes.
    """
    pairs = set(files)
    if not pairs:
        return (), ""
    if len(pairs) == 1:
        return (Hash("SHA-256", next(iter(pairs))[1]),), "file"
    return (Hash("SHA-256", sha256sum.digest(pairs)),), "installed-files"


def digests(view: FileView, paths: Iterable[str]) -> tuple[list[tuple[str, str]], list[str]]:
    """Path and hex SHA-256 of those of `paths` that are regular files in the view, and the paths
    of those whose bytes could not be hashed (a sparse file in a layer)."""
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
    return pairs, unhashed


def unhashed_gaps(unhashed: Iterable[str], ref: str) -> list[Gap]:
    """A gap for each file of the component `ref` that `digests` could not hash."""
    why = "its content could not be read or is stored sparse"
    return [Gap("file.hash", printable_name(path), why, ref) for path in unhashed]
