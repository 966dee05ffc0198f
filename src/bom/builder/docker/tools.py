"""The docker tools that took part: what runs here is hashed, what the engine states is only
quoted, for a local binary proves nothing about the engine's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bom.builder.docker.command import CLIENT
from bom.builder.tool_facts import RunHere, stated, used
from bom.model import Gap

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bom.builder.docker.client import Client
    from bom.builder.docker.engine import StatedComponent
    from bom.model import Observation, ToolKind

_KINDS: Final[dict[str, ToolKind]] = {"Engine": "engine"}
_NAMES: Final = {"Engine": "docker-engine"}


def client_tools(client: Client) -> Iterator[Observation]:
    """The client and, where the build goes through it, its buildx plugin: with SHA-256."""
    programs = [RunHere("client", client.program, client.path, client.version)]
    if client.route == "buildx" and client.program == CLIENT:
        buildx = client.details().buildx
        if buildx is None:
            yield Gap("tool.hash", "docker-buildx", "the client does not say where its plugin is")
        else:
            programs.append(RunHere("client", "docker-buildx", buildx.path, buildx.version))
    yield from used(programs)


def engine_parts(components: Sequence[StatedComponent]) -> Iterator[Observation]:
    """The engine and what belongs to it, by version as it states it."""
    for part in components:
        kind = _KINDS.get(part.name, "runtime")
        yield from stated(kind, _NAMES.get(part.name, part.name), part.version)


def engine_tools(client: Client, components: Sequence[StatedComponent]) -> Iterator[Observation]:
    """The engine's parts and BuildKit, by version as they state it."""
    yield from engine_parts(components)
    if client.route == "buildkit":
        # built into the engine, which states no version of its own for it
        yield from stated("builder", "buildkit", "")
    elif client.route == "buildx":
        for version in client.details().buildkit or ("",):
            yield from stated("builder", "buildkit", version)
