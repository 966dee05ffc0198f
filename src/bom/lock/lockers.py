"""The ecosystems' own lockers: they write the locks that bom.lock then names by digest."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING, Final

from bom.errors import EnvironmentLacks
from bom.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

UV: Final = "uv lock"
UV_COMPILE: Final = "uv pip compile"
POETRY: Final = "poetry lock"
PDM: Final = "pdm lock"
NPM: Final = "npm install --package-lock-only"
YARN: Final = "yarn install"
PNPM: Final = "pnpm install"
_PIP: Final = ("python3", "-m", "pip", "lock", "--quiet", "--output", "pylock.toml", ".")

_CALLS: Final[Mapping[str, tuple[str, ...]]] = {
    UV: ("uv", "lock"),
    UV_COMPILE: (
        *("uv", "pip", "compile", "--quiet", "--no-header", "--universal", "--generate-hashes"),
        *("--output-file", "requirements.txt", "requirements.in"),
    ),
    POETRY: ("poetry", "lock"),
    PDM: ("pdm", "lock"),
    # what a package would run on installing has no business in locking it
    NPM: ("npm", "install", "--package-lock-only", "--ignore-scripts", "--no-audit", "--no-fund"),
    YARN: ("yarn", "install", "--ignore-scripts"),
    PNPM: ("pnpm", "install", "--lockfile-only", "--ignore-scripts"),
}


def run(program: str, folder: Path, environment: Mapping[str, str]) -> None:
    """Run one of the programs above in the folder of the manifest; its output goes to standard
    error. Where uv is not there, pip locks (25.1 or newer). Raises EnvironmentLacks."""
    argv = _CALLS[program]
    path = environment.get("PATH")
    if program == UV and shutil.which("uv", path=path) is None:
        argv = _PIP
    if shutil.which(argv[0], path=path) is None:
        raise EnvironmentLacks(
            f"{argv[0]} is not on PATH, and {folder.name} has no lock",
            hint=f"install it, or run `{program}` elsewhere and commit its lock",
        )
    done = subprocess.run(
        argv,
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    if done.returncode:
        lines = done.stdout.decode("utf-8", "replace").strip().splitlines()
        last = printable_name(lines[-1] if lines else "it says nothing")[:300]
        raise EnvironmentLacks(
            f"`{' '.join(argv)}` failed in {folder.name}: {last}", hint="run it there by itself"
        )
