"""Kinds of build commands. The first that recognises a command wraps it; the others' modules are
not even loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bom.builder.docker.command import form_of
from bom.builder.docker.plugin import plugin_of
from bom.builder.podman import command as podman_command

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bom.builder.protocol import Builder, BuildRequest, PreparedBuild

__all__ = [
    "BUILDERS",
    "BakeBuilder",
    "ComposeBuilder",
    "DockerBuilder",
    "FilesBuilder",
    "IndirectBuilder",
    "PodmanBuilder",
]


class DockerBuilder:
    """`docker build` and its other spellings, and the commands near it that are refused."""

    name = "docker"

    def recognises(self, command: Sequence[str]) -> bool:
        return form_of(command) != "none"

    def prepare(self, request: BuildRequest) -> PreparedBuild:
        from bom.builder.podman.emulation import podman_behind

        podman = podman_behind(request.command, request.environment, request.cwd)
        if podman is not None:
            from bom.builder.podman import build as podman_build

            return podman_build.prepare(request, podman)
        from bom.builder.docker import build
        from bom.builder.docker.endpoint import ClientRefuses

        try:
            return build.prepare(request)
        except ClientRefuses as refusal:
            from bom.builder.docker.refused import RefusedByClient

            return RefusedByClient(request, refusal)


class IndirectBuilder:
    """Any command, where the user names the images that it makes (`--image`)."""

    name = "indirect"

    def recognises(self, command: Sequence[str]) -> bool:
        return bool(command)

    def prepare(self, request: BuildRequest) -> PreparedBuild:
        from bom.builder import indirect

        return indirect.prepare(request)


class BakeBuilder:
    """`docker buildx bake`: several images by one definition."""

    name = "bake"

    def recognises(self, command: Sequence[str]) -> bool:
        return plugin_of(command) == "bake"

    def prepare(self, request: BuildRequest) -> PreparedBuild:
        from bom.builder.docker import bake

        return bake.prepare(request)


class ComposeBuilder:
    """`docker compose build`: an image for each service."""

    name = "compose"

    def recognises(self, command: Sequence[str]) -> bool:
        return plugin_of(command) == "compose"

    def prepare(self, request: BuildRequest) -> PreparedBuild:
        from bom.builder.docker import compose

        return compose.prepare(request)


class PodmanBuilder:
    """`podman build` and `buildah build` and their other spellings."""

    name = "podman"

    def recognises(self, command: Sequence[str]) -> bool:
        return podman_command.form_of(command) != "none"

    def prepare(self, request: BuildRequest) -> PreparedBuild:
        from bom.builder.podman import build

        return build.prepare(request)


class FilesBuilder:
    """Any command: the last in the order of builders."""

    name = "files"

    def recognises(self, command: Sequence[str]) -> bool:
        return bool(command)

    def prepare(self, request: BuildRequest) -> PreparedBuild:
        from bom.builder import files

        return files.prepare(request)


def builder_for(command: Sequence[str], images: Sequence[str] = ()) -> Builder:
    """The builder that wraps this command: with `images` named, none looks at the command."""
    if images:
        return IndirectBuilder()
    return next(builder for builder in BUILDERS if builder.recognises(command))


BUILDERS: Final[tuple[Builder, ...]] = (
    BakeBuilder(),
    ComposeBuilder(),
    DockerBuilder(),
    PodmanBuilder(),
    FilesBuilder(),
)
