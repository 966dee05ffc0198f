"""What an ecosystem reads and gives. It parses; it never runs a project's code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import PurePosixPath

    from bom.model import Dependency, Gap


@dataclass(frozen=True, slots=True)
class FileEntry:
    """A file of a view. `path` is relative to the root, with `/`, without a leading one.

    `sha256`: hex, for regular files. `layer`: the diff ID it came in with, "" outside images.
    """

    path: str
    type: Literal["file", "symlink", "directory", "other"]
    size: int = 0
    executable: bool = False
    sha256: str = ""
    link: str = ""
    layer: str = ""


class FileView(Protocol):
    """One interface over a directory, an image's final file system, a tar or a zip."""

    def entries(self) -> Iterator[FileEntry]:
        """All entries, sorted by path."""

    def wanted(self) -> Iterator[FileEntry]:
        """The files and symlinks that some ecosystem's `matches` asked for, sorted by path."""

    def entry(self, path: str) -> FileEntry | None:
        """The entry at `path`, symlinks in its folders resolved inside the view."""

    def read(self, path: str) -> bytes | None:
        """The content of a file that an ecosystem's `matches` asked for; None where it is not
        there or is over the size limit for metadata (64 MiB)."""


@dataclass(frozen=True, slots=True)
class Reads:
    """What every file that an ecosystem's `matches` can accept has: one of these base names,
    one of these endings, or a place below one of these folders (with a `/` at the end)."""

    names: frozenset[str] = frozenset()
    endings: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()


class Ecosystem(Protocol):
    """One ecosystem. `name` is its purl type where it has one; `reads` spares most of an
    image's hundred thousand files the call of `matches`."""

    name: str
    reads: Reads

    def matches(self, path: PurePosixPath) -> bool:
        """Whether this ecosystem wants to read the file at `path` (relative to the root)."""

    def components(self, files: FileView) -> Iterable[Dependency | Gap]:
        """What is installed or locked in the view."""
