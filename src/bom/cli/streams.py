"""Standard streams that the caller closed (`>&-`)."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

_STANDARD: Final = (0, 1, 2)


def fill() -> None:
    """Put the null device where a standard stream is closed: the next file that is opened would
    take its number, and what a command prints would end up in it.

    A wrapped command finds them closed all the same: what stands in is closed by exec (PEP 446).
    """
    for number in _STANDARD:
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # open(2) gives the lowest number that is free
    if sys.stdout is None:
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - for good
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - for good
