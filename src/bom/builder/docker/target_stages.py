"""The stages of a bake target or a compose service: exported by a `docker buildx build` that says
the same as the definition, which takes them from the builder's cache (stage_export)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bom.builder.docker.command import DockerCommand
from bom.builder.docker.plugin import COMPOSE_PROGRAM
from bom.builder.docker.stage_export import DockerStages
from bom.builder.images.stages import SwitchedOff
from bom.builder.pflag import Option

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bom.builder.docker.client import Client
    from bom.builder.docker.plugin import PluginCall
    from bom.builder.docker.targets import Definition
    from bom.builder.images.context import BuildInputs
    from bom.builder.images.credentials import Lent
    from bom.builder.images.stages import StageExporter
    from bom.builder.protocol import BuildRequest


def exporter(
    call: PluginCall,
    client: Client,
    item: Definition,
    inputs: BuildInputs,
    request: BuildRequest,
    place: tuple[Path, str],
) -> StageExporter | None:
    """What hands out the stages; None where no plain build says the same: files come from another
    target, or compose runs as a program of its own. `place`: a private folder that is there, and
    the engine's architecture."""
    if not request.config.stages:
        return SwitchedOff()
    if (
        client.program == COMPOSE_PROGRAM
        or item.linked
        or (client.route == "buildx" and inputs.dockerfile is None)
    ):
        return None
    folder, architecture = place
    return DockerStages(
        _build(call, item, inputs),
        client,
        request,
        folder,
        dockerfile=inputs.dockerfile,
        architecture=architecture,
    )


def _build(call: PluginCall, item: Definition, inputs: BuildInputs) -> DockerCommand:
    end = call.globals_end
    words = ("build",) if call.alone else ("buildx", "build")
    return DockerCommand(
        argv=(*call.argv[:end], *words, item.context),
        at=end + len(words),
        globals_end=end,
        form="buildx",
        client_options=call.client_options,
        options=(*call.as_build("buildx").options, *_options(item, inputs)),
        context=item.context,
        alone=call.alone,
    )


def _options(item: Definition, inputs: BuildInputs) -> Iterator[Option]:
    if inputs.dockerfile is not None:
        yield Option("file", str(inputs.dockerfile))
    for name, value in sorted(item.arguments.items()):
        yield Option("build-arg", f"{name}={value}")
    for name, place in item.named:
        yield Option("build-context", f"{name}={place}")
    if item.network:
        yield Option("network", item.network)
    for name in item.entitlements:
        yield Option("allow", name)
    if item.platforms:
        yield Option("platform", ",".join(item.platforms))
    yield from _lent(item.lent)


def _lent(lent: Lent) -> Iterator[Option]:
    for secret in lent.secrets:
        source = f"env={secret.variable}" if secret.variable else f"src={secret.file}"
        yield Option("secret", f"id={secret.id},{source}")
    for name, paths in lent.agents:
        yield Option("ssh", f"{name}={','.join(paths)}" if paths else name)
