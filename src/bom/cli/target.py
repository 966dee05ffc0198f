"""Where an output is to go: that it can be written must be clear before any work is done."""

from __future__ import annotations

import os
from pathlib import Path

from bom.errors import BomError


def target(given: Path | str) -> Path:
    """The absolute path of an output, a file or a folder that is there. Raises BomError."""
    path = Path(given).absolute()
    if path.is_dir():
        folder = path
    elif str(given).endswith(os.sep):  # a Path would forget it, and a file take the folder's name
        raise BomError(f"there is no folder {given}", hint="make it first")
    elif path.exists() and not path.is_file():  # a device or a pipe: it would be replaced
        raise BomError(f"{given} is no plain file", hint="name a file that may be replaced")
    else:
        folder = path.parent
    if not folder.is_dir():
        raise BomError(f"the folder of {given} is not there", hint="make it first")
    if not os.access(folder, os.W_OK):
        raise BomError(f"{folder} can't be written to", hint="choose another place")
    return path


def file_target(given: Path | str) -> Path:
    """The same for an output that has to be a file."""
    path = target(given)
    if path.is_dir():
        raise BomError(f"{given} is a folder", hint="name a file in it")
    return path
