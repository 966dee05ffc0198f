"""Which state of a project a check's result is about: its commit and what differs from it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bom.observe._git import GitUnusable, open_repository
from bom.observe._tree import TreeEntry, TreeState, entry_line, is_ours, tree_state

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

# Outside git nothing says what is source, so what builds and tools leave is known by name.
_LEFT_OVER: Final = frozenset(
    (
        *(".git", ".hg", ".svn", "node_modules", "__pycache__", ".pytest_cache", ".mypy_cache"),
        *(".ruff_cache", ".hypothesis", ".tox", ".nox", ".cache", ".eggs", ".gradle"),
        *("dist", "build", "target", "htmlcov", ".coverage"),
    )
)


def identity(
    root: Path, own_files: Iterable[Path] = (), is_own: Callable[[Path], bool] = lambda path: False
) -> TreeState:
    """The state of the project at `root`, `bom`'s own files left out.

    In git: the commit and the modified and untracked files. Elsewhere: no commit, and every
    file but what builds and tools leave (virtual environments, caches, `dist`, `build`, ...).
    """
    own = tuple(own_files)
    try:
        return tree_state(open_repository(root), own, is_own)
    except GitUnusable:
        ours = is_ours(own, is_own)
        return TreeState("", tuple(_files(root, ours)))


def _files(root: Path, ours: Callable[[Path], bool]) -> Iterator[TreeEntry]:
    for folder, folders, files in os.walk(root):
        place = Path(folder)
        folders[:] = sorted(
            name
            for name in folders
            if name not in _LEFT_OVER
            and not name.endswith(".egg-info")
            and not (place / name / "pyvenv.cfg").is_file()
        )
        links = [name for name in folders if (place / name).is_symlink()]
        for name in sorted(files + links):
            path = place / name
            if name not in _LEFT_OVER and not ours(path):
                relative = os.fsencode(path.relative_to(root))
                yield TreeEntry(relative, "present", entry_line(path, "present", relative))
