"""Builds that push: where their image is read from afterwards, and what the BOM says of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bom.builder.docker.targets import Planned
from bom.builder.images.results import Pushed
from bom.catalog.images.reference import familiar
from bom.model import Gap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from bom.builder.docker.command import DockerCommand
    from bom.builder.docker.endpoint import ClientOptions
    from bom.builder.images.outcome import Outcome
    from bom.builder.images.pushed import KeptOrPushed
    from bom.builder.images.recipe import Recipe
    from bom.builder.images.results import Result
    from bom.builder.images.store import ImageStore
    from bom.builder.protocol import BuildRequest


def any_of(wanted: Iterable[Result]) -> bool:
    """Whether one of a build's results is an image in a registry."""
    return any(isinstance(result, Pushed) for result in wanted)


def store(engine: ImageStore, command: DockerCommand, request: BuildRequest) -> KeptOrPushed:
    """The engine, where it keeps the image; else the registry, asked as this client asks it."""
    return store_of(engine, command, request, (command.pushed, command.tags))


def store_of(
    engine: ImageStore,
    command: ClientOptions,
    request: BuildRequest,
    names: tuple[Sequence[str], Sequence[str]],
) -> KeptOrPushed:
    """The same for one image of several. `names`: what it is pushed as, and all its names."""
    from bom.builder.images.pushed import KeptOrPushed, PushedImages

    pushed, tags = names
    environment = dict(request.environment)
    if folder := command.client_value("config"):
        environment["DOCKER_CONFIG"] = str(request.cwd / folder)
    return KeptOrPushed(engine, PushedImages(pushed, environment), tags)


def planned(
    made: Recipe,
    outcome: Outcome,
    registry: Callable[[tuple[Sequence[str], Sequence[str]]], ImageStore],
) -> Planned:
    """One image of several; what is pushed is looked for in the registry too. `registry`: gives
    the store for the names that are pushed, and for all names."""
    if not any_of(outcome.wanted):
        return Planned(made, outcome)
    observations = (*made.observations, *unsealed(made.tags))
    store = registry((made.tags, made.tags))
    return Planned(replace(made, observations=observations), outcome, store)


def facts(command: DockerCommand, wanted: Iterable[Result]) -> tuple[Gap, ...]:
    """That what was pushed carries no seal, for each name that it was pushed under."""
    return unsealed(command.pushed) if any_of(wanted) else ()


def unsealed(names: Iterable[str]) -> tuple[Gap, ...]:
    """That what was pushed under these names carries no seal."""
    why = "what was pushed carries no BOM: this file is a copy with the same manifest"
    return tuple(Gap("seal.pushed", familiar(name), why) for name in names)
