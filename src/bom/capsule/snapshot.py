"""A snapshot of the working build environment, for the day on which the machine is gone."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Final

from bom.errors import BomError, EnvironmentLacks
from bom.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bom.capsule.writing import Contents

MACHINE: Final = "machine"
CONTAINER: Final = "container:"
_LISTS: Final[Mapping[str, tuple[str, ...]]] = {
    "dpkg": ("dpkg-query", "-W", "-f", "${Package}\t${Version}\t${Architecture}\n"),
    "rpm": ("rpm", "-qa", "--qf", "%{NAME}\t%{EPOCHNUM}:%{VERSION}-%{RELEASE}\t%{ARCH}\n"),
    "apk": ("apk", "info", "-v"),
    "pip": ("python3", "-m", "pip", "--disable-pip-version-check", "freeze", "--all"),
    "npm": ("npm", "ls", "--global", "--parseable", "--long"),
}


def add(contents: Contents, which: str, folder: Path, environment: Mapping[str, str]) -> None:
    """Add the snapshot that was asked for. Raises BomError, EnvironmentLacks."""
    if which == MACHINE:
        file = folder / "packages.json"
        file.write_text(json.dumps(_machine(environment), indent=2, sort_keys=True) + "\n")
        contents.add("environment", file.name, file)
    elif which.startswith(CONTAINER):
        file = folder / "container.tar"
        _exported(which.removeprefix(CONTAINER), file, environment)
        contents.add("environment", file.name, file)
    elif which:
        raise BomError(
            f"--environment {printable_name(which)} is no environment",
            hint=f"{MACHINE}, or {CONTAINER}NAME",
        )


def _machine(environment: Mapping[str, str]) -> dict[str, list[str]]:
    """What each package manager here says is installed, sorted."""
    found: dict[str, list[str]] = {}
    for name, argv in _LISTS.items():
        try:
            done = subprocess.run(
                argv,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
            )
        except OSError:
            continue  # this package manager is not here
        if done.returncode == 0:
            lines = done.stdout.decode("utf-8", "replace").splitlines()
            found[name] = sorted(line for line in lines if line.strip())
    return found


def _exported(name: str, file: Path, environment: Mapping[str, str]) -> None:
    argv = ("docker", "export", "--output", str(file), "--", name)
    try:
        done = subprocess.run(
            argv, env=dict(environment), stdin=subprocess.DEVNULL, capture_output=True, check=False
        )
    except OSError as error:
        raise EnvironmentLacks("docker is not on PATH", hint="it exports the container") from error
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines() or [""]
        raise BomError(
            f"the container {printable_name(name)} can't be exported:"
            f" {printable_name(said[-1])[:300]}",
            hint="docker ps --all lists them",
        )
