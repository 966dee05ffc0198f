"""The client behind a call of bake or compose: `docker` with its plugins, or a plugin that runs as
a program of its own."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from bom.builder.docker import client as clients
from bom.builder.docker.client import Client
from bom.builder.docker.plugin import COMPOSE_PROGRAM
from bom.builder.pflag import FALSE
from bom.builder.tool_facts import RunHere, used
from bom.model import Gap

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bom.builder.docker.client import Route
    from bom.builder.docker.plugin import PluginCall
    from bom.builder.protocol import BuildRequest
    from bom.model import Observation

# `Docker Compose version v2.40.3`, `docker-compose version 1.29.2, build unknown`
_VERSION: Final = re.compile(r"version v?(\d[^\s,]{0,63})")


def client_of(call: PluginCall, request: BuildRequest) -> Client:
    """The client of this call. Raises EnvironmentLacks where there is none.

    Of a plugin that runs alone, path and version are the plugin's.
    """
    if not (call.alone and _is_compose(call)):
        command = call.as_build("build" if _is_compose(call) else "buildx")
        return clients.probe(command, request.environment, request.cwd)
    path = clients.executable(call.argv[0], request.environment, request.cwd)
    ask = clients.Question((str(path),), request.environment, request.cwd)
    route: Route = "buildx"
    if request.environment.get("DOCKER_BUILDKIT", "") in FALSE:
        route = "classic"
    told = ask("version")
    if is_first(told):
        route = _route_of_first(call, request)
    stated = _VERSION.search(told)
    # compose says nothing of the builder it uses
    return Client(path.resolve(), stated[1] if stated else "", route, program=COMPOSE_PROGRAM)


def is_first(version: str) -> bool:
    """Whether this is compose 1, by what it says of its version or by the version itself."""
    stated = _VERSION.search(version)
    return (stated[1] if stated else version).startswith("1.")


def _route_of_first(call: PluginCall, request: BuildRequest) -> Route:
    """compose 1 asks the engine itself to build, or runs the docker client on PATH for it."""
    if request.environment.get("COMPOSE_DOCKER_CLI_BUILD", "1").lower() in ("", "0", "false"):
        return "classic"
    found = call.as_build("build")
    command = replace(found, argv=("docker",), at=1, globals_end=1)
    return clients.probe(command, request.environment, request.cwd).route


def plugin_tools(call: PluginCall, client: Client) -> Iterator[Observation]:
    """The programs that run here, with SHA-256."""
    programs = [RunHere("client", client.program, client.path, client.version)]
    if call.alone:
        yield from used(programs)
        return
    details = client.details()
    wanted = {"docker-buildx": details.buildx} if client.route == "buildx" else {}
    if _is_compose(call):
        wanted[COMPOSE_PROGRAM] = details.compose
    for name, found in wanted.items():
        if found is None:
            yield Gap("tool.hash", name, "the client does not say where its plugin is")
        else:
            programs.append(RunHere("client", name, found.path, found.version))
    yield from used(programs)


def _is_compose(call: PluginCall) -> bool:
    return call.argv[call.at - 1] == "build"
