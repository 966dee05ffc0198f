"""A build context that comes as a tar, plain or compressed.

Its digest is that of the folder it unpacks to. No builder was seen to apply an ignore file that
lies in it (docker 20.10 and 28, BuildKit and classic), so all of it counts.
"""

from __future__ import annotations

import hashlib
import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from bom import sha256sum
from bom.archive.decompress import MAGIC, form_of, stream
from bom.archive.tar import DIRECTORY, HARDLINK, REGULAR, SYMLINK, TarPush
from bom.builder.images.folder import (
    FOLDER_LINE,
    OTHER_LINE,
    add_folders_above,
    file_line,
    in_repository,
    link_line,
    total,
)
from bom.errors import BadArtifact

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from bom.archive.tar import TarMember

_PIECE: Final = 1024 * 1024
_TEXT_LIMIT: Final = 4 * 1024 * 1024  # bytes of a Dockerfile
_NAME_LIMIT: Final = 4096  # PATH_MAX
_LINKS_LIMIT: Final = 40  # as the kernel follows


@dataclass(frozen=True, slots=True)
class TarContext:
    """`digest`: as of the folder, in hex, "" where it can't be had, `problem` says why. `files`:
    SHA-256 (hex) of every file in it. `dockerfile`: its path and content, where it is there."""

    digest: str
    files: frozenset[str]
    dockerfile: tuple[str, bytes] | None = None
    problem: str = ""
    has_repository: bool = False

    def holds(self, path: Path) -> bool:
        """Whether a file of the same content lies in it. Raises OSError."""
        return sha256sum.of_file(path) in self.files


class _Feed(Protocol):
    def feed(self, piece: bytes, /) -> None: ...
    def close(self) -> None: ...


def read(path: Path, dockerfiles: Sequence[str]) -> TarContext:
    """The tar at `path`. `dockerfiles`: what the build looks for in it, the first counts. Raises
    OSError."""
    names = [_cleaned(name) or name for name in dockerfiles]
    found = _Reader(frozenset(names))
    try:
        _run(path, found)
    except BadArtifact as error:
        return TarContext("", frozenset(), problem=f"the tar can't be read: {error.reason}")
    place = next((end for name in names if (end := found.resolved(name)) in found.files), None)
    content = None
    if place is not None:
        content = found.texts.get(place)
        if content is None:  # a link led there: only now it is known that it is wanted
            again = _Reader(frozenset({place}))
            _run(path, again)
            content = again.texts.get(place)
    return TarContext(
        found.digest() if not found.problem else "",
        frozenset(found.files.values()),
        (names[0] if place is None else place, content) if content is not None else None,
        found.problem,
        found.has_repository,
    )


class _Reader:
    """The lines of a tar, member by member."""

    def __init__(self, wanted: frozenset[str]) -> None:
        self.lines: dict[bytes, bytes] = {}
        self.files: dict[str, str] = {}
        self.links: dict[str, str] = {}
        self.texts: dict[str, bytes] = {}
        self.problem = ""
        self.has_repository = False
        self._wanted = wanted
        self._current = ""  # the file whose content is coming
        self._made = hashlib.sha256()
        self._text = bytearray()
        self._folders: set[str] = set()

    def digest(self) -> str:
        return total(self.lines)

    def resolved(self, path: str) -> str:
        """Where the links on the way to `path` lead."""
        for _ in range(_LINKS_LIMIT):
            link = next((part for part in _ways(path) if part in self.links), None)
            if link is None:
                return path
            target = self.links[link]
            base = "" if target.startswith("/") else posixpath.dirname(link)
            path = _cleaned(posixpath.join(base, target.lstrip("/"), path[len(link) + 1 :])) or ""
        return ""

    def member(self, member: TarMember) -> Callable[[memoryview], object] | None:
        path = _cleaned(member.name)
        if path is None or len(path) > _NAME_LIMIT:
            self._give_up("a name in it leads out of it" if path is None else "a name is too long")
            return None
        if path == ".":
            return None
        if in_repository(path):
            self.has_repository = True
            return None
        if any(part in self.links or part in self.files for part in _ways(path)[:-1]):
            self._give_up("it puts something below a link or a file")
            return None
        if member.type != DIRECTORY and path in self._folders:
            self._give_up("it puts a file in the place of a folder")
            return None
        self.files.pop(path, None)
        self.links.pop(path, None)
        self._folders.update(_ways(path)[:-1])
        if member.is_directory:
            self._folders.add(path)
        return self._entry(path, member)

    def _entry(self, path: str, member: TarMember) -> Callable[[memoryview], object] | None:
        add_folders_above(path, self.lines)
        key = _bytes(path)
        if member.type == REGULAR:
            if member.sparse:
                self._give_up("a file in it is stored as a sparse one")
                return None
            self._current, self._made, self._text = path, hashlib.sha256(), bytearray()
            return self._take_wanted if path in self._wanted else self._made.update
        if member.is_directory:
            self.lines[key] = FOLDER_LINE
        elif member.type == SYMLINK:
            self.links[path] = member.linkname
            self.lines[key] = link_line(member.linkname)
        elif member.type == HARDLINK:
            other = _cleaned(member.linkname) or ""
            if other not in self.files:
                self._give_up("a hard link in it leads to no file before it")
                return None
            self.files[path] = self.files[other]
            self.lines[key] = self.lines[_bytes(other)]
            if path in self._wanted and other in self.texts:
                self.texts[path] = self.texts[other]
        else:
            self.lines[key] = OTHER_LINE
        return None

    def ended(self, member: TarMember) -> None:
        path, self._current = self._current, ""
        if not path:
            return
        made = self._made.hexdigest()
        self.files[path] = made
        self.lines[_bytes(path)] = file_line(made, executable=bool(member.mode & 0o100))
        if path in self._wanted and len(self._text) <= _TEXT_LIMIT:
            self.texts[path] = bytes(self._text)

    def _take_wanted(self, piece: memoryview) -> None:
        self._made.update(piece)
        if len(self._text) <= _TEXT_LIMIT:
            self._text += piece

    def _give_up(self, why: str) -> None:
        self.problem = self.problem or f"the tar can't be told as a folder: {why}"


def _run(path: Path, reader: _Reader) -> None:
    tar = TarPush(reader.member, reader.ended)
    feeds: list[_Feed] = [tar]
    with path.open("rb") as file:
        head = file.read(MAGIC)
        if form := form_of(head):
            feeds.insert(0, stream(form, tar.feed))
        feeds[0].feed(head)
        while piece := file.read(_PIECE):
            feeds[0].feed(piece)
    for feed in feeds:
        feed.close()


def _cleaned(name: str) -> str | None:
    """The path in the context, "." for its root; None where it leads out."""
    path = posixpath.normpath(name.lstrip("/")) if name.lstrip("/") else "."
    return None if path == ".." or path.startswith("../") else path


def _ways(path: str) -> list[str]:
    """The path's folders from the top, and itself."""
    parts = path.split("/")
    return ["/".join(parts[:end]) for end in range(1, len(parts) + 1)]


def _bytes(path: str) -> bytes:
    return path.encode("utf-8", "surrogateescape")
