"""A project as it stood at a git revision: its files out of the object store, nowhere checked out.

Neither the user's tree nor its index is touched, and no filter, hook or attribute of the repository
is obeyed: what is written down are the blobs themselves, and of these only what a scan would read.
"""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bom.catalog import WANTED
from bom.errors import BomError, EnvironmentLacks
from bom.git import Git
from bom.printable import printable_os

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_LINE: Final = re.compile(rb"(\d{6}) (blob|commit) ([0-9a-f]{40,64}) +(\d+|-|BAD)\t(.*)", re.DOTALL)
# BAD: the size of a blob that is not there (a partial clone); it is asked for all the same
_LINK: Final = b"120000"
_EXECUTABLE: Final = b"100755"
_LARGEST: Final = 64 * 1024 * 1024  # bytes of a file that an ecosystem reads
_HINT: Final = "`git log` and `git tag` list what there is"


@dataclass(frozen=True, slots=True)
class Tree:
    """The files of a revision below `root`; `submodules`: `COMMIT PATH`, sorted."""

    root: Path
    submodules: tuple[str, ...]


def resolve(name: str, environment: Mapping[str, str], *, must_be: bool) -> str:
    """The commit that a name stands for in the repository here.

    Raises LookupError where it stands for none; where there `must_be` one BomError, and
    EnvironmentLacks without git.
    """
    try:
        git = Git.of(environment)
    except EnvironmentLacks:
        if must_be:
            raise
        raise LookupError(name) from None
    here = Path.cwd()
    said = git(here, "rev-parse", "--verify", "--end-of-options", f"{name}^{{commit}}")
    commit = said.text.splitlines()[-1] if said.code == 0 and said.text else ""
    if re.fullmatch("[0-9a-f]{40,64}", commit):
        return commit
    if not must_be:
        raise LookupError(name)
    raise BomError(
        f"{name} is no revision here: {said.error or 'git knows none of that name'}", hint=_HINT
    )


@contextmanager
def at_revision(commit: str, folder: Path, environment: Mapping[str, str]) -> Iterator[Tree]:
    """The revision's files in a new folder in `folder`, as far as a scan reads them.

    Raises BomError where the repository lacks some.
    """
    git = Git.of(environment)
    here = Path.cwd()
    root = folder / _project(git, here)
    root.mkdir(parents=True)
    files: list[tuple[str, Path, int]] = []
    links: list[tuple[str, Path, int]] = []
    submodules: list[str] = []
    for entry in git.entries(here, "ls-tree", "-r", "-l", "-z", "--full-tree", commit):
        match = _LINE.fullmatch(entry)
        if match is None:
            raise BomError(f"git lists the files of {commit} in a form that is not known")
        mode, kind, name, size, path = match.groups()
        shown = os.fsdecode(path)
        if kind == b"commit":
            submodules.append(f"{name.decode()} {printable_os(shown)}")
        elif mode == _LINK:
            links.append((name.decode(), _place(root, shown), 0))
        elif _is_read(shown, mode == _EXECUTABLE, int(size) if size.isdigit() else 0):
            permissions = 0o755 if mode == _EXECUTABLE else 0o644
            files.append((name.decode(), _place(root, shown), permissions))
    try:
        _write(git, here, files)
        _write(git, here, links)  # last: nothing is ever written through one
    except LookupError as error:
        raise BomError(
            f"the repository lacks a file of {commit}: {error}",
            hint="complete the clone: `git fetch --unshallow`, or `git fetch --refetch`",
        ) from error
    yield Tree(root, tuple(sorted(submodules)))


def _is_read(path: str, executable: bool, size: int) -> bool:
    return size <= _LARGEST and (WANTED.wants(path) or WANTED.extracts(path, executable))


def _write(git: Git, here: Path, entries: Sequence[tuple[str, Path, int]]) -> None:
    """Write blobs to their places. Permissions 0: a link."""
    contents = git.blobs(here, [name for name, _, _ in entries])
    for (_, place, permissions), content in zip(entries, contents, strict=True):
        place.parent.mkdir(parents=True, exist_ok=True)
        if permissions:
            place.write_bytes(content)
            place.chmod(permissions)
        elif b"\0" in content:
            raise BomError(
                f"the revision holds a link that leads nowhere: {printable_os(place.name)}"
            )
        else:
            place.symlink_to(os.fsdecode(content))


def _project(git: Git, here: Path) -> str:
    """The name of the repository's folder: a project that states none goes by it."""
    top = Path(git(here, "rev-parse", "--show-toplevel").text or here)
    return top.name if top.name and top.name.isprintable() else "project"


def _place(root: Path, path: str) -> Path:
    """Where a path of the tree goes. Raises BomError for one that leads elsewhere."""
    parts = path.split("/")
    if any(part in ("", ".", "..") or part.lower() == ".git" for part in parts):
        raise BomError(f"the revision holds a path that leads out of it: {printable_os(path)}")
    return root.joinpath(*parts)
