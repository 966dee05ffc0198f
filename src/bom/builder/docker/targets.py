"""One command that makes several images: the targets of a bake file, the services of compose.

Before the build each is a `Definition`, as the client itself states it; afterwards each becomes an
artifact of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bom import redact
from bom.builder.images import context
from bom.builder.images.collect import Collector
from bom.builder.images.context import BuildInputs, Given
from bom.builder.images.credentials import Lent, build_argument
from bom.builder.images.prepared import PreparedImages
from bom.builder.images.recipe import Recipe
from bom.builder.images.remote import is_remote
from bom.builder.protocol import Collected
from bom.catalog.images.reference import familiar, with_tag
from bom.errors import BomError
from bom.model import Material, Setting
from bom.state import state_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from concurrent.futures import Future

    from bom.builder.docker.engine import Engine
    from bom.builder.images.context import Dialect
    from bom.builder.images.outcome import Outcome
    from bom.builder.images.provenance import Reported
    from bom.builder.images.store import ImageStore
    from bom.builder.protocol import BuildRequest, Invocation, Progress
    from bom.model import Observation

FOLDER_PREFIX: Final = "bom-"


@dataclass(frozen=True, slots=True)
class Definition:
    """One image as the client says that it will be built.

    `context`: a path relative to the working directory, or what the builder fetches.
    `dockerfile`: relative to the context, "" for the usual one; `inline`: its text instead.
    `named`: named contexts; `linked`: those that are another target, by its label. `attested`:
    whether the definition itself asks for attestations.
    """

    label: str
    context: str
    dockerfile: str = ""
    inline: str | None = None
    named: tuple[tuple[str, str], ...] = ()
    linked: tuple[tuple[str, str], ...] = ()
    arguments: Mapping[str, str] = field(default_factory=dict)
    stage: str = ""
    tags: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    lent: Lent = field(default_factory=Lent)
    network: str = ""
    entitlements: tuple[str, ...] = ()
    attested: bool = False


@dataclass(frozen=True, slots=True)
class Planned:
    """An image that will be sealed, and where its results go. `store`: where it is looked for,
    None for the engine."""

    recipe: Recipe
    outcome: Outcome
    store: ImageStore | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What is known of one image after the build. `observations`: what else is to be said of it."""

    reported: Reported
    observations: tuple[Observation, ...] = ()


class Inputs:
    """The inputs of the targets of one command, each read once. `folder`: a private one for the
    Dockerfiles that stand in the definition itself."""

    def __init__(
        self,
        definitions: Iterable[Definition],
        dialect: Dialect,
        request: BuildRequest,
        outputs: Sequence[Path],
        folder: Path,
    ) -> None:
        self._definitions = {item.label: item for item in definitions}
        self._dialect = dialect
        self._request = request
        self._outputs = outputs
        self._folder = folder
        self._own: dict[str, BuildInputs] = {}
        self._read: dict[Given, BuildInputs] = {}

    def of(self, label: str) -> BuildInputs:
        """The inputs of a target with those of the targets that it takes files from."""
        own = self._of(label)
        contexts = list(own.contexts)
        observations = list(own.observations)
        remotes = list(own.remotes)
        for name, other in self._linked(label):
            linked = self._of(other)
            contexts += [(f"{name}={shown}", local) for shown, local in linked.contexts]
            observations += [_named(fact, name) for fact in linked.observations]
            remotes += linked.remotes
        return replace(
            own,
            contexts=tuple(contexts),
            observations=tuple(dict.fromkeys(observations)),
            remotes=tuple(dict.fromkeys(remotes)),
            # what is another target is no image of that name
            named={**own.named, **{name: "" for name, _ in self._definitions[label].linked}},
        )

    def room(self, label: str) -> Path:
        """A private folder for this target alone."""
        folder = self._folder / f"target-{list(self._definitions).index(label)}"
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    def _linked(self, label: str) -> Iterator[tuple[str, str]]:
        """The targets that this one takes from, also by way of others, each once."""
        seen = {label}
        waiting = list(self._definitions[label].linked)
        while waiting:
            name, other = waiting.pop(0)
            if other in seen or other not in self._definitions:
                continue
            seen.add(other)
            yield name, other
            waiting += self._definitions[other].linked

    def _of(self, label: str) -> BuildInputs:
        if label not in self._own:
            definition = self._definitions[label]
            try:
                inputs = self._read_once(self._given(definition))
            except BomError as error:
                raise BomError(f"{label}: {error.reason}", hint=error.hint) from error
            if definition.inline is not None:
                inputs = _inline(inputs, label)
            self._own[label] = inputs
        return self._own[label]

    def _read_once(self, given: Given) -> BuildInputs:
        if given not in self._read:
            self._read[given] = context.read(
                given,
                self._dialect,
                cwd=self._request.cwd,
                root=self._request.root,
                outputs=self._outputs,
                state=state_folder(self._request.environment),
            )
        return self._read[given]

    def _given(self, item: Definition) -> Given:
        if item.inline is not None:
            written = self.room(item.label) / self._dialect.dockerfiles[0]
            written.write_text(item.inline, encoding="utf-8", errors="surrogateescape")
            return Given(item.context, str(written), item.named)
        if is_remote(item.context) and not (self._request.cwd / item.context).is_dir():
            return Given(item.context, item.dockerfile, item.named)
        usual = item.dockerfile in ("", self._dialect.dockerfiles[0])
        file = "" if usual else str(Path(item.context) / item.dockerfile)
        return Given(item.context, file, item.named)


