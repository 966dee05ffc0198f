"""Wrapping one `docker build`: prepare it, and afterwards bring its image out of the engine.

The command gets an ID file and, where it goes to buildx, a metadata file, nothing else. What is
exported is the image that these two report: a tag that moved meanwhile is refused.
"""

from __future__ import annotations

import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from bom import redact
from bom.builder.docker import client as clients
from bom.builder.docker import command as commands
from bom.builder.docker import pushes, tools
from bom.builder.docker import results as outcomes
from bom.builder.docker.added import Added
from bom.builder.docker.engine import reach
from bom.builder.docker.no_engine import NoEngine
from bom.builder.docker.platform_provenance import PlatformProvenance
from bom.builder.docker.stage_export import DockerStages
from bom.builder.images import context, epoch, remote, stdin, unsealed
from bom.builder.images.collect import Collector
from bom.builder.images.context import Dialect, Given
from bom.builder.images.credentials import Lent, build_argument
from bom.builder.images.outcome import Outcome
from bom.builder.images.prepared import PreparedImages
from bom.builder.images.recipe import Recipe
from bom.builder.images.results import EngineImage, Nothing, RootFsFolder, parse_output
from bom.builder.images.stages import SwitchedOff
from bom.builder.prepared import looked_at
from bom.builder.protocol import Collected, Invocation
from bom.errors import BomError, EnvironmentLacks
from bom.model import Setting
from bom.state import state_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from concurrent.futures import Future

    from bom.builder.docker.client import Client
    from bom.builder.docker.command import DockerCommand
    from bom.builder.docker.engine import Engine, StatedComponent
    from bom.builder.images.context import BuildInputs
    from bom.builder.images.results import Result
    from bom.builder.protocol import BuildRequest, PreparedBuild, Progress
    from bom.model import Observation

_RECORDED_OPTIONS: Final = ("target", "platform", "file", "network")


def prepare(request: BuildRequest) -> PreparedBuild:
    """Everything that must be known before the build. Raises BomError, EnvironmentLacks."""
    command = commands.parse(request.command)
    if (nothing := outcomes.without_build(command)) is not None:
        return unsealed.prepare(request, nothing)
    client = None
    if command.values("output"):
        client = clients.probe(command, request.environment, request.cwd)
        found = outcomes.results(command, client.route, request.cwd)
        if isinstance(found[0], Nothing):
            return unsealed.prepare(request, found[0])
    return _prepare(command, request, client)


def _prepare(
    command: DockerCommand, request: BuildRequest, client: Client | None
) -> PreparedDockerBuild:
    """`client`: where it was asked already."""
    folder = Path(tempfile.mkdtemp(prefix="bom-"))  # mkdtemp makes it 0700
    try:
        return _within(folder, request, command, client)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _within(
    folder: Path, request: BuildRequest, command: DockerCommand, client: Client | None
) -> PreparedDockerBuild:
    """The same, with a folder for its temporary files."""
    if not command.values("output"):  # whatever the route: what is wrong with `-o` shows at once
        Outcome((EngineImage(),), request, command.tags, ())
    # the engine is reached while the client is asked: both mostly wait, for programs and imports
    aside = ThreadPoolExecutor(1)
    reached = aside.submit(_reach, command, request)
    aside.shutdown(wait=False)
    try:
        client = client or clients.probe(command, request.environment, request.cwd)
        wanted = outcomes.results(command, client.route, request.cwd)
        _refuse_unloaded(command, client, wanted, request.environment)
        platforms = command.platforms(request.environment)
        outcome = Outcome(wanted, request, command.tags, platforms)
        inputs = context.read(
            given(command, spooled(command, folder)),
            dialect(client),
            cwd=request.cwd,
            root=request.root,
            outputs=outcome.files,
            state=state_folder(request.environment),
        )
        command = _with_epoch(command, client, inputs, request)
        needed = _needs_engine(command, client, wanted, request.environment)
        engine, parts = _engine(reached, needed=needed)
    except BaseException:
        # not waited for: an engine that says nothing must not hold up Ctrl-C
        reached.add_done_callback(_close)
        raise
    try:
        recipe = Recipe(
            tags=command.tags,
            inputs=inputs,
            arguments={item.name: item.value for item in command.build_args(request.environment)},
            stage=command.value("target"),
            observations=pushes.facts(command, outcome.wanted),
            platform=platforms[0] if len(platforms) == 1 else "",
        )
        settings = tuple(_settings(command, client, request))
        return PreparedDockerBuild(
            request,
            command,
            client,
            recipe,
            outcome,
            engine,
            settings,
            _seen(client, parts),
            folder,
        )
    except BaseException:
        engine.close()
        raise


