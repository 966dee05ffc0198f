"""Wrapping one `docker build`: prepare it, and afterwards bring its image out of the engine.

The command gets an ID file and, where it goes to buildx, a metadata file, nothing else. What is
exported is the image that these two report: a tag that moved meanwhile is refused.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, Self

from bom import redact
from bom.builder.docker import client as clients
from bom.builder.docker import command as commands
from bom.builder.docker import context, image, provenance, tools
from bom.builder.docker.engine import Engine, host
from bom.builder.docker.image import Export
from bom.builder.protocol import Artifact, Collected, Invocation
from bom.catalog.images import dockerfile
from bom.compose.bom import ROOT
from bom.errors import BomError
from bom.model import Gap, Material, Property, RunDetail, Setting
from bom.output import temporary_beside

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from bom.builder.docker.client import Client
    from bom.builder.docker.command import DockerCommand
    from bom.builder.docker.context import BuildInputs
    from bom.builder.docker.engine import StatedComponent, StoredImage
    from bom.builder.docker.image import Target
    from bom.builder.docker.provenance import Reported
    from bom.builder.protocol import BuildRequest, Progress
    from bom.catalog.image import ImageContents
    from bom.catalog.protocol import Declared
    from bom.model import Observation

NO_ATTESTATIONS: Final = "BUILDX_NO_DEFAULT_ATTESTATIONS"
METADATA_PROVENANCE: Final = "BUILDX_METADATA_PROVENANCE"
_RECORDED_OPTIONS: Final = ("target", "platform", "file", "network")


def prepare(request: BuildRequest) -> PreparedDockerBuild:
    """Everything that must be known before the build. Raises BomError, EnvironmentLacks."""
    command = commands.parse(request.command)
    output = _output(request)
    # the engine is reached while the client is asked: both mostly wait, for programs and imports
    with ThreadPoolExecutor(1) as aside:
        reached = aside.submit(_reach, command, request)
        try:
            client = clients.probe(command, request.environment, request.cwd)
            _refuse_unloaded(command, client)
            inputs = context.read(
                command,
                cwd=request.cwd,
                root=request.root,
                output=output,
                client=client,
            )
            programs = tuple(tools.client_tools(client))
            engine, parts = reached.result()
        except BaseException:
            if reached.exception() is None:
                reached.result().engine.close()
            raise
    try:
        observations = (
            *_settings(command, client, request),
            *inputs.observations,
            *programs,
            *tools.engine_tools(client, parts),
        )
        return PreparedDockerBuild(request, command, client, inputs, engine, observations)
    except BaseException:
        engine.close()
        raise


class _Reached(NamedTuple):
    engine: Engine
    parts: tuple[StatedComponent, ...]


def _reach(command: DockerCommand, request: BuildRequest) -> _Reached:
    engine = Engine(host(command, request.environment, request.cwd))
    try:
        return _Reached(engine, engine.version())
    except BaseException:
        engine.close()
        raise


class PreparedDockerBuild:
    """A `docker build` about to run; a context manager that owns its temporary files."""

    needs: tuple[str, ...] = ("bom.catalog.image", "cyclonedx.spdx")

    def __init__(
        self,
        request: BuildRequest,
        command: DockerCommand,
        client: Client,
        inputs: BuildInputs,
        engine: Engine,
        observations: tuple[Observation, ...],
    ) -> None:
        self.observations = observations
        self.warnings = tuple(_warnings(command, inputs, _output(request)))
        self._request = request
        self._command = command
        self._inputs = inputs
        self._engine = engine
        self._output = _output(request)
        self._export: Path | None = None
        self._folder = Path(tempfile.mkdtemp(prefix="bom-"))  # mkdtemp makes it 0700
        added = _Added.to(command, client, self._folder)
        self._id_file = request.cwd / added.id_file
        self._metadata_file = request.cwd / added.metadata_file if added.metadata_file else None
        environment = dict(request.environment)
        if not command.wants_attestations:
            environment.setdefault(NO_ATTESTATIONS, "1")
        if self._metadata_file is not None:
            environment.setdefault(METADATA_PROVENANCE, "max")
        argv = (*command.argv[: command.at], *added.options, *command.argv[command.at :])
        self.invocation = Invocation(argv, environment)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
        if self._export is not None:
            self._export.unlink(missing_ok=True)
        self._engine.close()

    def packs(self, path: Path) -> bool:
        """Whether the builder gets to see this file."""
        return self._inputs.holds(path)

    def collect(self, progress: Progress, commit: str = "") -> Collected:
        """The image's archive, exported beside the output, with what is in it."""
        reported = provenance.read(self._id_file, self._metadata_file)
        target = image.locate(self._engine, self._command.tags, reported)
        export = self._export_image(target, progress)
        identity = export.contents.identity
        image.check(identity, target, reported, self._command.tags)
        export = self._with_project(export, commit)
        shared = tuple(self._shared(reported, export.contents, target.image))
        return Collected(
            artifacts=(
                Artifact(
                    built=export.path,
                    target=self._output,
                    subject=image.subject(
                        self._output.name,
                        export.contents,
                        self._command.tags,
                        export.sha256,
                        export.size,
                    ),
                    observations=export.contents.observations,
                    warnings=tuple(image.shipped_secrets(export.contents.config)),
                    forbidden=image.forbidden(export.contents, self._request.forbidden),
                ),
            ),
            observations=shared,
        )

    def _export_image(self, target: Target, progress: Progress) -> Export:
        from bom.catalog.image import ImageCataloguer

        digest = hashlib.sha256()
        size = 0
        self._export = temporary_beside(self._output)
        progress.start("export the image", target.image.size)
        try:
            with (
                ImageCataloguer() as cataloguer,
                self._export.open("wb") as file,
                closing(self._engine.export(target.names, target.platform)) as pieces,
            ):
                for piece in pieces:
                    file.write(piece)
                    digest.update(piece)
                    cataloguer.feed(piece)
                    size += len(piece)
                    progress.advance(len(piece))
                contents = cataloguer.finish()
        except OSError as error:
            raise BomError(
                f"the export can't be written: {error.strerror}",
                hint="is there room for it beside the output?",
            ) from error
        finally:
            progress.done()
        return Export(self._export, digest.hexdigest(), size, contents)

    def _with_project(self, export: Export, commit: str) -> Export:
        """The image, with the files that are the project's own source told as such, and with
        what the project locks, to be held against what is installed."""
        from bom.builder.docker.locks import declared_in
        from bom.catalog.attribution import with_source
        from bom.observe.source_files import committed

        contents = export.contents
        root = self._request.root
        source = committed(root, commit, contents.files.unowned_sizes())
        files = with_source(contents.files, source, ROOT)
        known = {_content(lock) for lock in contents.declared}
        declared, gaps = declared_in(self._inputs, root)
        added = [lock for lock in declared if _content(lock) not in known]
        inside = replace(contents.inside, gaps=(*contents.inside.gaps, *gaps))
        return replace(
            export,
            contents=replace(
                contents, files=files, inside=inside, declared=(*contents.declared, *added)
            ),
        )

    def _shared(
        self, reported: Reported, contents: ImageContents, stored: StoredImage
    ) -> Iterator[Observation]:
        references = None
        if self._inputs.dockerfile is not None:
            arguments = self._command.build_args(self._request.environment)
            references = dockerfile.images(
                context.text(self._inputs.dockerfile),
                {item.name: item.value for item in arguments},
                self._command.value("target"),
            )
        for fact in provenance.image_materials(references, reported.sources):
            if isinstance(fact, Material) and fact.kind == "base-image":
                yield self._with_os_release(fact, contents)
            else:
                yield fact
        if reported.sources is None:
            yield Gap(
                "build.provenance", "the builder", "it gives no provenance of the build's steps"
            )
        details = {
            "image.id": stored.id,
            "image.index": contents.identity.index,
            "build.ref": reported.build_ref,
            "build.invocation": reported.invocation,
            "build.started": reported.started,
            "build.finished": reported.finished,
        }
        yield from (RunDetail(name, value) for name, value in details.items() if value)

    def _with_os_release(self, base: Material, contents: ImageContents) -> Material:
        """The base image with its OS release, where the image's os-release came with its layers."""
        if contents.os_release is None or not base.digests:
            return base
        from bom.catalog import os_release  # loaded long since, by the cataloguer

        stored = self._engine.inspect(f"sha256:{base.digests[0].value}")
        entries = [contents.view.entry(path) for path in os_release.PATHS]
        layers = {entry.layer for entry in entries if entry is not None and entry.type == "file"}
        if stored is None or not layers or not layers <= set(stored.layers):
            return base
        release = f"{contents.os_release.name} {contents.os_release.version}".strip()
        return replace(base, properties=(*base.properties, Property("bom-seal:image:os", release)))


