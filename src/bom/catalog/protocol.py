"""What an ecosystem reads and gives. It parses; it never runs a project's code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import PurePosixPath

    from bom.archive.layer import Take
    from bom.model import Dependency, Finding, Gap


class FileEntry(NamedTuple):
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

    def below(self, folder: str, without: frozenset[str] = frozenset()) -> Iterator[FileEntry]:
        """All entries below `folder` that are no directories, in no order; folders with a name
        of `without` are left out with all that is in them. Symbolic links aren't followed."""

    def hashed_below(self, folder: str) -> Iterator[tuple[str, list[tuple[str, str]]]]:
        """Each folder below `folder`, itself included, that holds regular files: its path with a
        `/` at the end, and their names with hex SHA-256 ("" where it isn't known)."""

    def wanted(self) -> Iterator[FileEntry]:
        """The files and symlinks that some ecosystem's `matches` asked for, sorted by path."""

    def entry(self, path: str) -> FileEntry | None:
        """The entry at `path`, symlinks in its folders resolved inside the view."""

    def resolve(self, path: str) -> str:
        """Where `path` really stands: symlinks in its folders followed, one at its end not.
        "" where there is nothing."""

    def read(self, path: str) -> bytes | None:
        """The content of a file that an ecosystem's `matches` asked for; None where it is not
        there or is over the size limit for metadata (64 MiB)."""

    def extracted(self) -> Iterator[tuple[str, Mapping[str, bytes]]]:
        """The files of which an ecosystem's `extracts` took something, sorted by path, with what
        it took by name: programs and archives, whose contents are too large to be kept."""

    def unextracted(self) -> Iterator[tuple[str, bool]]:
        """The regular files that are too large for anything to be taken out of them (512 MiB),
        sorted by path; and whether each is executable."""

    def digest(self, path: str, algorithm: Literal["md5", "sha1"]) -> str | None:
        """Another digest of a file, in hex, where the bytes allow it: always in a directory, in
        an image MD5 (dpkg) or SHA-1 (apk) of what may be a package's. None: not known."""


@dataclass(frozen=True, slots=True)
class Reads:
    """What every file that an ecosystem's `matches` can accept has: one of these base names,
    one of these endings, a place below one of these folders (with a `/` at the end), or one of
    `within` anywhere in its path (for endings that too many files have).

    A view without such a file is no concern of the ecosystem's, and it is not asked. Of that,
    `context` are names that alone concern nobody (os-release), and `noticed` paths of which it
    tells without reading them."""

    names: frozenset[str] = frozenset()
    endings: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    within: tuple[str, ...] = ()
    context: frozenset[str] = frozenset()
    noticed: tuple[str, ...] = ()

    def fits(self, path: str) -> bool:
        """Whether the path has one of these, so that `matches` may accept it."""
        return (
            path[path.rfind("/") + 1 :] in self.names
            or path.endswith(self.endings)
            or path.startswith(self.folders)
            or any(part in path for part in self.within)
        )


@dataclass(frozen=True, slots=True)
class Extract:
    """How to get the little that counts out of files that are too large to keep.

    A file qualifies by one of the `endings`, by one of `within` anywhere in its path (for files
    whose names are digests) or, where `programs` is set, by being executable or a shared library;
    then by one of the `magics` at its start. `take` gets all of its content
    (at most 512 MiB) and gives what to keep, by name, all of which are in `gives`; empty for
    nothing. It never raises: what can't be read is what it says it is under the name `error`.
    """

    take: Take
    magics: tuple[bytes, ...]
    gives: frozenset[str]
    endings: tuple[str, ...] = ()
    programs: bool = False
    within: tuple[str, ...] = ()

    def fits(self, path: str) -> bool:
        """Whether a file at `path` qualifies by its name; programs do by any."""
        if self.programs or path.endswith(self.endings):
            return True
        return any(part in path for part in self.within)


@dataclass(frozen=True, slots=True, eq=False)
class Owned:
    """Files of the view that a component brought.

    `ref`: the component's bom-ref. `paths`: its files as its package manager names them (the
    view resolves them); `folders`: everything below them that nobody names by path and that is
    in no deeper folder of another. `rule`: "" where a package manager lists them, else the name
    of the rule by which they are derived (docs/attribution.md explains each).
    """

    ref: str
    paths: Sequence[str] = ()
    folders: Sequence[str] = ()
    rule: str = ""


@dataclass(frozen=True, slots=True)
class Declared:
    """What one project says that it depends on: its lock, or its manifest where it has none.

    `folder`: the project's, from the view's root, "" for the root. `location`: the file that
    resolves it; `locked`: whether that is a lock, so that versions are exact. `dependencies`:
    role "shipped" for what runs with the product, "build" for what only builds or tests it;
    `optional` for what an install may rightly lack. `name`, `version`: the project's own, as its
    manifest has them. `members`: the folders, from the project's, of its parts that have packages
    of their own by the same lock (workspaces).
    """

    ecosystem: str
    folder: str
    location: str
    locked: bool
    dependencies: tuple[Dependency, ...] = ()
    gaps: tuple[Gap, ...] = ()
    name: str = ""
    version: str = ""
    members: tuple[str, ...] = ()


class Ecosystem(Protocol):
    """One ecosystem. `name` is its purl type where it has one; `reads` spares most of an
    image's hundred thousand files the call of `matches`."""

    name: str
    reads: Reads
    extracts: Extract | None

    def matches(self, path: PurePosixPath) -> bool:
        """Whether this ecosystem wants to read the file at `path` (relative to the root)."""

    def installed(self, files: FileView) -> Iterable[Dependency | Gap | Finding | Owned]:
        """What is installed in the view. One Dependency for each copy, with its own content
        hash: the catalogue merges copies of one purl and tells where their bytes differ."""

    def declared(self, files: FileView) -> Iterable[Declared]:
        """What the projects in the view declare and lock, one for each folder with a manifest or
        lock of this ecosystem; what lies in installed packages is theirs and left out."""
