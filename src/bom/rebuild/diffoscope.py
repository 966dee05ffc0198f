"""Both files handed over to diffoscope, where it is installed: it knows more formats than `bom`,
runs many programs for that, and takes its time."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Final

from bom.errors import BomError, EnvironmentLacks

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

NAME: Final = "diffoscope"
_SAME_OR_NOT: Final = (0, 1)  # diffoscope(1), "EXIT STATUS"


def find(environment: Mapping[str, str]) -> str:
    """The program's path. Raises EnvironmentLacks where PATH has none."""
    found = shutil.which(NAME, path=environment.get("PATH"))
    if found is None:
        raise EnvironmentLacks(
            "diffoscope is not installed",
            hint="apt install diffoscope-minimal, or leave --diffoscope out",
        )
    return found


def run(program: str, one: Path, two: Path, environment: Mapping[str, str], stdout: int) -> None:
    """What it says of the two, to the file descriptor `stdout`. Raises BomError where it fails."""
    with open(os.devnull, "rb") as nothing:  # noqa: PTH123 - no path of ours
        ran = subprocess.run(
            (program, "--text", "-", "--text-color=never", "--", str(one), str(two)),
            stdin=nothing,
            stdout=stdout,
            env=dict(environment),
            check=False,
        )
    if ran.returncode not in _SAME_OR_NOT:
        raise BomError(f"diffoscope ended with exit code {ran.returncode}")
