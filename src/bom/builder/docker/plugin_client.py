"""The client behind a call of bake or compose: `docker` with its plugins, or a plugin that runs as
a program of its own."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from bom.builder.docker import client as clients
from bom.builder.docker.client import Client, Details
from bom.builder.docker.plugin import BUILDX_PROGRAM, COMPOSE_PROGRAM
from bom.builder.pflag import FALSE
from bom.builder.tool_facts import RunHere, used
from bom.model import Gap

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bom.builder.docker.client import Route
    from bom.builder.docker.plugin import PluginCall
    from bom.builder.protocol import BuildRequest
    from bom.model import Observation

# `github.com/docker/buildx v0.29.1 28c90ea`, `Docker Compose version v2.40.3`,
# `docker-compose version 1.29.2, build unknown`
_VERSION: Final = re.compile(r"(?:buildx|version) v?(\d[^\s,]{0,63})")


def client_of(call: PluginCall, request: BuildRequest) -> Client:
    """The client of this call. Raises EnvironmentLacks where there is none.

    Of a plugin that runs alone, path and version are the plugin's.
    """
    if not call.alone:
        command = call.as_build("build" if _is_compose(call) else "buildx")
        return clients.probe(command, request.environment, request.cwd)
    path = clients.executable(call.argv[0], request.environment, request.cwd)
    ask = clients.Question((str(path),), request.environment, request.cwd)
    route: Route = "buildx"
    if _is_compose(call) and request.environment.get("DOCKER_BUILDKIT", "") in FALSE:
        route = "classic"
    pool = ThreadPoolExecutor(2)
    asked_version = pool.submit(ask, "version")
    if _is_compose(call) and is_first(asked_version.result()):
        route = _route_of_first(call, request)
    asked_builder = pool.submit(_inspected, call, ask, request)

    def details() -> Details:
        driver, buildkit = clients.stated_builder(asked_builder.result())
        return Details(driver=driver, buildkit=buildkit)

    found = pool.submit(details)
    stated = _VERSION.search(asked_version.result())
    pool.shutdown(wait=False)
    return Client(path.resolve(), stated[1] if stated else "", route, found.result)


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
    own = COMPOSE_PROGRAM if _is_compose(call) else BUILDX_PROGRAM
    if call.alone:
        yield from used([RunHere("client", own, client.path, client.version)])
        return
    programs = [RunHere("client", "docker", client.path, client.version)]
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


def _inspected(call: PluginCall, ask: clients.Question, request: BuildRequest) -> str:
    if _is_compose(call):
        return ""  # compose says nothing of the builder it uses
    name = call.as_build("buildx").builder(request.environment)
    return ask("inspect", *([name] if name else []))
