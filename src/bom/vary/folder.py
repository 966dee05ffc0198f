"""A private folder for a second build, with what is beside it in memory: gone on every way out."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bom.vary.source import forget

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def private_folder() -> Iterator[Path]:
    """A new folder, mode 0700, links in its path resolved."""
    folder = Path(os.path.realpath(tempfile.mkdtemp(prefix="bom-")))
    try:
        yield folder
    finally:
        for place in (*forget(folder), folder):
            removed(place)


def removed(folder: Path) -> None:
    """Take a folder away, whatever the build made of its permissions (a module cache is read-only).
    What can't be removed at all stays in the private folder."""
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return
    except OSError:
        for place, folders, _ in os.walk(folder):
            for name in (".", *folders):
                path = Path(place, name)
                if not path.is_symlink():
                    path.chmod(0o700)
        shutil.rmtree(folder, ignore_errors=True)
