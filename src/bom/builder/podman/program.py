"""podman or buildah as it runs here: asked with the build's own global options and environment,
so that it answers for the storage that the build uses."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from bom.errors import BomError, EnvironmentLacks

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from bom.builder.podman.command import PodmanCommand

_PATIENCE: Final = 120.0  # seconds that a question may take: the storage may be locked by a build
_CHUNK: Final = 1024 * 1024
_VERSION: Final = re.compile(r"(?:podman|buildah) version (\S{1,64})")
_MESSAGE_LIMIT: Final = 400  # characters of what the program says that are passed on

_Text = Annotated[str, StringConstraints(max_length=4096)]


class _Foreign(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Runtime(_Foreign):
    """The OCI runtime that runs a build's steps, as `podman info` states it."""

    name: _Text = ""
    path: _Text = ""
    version: _Text = ""


class _Host(_Foreign):
    buildah: _Text = Field(default="", alias="buildahVersion")
    remote: bool = Field(default=False, alias="serviceIsRemote")
    runtime: Runtime = Field(default=Runtime(), alias="ociRuntime")
    runtime_name: _Text = Field(default="", alias="OCIRuntime")


class _Version(_Foreign):
    version: _Text = Field(default="", alias="Version")


class Info(_Foreign):
    """What `podman info` and `buildah info` state. `host.buildah`: the version of the library that
    podman builds with. `host.runtime_name`: buildah's word for its runtime."""

    host: _Host = _Host()
    version: _Version = _Version()


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call gave: its exit code, its standard output, the end of its standard error."""

    code: int
    out: bytes
    error: str


@dataclass(frozen=True, slots=True)
class Program:
    """podman or buildah. `path`: the resolved binary. `prefix`: the call with the build's global
    options, which leads to the same storage."""

    name: str
    path: Path
    prefix: tuple[str, ...]
    environment: Mapping[str, str]
    cwd: Path

    def ask(self, *words: str, patience: float | None = _PATIENCE) -> Answer:
        """Run a subcommand. Raises BomError where it gives no answer in time (`patience`, seconds;
        None: it may take any)."""
        try:
            done = subprocess.run(
                [*self.prefix, *words],
                env=dict(self.environment),
                cwd=self.cwd,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=patience,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise BomError(
                f"{self.name} {words[0]} gives no answer",
                hint=f"does another {self.name} hold the storage?",
            ) from error
        except OSError as error:
            raise BomError(f"{self.name} can't be run: {error.strerror}") from error
        return Answer(done.returncode, done.stdout, _last_line(done.stderr))

    def stream(self, *words: str) -> Generator[bytes, None, None]:
        """A subcommand's standard output in pieces of at most 1 MiB. Raises BomError where it
        fails; closed early, it ends the subcommand."""
        with tempfile.TemporaryFile() as errors:
            child = subprocess.Popen(
                [*self.prefix, *words],
                env=dict(self.environment),
                cwd=self.cwd,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
            )
            assert child.stdout is not None
            try:
                while piece := child.stdout.read(_CHUNK):
                    yield piece
                code = child.wait()
            finally:
                child.stdout.close()
                if child.poll() is None:
                    child.kill()
                    child.wait()
            if code:
                errors.seek(0)
                raise BomError(
                    f"{self.name} broke off the export: {_last_line(errors.read())}",
                    hint="is there room in the folder for temporary files (TMPDIR)?",
                )

    def stated_version(self) -> str:
        """The version that it states, "" where it states none."""
        answer = self.ask("--version")
        stated = _VERSION.search(answer.out.decode("utf-8", "replace"))
        return stated[1] if stated else ""

    def info(self) -> Info:
        """What the program states of itself and of where it builds; empty where it says nothing
        that can be read."""
        answer = self.ask("info", *(("--format", "json") if self.name == "podman" else ()))
        try:
            return Info.model_validate_json(answer.out or b"{}")
        except ValidationError:
            return Info()


def locate(command: PodmanCommand, environment: Mapping[str, str], cwd: Path) -> Program:
    """The program that `command` names. Raises EnvironmentLacks where there is none."""
    name = command.argv[0]
    if "/" in name:
        found: str | None = str(cwd / name) if (cwd / name).is_file() else None
    else:
        found = shutil.which(name, path=environment.get("PATH"))
    if found is None:
        raise EnvironmentLacks(f"`{name}` is not there", hint="install it, or put it on PATH")
    path = Path(found).absolute()
    return Program(
        command.program, path.resolve(), (str(path), *command.question), environment, cwd
    )


def _last_line(output: bytes) -> str:
    lines = output[-64 * 1024 :].decode("utf-8", "replace").strip().splitlines()
    last = lines[-1] if lines else "it says nothing"
    shown = "".join(letter if letter.isprintable() else "?" for letter in last)
    return shown.removeprefix("Error: ")[:_MESSAGE_LIMIT]