def _seen(client: Client, parts: tuple[StatedComponent, ...]) -> Future[tuple[Observation, ...]]:
    """The tools, looked at while the command runs: hashing them and asking whose they are takes a
    fifth of a second."""
    return looked_at(lambda: (*tools.client_tools(client), *tools.engine_tools(client, parts)))


def spooled(command: DockerCommand, folder: Path) -> Path | None:
    """Standard input in a file, where this build reads it. Raises BomError."""
    if not stdin.is_used(command.context, command.value("file")):
        return None
    return stdin.spool(folder)


def given(command: DockerCommand, standard_input: Path | None = None) -> Given:
    """What the command gives the builder."""
    named = (text.partition("=") for text in command.values("build-context"))
    return Given(
        command.context,
        command.value("file"),
        tuple((label, place) for label, _, place in named),
        stdin=standard_input,
    )


def dialect(client: Client) -> Dialect:
    """How this client and its builder read the inputs: clients before 23.0 have rules of their
    own, and the classic builder knows no NAME.dockerignore."""
    is_old = client.is_old and client.route != "buildx"
    classic = client.route == "classic"
    return Dialect(
        walk="classic" if is_old or classic else "buildkit",
        matcher="20.10" if is_old else "current",
        own_ignore_file=not classic,
        frontend="classic" if classic else "buildkit",
    )


class _Reached(NamedTuple):
    engine: Engine | NoEngine
    parts: tuple[StatedComponent, ...]


def _close(reached: Future[_Reached]) -> None:
    if reached.exception() is None:
        reached.result().engine.close()


def _reach(command: DockerCommand, request: BuildRequest) -> _Reached:
    engine = reach(command, request.environment, request.cwd)
    try:
        return _Reached(engine, engine.version())
    except BaseException:
        engine.close()
        raise


def _needs_engine(
    command: DockerCommand, client: Client, wanted: Sequence[Result], environment: Mapping[str, str]
) -> bool:
    """A builder of another driver that pushes or writes files has nothing to do with the engine."""
    if client.route != "buildx" or any(isinstance(result, EngineImage) for result in wanted):
        return True
    named = clients.is_named(command, environment)
    return not named or client.details().driver in ("", clients.DOCKER_DRIVER)


def _engine(reached: Future[_Reached], *, needed: bool) -> _Reached:
    """The engine with its parts; without one where it isn't needed, and then it took no part."""
    try:
        found = reached.result()
    except EnvironmentLacks:
        if needed:
            raise
        return _Reached(NoEngine(), ())
    return found if needed else _Reached(found.engine, ())


class PreparedDockerBuild(PreparedImages):
    """A `docker build` about to run; a context manager that owns its temporary files."""

    def __init__(
        self,
        request: BuildRequest,
        command: DockerCommand,
        client: Client,
        recipe: Recipe,
        outcome: Outcome,
        engine: Engine | NoEngine,
        settings: tuple[Observation, ...],
        seen: Future[tuple[Observation, ...]],
        folder: Path,
    ) -> None:
        super().__init__(folder, settings, seen)
        self._outcome = outcome
        self.warnings = tuple(_warnings(command, recipe.inputs, outcome, request))
        store = pushes.store(engine, command, request) if pushes.any_of(outcome.wanted) else engine
        self._collector = Collector(store, request)
        self._provenance = PlatformProvenance.of(command, client, request)
        added = Added.to(command, client.route, outcome.wanted, (request.cwd, folder))
        self._added = added
        environment = {**dict(added.variables), **request.environment}
        argv = (*command.argv[: command.at], *added.options, *command.argv[command.at :])
        standard_input = folder / stdin.FILE
        self.invocation = Invocation(
            argv, environment, standard_input if standard_input.exists() else None
        )
        exporter = (
            DockerStages(
                command,
                client,
                request,
                self._folder,
                dockerfile=recipe.inputs.dockerfile,
                architecture=engine.architecture,
                stdin=self.invocation.stdin,
            )
            if request.config.stages
            else SwitchedOff()
        )
        self._recipe = replace(recipe, exporter=exporter)

    def close(self) -> None:
        super().close()
        self._collector.close()

    def packs(self, path: Path) -> bool:
        """Whether the builder gets to see this file."""
        return self._recipe.inputs.holds(path)

    def collect(self, progress: Progress, commit: str = "") -> Collected:
        """Every result of the build, with what is in it."""
        reported = self._provenance.added_to(self._added.reported(self._outcome.wanted))
        return self._outcome.collect(self._collector, self._recipe, reported, progress, commit)


