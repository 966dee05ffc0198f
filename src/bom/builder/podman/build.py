"""Wrapping one build by podman or buildah: prepare it, and afterwards bring its image out of the
storage. The command gets an ID file, nothing else."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bom import redact
from bom.builder.images import (
    bases,
    context,
    epoch,
    image,
    provenance,
    remote,
    stdin,
    unsealed,
)
from bom.builder.images.collect import Collector
from bom.builder.images.credentials import Lent, build_argument
from bom.builder.images.outcome import Outcome
from bom.builder.images.prepared import PreparedImages
from bom.builder.images.provenance import Reported
from bom.builder.images.recipe import Recipe
from bom.builder.images.results import EngineImage, Nothing, of_outputs, parse_output
from bom.builder.podman import command as commands
from bom.builder.podman import inputs, program, tools
from bom.builder.podman.storage import Storage
from bom.builder.prepared import looked_at
from bom.builder.protocol import Collected, Invocation
from bom.errors import BomError
from bom.model import Setting
from bom.state import state_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from concurrent.futures import Future

    from bom.builder.images.context import BuildInputs
    from bom.builder.images.results import Result
    from bom.builder.podman.command import PodmanCommand
    from bom.builder.podman.program import Program
    from bom.builder.protocol import BuildRequest, PreparedBuild, Progress
    from bom.model import Observation

_PATHS: Final = ("file", "ignorefile")
_VALUES: Final = ("arch", "from", "network", "os", "platform", "target", "timestamp", "variant")
_FLAGS: Final = ("layers", "omit-history", "squash", "squash-all")
_STEERING: Final = {"format": "BUILDAH_FORMAT", "isolation": "BUILDAH_ISOLATION"}


def prepare(request: BuildRequest, podman: Path | None = None) -> PreparedBuild:
    """Everything that must be known before the build. `podman`: where the command calls it by
    another name. Raises BomError, EnvironmentLacks."""
    name = request.command[0] if podman is None else str(podman)
    command = commands.parse((name, *request.command[1:]))
    if command.prints:
        return unsealed.prepare(request, Nothing("this prints a text and builds nothing"))
    wanted = _wanted(command, request)
    tool = program.locate(command, request.environment, request.cwd)
    oci = command.image_format(request.environment) == "oci"
    storage = Storage(tool, oci=oci)
    folder = Path(tempfile.mkdtemp(prefix="bom-"))  # mkdtemp makes it 0700
    try:
        names = [tag.removeprefix("localhost/") for tag in command.tags]
        outcome = Outcome(wanted, request, names)
        given = inputs.read(
            command,
            cwd=request.cwd,
            root=request.root,
            outputs=outcome.files,
            spool=folder,
            state=state_folder(request.environment),
        )
        packed = given
        if command.is_remote(request.environment):
            given = inputs.without_context_digest(given)
        arguments = command.build_args(request.environment, request.cwd)
        extra = _epoch(arguments, packed, request)
        arguments = {**arguments, **extra}
        recipe = Recipe(
            tags=command.tags,
            inputs=given,
            arguments=arguments,
            stage=command.value("target"),
            platform=command.value("platform"),
        )
        recipe = replace(recipe, held=bases.held(recipe.references() or (), storage))
        settings = tuple(_settings(command, arguments, request))
        seen = _seen(command, tool, request)
        return PreparedPodmanBuild(
            request,
            command,
            outcome,
            storage,
            recipe,
            folder,
            settings,
            seen,
            tuple(_warnings(command, request, packed, outcome, storage)),
            tuple(word for pair in extra.items() for word in ("--build-arg", "=".join(pair))),
        )
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


class PreparedPodmanBuild(PreparedImages):
    """A build by podman or buildah about to run; a context manager that owns its temporary
    files."""

    def __init__(
        self,
        request: BuildRequest,
        command: PodmanCommand,
        outcome: Outcome,
        storage: Storage,
        recipe: Recipe,
        folder: Path,
        settings: tuple[Observation, ...],
        seen: Future[tuple[Observation, ...]],
        warnings: tuple[str, ...],
        added: tuple[str, ...] = (),
    ) -> None:
        self.warnings = warnings
        super().__init__(folder, settings, seen)
        self._outcome = outcome
        self._recipe = recipe
        self._storage = storage
        self._collector = Collector(storage, request)
        id_file = command.value("iidfile")
        if not id_file:
            added = (*added, "--iidfile", str(folder / "id"))
        self._id_file = request.cwd / id_file if id_file else folder / "id"
        own = request.command
        argv = (*own[: command.at], *added, *own[command.at :])
        spooled = folder / stdin.FILE
        self.invocation = Invocation(
            argv, request.environment, spooled if spooled.exists() else None
        )

    def close(self) -> None:
        super().close()
        self._collector.close()

    def packs(self, path: Path) -> bool:
        """Whether the builder gets to see this file."""
        return self._recipe.inputs.holds(path)

    def collect(self, progress: Progress, commit: str = "") -> Collected:
        """The image's archive, exported beside the output, with what is in it; or the files that
        the build wrote instead, which it may leave without an image."""
        if self._outcome.image_file is None and not self._id_file.exists():
            return self._outcome.collect(
                self._collector, self._recipe, Reported(), progress, commit
            )
        reported = provenance.read(self._id_file, None)
        archived = self._storage.archived(self._recipe.tags)
        if archived != self._recipe.tags:  # the others must be the image's names too
            image.locate(self._storage, self._recipe.tags, reported)
        others = tuple(tag for tag in self._recipe.tags if tag not in archived)
        recipe = replace(self._recipe, tags=archived, more_tags=others)
        return self._outcome.collect(self._collector, recipe, reported, progress, commit)


# --- before the build ---------------------------------------------------------------------------


def _wanted(command: PodmanCommand, request: BuildRequest) -> tuple[Result, ...]:
    """What the build leaves: the image, or with `--output` its file system. Raises BomError where
    that can't be sealed."""
    if outputs := command.values("output"):
        return of_outputs([parse_output(text) for text in outputs], request.cwd)
    if request.output is None:
        raise BomError(
            "an image build needs a file for the sealed image",
            hint=f"bom build -o app.tar -- {command.program} build ...",
        )
    return (EngineImage(),)


