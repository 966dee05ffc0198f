"""The tools of a local build: what was wrapped, what it is known to use, what files call for.

Tools of image builds are the docker builder's to observe. The interpreter that runs `bom`
itself is no tool of the build.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from bom.model import Gap, Hash, RunDetail, Tool
from bom.observe._programs import KNOWN, Program, find, sha256, stated_version
from bom.observe.packages import owner, owners
from bom.redact import text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bom.model import Observation, ToolKind
    from bom.observe._python_probe import PythonTool
    from bom.observe.protocol import BuildContext

_PYTHON: Final = re.compile(r"(?:python|pypy)[\d.]*")
# Run as `python -m NAME`, they call the backend that the project names.
_FRONTENDS: Final = frozenset(("build", "cibuildwheel", "flit", "hatch", "pdm", "poetry"))
# Which files call for which programs. A suffix is looked for two folders deep.
_CALLS: Final[Mapping[str, tuple[str, ...]]] = {
    "Makefile": ("make",),
    "makefile": ("make",),
    "GNUmakefile": ("make",),
    "CMakeLists.txt": ("cmake",),
    "meson.build": ("meson", "ninja"),
    "configure.ac": ("autoconf", "automake"),
    "package.json": ("node", "npm"),
    "yarn.lock": ("yarn",),
    "pnpm-lock.yaml": ("pnpm",),
    "go.mod": ("go",),
    "Cargo.toml": ("cargo", "rustc"),
    "pom.xml": ("mvn", "javac"),
    "build.gradle": ("gradle", "javac"),
    "build.gradle.kts": ("gradle", "javac"),
    "Gemfile": ("ruby", "bundle"),
    "composer.json": ("php", "composer"),
    "pyproject.toml": ("python3",),
    "setup.py": ("python3",),
    ".c": ("cc",),
    ".cc": ("c++",),
    ".cpp": ("c++",),
    ".cxx": ("c++",),
    ".csproj": ("dotnet",),
}
_NOT_SOURCE: Final = frozenset(("node_modules", "venv", "dist", "build", "target", "vendor"))
_LOOKED_AT: Final = 5000  # entries of the tree, then the search for suffixes ends
_UNTRACED: Final = "the programs that the command itself started are not observed"


class ToolsObserver:
    """Programs by name, version, owning package and digest."""

    name = "tools"

    def observe(self, build: BuildContext) -> Iterator[Observation]:
        if not build.command or build.builds_image:
            return
        wrapped = find(build.command[0], build.environment, build.cwd)
        seen: set[Path] = set()
        if wrapped is None:
            yield Gap("tool.hash", build.program, "it is not on PATH")
        else:
            yield from _wrapped(wrapped, build, seen)
        yield from _called_for(build, seen)
        yield Gap("tool.used", build.program, _UNTRACED)


# --- what was wrapped --------------------------------------------------------------------------


def _wrapped(program: Program, build: BuildContext, seen: set[Path]) -> Iterator[Observation]:
    """The named executable, and for a script what runs it."""
    if _PYTHON.fullmatch(program.name):
        yield from _python(program, build, (), "wrapped", seen)
        return
    runner = program.shebang[0] if program.shebang else ""
    if runner and _PYTHON.fullmatch(Path(runner).name) and not _inside(program.real, build.root):
        interpreter = find(runner, build.environment, build.cwd)
        if interpreter is not None:
            yield from _python(interpreter, build, (program.name,), "interpreter", seen)
            return
    name = _name(program, build.root)
    seen.add(program.real)
    yield from _program("wrapped", name, program, build)
    interpreter = find(runner, build.environment, build.cwd) if runner else None
    if interpreter is not None and not program.is_shim:
        seen.add(interpreter.real)
        kind = KNOWN[interpreter.name].kind if interpreter.name in KNOWN else "interpreter"
        yield from _program(kind, interpreter.name, interpreter, build)


def _inside(path: Path, root: Path) -> bool:
    """A script of the project itself, not one in its virtual environment."""
    top = Path(os.path.realpath(root))
    if not path.is_relative_to(top):
        return False
    return not any((folder / "pyvenv.cfg").is_file() for folder in path.parents)


def _name(program: Program, root: Path) -> str:
    """A script of the project by its path in it, else the base name."""
    top = Path(os.path.realpath(root))
    return str(program.real.relative_to(top)) if _inside(program.real, top) else program.name


def _program(
    kind: ToolKind, name: str, program: Program, build: BuildContext
) -> Iterator[Observation]:
    """A program that was run, with its digest."""
    package = owner(program.real)
    version = "" if _inside(program.real, build.root) else _version(program, package, build)
    digest = "" if program.is_shim else sha256(program.real)
    yield Tool(kind, text(name), version, "used", _hashes(digest), package)
    yield RunDetail(f"tool.path.{text(name)}", _place(program.found, build))
    if program.is_shim:
        why = "it is a launcher; which program stands behind it is not known"
        yield Gap("tool.hash", text(name), why)
    elif not digest:
        yield Gap("tool.hash", text(name), "its file can't be read")
    if not version and not _inside(program.real, build.root):
        yield Gap("tool.version", text(name), "it states no version that could be read")


def _hashes(digest: str) -> tuple[Hash, ...]:
    return (Hash("SHA-256", digest),) if digest else ()


def _version(program: Program, package: str, build: BuildContext) -> str:
    """As the program states it, else as its package does."""
    from bom import purl

    stated = stated_version(program, build.environment)
    return stated or (purl.parse(package).version if package else "")


def _place(path: Path, build: BuildContext) -> str:
    """A path for the run record; the home folder's name is the user's, so it goes unless asked."""
    home = build.environment.get("HOME", "")
    if home not in ("", "/") and not build.config.record_host and path.is_relative_to(home):
        return text("~/" + str(path.relative_to(home)))
    return text(str(path))


# --- Python ------------------------------------------------------------------------------------


def _python(
    program: Program,
    build: BuildContext,
    scripts: Sequence[str],
    kind: ToolKind,
    seen: set[Path],
) -> Iterator[Observation]:
    """An interpreter, and the tool it runs: `-m MODULE`, or the console script it was found by."""
    from bom.observe._python_probe import ask_python

    modules = () if scripts else _module(build.command)
    builds = "build" in modules or "pyproject-build" in scripts
    asked = tuple(dict.fromkeys((*modules, *(("pip",) if builds else ()))))
    answer = ask_python(program.found, asked, scripts, build.environment, build.cwd)
    yield RunDetail(f"tool.path.{program.name}", _place(program.found, build))
    if answer is None:
        yield from _program(kind, program.name, program, build)
        yield Gap("tool.version", program.name, "the interpreter does not answer")
        return
    real = answer.executable
    seen.add(real)
    digest = sha256(real)
    package = owner(real)
    if kind == "wrapped":
        yield Tool("wrapped", "python", answer.version, "used", _hashes(digest), package)
    yield Tool(
        "interpreter", answer.implementation, answer.version, "used", _hashes(digest), package
    )
    if not digest:
        yield Gap("tool.hash", answer.implementation, "its file can't be read")
    for name in scripts:
        yield from _python_tool("wrapped", name, answer.scripts.get(name), "used")
    for name in asked:
        manager = name == "pip"
        evidence: Literal["used", "path"] = (
            "used" if not manager or _isolated(build.command) else "path"
        )
        if name in modules or manager:
            sort: ToolKind = "build-frontend" if name in _FRONTENDS else "wrapped"
            sort = "package-manager" if manager else sort
            yield from _python_tool(sort, name, answer.modules.get(name), evidence)


def _module(command: Sequence[str]) -> tuple[str, ...]:
    """The MODULE of `python [options] -m MODULE`, () for anything else."""
    words = iter(command[1:])
    for word in words:
        if word == "-m":
            return (next(words, "").partition(".")[0],)
        if word.startswith("-m"):
            return (word[2:].partition(".")[0],)
        if word in ("-W", "-X"):
            next(words, "")
        elif not word.startswith("-") or word in ("-", "-c"):
            return ()
    return ()


def _isolated(command: Sequence[str]) -> bool:
    """Whether `build` makes an environment of its own, for which it calls pip."""
    if {"--no-isolation", "-n"}.intersection(command):
        return False
    joined = " ".join(command)
    return "--installer uv" not in joined and "--installer=uv" not in joined


def _python_tool(
    kind: ToolKind, asked: str, found: PythonTool | None, evidence: Literal["used", "path"]
) -> Iterator[Observation]:
    if found is None:
        yield Gap("tool.version", text(asked), "it is not an installed distribution")
        return
    from bom import purl

    package = purl.build("pypi", found.name, version=found.version)
    yield Tool(kind, found.name, found.version, evidence, _hashes(found.digest), package)
    if found.editable:
        yield Gap("tool.hash", found.name, "it is installed as an editable project")
    elif not found.digest:
        yield Gap("tool.hash", found.name, "its files are not those that its RECORD lists")


# --- what files call for -----------------------------------------------------------------------


def _called_for(build: BuildContext, seen: set[Path]) -> Iterator[Observation]:
    """Programs on PATH that the project's files call for; nobody knows yet whether they ran."""
    found: list[tuple[str, Program]] = []
    for name, marker in sorted(_calls(build.root).items()):
        chosen = _chosen(name, build.environment)
        program = find(chosen, build.environment, build.cwd)
        if program is None:
            why = f"{marker} calls for it, but it is not on PATH"
            yield Gap("tool.path", name, why)
        elif program.real not in seen:
            if name != "python3":  # behind it may be a launcher: it is asked itself, below
                seen.add(program.real)
            found.append((name, program))
    packages = owners(tuple(program.real for _, program in found))
    for name, program in found:
        if name == "python3":
            yield from _python_on_path(program, build, seen)
            continue
        package = packages.get(program.real, "")
        version = _version(program, package, build)
        digest = "" if program.is_shim else sha256(program.real)
        kind = KNOWN[name].kind
        yield Tool(kind, name, version, "path", _hashes(digest), package)
        yield RunDetail(f"tool.path.{name}", _place(program.found, build))
        if not version:
            yield Gap("tool.version", name, "it states no version that could be read")


