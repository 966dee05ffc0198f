"""The files of a project before a build, so that what is new or changed afterwards is known."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from bom.output import TEMPORARY_PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

# Folders whose content a build may change without making anything that ships.
# fmt: off
SKIPPED: Final = frozenset((
    ".git", ".hg", ".svn", ".bzr", "node_modules", "bower_components", ".pnpm-store", ".yarn",
    ".npm", ".cache", ".tox", ".nox", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".hypothesis",
    "__pycache__", "__pypackages__", ".eggs", ".gradle", ".m2", ".ivy2", ".cargo", ".rustup",
    ".nuget", ".bundle", ".terraform", ".serverless", ".parcel-cache", ".turbo", ".nx", ".ccache",
    ".idea", ".vscode", ".direnv", ".ipynb_checkpoints",
))
# fmt: on
_VIRTUAL_ENVIRONMENTS: Final = ("pyvenv.cfg", "conda-meta")

# Inode, size, time of content, time of inode (nanoseconds): a rewritten or replaced file has
# another one, even where its time was set back.
Signature = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Regular files by absolute path."""

    files: Mapping[str, Signature] = field(default_factory=dict)

    def changed(self, path: str, now: Signature) -> bool:
        """Whether the file is new, or not the one that was there."""
        return self.files.get(path) != now


def take(root: Path, further: Iterable[Path] = ()) -> Snapshot:
    """All regular files under `root`, symlinks not followed, SKIPPED folders and virtual
    environments left out, and the `further` ones wherever they are.

    Folders that can't be entered are left out: a build couldn't have written there either.
    """
    files: dict[str, Signature] = {}
    waiting = [os.fspath(root)]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as scan:
                entries = list(scan)
        except OSError:
            continue
        if any(entry.name in _VIRTUAL_ENVIRONMENTS for entry in entries):
            continue
        for entry in entries:
            try:
                if entry.is_dir(follow_symlinks=False):
                    if entry.name not in SKIPPED:
                        waiting.append(entry.path)
                elif entry.is_file(follow_symlinks=False) and not entry.name.startswith(
                    TEMPORARY_PREFIX
                ):
                    files[entry.path] = _signature(entry.stat(follow_symlinks=False))
            except OSError:  # gone meanwhile
                continue
    for path in further:
        if (found := signature(path)) is not None:
            files[os.fspath(path)] = found
    return Snapshot(files)


def signature(path: Path) -> Signature | None:
    """The signature of a regular file; None where there is none. Raises OSError otherwise."""
    try:
        result = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return _signature(result) if stat.S_ISREG(result.st_mode) else None


def _signature(result: os.stat_result) -> Signature:
    return (result.st_ino, result.st_size, result.st_mtime_ns, result.st_ctime_ns)
