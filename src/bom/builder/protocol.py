"""What it takes to wrap a build command: know its kind, run it unchanged, learn what it made."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from bom.config import Config
    from bom.model import Observation, Subject
    from bom.normalise.protocol import Change


class Progress(Protocol):
    """A progress bar on a terminal, plain lines in CI; `total` is 0 where it is not known."""

    def start(self, label: str, total: int) -> None: ...
    def advance(self, amount: int) -> None: ...
    def done(self) -> None: ...


class Silent:
    """Progress that nobody watches. What is warned of stands in the outcome as well."""

    def start(self, label: str, total: int) -> None:
        """Nothing is shown."""

    def advance(self, amount: int) -> None:
        """Nothing is shown."""

    def done(self) -> None:
        """Nothing is shown."""

    def warn(self, text: str) -> None:
        """Nothing is shown."""


@dataclass(frozen=True, slots=True)
class BuildRequest:
    """What the user asked for. Paths are absolute."""

    command: tuple[str, ...]
    cwd: Path
    root: Path
    environment: Mapping[str, str]
    config: Config
    output: Path | None = None
    artifacts: tuple[str, ...] = ()
    images: tuple[str, ...] = ()  # what the command makes under these names, however it does it
    forbidden: frozenset[str] = frozenset()  # hex SHA-256 of files that must not be packed
    epoch: int | None = None  # given to builds of images as SOURCE_DATE_EPOCH; None: they get none
    normalise: int | None = None  # the epoch that images are normalised to; None: as built


@dataclass(frozen=True, slots=True)
class Invocation:
    """What is really run: the user's argv, with only what is needed to learn the result.

    `stdin`: the file that the command reads as its standard input, where that had to be looked at
    first; None: `bom`'s own.
    """

    argv: tuple[str, ...]
    environment: Mapping[str, str]
    stdin: Path | None = None


@dataclass(frozen=True, slots=True)
class Artifact:
    """A built artifact, ready to be sealed.

    `built`: where its bytes are now (for an image a temporary export beside `target`).
    `target`: where the sealed artifact is to stand (may equal `built`: sealed in place).
    `observations`: facts and gaps about this artifact alone (its packages, its manifest).
    `changes`: what was made stable in it after the build; then `built` and `subject` are of the
    normalised bytes, and `original_sha256` is the hex digest of what the builder had written.
    `is_file_system`: a tar of a whole file system, in which owners and modes are content.
    """

    built: Path
    target: Path
    subject: Subject
    observations: tuple[Observation, ...] = ()
    warnings: tuple[str, ...] = ()
    forbidden: tuple[str, ...] = ()  # paths inside it of files that the request forbids
    changes: tuple[Change, ...] = ()
    original_sha256: str = ""
    is_file_system: bool = False


@dataclass(frozen=True, slots=True)
class Collected:
    """Everything a finished build left: its artifacts and the facts that they share.

    `sealed_already`: artifacts that this run left unchanged and that carry a seal; their
    subjects are of the sealed bytes until the seal is taken off.
    """

    artifacts: tuple[Artifact, ...] = ()
    observations: tuple[Observation, ...] = ()
    sealed_already: tuple[Artifact, ...] = ()
    warnings: tuple[str, ...] = field(default=())


class PreparedBuild(AbstractContextManager["PreparedBuild"], Protocol):
    """One build about to run. As a context manager it removes its temporary files on every way
    out (also Ctrl-C)."""

    @property
    def invocation(self) -> Invocation: ...

    @property
    def observations(self) -> tuple[Observation, ...]:
        """What is known without the outcome. Asked for once the command has ended: what takes
        time is found out meanwhile."""

    @property
    def warnings(self) -> tuple[str, ...]: ...

    @property
    def needs(self) -> tuple[str, ...]:
        """Modules that `collect` will load, to be loaded meanwhile."""

    def packs(self, path: Path) -> bool:
        """Whether the build would pack this file of the project: it is in the build context, or
        in the source tree, and nothing there ignores it."""

    def collect(self, progress: Progress, commit: str = "") -> Collected:
        """What the finished command made. `commit`: the source's revision before it ran, "" where
        it has none. Raises BomError (a tag that moved, nothing found)."""


class Builder(Protocol):
    """One kind of build command."""

    name: str

    def recognises(self, command: Sequence[str]) -> bool: ...

    def prepare(self, request: BuildRequest) -> PreparedBuild:
        """Everything that must be known or refused before the command runs. Raises BomError."""
