"""The state of a work tree against its commit, as an identity that any clone can recompute.

The digest is the SHA-256 of one line for each modified or untracked file, sorted bytewise:
`STATUS TYPE DIGEST PATH NUL`, where TYPE is file, exec, link, gone, commit or other, and DIGEST the
hex SHA-256 of the content or link target (a submodule's: its commit; a secret's: empty).
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bom.model import Gap, Submodule
from bom.observe._git import GitUnusable, Repository, open_repository
from bom.output import TEMPORARY_PREFIX
from bom.printable import printable_bytes
from bom.redact import secret_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

_INDEX_ENTRY: Final = re.compile(rb"([A-Za-z?]) (\d{6}) ([0-9a-f]+) \d\t([^\0]*)\0")
_NESTING: Final = 32  # submodules within submodules


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """A modified or untracked file. `path`: relative to the root, as bytes."""

    path: bytes
    status: str  # "modified" or "untracked"; outside git "present"
    line: bytes


@dataclass(frozen=True, slots=True)
class TreeState:
    """`commit` is "" where there is none yet."""

    commit: str
    entries: tuple[TreeEntry, ...]
    submodules: tuple[Submodule, ...] = ()
    gaps: tuple[Gap, ...] = ()

    def digest(self, without: Iterable[bytes] = ()) -> str:
        """Hex SHA-256 over the entries but those at the paths `without`; "" for a clean tree."""
        left_out = frozenset(without)
        lines = sorted(entry.line for entry in self.entries if entry.path not in left_out)
        return hashlib.sha256(b"".join(lines)).hexdigest() if lines else ""


def tree_state(
    repository: Repository, own_files: Iterable[Path], is_own: Callable[[Path], bool]
) -> TreeState:
    """What differs from the commit, without `bom`'s own files. Raises GitUnusable."""
    return _state(repository, b"", is_ours(own_files, is_own), 0)


def is_ours(own_files: Iterable[Path], is_own: Callable[[Path], bool]) -> Callable[[Path], bool]:
    """Whether a file is `bom`'s own: named so, or known by its content."""
    own = frozenset(_place(path) for path in own_files)

    def ours(path: Path) -> bool:
        return path.name.startswith(TEMPORARY_PREFIX) or _place(path) in own or is_own(path)

    return ours


def _place(path: Path) -> str:
    """Absolute, links in its folders resolved, but not itself."""
    return os.path.join(os.path.realpath(path.parent), path.name)  # noqa: PTH118


def _state(
    repository: Repository, prefix: bytes, ours: Callable[[Path], bool], depth: int
) -> TreeState:
    head = repository.ask("rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    commit = head.text if head.code == 0 else ""
    entries: list[TreeEntry] = []
    gaps: list[Gap] = []
    for status, path in _changes(repository):
        place = repository.root / os.fsdecode(path)
        if status == "untracked" and ours(place):
            continue
        if path.endswith(b"/"):
            gaps.append(_gap("source.tree", prefix + path, "a repository of its own lies there"))
        elif secret_file(printable_bytes(path)):
            why = "it is named like a secret, so its content is left out of the digest"
            gaps.append(_gap("source.tree-digest", prefix + path, why))
        entries.append(TreeEntry(prefix + path, status, entry_line(place, status, prefix + path)))
    submodules: list[Submodule] = []
    for tag, mode, path in _index(repository):
        if mode == b"160000":
            inner = _submodule(repository, prefix, path, ours, depth)
            entries += inner.entries
            submodules += inner.submodules
            gaps += inner.gaps
        elif tag != b"H":
            why = "git is told not to look at it (skip-worktree or assume-unchanged)"
            gaps.append(_gap("source.tree", prefix + path, why))
    return TreeState(commit, tuple(entries), tuple(submodules), tuple(gaps))


def _gap(what: str, path: bytes, why: str) -> Gap:
    return Gap(what, printable_bytes(path), why)


def _submodule(
    repository: Repository, prefix: bytes, path: bytes, ours: Callable[[Path], bool], depth: int
) -> TreeState:
    place = repository.root / os.fsdecode(path)
    try:
        if not (place / ".git").exists() or place.is_symlink():
            raise GitUnusable("the submodule is not checked out")
        if depth >= _NESTING:
            raise GitUnusable("submodules are nested too deeply")
        inner = _state(open_repository(place), prefix + path + b"/", ours, depth + 1)
        if not inner.commit:
            raise GitUnusable("the submodule has no commit checked out")
    except GitUnusable as reason:
        return TreeState("", (), (), (_gap("source.submodule", prefix + path, str(reason)),))
    own = Submodule(printable_bytes(prefix + path), inner.commit)
    return TreeState("", inner.entries, (own, *inner.submodules), inner.gaps)


def _changes(repository: Repository) -> Iterator[tuple[str, bytes]]:
    """`git status` in its second porcelain format (git-status(1)), renames off."""
    status = repository.ask(
        "status",
        "--porcelain=v2",
        "-z",
        "--untracked-files=all",
        "--ignore-submodules=dirty",
        "--no-renames",
        "--no-ahead-behind",
    )
    if status.code != 0:
        raise GitUnusable("git status fails in the repository")
    for record in status.out.split(b"\0"):
        match record[:2]:
            case b"? ":
                yield "untracked", record[2:]
            case b"1 ":
                yield "modified", record.split(b" ", 8)[8]
            case b"u ":
                yield "modified", record.split(b" ", 10)[10]


def _index(repository: Repository) -> Iterator[tuple[bytes, bytes, bytes]]:
    """(tag, mode, path) of the index's entries that are no plainly tracked file."""
    listed = repository.ask("ls-files", "-v", "-s", "-z")
    if listed.code != 0:
        raise GitUnusable("git can't read the index")
    seen: set[bytes] = set()
    for tag, mode, _, path in _INDEX_ENTRY.findall(listed.out):
        unmerged = tag == b"M"
        if (mode == b"160000" or (tag != b"H" and not unmerged)) and path not in seen:
            seen.add(path)
            yield tag, mode, path


def entry_line(place: Path, status: str, path: bytes) -> bytes:
    """The line of the digest for one file (see above)."""
    kind, digest = _content(place)
    if secret_file(printable_bytes(path)):
        digest = ""
    return f"{status} {kind} {digest} ".encode() + path + b"\0"


def _content(place: Path) -> tuple[str, str]:
    try:
        found = place.lstat()
        if stat.S_ISLNK(found.st_mode):
            target = os.fsencode(place.readlink())
            return "link", hashlib.sha256(target).hexdigest()
        if stat.S_ISDIR(found.st_mode):
            inner = open_repository(place).ask("rev-parse", "--verify", "--quiet", "HEAD")
            return "commit", inner.text
        if not stat.S_ISREG(found.st_mode):
            return "other", ""
        with place.open("rb") as stream:
            sha256 = hashlib.file_digest(stream, "sha256")
    except (FileNotFoundError, NotADirectoryError):
        return "gone", ""
    except (GitUnusable, OSError):
        return "unreadable", ""
    kind = "exec" if found.st_mode & stat.S_IXUSR else "file"
    return kind, sha256.hexdigest()
