"""npm as it runs here: `npm ci` in one folder, and what went wrong in words of ours."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import TYPE_CHECKING, Any, Final

from bom import redact
from bom.errors import EnvironmentLacks
from bom.install.intake import NotInstalled
from bom.install.npm.layout import DIGEST
from bom.model import Finding
from bom.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# Whatever the user's configuration says otherwise: these decide what is installed, not from where.
_DECIDED: Final = (
    "--package-lock=true",
    "--install-strategy=hoisted",
    "--no-global",
    "--no-audit",
    "--no-fund",
    "--no-update-notifier",
    "--no-workspaces",
    "--include=prod",
    "--include=optional",
    "--include=peer",
    "--omit=dev",
    "--install-links=true",
    "--no-dry-run",
    "--loglevel=error",
)
_INTEGRITY: Final = re.compile(
    r"integrity checksum failed when using \w+: wanted (\S+) but got (\S+?)\.?(?=\s|$)"
)
_NEEDED: Final = 1 << 16  # bytes: a disk with less is as good as full
_FULL: Final = "No space left on device"
_MAKE_ROOM: Final = "make room on its disk; what was there before is still there"
_HINT: Final = (
    "a registry that holds it: npm's own configuration is used (`npm config get registry`)"
)
_LINE: Final = re.compile(r"^npm (?:error|ERR!)\s*", re.MULTILINE)


def program(environment: Mapping[str, str]) -> str:
    """Where npm is. Raises EnvironmentLacks."""
    found = shutil.which("npm", path=environment.get("PATH"))
    if found is None:
        raise EnvironmentLacks("`npm` is not there", hint="install Node.js with npm")
    return found


def install(
    npm: str,
    folder: Path,
    environment: Mapping[str, str],
    packages: Mapping[str, Any],
    lock: int,
) -> None:
    """`npm ci` in `folder`, where `packages` are locked; nothing of them is run. `lock`: a
    descriptor that npm holds as long as it runs: should `bom` be killed, no other install is let
    in meanwhile.

    Raises NotInstalled where a package is another one than the lock says, EnvironmentLacks.
    """
    code, said = _run([npm, "ci", "--ignore-scripts", *_DECIDED], folder, environment, lock)
    if not code:
        return
    if (wrong := _INTEGRITY.search(said)) is not None:
        expected, found = wrong[1], wrong[2]
        names = sorted(key for key, item in packages.items() if item.get("integrity") == expected)
        raise mismatch(names[0] if names else "", expected, found)
    if _is_full(folder, said):
        raise EnvironmentLacks(f"npm ci: {_FULL}", hint=_MAKE_ROOM)
    raise EnvironmentLacks(f"npm ci: {_reason(said)}", hint=_HINT)


def rebuild(
    npm: str, folder: Path, environment: Mapping[str, str], *, scripts: bool, lock: int
) -> None:
    """`npm rebuild`: the links in .bin, which a lock made out of a BOM doesn't tell, and install
    scripts where they are allowed. Raises EnvironmentLacks."""
    allowed = "--no-ignore-scripts" if scripts else "--ignore-scripts"
    code, said = _run([npm, "rebuild", allowed, *_DECIDED], folder, environment, lock)
    if code and _is_full(folder, said):
        raise EnvironmentLacks(f"npm rebuild: {_FULL}", hint=_MAKE_ROOM)
    if code:
        raise EnvironmentLacks(f"npm rebuild: {_reason(said)}", hint="do its scripts run here?")


def _run(
    argv: list[str], folder: Path, environment: Mapping[str, str], lock: int
) -> tuple[int, str]:
    try:
        done = subprocess.run(
            argv,
            cwd=folder,
            env={**environment, "PWD": str(folder), "INIT_CWD": str(folder)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            pass_fds=(lock,),
        )
    except OSError as error:
        raise EnvironmentLacks(f"npm can't be run: {error.strerror}") from error
    return done.returncode, (done.stderr + done.stdout).decode("utf-8", "replace")


def mismatch(name: str, expected: str, found: str) -> NotInstalled:
    shown = printable_name(name)[:300] or "a package"
    reason = f"{shown} is another file than the BOM lists"
    return NotInstalled(
        f"nothing is installed: {reason}",
        [Finding(DIGEST, reason, expected, found, shown)],
        hint="ask who runs the registry; nothing of it was run",
    )


def _reason(said: str) -> str:
    lines = [_LINE.sub("", line).strip() for line in said.splitlines()]
    telling = [
        line
        for line in lines
        if line and not line.startswith(("code ", "errno ", "A complete log", "syscall ", "path "))
    ]
    return redact.text(printable_name(" ".join(telling[:2])))[:400] or "it says nothing"


def _is_full(folder: Path, said: str) -> bool:
    """Whether the disk is: npm says it in its own words only where it wrote itself, and else that a
    file which it wrote before can't be read."""
    return "ENOSPC" in said or shutil.disk_usage(folder).free < _NEEDED
