"""The docker client at hand: which one it is and where its `build` goes.

What a client can do is asked of the client itself, in the environment of the build: the help
text of `build` names the options that this very call would accept.
"""

from __future__ import annotations

import json
import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from bom.builder.docker.command import BUILDX_PROGRAM, CLIENT
from bom.builder.docker.endpoint import DEFAULT_CONTEXT, context_name
from bom.errors import EnvironmentLacks
from bom.process import printed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bom.builder.docker.command import DockerCommand

# buildx: the plugin, with a metadata file. buildkit: the client's own BuildKit (20.10).
# classic: the builder inside the engine. unknown: the client gave no help, so it will not build.
Route = Literal["buildx", "buildkit", "classic", "unknown"]

_PATIENCE: Final = 30.0  # seconds that a question to the client may take
_VERSION: Final = re.compile(r"Docker version ([^\s,]{1,64})")
# `github.com/docker/buildx v0.29.1 28c90ea`
_BUILDX_VERSION: Final = re.compile(r"buildx v?(\d[^\s,]{0,63})")
_BUILDKIT: Final = re.compile(r"^BuildKit version:\s*(\S{1,64})\s*$", re.MULTILINE)
_DRIVER: Final = re.compile(r"^Driver:\s*(\S{1,64})\s*$", re.MULTILINE)
DOCKER_DRIVER: Final = "docker"


@dataclass(frozen=True, slots=True)
class Plugin:
    """A client plugin: the program that runs, and the version it states."""

    path: Path
    version: str


@dataclass(frozen=True, slots=True)
class Details:
    """What a client says of its surroundings, which nobody needs before the build.

    `context`: the docker context in force ("default" without one). `buildx`, `compose`: the
    plugins, where the client has them. `driver` and `buildkit`: of the builder that buildx will
    use: its driver, and every BuildKit version that its nodes state.
    """

    context: str = DEFAULT_CONTEXT
    buildx: Plugin | None = None
    compose: Plugin | None = None
    driver: str = ""
    buildkit: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Client:
    """A docker client as it runs in one environment. `path`: the resolved binary. `details`
    waits for the answers, which the client is asked for while the build goes on. `program`: what
    it is, where it isn't docker itself but a plugin that runs alone; `version` is the plugin's."""

    path: Path
    version: str
    route: Route
    details: Callable[[], Details] = Details
    program: str = CLIENT

    @property
    def is_old(self) -> bool:
        """Before 23.0, which took over BuildKit's client side from buildx."""
        major = self.version.partition(".")[0]
        return major.isdecimal() and int(major) < 23


def probe(command: DockerCommand, environment: Mapping[str, str], cwd: Path) -> Client:
    """Ask the client that `command` names. Raises EnvironmentLacks where there is none."""
    path = executable(command.argv[0], environment, cwd)
    if command.alone:
        return _buildx(path, command.builder(environment), environment, cwd)
    ask = Question((str(path), *command.argv[1 : command.globals_end]), environment, cwd)
    builder = _BuilderQuestion(ask, command)
    likely = context_name(command, environment, cwd)
    # side by side: a client takes a tenth of a second to start, and mostly waits
    pool = ThreadPoolExecutor(3)
    usage = pool.submit(ask, "build", "--help")
    asked_version = pool.submit(Question((str(path),), environment, cwd), "--version")
    route: Route = "buildx" if command.form == "buildx" else _route(usage.result())
    stated = _VERSION.search(asked_version.result())
    asked_info = pool.submit(ask, "info", "--format", "{{json .ClientInfo}}")
    asked_builder = pool.submit(builder, likely) if route == "buildx" else None

    def details() -> Details:
        context, plugins = _info(asked_info.result())
        inspected = asked_builder.result() if asked_builder is not None else ""
        if asked_builder is not None and context != likely:
            inspected = builder(context)
        driver, buildkit = stated_builder(inspected)
        return Details(context, plugins.get("buildx"), plugins.get("compose"), driver, buildkit)

    found = pool.submit(details)
    pool.shutdown(wait=False)
    return Client(path.resolve(), stated[1] if stated else "", route, found.result)