def _python_on_path(
    program: Program, build: BuildContext, seen: set[Path]
) -> Iterator[Observation]:
    from bom.observe._python_probe import ask_python

    answer = ask_python(program.found, (), (), build.environment, build.cwd)
    if answer is None:
        yield Gap("tool.version", "python3", "the interpreter does not answer")
    elif answer.executable not in seen:
        seen.add(answer.executable)
        digest = sha256(answer.executable)
        package = owner(answer.executable)
        kind: ToolKind = "interpreter"
        yield Tool(kind, answer.implementation, answer.version, "path", _hashes(digest), package)
        yield RunDetail("tool.path.python3", _place(program.found, build))


def _chosen(name: str, environment: Mapping[str, str]) -> str:
    """CC and CXX choose the compiler."""
    words = environment.get({"cc": "CC", "c++": "CXX"}.get(name, ""), "").split()
    return words[0] if words else name


def _calls(root: Path) -> dict[str, str]:
    """Program -> the file that calls for it."""
    calls: dict[str, str] = {}
    names = _names(root, 0)
    for name in sorted(names):
        for program in _CALLS.get(name, ()):
            calls.setdefault(program, name)
    count = 0
    pending = [(root, 0)]
    while pending and count < _LOOKED_AT:
        folder, depth = pending.pop(0)
        for entry in _names(folder, depth):
            count += 1
            for program in _CALLS.get(Path(entry).suffix, ()):
                calls.setdefault(program, f"*{Path(entry).suffix}")
            place = folder / entry
            into = depth < 2 and not entry.startswith(".") and entry not in _NOT_SOURCE
            if into and place.is_dir() and not place.is_symlink():
                pending.append((place, depth + 1))
    return calls


def _names(folder: Path, depth: int) -> list[str]:
    try:
        names = sorted(entry.name for entry in os.scandir(folder))
    except OSError:
        return []
    return [] if depth and "pyvenv.cfg" in names else names
