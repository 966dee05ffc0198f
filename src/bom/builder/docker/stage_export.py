"""A stage of a finished `docker build`, exported from the builder's cache by the same client.

The command is the user's with another target and the output of a tar, and nothing in it can run a
step (guard.py). What comes is believed only where the builder says of every step that it was
cached, and of every image that it is the one that the build used.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import threading
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Final

from bom.builder.docker import guard, rewriting
from bom.builder.docker.client import Question
from bom.builder.docker.history import BuildRef, History, is_mended
from bom.builder.images import context
from bom.builder.images.stages import NotExported

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping
    from pathlib import Path

    from bom.builder.docker.client import Client
    from bom.builder.docker.command import DockerCommand
    from bom.builder.images.provenance import Reported
    from bom.builder.protocol import BuildRequest

# Where an image goes, what it is called and what is said of it: nothing of a stage's content.
# Without --no-cache, too: what the build just made is in the cache, and the newest is taken.
_LEFT_OUT: Final = frozenset(
    [
        "annotation",
        "attest",
        "cache-to",
        "compress",
        "debug",
        "iidfile",
        "label",
        "load",
        "metadata-file",
        "no-cache",
        "no-cache-filter",
        "output",
        "progress",
        "provenance",
        "push",
        "quiet",
        "sbom",
        "squash",
        "tag",
        "target",
    ]
)
_FRONTEND: Final = "BUILDKIT_SYNTAX"
_PIECE: Final = 1024 * 1024
_PATIENCE: Final = 900.0  # seconds that one stage may take
_LINE_LIMIT: Final = 64 * 1024  # characters of the builder's log that are looked at at once
_VERTEX: Final = re.compile(r"#(\d+) (.*)")
# "[STAGE 2/3] RUN ...", "[2/3] ...", "[linux/arm64 STAGE 2/3] ..."
_STEP: Final = re.compile(r"\[(?:[^\]]+ )?\d+/\d+\] (?P<what>.*)")
_IMAGE_DIGEST: Final = re.compile(r"FROM \S+@sha256:([0-9a-f]{64})")

_PLATFORMS: Final = "the build makes images for several platforms"
_CLASSIC: Final = "the builder without BuildKit keeps no stages"
_REMOTE: Final = "its Dockerfile is not at hand, and would have to be changed for it"
_PROXY: Final = f"the build uses {guard.VARIABLE} itself"
_FAILED: Final = "the builder doesn't export it"
_LATE: Final = "the builder took too long to export it"
_RUNS: Final = "a step of it is in the builder's cache no more, and is not run a second time"
_OTHER: Final = "a step of it is another than in the build: something changed meanwhile"
_UNPROVEN: Final = "nothing shows that its image is the one that the build used"


class DockerStages:
    """Exports stages of the build that `command` asked for. `stdin`: the file that the build read
    as its standard input. `folder`: a private one for temporary files. `dockerfile`: where the
    Dockerfile can be read, None: only the builder has it. `architecture`: as guard.guarded."""

    def __init__(
        self,
        command: DockerCommand,
        client: Client,
        request: BuildRequest,
        folder: Path,
        *,
        dockerfile: Path | None = None,
        architecture: str = "",
        stdin: Path | None = None,
    ) -> None:
        self._command = command
        self._client = client
        self._request = request
        self._folder = folder
        self._dockerfile = dockerfile
        self._architecture = architecture
        self._stdin = stdin
        self._environment: dict[str, str] | None = None
        self._records: list[BuildRef] = []
        self._spoilt = False

    def export(self, stage: str, reported: Reported, /) -> Generator[bytes, None, None]:
        """The tar of the stage's file system. Raises NotExported."""
        if self._client.route not in ("buildx", "buildkit"):
            raise NotExported(_CLASSIC)
        if any("," in value for value in self._command.values("platform")):
            raise NotExported(_PLATFORMS)
        if self._spoilt:
            raise NotExported(_OTHER)
        argv = self._argv(stage, reported)
        # until it shows that all was cached: a step that this made anew is in the cache now, and
        # the next stage would find it there
        self._spoilt = True
        environment = self._guarded()
        log = _Log()
        metadata = self._folder / "stage.json"
        if self._client.route == "buildx" and is_mended(self._client.details().buildkit):
            argv.insert(-2, f"--metadata-file={metadata}")
        with _Client(argv, environment, self._request.cwd, self._stdin, log) as process:
            yield from process.pieces()
            code = process.wait()
        self._records.extend(_record(metadata))
        if process.late:
            raise NotExported(_LATE)
        if code:
            raise NotExported(_RUNS if log.refused else _FAILED)
        log.check(reported)
        self._spoilt = False

    def close(self) -> None:
        """Take the exports out of the builder's list of builds, where that does no harm to it
        (history)."""
        records = tuple(self._records)
        self._records.clear()
        ask = Question(self._command.buildx, self._request.environment, self._request.cwd)
        History(ask).remove(records)

    def _guarded(self) -> dict[str, str]:
        if self._environment is None:
            folder = self._folder / "client"
            folder.mkdir(mode=0o700)
            self._environment = {
                **guard.guarded(
                    self._command,
                    self._request.environment,
                    self._request.cwd,
                    folder,
                    self._architecture,
                ),
                "BUILDX_NO_DEFAULT_ATTESTATIONS": "1",
                "BUILDX_METADATA_PROVENANCE": "disabled",
            }
        return self._environment

    def _argv(self, stage: str, reported: Reported) -> list[str]:
        command = self._command
        given = [item for item in command.client_options if item.name != "config"]
        options = [item for item in command.options if item.name not in _LEFT_OUT]
        for item in options:
            name = item.value.partition("=")[0].lower()
            if item.name == "build-arg" and name == guard.VARIABLE:
                raise NotExported(_PROXY)
        options = [
            item
            for item in options
            if item.name != "build-arg" or item.value.partition("=")[0] != _FRONTEND
        ]
        rewritten = self._rewritten(stage, reported)
        if rewritten is not None:
            options = [item for item in options if item.name != "file"]
        return [
            command.argv[0],
            *(f"--{item.name}={item.value}" for item in given),
            *command.argv[command.globals_end : command.at],
            *(f"--{item.name}={item.value}" for item in options),
            *([f"--file={rewritten}"] if rewritten is not None else []),
            f"--target={rewriting.name_of(stage)}",
            "--output=type=tar,dest=-",
            "--progress=plain",
            "--",
            command.context,
        ]

    def _rewritten(self, stage: str, reported: Reported) -> Path | None:
        """A copy of the Dockerfile that names no frontend, but the stage; None where the
        Dockerfile does so itself.

        A frontend in an image gets the build's arguments as variables of its own, the long one
        too, and would not start. The builder's own makes the same steps of the same lines, or
        such as are not in the cache. A stage's name is in no cache key.
        """
        path = self._dockerfile
        if path is None:
            text = (reported.dockerfile or b"").decode("utf-8", "surrogateescape")
        else:
            text = context.text(path)
        if guard.VARIABLE in text.lower():
            raise NotExported(_PROXY)
        plain = rewriting.without_frontend(rewriting.with_name(text, stage))
        if plain == text:
            return None
        if path is None or path == self._stdin or self._command.context == "-":
            raise NotExported(_REMOTE)
        copy = self._folder / "dockerfile" / path.name
        copy.parent.mkdir(mode=0o700, exist_ok=True)
        copy.write_bytes(plain.encode("utf-8", "surrogateescape"))
        ignore = path.with_name(f"{path.name}.dockerignore")
        if ignore.is_file():
            shutil.copyfile(ignore, copy.with_name(ignore.name))
        return copy


