"""A private folder, which is gone when what it was for is over, whatever is left in it."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bom.errors import BomError

if TYPE_CHECKING:
    from collections.abc import Iterator

PREFIX: Final = "bom-private-"


@contextmanager
def private_folder() -> Iterator[Path]:
    """A folder as `new_folder` makes it. Raises BomError at the end where something in it is not
    ours to remove."""
    folder = new_folder()
    try:
        yield folder
    finally:
        remove(folder)
        if folder.exists():
            raise BomError(
                f"{folder} can't be removed: the build left files of another user there",
                hint="remove it yourself, with the rights of that user",
            )


def new_folder() -> Path:
    """A new folder, mode 0700, in the folder for temporary files (TMPDIR), links in its path
    resolved."""
    return Path(os.path.realpath(tempfile.mkdtemp(prefix=PREFIX)))


def remove(folder: Path) -> None:
    """Take a folder away, as far as that is ours to do; one that is not there is no error."""
    shutil.rmtree(folder, ignore_errors=True)
    if not folder.exists():
        return
    # a build may leave folders that nobody may write to (Go's module cache is of such)
    for place, names, _ in os.walk(folder):
        for name in (".", *names):
            path = Path(place, name)
            with suppress(OSError):
                if stat.S_ISDIR(path.lstat().st_mode):
                    path.chmod(stat.S_IRWXU)
    shutil.rmtree(folder, ignore_errors=True)
