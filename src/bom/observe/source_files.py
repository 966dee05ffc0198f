"""The files of the source at its revision, by what they hold: to know them again elsewhere."""

from __future__ import annotations

import os
import stat
from collections import defaultdict
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from bom.model import SourceFile
from bom.observe._git import GitUnusable, open_repository
from bom.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

_BLOB_LIMIT: Final = 256 * 1024 * 1024  # bytes of one file
_PIECE: Final = 1 << 20
_NOT_SOURCE: Final = frozenset((".git", ".venv", "venv", "node_modules", "__pycache__"))
_REGULAR: Final = (b"100644", b"100755", b"100664")


def committed(
    root: Path, commit: str, sizes: Collection[int]
) -> Mapping[bytes, tuple[SourceFile, ...]]:
    """The files of `commit` that have one of these sizes, by the raw SHA-256 of their content,
    sorted by path. Nothing where git can't tell (SourceObserver says why).

    What git stores is compared, so a file that a filter changes on checkout (line ends, LFS) is
    not found again.
    """
    if not commit or not sizes:
        return {}
    try:
        repository = open_repository(root)
    except GitUnusable:
        return {}
    listed = repository.ask("ls-tree", "-r", "-l", "-z", "--full-tree", commit)
    if listed.code:
        return {}
    paths: dict[bytes, list[str]] = defaultdict(list)
    for blob, size, path in _entries(listed.out):
        if size in sizes and size <= _BLOB_LIMIT:
            paths[blob].append(printable_name(path.decode("utf-8", "surrogateescape")))
    found: dict[bytes, list[SourceFile]] = defaultdict(list)
    with repository.stream("cat-file", "--batch", given=paths) as stream:
        for blob in paths:
            digest = _next(stream)
            if digest is None:
                break  # git ended early: what it didn't give stays unknown
            found[digest] += [SourceFile(blob.decode("ascii"), path) for path in paths[blob]]
    return {digest: tuple(sorted(files, key=_place)) for digest, files in found.items()}


def listed(root: Path) -> tuple[str, ...]:
    """The paths of the source's regular files from `root`, sorted: what git tracks or would add;
    without git every file that doesn't lie in a folder of packages or caches."""
    try:
        repository = open_repository(root)
    except GitUnusable:
        return tuple(sorted(_walked(root)))
    found = repository.ask("ls-files", "-z", "--cached", "--others", "--exclude-standard")
    names = {raw.decode("utf-8", "surrogateescape") for raw in found.out.split(b"\0") if raw}
    return tuple(sorted(name for name in names if _is_file(root / name)))


@dataclass(frozen=True, slots=True)
class Times:
    """Modification times of what git tracks as it lies there, in seconds. `files`: with the size
    of each regular file and, with size 0, of each symbolic link. `folders`: of those above."""

    files: frozenset[tuple[int, int]] = frozenset()
    folders: frozenset[int] = frozenset()


def times(root: Path) -> Times:
    """Of the source at `root`; nothing where git can't tell what it is."""
    try:
        repository = open_repository(root)
    except GitUnusable:
        return Times()
    found = repository.ask("ls-files", "-z", "--cached", "--recurse-submodules")
    files: set[tuple[int, int]] = set()
    folders: set[Path] = {root}
    for raw in filter(None, found.out.split(b"\0")):
        path = root / os.fsdecode(raw)
        try:
            state = path.lstat()
        except OSError:
            continue  # it was removed: nothing packs it
        if stat.S_ISREG(state.st_mode) or stat.S_ISLNK(state.st_mode):
            size = state.st_size if stat.S_ISREG(state.st_mode) else 0
            files.add((int(state.st_mtime), size))
        if path.parent not in folders:
            folders.update(above for above in path.parents if above.is_relative_to(root))
    return Times(
        frozenset(files),
        frozenset(int(folder.stat().st_mtime) for folder in folders if folder.is_dir()),
    )


def _walked(root: Path) -> Iterator[str]:
    for place, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in _NOT_SOURCE]
        for name in names:
            path = Path(place, name)
            if _is_file(path):
                yield path.relative_to(root).as_posix()


def _is_file(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _place(file: SourceFile) -> tuple[str, str]:
    return file.path, file.blob


def _entries(listed: bytes) -> Iterator[tuple[bytes, int, bytes]]:
    """Blob, size and path of the regular files (git-ls-tree(1): MODE TYPE OBJECT SIZE TAB PATH)."""
    for entry in listed.split(b"\0"):
        head, tab, path = entry.partition(b"\t")
        words = head.split()
        if tab and len(words) == 4 and words[0] in _REGULAR and words[3].isdigit():
            yield words[2], int(words[3]), path


def _next(stream: IO[bytes]) -> bytes | None:
    """The digest of the next blob of `git cat-file --batch`; None where it gives no more."""
    words = stream.readline().split()
    if len(words) != 3 or words[1] != b"blob" or not words[2].isdigit():
        return None
    left = int(words[2])
    digest = sha256()
    while left:
        piece = stream.read(min(left, _PIECE))
        if not piece:
            return None
        digest.update(piece)
        left -= len(piece)
    stream.read(1)  # the line feed after it
    return digest.digest()