def _inline(inputs: BuildInputs, label: str) -> BuildInputs:
    """A Dockerfile without a file goes by its target's name."""
    return replace(
        inputs,
        observations=tuple(
            replace(fact, name=f"{label} (inline)")
            if isinstance(fact, Material) and fact.kind == "dockerfile"
            else fact
            for fact in inputs.observations
        ),
    )


def _named(fact: Observation, name: str) -> Observation:
    if isinstance(fact, Material) and fact.kind == "context":
        return replace(fact, name=f"{name}={fact.name}")
    return fact


def recipe(item: Definition, inputs: BuildInputs, request: BuildRequest, kind: str) -> Recipe:
    """How this image is made. `kind`: what the label is called (`bake-target`)."""
    return Recipe(
        tags=tuple(dict.fromkeys(map(with_tag, item.tags))),
        inputs=inputs,
        label=item.label,
        arguments=dict(item.arguments),
        stage=item.stage,
        platform=item.platforms[0] if len(item.platforms) == 1 else "",
        observations=tuple(_settings(item, request, kind)),
    )


def _settings(item: Definition, request: BuildRequest, kind: str) -> Iterator[Setting]:
    known = (
        *redact.secrets_of(request.environment),
        *item.lent.values(request.environment),
    )
    yield Setting("option", kind, item.label)
    if item.stage:
        yield Setting("option", "target", redact.text(item.stage))
    if item.platforms:
        yield Setting("option", "platform", redact.text(",".join(item.platforms)))
    if item.network:
        yield Setting("option", "network", redact.text(item.network))
    yield from item.lent.settings()
    for name, text in sorted(item.arguments.items()):
        yield build_argument(name, text, known)


def in_context(planned: Sequence[Planned]) -> Iterator[str]:
    """A warning for each sealed image that the next build would pack."""
    for item in planned:
        file = item.outcome.image_file
        if file is not None and any(other.recipe.inputs.holds(file) for other in planned):
            yield (
                f"{file.name} lies in a build context: the next build would pack it;"
                " name it in .dockerignore"
            )


class PreparedTargets(PreparedImages):
    """A command about to make several images; a context manager that owns its temporary folder.

    `reports` says, once the command has ended well, what each image became, by label: it is
    leaves out a target that this command turned out not to build. `closed` is called at the end.
    """

    def __init__(
        self,
        request: BuildRequest,
        invocation: Invocation,
        planned: Sequence[Planned],
        engine: Engine,
        folder: Path,
        *,
        settings: Sequence[Observation],
        tools: Future[tuple[Observation, ...]],
        reports: Callable[[], Mapping[str, Report]],
        warnings: Sequence[str] = (),
        closed: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(folder, settings, tools)
        self.invocation = invocation
        self.warnings = (*warnings, *in_context(planned))
        self._planned = tuple(planned)
        self._engine = engine
        self._request = request
        self._collectors = [Collector(item.store or engine, request) for item in self._planned]
        self._reports = reports
        self._closed = closed

    def close(self) -> None:
        super().close()
        self._closed()
        for collector in self._collectors:
            collector.close()
        self._engine.close()

    @property
    def names(self) -> tuple[str, ...]:
        """The names that the images get in the engine, each once."""
        return tuple(dict.fromkeys(name for item in self._planned for name in item.recipe.tags))

    def packs(self, path: Path) -> bool:
        """Whether the builder gets to see this file for one of the images."""
        return any(item.recipe.inputs.holds(path) for item in self._planned)

    def collect(self, progress: Progress, commit: str = "") -> Collected:
        """What every target left: all images are exported before one is sealed."""
        reports = self._reports()
        made: list[Collected] = []
        for item, collector in zip(self._planned, self._collectors, strict=True):
            report = reports.get(item.recipe.label)
            if report is None:
                continue
            recipe = _as_built(item.recipe, report, self._request)
            try:
                made.append(
                    item.outcome.collect(collector, recipe, report.reported, progress, commit)
                )
            except BomError as error:
                raise type(error)(f"{recipe.label}: {error.reason}", hint=error.hint) from error
        return Collected(
            tuple(artifact for part in made for artifact in part.artifacts),
            sealed_already=tuple(item for part in made for item in part.sealed_already),
            warnings=tuple(text for part in made for text in part.warnings),
        )


def _as_built(planned: Recipe, report: Report, request: BuildRequest) -> Recipe:
    """The recipe with the names and arguments that the build really had: a definition may hold the
    time, and is evaluated anew for the build."""
    stated = tuple(dict.fromkeys(map(familiar, report.reported.names)))
    tags = planned.tags
    if stated and set(stated) != set(map(familiar, tags)):
        tags = stated
    other = {
        name: value
        for name, value in report.reported.arguments
        if planned.arguments.get(name, value) != value
    }
    observations = tuple(
        build_argument(fact.name, other[fact.name], redact.secrets_of(request.environment))
        if isinstance(fact, Setting) and fact.kind == "build-arg" and fact.name in other
        else fact
        for fact in planned.observations
    )
    return replace(
        planned,
        tags=tags,
        arguments={**planned.arguments, **other},
        observations=(*observations, *report.observations),
    )
