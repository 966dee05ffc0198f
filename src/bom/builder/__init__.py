"""Kinds of build commands. The first that recognises a command wraps it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bom.builder.docker.build import DockerBuilder
from bom.builder.files import FilesBuilder

if TYPE_CHECKING:
    from bom.builder.protocol import Builder

BUILDERS: Final[tuple[Builder, ...]] = (DockerBuilder(), FilesBuilder())