def _record(metadata: Path) -> list[BuildRef]:
    """The build in the builder's list."""
    try:
        stated = json.loads(metadata.read_bytes()).get("buildx.build.ref", "")
    except (OSError, ValueError, AttributeError):
        return []
    build = BuildRef.of(str(stated))
    return [build] if build is not None else []


class _Client:
    """The client while it exports: a context manager that leaves no process behind."""

    def __init__(
        self,
        argv: list[str],
        environment: Mapping[str, str],
        cwd: Path,
        stdin: Path | None,
        log: _Log,
    ) -> None:
        self.late = False
        self._input = stdin.open("rb") if stdin is not None else None
        try:
            self._process = subprocess.Popen(
                argv,
                env=dict(environment),
                cwd=cwd,
                stdin=self._input or subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                # the client starts its plugin as a program of its own: both must end with this
                process_group=0,
            )
        except OSError as error:
            self._close_input()
            raise NotExported(_FAILED) from error
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._pipe: IO[bytes] = self._process.stdout
        self._reader = threading.Thread(
            target=log.read, args=(self._process.stderr,), name="stage log", daemon=True
        )
        self._clock = threading.Timer(_PATIENCE, self._give_up)
        self._clock.daemon = True

    def __enter__(self) -> _Client:
        self._reader.start()
        self._clock.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._clock.cancel()
        self._end()
        self._pipe.close()
        self.wait()
        self._close_input()

    def pieces(self) -> Generator[bytes, None, None]:
        while piece := self._pipe.read(_PIECE):
            yield piece

    def wait(self) -> int:
        code = self._process.wait()
        self._reader.join()
        return code

    def _give_up(self) -> None:
        self.late = True
        self._end()

    def _end(self) -> None:
        if self._process.returncode is not None:
            return  # waited for: its number may be another's by now
        with suppress(ProcessLookupError):  # all of them are gone
            os.killpg(self._process.pid, signal.SIGKILL)

    def _close_input(self) -> None:
        if self._input is not None:
            self._input.close()


class _Log:
    """The builder's plain log, and what it says of each step."""

    def __init__(self) -> None:
        self.refused = False
        self._names: dict[str, str] = {}
        self._cached: set[str] = set()

    def read(self, stream: IO[bytes]) -> None:
        with stream:
            while line := stream.readline(_LINE_LIMIT):
                self.take(line.decode("utf-8", "replace").rstrip("\r\n"))

    def take(self, line: str) -> None:
        if guard.REFUSED in line:
            self.refused = True
        if not (match := _VERTEX.fullmatch(line)):
            return
        number, text = match[1], match[2]
        if text == "CACHED":
            self._cached.add(number)
        elif number not in self._names:
            self._names[number] = text

    def check(self, reported: Reported) -> None:
        """Raise NotExported unless this is what the build used."""
        digests = {digest.value for source in reported.sources or () for digest in source.digests}
        proven = False
        for number, name in self._names.items():
            if not (step := _STEP.fullmatch(name)):
                continue
            if step["what"].startswith("FROM "):
                image = _IMAGE_DIGEST.match(step["what"])
                if image is not None and reported.sources is not None:
                    if image[1] not in digests:
                        raise NotExported(_OTHER)
                    proven = True
            elif number not in self._cached:
                raise NotExported(_OTHER)
            else:
                proven = True
        if not proven:
            raise NotExported(_UNPROVEN)
