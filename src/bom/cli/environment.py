"""The environment that `bom` was given, as far as the wrapped command is concerned."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from bom.cli.passphrase import VARIABLE

_COERCED: Final = "LC_CTYPE"
_GIVEN: Final = Path("/proc/self/environ")


def given() -> dict[str, str]:
    """The variables that this process was started with, but for the key's passphrase: no step
    of a build needs it, and each could read it.

    In the C locale Python sets LC_CTYPE for itself (PEP 538), and a child would inherit it: the
    command would run in another environment than without `bom`, and the BOM would state a
    variable that nobody set. What was given is what the kernel keeps of the start.
    """
    environment = {name: value for name, value in os.environ.items() if name != VARIABLE}
    if _COERCED in environment:
        try:
            names = {entry.partition(b"=")[0] for entry in _GIVEN.read_bytes().split(b"\0")}
        except OSError:
            return environment  # no /proc: nothing better is known
        if os.fsencode(_COERCED) not in names:
            del environment[_COERCED]
    return environment
