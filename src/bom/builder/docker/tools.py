"""The docker tools that took part: what runs here is hashed, what the engine states is only
quoted, for a local binary proves nothing about the engine's own."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from bom.compose.formulation import tool_ref
from bom.errors import BomError
from bom.model import Gap, Hash, Tool

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from bom.builder.docker.client import Client
    from bom.builder.docker.engine import StatedComponent
    from bom.model import Observation, ToolKind

_KINDS: Final[dict[str, ToolKind]] = {"Engine": "engine"}
_NAMES: Final = {"Engine": "docker-engine"}


def client_tools(client: Client) -> Iterator[Observation]:
    """The client and, where the build goes through it, its buildx plugin: with SHA-256."""
    from bom.observe.packages import owners

    programs = {"docker": (client.path, client.version)}
    if client.route == "buildx":
        buildx = client.details().buildx
        if buildx is None:
            yield Gap("tool.hash", "docker-buildx", "the client does not say where its plugin is")
        else:
            programs["docker-buildx"] = (buildx.path, buildx.version)
    paths = tuple(path for path, _ in programs.values())
    with ThreadPoolExecutor(1) as aside:
        asked = aside.submit(owners, paths)
        digests = {path: _digest(path) for path in paths}
        packages = asked.result()
    for name, (path, version) in programs.items():
        yield from _program(name, version, digests[path], packages.get(path, ""))


def engine_tools(client: Client, components: Sequence[StatedComponent]) -> Iterator[Observation]:
    """The engine's parts and BuildKit, by version as they state it."""
    for part in components:
        kind = _KINDS.get(part.name, "runtime")
        yield from _stated(kind, _NAMES.get(part.name, part.name), part.version)
    if client.route == "buildkit":
        # built into the engine, which states no version of its own for it
        yield from _stated("builder", "buildkit", "")
    elif client.route == "buildx":
        for version in client.details().buildkit or ("",):
            yield from _stated("builder", "buildkit", version)


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise BomError(f"{path.name} can't be read: {error.strerror}") from error


def _program(name: str, version: str, digest: str, package: str) -> Iterator[Observation]:
    tool = Tool("client", name, version, hashes=(Hash("SHA-256", digest),), package=package)
    yield tool
    if not version:
        yield Gap("tool.version", name, "it states no version", tool_ref(tool))


def _stated(kind: ToolKind, name: str, version: str) -> Iterator[Observation]:
    """`v0.0.0+unknown` is what a build without its version stamped in says: no version."""
    known = "" if version in ("", "unknown") or version.startswith("v0.0.0+") else version
    tool = Tool(kind, name, known, evidence="stated")
    yield tool
    why = ""
    if not known:
        why = "the engine states no version of it"
    elif "unknown" in known:
        why = "the engine states its version with an unknown part"
    if why:
        yield Gap("tool.version", name, why, tool_ref(tool))
