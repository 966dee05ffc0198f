"""What buildx notes on this machine of each build that it starts: which target, of which context.

A file for each build under its configuration, `refs/BUILDER/NODE/ID` (github.com/docker/buildx,
localstate). So the builds of a command that writes no metadata file are known, and no engine is
asked for them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bom.builder.docker.endpoint import configuration
from bom.builder.docker.history import NAME, BuildRef
from bom.input import read_bounded

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from bom.builder.docker.endpoint import ClientOptions

_LIMIT: Final = 64 * 1024  # bytes of a file
_MOST: Final = 1_000  # builds of one command's time


@dataclass(frozen=True, slots=True)
class LocalBuild:
    """A build as it was started. `target`: of a bake file, compose's services among them;
    "default" for `docker build`. `context`: an absolute path, or what the builder fetches."""

    ref: BuildRef
    target: str
    context: str


class LocalBuilds:
    """The builds that are started from now on."""

    def __init__(self, folder: Path) -> None:
        """`folder`: buildx' configuration."""
        self._folder = folder / "refs"
        self._before = frozenset(_listed(self._folder))

    @classmethod
    def of(cls, command: ClientOptions, environment: Mapping[str, str], cwd: Path) -> LocalBuilds:
        """Those that a docker client starts with these options."""
        named = environment.get("BUILDX_CONFIG", "")
        return cls(cwd / named if named else configuration(command, environment, cwd) / "buildx")

    def started(self) -> tuple[LocalBuild, ...]:
        """In the order of their references, which says nothing."""
        new = sorted(set(_listed(self._folder)) - self._before)
        return tuple(filter(None, map(self._read, new[:_MOST])))

    def _read(self, name: str) -> LocalBuild | None:
        ref = BuildRef.of(name)
        try:
            found = json.loads(read_bounded(self._folder / name, _LIMIT))
        except (OSError, ValueError, RecursionError):
            return None
        if ref is None or not isinstance(found, dict):
            return None
        target, context = found.get("Target"), found.get("LocalPath")
        if not isinstance(target, str) or not isinstance(context, str):
            return None
        return LocalBuild(ref, target, context)


def _listed(folder: Path) -> Iterator[str]:
    """`BUILDER/NODE/ID` for each; buildx keeps groups of builds beside them."""
    for builder in filter(NAME.fullmatch, _names(folder)):
        for node in _names(folder / builder):
            for name in _names(folder / builder / node):
                yield f"{builder}/{node}/{name}"


def _names(folder: Path) -> list[str]:
    try:
        return [path.name for path in folder.iterdir()]
    except OSError:  # not there, or no folder
        return []
