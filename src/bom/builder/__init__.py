"""Kinds of build commands. The first that recognises a command wraps it; the others' modules are
not even loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bom.builder.docker.command import form_of
from bom.builder.podman import command as podman

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bom.builder.protocol import Builder, BuildRequest, PreparedBuild

__all__ = ["BUILDERS", "DockerBuilder", "FilesBuilder", "PodmanBuilder"]


class DockerBuilder:
    """`docker build` and its other spellings, and the commands near it that are refused."""

    name = "docker"

    def recognises(self, command: Sequence[str]) -> bool:
        return form_of(command) != "none"

    def prepare(self, request: BuildRequest) -> PreparedBuild:
        from bom.builder.docker import build

        return build.prepare(request)


class PodmanBuilder:
    """`podman build` and `buildah build` and their other spellings."""

    name = "podman"

    def recognises(self, command: Sequence[str]) -> bool:
        return podman.form_of(command) != "none"

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


BUILDERS: Final[tuple[Builder, ...]] = (DockerBuilder(), PodmanBuilder(), FilesBuilder())