def _content(lock: Declared) -> tuple[str, frozenset[tuple[str, str]]]:
    """What a lock says, wherever it lies: a copy of it in the image is the same lock."""
    items = frozenset((item.role, item.component.bom_ref) for item in lock.dependencies)
    return lock.ecosystem, items


@dataclass(frozen=True, slots=True)
class _Added:
    """The options that are added, and where the two files are: the user's own where given."""

    options: tuple[str, ...]
    id_file: str
    metadata_file: str = ""

    @classmethod
    def to(cls, command: DockerCommand, client: Client, folder: Path) -> _Added:
        options: list[str] = []
        id_file = command.value("iidfile")
        if not id_file:
            id_file = str(folder / "id")
            options += ["--iidfile", id_file]
        metadata_file = command.value("metadata-file")
        if not metadata_file and client.route == "buildx":
            metadata_file = str(folder / "metadata.json")
            options += ["--metadata-file", metadata_file]
        return cls(tuple(options), id_file, metadata_file)


# --- before the build ---------------------------------------------------------------------------


def _output(request: BuildRequest) -> Path:
    if request.output is None:
        raise BomError(
            "an image build needs a file for the sealed image",
            hint="bom build -o app.tar -- docker build ...",
        )
    if request.output.is_dir() or not request.output.parent.is_dir():
        raise BomError(
            f"{request.output.name} can't be written there",
            hint="-o names a file in a folder that exists",
        )
    return request.output