def _seen(
    command: PodmanCommand, tool: Program, request: BuildRequest
) -> Future[tuple[Observation, ...]]:
    """The tools, looked at while the command runs."""
    isolation = _steering("isolation", command, request.environment)
    runtime = command.value("runtime") or request.environment.get("BUILDAH_RUNTIME", "")

    def look() -> tuple[Observation, ...]:
        if command.program == "buildah":
            return tuple(tools.of_buildah(tool, runtime, isolation))
        return tuple(tools.of_podman(tool, tool.info(), isolation))

    return looked_at(look)


def _epoch(
    given: Mapping[str, str], inputs: BuildInputs, request: BuildRequest
) -> Mapping[str, str]:
    """SOURCE_DATE_EPOCH, where the Containerfile declares it: else these programs warn of it."""
    argument = epoch.argument(given, request.epoch)
    if not argument or not epoch.is_declared(inputs):
        return {}
    name, _, value = argument.partition("=")
    return {name: value}


def _steering(name: str, command: PodmanCommand, environment: Mapping[str, str]) -> str:
    """An option that a variable stands in for."""
    return command.value(name) or environment.get(_STEERING[name], "")


def _settings(
    command: PodmanCommand, arguments: Mapping[str, str], request: BuildRequest
) -> Iterator[Observation]:
    lent = _lent(command, request)
    known = (*redact.secrets_of(request.environment), *lent.values(request.environment))
    yield Setting("option", "builder", "buildah")
    yield from lent.settings()
    for name in _PATHS:
        given = command.files if name == "file" else tuple(filter(None, command.values(name)))
        for value in given:
            yield Setting("option", name, redact.text(_shown(value, request)))
    for name in (*_VALUES, *_FLAGS):
        if value := command.value(name):
            yield Setting("option", name, redact.text(value))
    for name in _STEERING:
        if value := _steering(name, command, request.environment):
            yield Setting("option", name, redact.text(value))
    for name, text in arguments.items():
        yield build_argument(name, text, known)


def _shown(place: str, request: BuildRequest) -> str:
    if place in ("-", "/dev/stdin"):
        return "-"
    if context.is_remote(place):
        return remote.shown(place)
    return context.name(request.cwd / place, request.root)


def _lent(command: PodmanCommand, request: BuildRequest) -> Lent:
    return Lent.by(command.values("secret"), command.values("ssh"), request.environment)


def _warnings(
    command: PodmanCommand,
    request: BuildRequest,
    packed: BuildInputs,
    outcome: Outcome,
    storage: Storage,
) -> Iterator[str]:
    yield from _lent(command, request).warnings(packed, request.cwd)
    for path in outcome.files:
        if any(local.holds(path) for _, local in packed.contexts):
            yield (
                f"{path.name} lies in the build context: the next build would pack it;"
                " name it in .containerignore"
            )
    if (output := outcome.image_file) is None:
        return
    tags = command.tags
    if left_out := tags[len(storage.archived(tags)) :]:
        yield (
            f"{output.name} can't hold all names of the image: {', '.join(left_out)} will be"
            " missing when it is loaded"
        )
    if command.values("annotation") and not storage.keeps_annotations:
        yield (
            f"the image's annotations stay in the storage: {output.name} is docker's archive, which"
            " has none (--format oci makes an OCI archive)"
        )
