"""What the project at hand asks for: its bom.toml, above all."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from bom.config import FILE_NAME
from bom.doctor.getting import advice
from bom.doctor.protocol import Answer
from bom.errors import BomError
from bom.sign.keys import load_public

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bom.config import Config
    from bom.doctor.protocol import Machine, Status


def examine(machine: Machine) -> Iterator[Answer]:
    yield _revision(machine)
    if machine.problem is not None:
        problem = machine.problem
        yield Answer(
            "project", FILE_NAME, "bad", problem.reason, "the settings", problem.hint, needed=True
        )
    if machine.config is None:
        return
    yield _settings(machine)
    yield from _checks(machine, machine.config)
    for name in machine.config.trusted_keys:
        yield _trusted(machine.folder / name, name)


def _revision(machine: Machine) -> Answer:
    name, purpose = "git work tree", "the revision in the BOM"
    if (machine.root / ".git").exists():
        return Answer("project", name, "good", machine.root.name, purpose)
    return Answer("project", name, "absent", "this is none", purpose, "git init")


def _settings(machine: Machine) -> Answer:
    for name in (FILE_NAME, "pyproject.toml"):
        if (machine.folder / name).is_file() and (name == FILE_NAME or _has_table(machine)):
            return Answer("project", FILE_NAME, "good", f"in {name}", "the settings")
    return Answer("project", FILE_NAME, "absent", "", "the settings", "bom init")


def _has_table(machine: Machine) -> bool:
    from bom.config import Config

    return machine.config != Config()


def _checks(machine: Machine, config: Config) -> Iterator[Answer]:
    """The programs that its checks run."""
    for check in config.checks:
        if not check.command:
            continue
        program = check.command[0]
        name, purpose = program, f"the check {check.name}"
        if "/" in program:
            found = (machine.folder / program).is_file()
        else:
            found = shutil.which(program, path=machine.environment.get("PATH")) is not None
        status: Status = "good" if found else "missing"
        tip = "" if found else advice(Path(program).name)
        yield Answer("project", name, status, "", purpose, tip, needed=True)


def _trusted(path: Path, name: str) -> Answer:
    purpose = "bom verify --config"
    try:
        key = load_public(path)
    except BomError as error:
        return Answer("project", name, "bad", error.reason, purpose, error.hint, needed=True)
    return Answer("project", name, "good", f"{key.type}", purpose, needed=True)
