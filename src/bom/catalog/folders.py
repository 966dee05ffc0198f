"""The folders of a source tree in which projects may lie."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

FOLDERS_LIMIT: Final = 20_000
# What is installed or built there has been locked elsewhere.
_PRUNED: Final = frozenset(
    [
        *(".git", ".tox", ".nox", ".venv", "__pycache__"),
        *("node_modules", "site-packages", "dist-packages"),
    ]
)


def project_folders(top: Path) -> tuple[list[Path], bool]:
    """`top` and the folders below it, at most FOLDERS_LIMIT, without what was installed there; and
    whether these are all. Folders that can't be listed are taken as empty."""
    found: list[Path] = []
    pending = [top]
    while pending:
        if len(found) == FOLDERS_LIMIT:
            return found, False
        folder = pending.pop()
        found.append(folder)
        try:
            with os.scandir(folder) as listing:
                pending += [
                    Path(child.path)
                    for child in listing
                    if child.name not in _PRUNED and child.is_dir(follow_symlinks=False)
                ]
        except OSError:
            continue  # whoever reads it anew tells of it
    return found, True