def _refuse_unloaded(command: DockerCommand, client: Client) -> None:
    """A builder of another driver keeps the image to itself unless it is told to load it."""
    if client.route != "buildx" or client.driver in ("", clients.DOCKER_DRIVER):
        return
    loads = any(
        commands.parse_output(text).get("type") == "docker" for text in command.values("output")
    )
    if not loads and not command.flag("load"):
        raise BomError(
            f"the builder (driver {client.driver}) would keep the image to itself",
            hint="add --load to the build",
        )


def _settings(
    command: DockerCommand, client: Client, request: BuildRequest
) -> Iterator[Observation]:
    known = redact.secrets_of(request.environment)
    yield Setting("option", "builder", client.route)
    for name in _RECORDED_OPTIONS:
        if value := command.value(name):
            local = name == "file" and not context.is_remote(value)
            shown = context.name(request.cwd / value, request.root) if local else value
            yield Setting("option", name, redact.text(shown))
    for item in command.build_args(request.environment):
        value = redact.value(item.name, item.value)
        if any(secret in value for secret in known):
            value = redact.REDACTED
        yield Setting("build-arg", item.name, value)


def _warnings(command: DockerCommand, inputs: BuildInputs, output: Path) -> Iterator[str]:
    if inputs.holds(output):
        yield (
            f"{output.name} lies in the build context: the next build would pack it;"
            " name it in .dockerignore"
        )
    if command.makes_attestations:
        yield (
            f"the attestations that this build makes stay in the engine: {output.name} holds the"
            " image alone"
        )
