"""`bom doctor`: what this machine can observe, sign and build, and what is missing.

Nothing is changed. Programs are asked for their version and engines whether they answer, all at
the same time and none for longer than `PATIENCE`: what hangs is an answer, too.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final

from bom.config import load, nearest
from bom.doctor import engines, keys, programs, project, rights, surroundings
from bom.doctor.protocol import Answer, Machine
from bom.errors import BomError
from bom.observe import project_root

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bom.doctor.protocol import Examiner

__all__ = ["EXAMINERS", "PATIENCE", "Answer", "Machine", "examine", "machine_at", "usable"]

EXAMINERS: Final[tuple[tuple[str, Examiner], ...]] = (
    ("programs", programs.examine),
    ("docker", engines.docker),
    ("podman", engines.podman),
    ("buildah", engines.buildah),
    ("rights", rights.examine),
    ("keys", keys.examine),
    ("surroundings", surroundings.examine),
    ("project", project.examine),
)
PATIENCE: Final = 20.0  # seconds for all of it


def machine_at(cwd: Path, environment: Mapping[str, str]) -> Machine:
    """This machine, and the project in `cwd`."""
    root = project_root(cwd)
    folder = nearest(cwd.resolve(), root)
    try:
        return Machine(environment, cwd, root, folder, load(folder))
    except BomError as error:
        return Machine(environment, cwd, root, folder, None, error)


def examine(machine: Machine, patience: float = PATIENCE) -> tuple[Answer, ...]:
    """Every answer, in a fixed order; it takes at most `patience` seconds."""
    found: dict[str, list[Answer]] = {}
    threads = []
    for name, examiner in EXAMINERS:
        # not waited for at the end of the process: one that hangs must not make `bom` hang
        work = threading.Thread(target=_one, args=(name, examiner, machine, found), daemon=True)
        work.start()
        threads.append((name, work))
    answers: list[Answer] = []
    ends = time.monotonic() + patience
    for name, work in threads:
        work.join(max(0.0, ends - time.monotonic()))
        answers += found.get(name, []) if not work.is_alive() else [_hangs(name, patience)]
    return tuple(answers)


def usable(answers: tuple[Answer, ...]) -> bool:
    """Whether all that the project's bom.toml needs is here."""
    return not any(item.needed and item.status in ("missing", "bad") for item in answers)


def _one(name: str, examiner: Examiner, machine: Machine, found: dict[str, list[Answer]]) -> None:
    try:
        found[name] = list(examiner(machine))
    except Exception as error:  # noqa: BLE001 - the other answers are wanted all the same
        said = f"can't be looked at ({type(error).__name__})"
        found[name] = [Answer("machine", name, "bad", said)]


def _hangs(name: str, patience: float) -> Answer:
    return Answer("machine", name, "bad", f"gives no answer within {patience:.0f} s")
