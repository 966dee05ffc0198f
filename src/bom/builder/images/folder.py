"""A folder that goes to a builder: which of it the builder gets to see, and its digest.

The digest is SHA-256 over one line an entry that the builder gets to see, sorted bytewise by
path: path, NUL, type, NUL, `x` or `-` (executable), NUL, hex SHA-256 of the content or the link's
target, NUL. No times, no owners (docs/format.md). A tar that is the context has the same lines.
"""

from __future__ import annotations

import hashlib
import os
import stat
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bom.builder.images.file_digests import FileDigests
from bom.output import TEMPORARY_PREFIX
from bom.seal.beside import ENDINGS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from bom.builder.images.ignore import IgnoreRules, Inherited

GIT: Final = ".git"
FOLDER_LINE: Final = b"\0d\0-\0\0"
OTHER_LINE: Final = b"\0o\0-\0\0"


@dataclass(frozen=True, slots=True)
class LocalContext:
    """A folder that goes to the builder, by the rules of its ignore file."""

    folder: Path
    rules: IgnoreRules
    ignore_file: Path | None = None

    def holds(self, path: Path) -> bool:
        """Whether the builder gets to see the file at `path` (absolute)."""
        try:
            inside = path.resolve().relative_to(self.folder.resolve())
        except ValueError:
            return False
        return not self.rules.ignores(inside.as_posix())


def digest(
    context: LocalContext, outputs: Sequence[Path] = (), state: Path | None = None
) -> tuple[str, tuple[str, ...]]:
    """The context's digest (hex), and the paths that could not be read.

    What git keeps of a repository is left out: two clones of one commit differ in it, and the
    commit is recorded (docs/adr/0004-git-is-no-part-of-the-context-digest.md). `state`: the folder
    in which `bom` keeps files' digests from one build to the next.
    """
    is_own = _is_own(context, outputs)
    lines: dict[bytes, bytes] = {}
    unread: list[str] = []
    with closing(FileDigests.of(context.folder, state)) as digests:
        for path, entry in entries(context, unread):
            if is_own(path) or in_repository(path):
                continue
            try:
                line = _line(path, entry, digests)
            except OSError:
                unread.append(path)
                continue
            if line is None:
                continue
            add_folders_above(path, lines)
            lines[os.fsencode(path)] = line
    return total(lines), tuple(sorted(unread))


def total(lines: Mapping[bytes, bytes]) -> str:
    """The digest of a context's lines, by path."""
    made = hashlib.sha256()
    for key in sorted(lines):
        made.update(key + lines[key] + b"\n")
    return made.hexdigest()


def file_line(content: str, *, executable: bool) -> bytes:
    """A file's line, from its content's hex SHA-256."""
    return b"\0f\0" + (b"x" if executable else b"-") + b"\0" + content.encode() + b"\0"


def link_line(target: str) -> bytes:
    return b"\0l\0-\0" + os.fsencode(target) + b"\0"


def add_folders_above(path: str, lines: dict[bytes, bytes]) -> None:
    """A line for each folder that holds `path`, up to one that has its own."""
    while "/" in path:
        path = path.rpartition("/")[0]
        if os.fsencode(path) in lines:
            return
        lines[os.fsencode(path)] = FOLDER_LINE


def in_repository(path: str) -> bool:
    return path == GIT or path.startswith(f"{GIT}/")


def _is_own(context: LocalContext, outputs: Sequence[Path]) -> Callable[[str], bool]:
    """Which paths of the context `bom` itself writes: the outputs and what stands beside them."""
    own: set[str] = set()
    temporary: set[str] = set()
    for output in outputs:
        try:
            inside = output.parent.resolve().relative_to(context.folder.resolve()).as_posix()
        except ValueError:
            continue
        prefix = "" if inside == "." else f"{inside}/"
        own |= {prefix + output.name + ending for ending in ("", *ENDINGS)}
        temporary.add(prefix + TEMPORARY_PREFIX)
    return lambda path: (
        path in own
        or any(path.startswith(start) and "/" not in path[len(start) :] for start in temporary)
    )


def entries(context: LocalContext, unread: list[str]) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Every entry that the builder gets to see, by its path relative to the context.

    Folders that can't be listed go to `unread`.
    """
    rules = context.rules
    waiting: list[tuple[str, str, Inherited]] = [(str(context.folder), "", ())]
    while waiting:
        folder, prefix, inherited = waiting.pop()
        try:
            with os.scandir(folder) as listing:
                entries = list(listing)
        except OSError:
            unread.append(prefix.rstrip("/") or ".")
            continue
        for entry in entries:
            path = prefix + entry.name
            ignored, below = rules.judge(path, inherited)
            is_folder = entry.is_dir(follow_symlinks=False)
            if is_folder and (not ignored or rules.enters(path)):
                waiting.append((entry.path, f"{path}/", below))
            if not ignored:
                yield path, entry


def _line(path: str, entry: os.DirEntry[str], digests: FileDigests) -> bytes | None:
    """What the digest says of an entry; None for a socket, which no builder is sent."""
    if entry.is_symlink():
        return link_line(os.fspath(Path(entry.path).readlink()))
    if entry.is_dir(follow_symlinks=False):
        return FOLDER_LINE
    status = entry.stat(follow_symlinks=False)
    if stat.S_ISSOCK(status.st_mode):
        return None
    if not stat.S_ISREG(status.st_mode):
        return OTHER_LINE
    content = digests.sha256(path, entry.path, status)
    return file_line(content, executable=bool(status.st_mode & stat.S_IXUSR))
