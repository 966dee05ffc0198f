"""Programs on PATH: which are here, in which version, and what each is for."""

from __future__ import annotations

import importlib.util
import platform
import re
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bom import __version__
from bom.doctor.getting import advice
from bom.doctor.protocol import Answer
from bom.process import printed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bom.doctor.protocol import Area, Machine, Status

_PATIENCE: Final = 5.0  # seconds for a program to state its version
_VERSION: Final = re.compile(r"(?<![\w.])(?:v|go)?(\d+(?:\.\d+)*(?:[-+~][\w.+~-]+)?)\b")


@dataclass(frozen=True, slots=True)
class Program:
    """`manifests`: a project with one of these files asks for it."""

    name: str
    area: Area
    purpose: str
    ask: tuple[str, ...] = ("--version",)
    manifests: tuple[str, ...] = ()
    always: bool = False


PROGRAMS: Final = (
    Program("git", "observe", "revision, remote and state of the tree", always=True),
    Program("uv", "build", "Python builds and locks", manifests=("uv.lock",)),
    Program("npm", "build", "JavaScript builds and locks", manifests=("package.json",)),
    Program("go", "build", "Go builds", ("version",), ("go.mod",)),
    Program("cargo", "build", "Rust builds", manifests=("Cargo.toml",)),
    Program("mvn", "build", "Java builds", manifests=("pom.xml",)),
    Program("bundle", "build", "Ruby builds", manifests=("Gemfile",)),
    Program("composer", "build", "PHP builds", manifests=("composer.json",)),
    Program("dotnet", "build", ".NET builds", manifests=("global.json", "Directory.Build.props")),
    Program("make", "build", "builds by a Makefile", manifests=("Makefile",)),
    Program("faketime", "rebuild", "--check-reproducible: another clock", ("--version",)),
    Program("unshare", "rebuild", "--check-reproducible, capsules: without a network"),
    Program("taskset", "rebuild", "--check-reproducible: another number of processors"),
    Program("setpriv", "rebuild", "an image out of a capsule"),
    Program("dockerd", "rebuild", "an image out of a capsule"),
    Program("diffoscope", "rebuild", "`bom diff --diffoscope`"),
)


def examine(machine: Machine) -> Iterator[Answer]:
    """Python, and every program of the table, asked at the same time."""
    yield Answer("observe", "bom", "good", __version__)
    yield _python()
    with ThreadPoolExecutor(len(PROGRAMS)) as pool:
        yield from pool.map(lambda program: _program(program, machine), PROGRAMS)
    yield _module("build", "build", "python -m build", machine, manifests=("pyproject.toml",))
    yield _module("pip", "use", "`bom install` of Python packages", machine)
    yield _module("pip_audit", "use", "`bom audit` by PyPI and OSV", machine)


def stated_version(argv: tuple[str, ...], machine: Machine) -> str:
    """What a program says of its version, "" where nothing like one comes within 5 s."""
    said = printed(argv, environment=machine.environment, cwd=machine.cwd, patience=_PATIENCE)
    found = _VERSION.search(said[:4096])
    return found[1] if found else ""


def asked_for(manifests: tuple[str, ...], machine: Machine) -> str:
    """The first of these files that the project has, "" where it has none."""
    folders = (machine.folder, machine.cwd)
    return next((name for name in manifests for folder in folders if (folder / name).is_file()), "")


def _python() -> Answer:
    return Answer("observe", platform.python_implementation(), "good", platform.python_version())


def _program(program: Program, machine: Machine) -> Answer:
    path = shutil.which(program.name, path=machine.environment.get("PATH"))
    if path is None:
        wanted = asked_for(program.manifests, machine)
        purpose = f"{program.purpose} ({wanted})" if wanted else program.purpose
        status: Status = "missing" if wanted or program.always else "absent"
        return Answer(program.area, program.name, status, "", purpose, advice(program.name))
    version = stated_version((path, *program.ask), machine)
    return Answer(program.area, program.name, "good", version, program.purpose)


def _module(
    name: str, area: Area, purpose: str, machine: Machine, manifests: tuple[str, ...] = ()
) -> Answer:
    """A Python module that `bom`'s own interpreter or the one on PATH has."""
    shown = name.replace("_", "-")
    if importlib.util.find_spec(name) is not None:
        from importlib.metadata import PackageNotFoundError, version

        try:
            return Answer(area, shown, "good", version(shown), purpose)
        except PackageNotFoundError:
            return Answer(area, shown, "good", "", purpose)
    python = shutil.which("python3", path=machine.environment.get("PATH")) or sys.executable
    found = stated_version((python, "-m", name, "--version"), machine)
    if found:
        return Answer(area, shown, "good", found, purpose)
    wanted = asked_for(manifests, machine)
    status: Status = "missing" if wanted else "absent"
    return Answer(area, shown, status, "", purpose, f"pip install {shown}")
