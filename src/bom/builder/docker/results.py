"""What one docker build leaves: known from its command line before it runs.

A client before BuildKit's own options takes no heed of `--output`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bom.builder.images.results import EngineImage, Nothing, Result, of_outputs, parse_output

if TYPE_CHECKING:
    from pathlib import Path

    from bom.builder.docker.client import Route
    from bom.builder.docker.command import DockerCommand


def without_build(command: DockerCommand) -> Nothing | None:
    """Where the command builds nothing: why; None for a build."""
    asked = {option.name for option in (*command.client_options, *command.options)}
    for name, reason in (
        ("help", "this prints a help text"),
        ("version", "this prints the client's version"),
    ):
        if name in asked:
            return Nothing(reason)
    # the client takes the last of the three, and the empty one as a build
    call = command.value("call") or command.value("print")
    if command.flag("check") or call.partition(",")[0].partition("=")[0] == "check":
        return Nothing("this checks the Dockerfile and builds nothing")
    if call not in ("", "build"):
        return Nothing(f"this prints what the Dockerfile says ({call:.80}) and builds nothing")
    return None


def results(command: DockerCommand, route: Route, cwd: Path) -> tuple[Result, ...]:
    """What the build leaves, in the order of its outputs, each once; at least one.

    Raises BomError for what can't be sealed: an image on standard output or in a folder.
    """
    if route == "classic":
        return (EngineImage(),)  # clients that let `--output` through without BuildKit ignore it
    outputs = [parse_output(text) for text in command.values("output")]
    return of_outputs(outputs, cwd, load=command.flag("load"), push=command.flag("push"))
