"""A directory as a FileView: nothing outside of it is read, files are hashed when asked for."""

from __future__ import annotations

import errno
import hashlib
import mmap
import os
import posixpath
import stat
from hashlib import file_digest
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from bom.archive.layer import CONTENT_LIMIT, EXTRACT_LIMIT, HEAD, LayerEntry
from bom.catalog.filesystem import Folder, Leaf, Tree, TreeView
from bom.catalog.protocol import FileEntry
from bom.errors import BomError
from bom.model import Gap
from bom.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from bom.archive.layer import Interest

_SKIPPED: Final = frozenset([".git"])
_LISTED: Final = 50_000  # folders of a view that are listed as they are needed
_NO_FOLLOW: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def directory_view(root: Path, interest: Interest) -> tuple[DirectoryView, tuple[Gap, ...]]:
    """The view of `root` without .git, and a gap for each folder that can't be listed.

    `interest` says which files are to be read. Raises BomError where `root` is no directory.
    """
    tree = Tree()
    gaps: list[Gap] = []
    pending = [""]
    while pending:
        folder = pending.pop()
        try:
            with os.scandir(root / folder) as listing:
                children = sorted(listing, key=lambda child: child.name)
        except OSError as error:
            if not folder:
                raise BomError(
                    f"{root} can't be read: {error.strerror}", hint="name a directory"
                ) from error
            why = f"the folder can't be listed: {errno.errorcode.get(error.errno or 0, 'error')}"
            gaps.append(Gap("directory", printable_name(folder), why))
            continue
        for child in children:
            path = f"{folder}/{child.name}" if folder else child.name
            if child.is_dir(follow_symlinks=False):
                if child.name not in _SKIPPED:
                    tree.place(LayerEntry(path, "d"), 0)
                    pending.append(path)
            else:
                tree.place(_entry(child, path, interest.wants), 0)
    return DirectoryView(root, tree, interest), tuple(sorted(gaps))


def listed_view(root: Path, folders: Iterable[str], interest: Interest) -> DirectoryView:
    """A view of `root` that shows what stands straight in these `folders` (relative to it, "" for
    itself); deeper folders are there, and are listed when something in them is asked for.

    What can't be listed is left out: it is a view for files that may be there or not.
    """
    view = _ListedView(root, Tree(), interest)
    for folder in folders:
        view.list(folder)
    return view


