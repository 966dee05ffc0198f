"""What an observer is given and gives."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePath
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from bom.config import Config
    from bom.model import Observation

_IMAGE_BUILDERS: Final = frozenset(("docker", "podman", "buildah", "docker-compose", "nerdctl"))


@dataclass(frozen=True, slots=True)
class BuildContext:
    """What is known before the command runs.

    `root`: the project (the git work tree's top, else the working directory). `command`: the
    argv as the user gave it. `environment`: the command's, unredacted; `fixed`: the variables in it
    that `bom` set, `replaced`: those of the user's that gave way to them (bom.repeatable).
    `own_files`: absolute paths that `bom` itself reads or writes (outputs, keys), and `is_own`
    whether an untracked file is such a one by its content (a sealed artifact of an earlier build, a
    BOM beside one): these are no part of the source's state. `check_files`: results that ran
    elsewhere (`--checks`).
    """

    root: Path
    cwd: Path
    command: tuple[str, ...]
    environment: Mapping[str, str]
    config: Config
    own_files: tuple[Path, ...] = ()
    is_own: Callable[[Path], bool] = lambda path: False
    check_files: tuple[Path, ...] = ()
    fixed: frozenset[str] = frozenset()
    replaced: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def program(self) -> str:
        """The base name of the wrapped program, "" where there is none."""
        return PurePath(self.command[0]).name if self.command else ""

    @property
    def builds_image(self) -> bool:
        """Whether an engine builds, so that this machine's programs and platform say nothing."""
        return self.program in _IMAGE_BUILDERS


class Observer(Protocol):
    """One kind of fact. An observer that fails becomes a Gap; it never stops the build."""

    name: str

    def observe(self, build: BuildContext) -> Iterable[Observation]: ...
