"""Where the images of a build are: the engine or storage that its command would use."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from bom.builder.docker import command as docker
from bom.builder.docker.endpoint import NoOptions
from bom.builder.docker.engine import reach
from bom.builder.podman import command as podman
from bom.builder.podman import program
from bom.builder.podman.storage import Storage
from bom.errors import BomError, EnvironmentLacks

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from bom.builder.docker.endpoint import ClientOptions
    from bom.builder.images.store import ImageStore


class Store(NamedTuple):
    """`images` None: nobody answers here. `client`: what runs a container there, without the
    subcommand."""

    images: ImageStore | None
    client: tuple[str, ...]


@contextmanager
def store(command: Sequence[str], environment: Mapping[str, str], cwd: Path) -> Iterator[Store]:
    """The store of this command; for one that builds no image by itself the docker engine of this
    environment."""
    if podman.form_of(command) != "none":
        parsed = podman.parse(command)
        found = program.locate(parsed, environment, cwd)
        # buildah builds, and podman, on the same storage, runs
        runs = (command[0],) if found.name == "podman" else ("podman",)
        yield Store(Storage(found), runs)
        return
    options, client = _docker(command)
    try:
        engine = reach(options, environment, cwd)
    except EnvironmentLacks:
        yield Store(None, client)
        return
    try:
        yield Store(engine, client)
    finally:
        engine.close()


def _docker(command: Sequence[str]) -> tuple[ClientOptions, tuple[str, ...]]:
    """The client's own options and how it is called with them."""
    if docker.form_of(command) not in ("build", "buildx"):
        return NoOptions(), (docker.CLIENT,)
    try:
        parsed = docker.parse(command)
    except BomError:
        return NoOptions(), (docker.CLIENT,)  # refused where it is to be built
    if parsed.alone:
        return parsed, (docker.CLIENT,)
    return parsed, tuple(parsed.argv[: parsed.globals_end])
