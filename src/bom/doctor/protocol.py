"""What is asked of a machine, and what it answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pathlib import Path

    from bom.config import Config
    from bom.errors import BomError

# What it is for: seeing a build, making one, making it again, signing and trusting, installing
# and auditing, the machine itself, and what the project at hand asks for.
Area = Literal["observe", "build", "rebuild", "sign", "use", "machine", "project"]
# good; absent: it is not here, and nothing known asks for it; missing: not here, and something
# asks for it; bad: here, but not as it should be.
Status = Literal["good", "absent", "missing", "bad"]


@dataclass(frozen=True, slots=True)
class Answer:
    """One thing that was looked at.

    `said`: a version, a place, what is wrong. `purpose`: what it is for. `advice`: what to do, ""
    where nothing is to be done. `needed`: the project's bom.toml can't be kept without it.
    """

    area: Area
    name: str
    status: Status
    said: str = ""
    purpose: str = ""
    advice: str = ""
    needed: bool = False


@dataclass(frozen=True, slots=True)
class Machine:
    """What is looked at: this process's variables and folder, and the project there.

    `root`: the project's top. `folder`: where its configuration is. `config`: None where that
    can't be read, and `problem` says why.
    """

    environment: Mapping[str, str]
    cwd: Path
    root: Path
    folder: Path
    config: Config | None
    problem: BomError | None = None


Examiner = Callable[[Machine], Iterable[Answer]]