def _buildx(path: Path, builder: str, environment: Mapping[str, str], cwd: Path) -> Client:
    """buildx as a program of its own."""
    ask = Question((str(path),), environment, cwd)
    pool = ThreadPoolExecutor(2)
    asked_builder = pool.submit(ask, "inspect", *([builder] if builder else []))
    stated = _BUILDX_VERSION.search(ask("version"))

    def details() -> Details:
        driver, buildkit = stated_builder(asked_builder.result())
        return Details(driver=driver, buildkit=buildkit)

    found = pool.submit(details)
    pool.shutdown(wait=False)
    version = stated[1] if stated else ""
    return Client(path.resolve(), version, "buildx", found.result, BUILDX_PROGRAM)


def is_named(command: DockerCommand, environment: Mapping[str, str]) -> bool:
    """Whether the build may go to a builder other than the engine's own: `docker build` takes
    that of its context unless one is named, `docker buildx build` whatever `buildx use` chose."""
    return command.form == "buildx" or command.builder(environment) != ""


@dataclass(frozen=True, slots=True)
class Question:
    """Asks the client something; "" where it has no answer."""

    prefix: Sequence[str]
    environment: Mapping[str, str]
    cwd: Path

    def __call__(self, *words: str) -> str:
        return printed(
            [*self.prefix, *words],
            environment=self.environment,
            cwd=self.cwd,
            patience=_PATIENCE,
        )


@dataclass(frozen=True, slots=True)
class _BuilderQuestion:
    """Asks buildx about the builder that a build in a context uses."""

    ask: Question
    command: DockerCommand

    def __call__(self, context: str) -> str:
        name = self.command.builder(self.ask.environment)
        if self.command.form == "build" and not name:
            # `docker build` gives its context to buildx as the builder, unless one is named
            variables = {**self.ask.environment, "BUILDX_BUILDER": context}
            return replace(self.ask, environment=variables)("buildx", "inspect")
        return self.ask("buildx", "inspect", *([name] if name else []))


def executable(name: str, environment: Mapping[str, str], cwd: Path) -> Path:
    """The program of this name, as the command finds it. Raises EnvironmentLacks."""
    if "/" in name:
        found: str | None = str(cwd / name) if (cwd / name).is_file() else None
    else:
        found = shutil.which(name, path=environment.get("PATH"))
    if found is None:
        raise EnvironmentLacks(
            f"the docker client `{name}` is not there", hint="install it, or put it on PATH"
        )
    return Path(found).absolute()


def _route(usage: str) -> Route:
    """Where `build` goes. BuildKit's options are shown only where BuildKit will build."""
    if "--metadata-file" in usage:
        return "buildx"
    if "--progress" in usage:
        return "buildkit"
    return "classic" if "--iidfile" in usage else "unknown"


def stated_builder(inspected: str) -> tuple[str, tuple[str, ...]]:
    """The driver and the BuildKit versions that `buildx inspect` states; "" and () without."""
    driver = (_DRIVER.search(inspected) or ["", ""])[1]
    return driver, tuple(sorted(set(_BUILDKIT.findall(inspected))))


def _info(text: str) -> tuple[str, dict[str, Plugin]]:
    """The context's name and the plugins, from `docker info`."""
    try:
        found = json.loads(text or "{}")
        context = str(found.get("Context") or "default")
        plugins = {
            str(item.get("Name")): Plugin(
                Path(str(item["Path"])).resolve(), str(item.get("Version") or "")
            )
            for item in found.get("Plugins") or ()
            if not item.get("Err")
        }
    except (ValueError, AttributeError, TypeError, KeyError):
        return "default", {}
    return context, plugins
