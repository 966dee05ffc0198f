"""A private folder for a rebuild, which is gone when that is over, whatever is left in it."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PREFIX: Final = "bom-rebuild-"


@contextmanager
def room() -> Iterator[Path]:
    """A new folder, mode 0700, in the folder for temporary files (TMPDIR)."""
    folder = Path(os.path.realpath(tempfile.mkdtemp(prefix=PREFIX)))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, onerror=_opened)


def _opened(remove: Callable[..., object], path: str, error: object) -> None:
    """A build may leave folders that nobody may write to (Go's module cache is of such)."""
    with suppress(OSError):
        for place in (os.path.dirname(path), path):  # noqa: PTH120 - as rmtree has it
            if stat.S_ISDIR(os.lstat(place).st_mode):
                os.chmod(place, stat.S_IRWXU)  # noqa: PTH101
        if os.path.isdir(path) and not os.path.islink(path):  # noqa: PTH112, PTH114
            shutil.rmtree(path, ignore_errors=True)
        else:
            remove(path)
