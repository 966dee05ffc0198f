"""git for a clone of our own: nothing that the source's repository names is run.

A clone takes over neither configuration nor hooks of what it comes from. What is left are the
hooks of the user's own template, and a file system monitor: both are switched off. The user's own
configuration (credentials, proxies, `insteadOf`) is left as it is.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bom.errors import EnvironmentLacks

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

_HARDENED: Final = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.quotePath=false",
    "init.templateDir=",
    "advice.detachedHead=false",
    "gc.auto=0",
    "maintenance.auto=false",
)
# How the user reaches repositories; every other GIT_* variable is about another repository.
_KEPT: Final = (
    *("GIT_SSH", "GIT_SSH_COMMAND", "GIT_SSH_VARIANT", "GIT_ASKPASS", "GIT_PROXY_COMMAND"),
    *("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM", "GIT_ALLOW_PROTOCOL"),
)
_KEPT_FAMILIES: Final = ("GIT_SSL_", "GIT_CONFIG_COUNT", "GIT_CONFIG_KEY_", "GIT_CONFIG_VALUE_")
# Modes of files show in what is built: whose clone it is must not.
_UMASK: Final = 0o022
# For a clone of what lies on this machine, or of submodules that do.
LOCAL: Final = ("protocol.file.allow=always",)
_ALWAYS: Final = {"GIT_TERMINAL_PROMPT": "0", "GIT_NO_LAZY_FETCH": "1", "LC_ALL": "C.UTF-8"}


@dataclass(frozen=True, slots=True)
class Said:
    """What a call of git ended with. `error`: its last line on standard error that says why."""

    code: int
    text: str
    error: str


@dataclass(frozen=True, slots=True)
class Git:
    """git, called with the user's own environment. Raises EnvironmentLacks where it is missing."""

    executable: str
    environment: Mapping[str, str]

    @staticmethod
    def of(environment: Mapping[str, str]) -> Git:
        found = shutil.which("git", path=environment.get("PATH"))
        if found is None:
            raise EnvironmentLacks("git is not on PATH", hint="install it: the source is a clone")
        return Git(found, _own(environment))

    def __call__(
        self,
        folder: Path,
        *arguments: str,
        settings: tuple[str, ...] = (),
        umask: int = _UMASK,
    ) -> Said:
        """Run it in `folder`; it asks nothing of the terminal. `settings`: further `-c`."""
        done = self._run(folder, arguments, settings, umask)
        return Said(
            done.returncode,
            done.stdout.decode("utf-8", "replace").strip(),
            _reason(done.stderr.decode("utf-8", "replace")),
        )

    def entries(self, folder: Path, *arguments: str) -> tuple[bytes, ...]:
        """What a call with `-z` lists, also where it fails half-way."""
        return tuple(filter(None, self._run(folder, arguments, (), _UMASK).stdout.split(b"\0")))

    def blobs(self, folder: Path, names: Sequence[str]) -> Iterator[bytes]:
        """The contents of blobs by their IDs, in this order, as they are in the object store.

        Raises LookupError at one that the repository lacks.
        """
        with tempfile.TemporaryFile() as asked:
            asked.write("".join(f"{name}\n" for name in names).encode())
            asked.seek(0)
            with subprocess.Popen(
                self._line("cat-file", "--batch", "--buffer"),
                cwd=folder,
                env={**self.environment, **_ALWAYS},
                stdin=asked,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            ) as running:
                assert running.stdout is not None
                try:
                    for name in names:
                        head = running.stdout.readline().split()
                        if len(head) != 3 or head[1] != b"blob":
                            raise LookupError(name)
                        yield running.stdout.read(int(head[2]))
                        running.stdout.read(1)  # the line feed behind each
                finally:
                    running.kill()

    def _line(self, *arguments: str, settings: Sequence[str] = ()) -> list[str]:
        flags = [word for pair in (*_HARDENED, *settings) for word in ("-c", pair)]
        return [self.executable, "--no-pager", *flags, *arguments]

    def _run(
        self, folder: Path, arguments: Sequence[str], settings: Sequence[str], umask: int
    ) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            self._line(*arguments, settings=settings),
            cwd=folder,
            env={**self.environment, **_ALWAYS},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            umask=umask,
            check=False,
        )


def _own(environment: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value
        for name, value in environment.items()
        if not name.startswith("GIT_") or name in _KEPT or name.startswith(_KEPT_FAMILIES)
    }


def _reason(said: str) -> str:
    """The first line that says what went wrong: those behind it often give advice only."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    wrong = [line for line in lines if line.startswith(("fatal:", "error:"))]
    found = (wrong or lines or [""])[0]
    return found.partition(":")[2].strip() if wrong else found


def is_repository(place: Path) -> bool:
    """Whether a folder is a work tree's top or a bare repository."""
    return os.path.lexists(place / ".git") or (
        (place / "HEAD").is_file() and (place / "objects").is_dir()
    )