class DirectoryView(TreeView):
    """The files below a directory as they stood when it was listed."""

    def __init__(self, root: Path, tree: Tree, interest: Interest) -> None:
        super().__init__(tree, {})
        self._root = root
        self._interest = interest
        self._hashes: dict[str, str] = {}
        self._taken: list[tuple[str, Mapping[str, bytes]]] | None = None

    def entry(self, path: str) -> FileEntry | None:
        """The entry at `path`, symlinks in its folders resolved inside the view."""
        found = self._tree.locate(path)
        return None if found is None else self._hashed(path, *found)

    def entries(self) -> Iterator[FileEntry]:
        """All entries, sorted by path, every file hashed as it comes."""
        for path, child in sorted(self._tree.walk(), key=lambda item: item[0]):
            yield self._hashed(path, path, child)

    def read(self, path: str) -> bytes | None:
        """The content of a file, links followed inside the view; None over 64 MiB."""
        found = self._tree.follow(path)
        if found is None or isinstance(found[1], Folder) or found[1].kind != "f":
            return None
        try:
            with os.fdopen(os.open(self._root / found[0], _NO_FOLLOW), "rb") as file:
                content = file.read(CONTENT_LIMIT + 1)
        except OSError:
            return None  # gone or not ours to read: the ecosystem says what it lacks for it
        return content if len(content) <= CONTENT_LIMIT else None

    def below(self, folder: str, without: frozenset[str] = frozenset()) -> Iterator[FileEntry]:
        """All entries below `folder` that are no directories, hashed, in no order."""
        for entry in super().below(folder, without):
            found = self._tree.locate(entry.path)
            yield entry if found is None else self._hashed(entry.path, *found)

    def hashed_below(self, folder: str) -> Iterator[tuple[str, list[tuple[str, str]]]]:
        """Each folder below `folder` that holds regular files, with them, hashed."""
        folders: dict[str, list[tuple[str, str]]] = {}
        for entry in self.below(folder):
            if entry.type == "file":
                above, slash, name = entry.path.rpartition("/")
                folders.setdefault(above + slash, []).append((name, entry.sha256))
        yield from folders.items()

    def extracted(self) -> Iterator[tuple[str, Mapping[str, bytes]]]:
        """The files of which something can be taken, sorted by path, with what is taken; read
        once for all who ask."""
        if self._taken is None:
            self._taken = [
                (path, parts)
                for path, child in sorted(self._tree.walk(), key=lambda item: item[0])
                if not isinstance(child, Folder)
                and child.kind == "f"
                and 0 < child.size <= EXTRACT_LIMIT
                and not (child.wanted and child.size <= CONTENT_LIMIT)
                and self._interest.extracts(path, child.executable)
                and (parts := self._extract(path, child))
            ]
        yield from self._taken

    def digest(self, path: str, algorithm: Literal["md5", "sha1"]) -> str | None:
        """The digest of a file, in hex; None where it can't be read."""
        found = self._tree.locate(path)
        if found is None or isinstance(found[1], Folder) or found[1].kind != "f":
            return None
        try:
            with os.fdopen(os.open(self._root / found[0], _NO_FOLLOW), "rb") as file:
                return file_digest(
                    file, lambda: hashlib.new(algorithm, usedforsecurity=False)
                ).hexdigest()
        except OSError:
            return None

    def _extract(self, path: str, child: Leaf) -> Mapping[str, bytes]:
        try:
            with os.fdopen(os.open(self._root / path, _NO_FOLLOW), "rb") as file:
                head = file.read(HEAD)
                take = self._interest.extractor(path, child.executable, head)
                if take is None:
                    return {}
                with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                    return take(content)
        except (OSError, ValueError):
            return {}  # gone or emptied meanwhile: there is nothing to tell of it

    def _hashed(self, path: str, real: str, child: Folder | Leaf) -> FileEntry:
        entry = self._entry(path, child)
        if entry.type != "file":
            return entry
        if real not in self._hashes:
            try:
                with os.fdopen(os.open(self._root / real, _NO_FOLLOW), "rb") as file:
                    self._hashes[real] = file_digest(file, "sha256").hexdigest()
            except OSError:
                self._hashes[real] = ""
        return FileEntry(path, "file", entry.size, entry.executable, self._hashes[real])


class _ListedView(DirectoryView):
    """The files below a directory, each folder listed when it is needed."""

    def __init__(self, root: Path, tree: Tree, interest: Interest) -> None:
        super().__init__(root, tree, interest)
        self._listed: set[str] = set()

    def list(self, folder: str) -> None:
        """List a folder, and before it those above; nothing below one that isn't there."""
        if folder in self._listed:
            return
        self._list("")
        at = 0
        while at >= 0 and folder:
            at = folder.find("/", at + 1)
            above = folder if at < 0 else folder[:at]
            # Links are followed by the view, never by the system.
            found = self._tree.locate(above)
            if found is None or found[0] != above or not isinstance(found[1], Folder):
                return
            self._list(above)

    def _list(self, folder: str) -> None:
        if folder in self._listed or len(self._listed) >= _LISTED:
            return
        self._listed.add(folder)
        try:
            with os.scandir(self._root / folder) as listing:
                children = sorted(listing, key=lambda child: child.name)
        except OSError:
            return
        for child in children:
            path = f"{folder}/{child.name}" if folder else child.name
            if child.is_dir(follow_symlinks=False):
                if child.name not in _SKIPPED:
                    self._tree.place(LayerEntry(path, "d"), 0)
            else:
                self._tree.place(_entry(child, path, self._interest.wants), 0)

    def entry(self, path: str) -> FileEntry | None:
        """As any view's, after a look into its folder."""
        self.list(posixpath.normpath(path).rpartition("/")[0])
        return super().entry(path)

    def read(self, path: str) -> bytes | None:
        """As any view's, after a look into its folder."""
        self.list(posixpath.normpath(path).rpartition("/")[0])
        return super().read(path)


def _entry(child: os.DirEntry[str], path: str, wants: Callable[[str], bool]) -> LayerEntry:
    status = child.stat(follow_symlinks=False)
    if stat.S_ISREG(status.st_mode):
        executable = bool(status.st_mode & 0o111)
        return LayerEntry(path, "f", status.st_size, executable, wanted=wants(path))
    if stat.S_ISLNK(status.st_mode):
        link = str(Path(child.path).readlink())
        return LayerEntry(path, "l", link=link, wanted=wants(path))
    return LayerEntry(path, "o")