# --- before the build ---------------------------------------------------------------------------


def _refuse_unloaded(
    command: DockerCommand,
    client: Client,
    wanted: Sequence[Result],
    environment: Mapping[str, str],
) -> None:
    """A builder of another driver keeps the image to itself unless it is told to load it."""
    if client.route != "buildx" or not clients.is_named(command, environment):
        return
    if not any(isinstance(result, EngineImage) for result in wanted):
        return
    driver = client.details().driver
    if driver in ("", clients.DOCKER_DRIVER):
        return
    loads = any(parse_output(text).get("type") == "docker" for text in command.values("output"))
    if not loads and not command.flag("load"):
        raise BomError(
            f"the builder (driver {driver}) would keep the image to itself",
            hint="add --load to the build",
        )


def _with_epoch(
    command: DockerCommand, client: Client, inputs: BuildInputs, request: BuildRequest
) -> DockerCommand:
    """The command with SOURCE_DATE_EPOCH as a build argument: for BuildKit behind buildx always
    (from 0.10 on buildx takes the variable for it anyway), for another builder where the Dockerfile
    declares it."""
    argument = epoch.argument(command.values("build-arg"), request.epoch)
    if argument and (client.route == "buildx" or epoch.is_declared(inputs)):
        return command.with_build_arg(argument)
    return command


def _settings(
    command: DockerCommand, client: Client, request: BuildRequest
) -> Iterator[Observation]:
    lent = _lent(command, request)
    known = (*redact.secrets_of(request.environment), *lent.values(request.environment))
    yield Setting("option", "builder", client.route)
    for name in _RECORDED_OPTIONS:
        if value := ",".join(command.values(name)) if name == "platform" else command.value(name):
            yield Setting("option", name, redact.text(_shown(name, value, request)))
    yield from lent.settings()
    for item in command.build_args(request.environment):
        yield build_argument(item.name, item.value, known)


def _shown(name: str, value: str, request: BuildRequest) -> str:
    if name != "file" or value == stdin.NAME:
        return value
    if context.is_remote(value):
        return remote.shown(value)
    return context.name(request.cwd / value, request.root)


def _lent(command: DockerCommand, request: BuildRequest) -> Lent:
    return Lent.by(command.values("secret"), command.values("ssh"), request.environment)


def _warnings(
    command: DockerCommand, inputs: BuildInputs, outcome: Outcome, request: BuildRequest
) -> Iterator[str]:
    yield from _lent(command, request).warnings(inputs, request.cwd)
    folders = (item.path for item in outcome.wanted if isinstance(item, RootFsFolder))
    for path in (*outcome.files, *folders):
        if any(context.holds(path) for _, context in inputs.contexts):
            yield (
                f"{path.name} lies in the build context: the next build would pack it;"
                " name it in .dockerignore"
            )
    several = len(command.platforms(request.environment)) > 1  # their index comes whole
    if command.makes_attestations and outcome.image_file is not None and not several:
        place = "registry" if pushes.any_of(outcome.wanted) else "engine"
        yield (
            f"the attestations that this build makes stay in the {place}:"
            f" {outcome.image_file.name} holds the image alone"
        )
