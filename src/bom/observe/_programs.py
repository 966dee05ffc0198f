"""Programs on PATH: the real file behind a name, its digest, the version that it states."""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bom import sha256sum

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bom.model import ToolKind

_TIMEOUT: Final = 5  # seconds for a program to state its version
_OUTPUT: Final = 4096  # bytes of it that are looked at
_VERSION: Final = re.compile(r"(?<![\w.])v?(\d+(?:\.\d+)+(?:[-+~.][\w.+~-]+)?)")
_BRACKETED: Final = re.compile(r"\([^)]*\)")


@dataclass(frozen=True, slots=True)
class Kind:
    """A known program: what it is, and how it is asked for its version ("" where it can't be)."""

    kind: ToolKind
    ask: tuple[str, ...] = ("--version",)


# Only these are run to ask for their version: another program might do something else instead.
KNOWN: Final[Mapping[str, Kind]] = {
    "make": Kind("build-backend"),
    "gmake": Kind("build-backend"),
    "cmake": Kind("build-backend"),
    "ninja": Kind("build-backend"),
    "meson": Kind("build-backend"),
    "autoconf": Kind("build-backend"),
    "automake": Kind("build-backend"),
    "bazel": Kind("build-backend", ()),
    "gradle": Kind("build-backend", ()),
    "mvn": Kind("build-backend", ()),
    "cc": Kind("compiler"),
    "c++": Kind("compiler"),
    "gcc": Kind("compiler"),
    "g++": Kind("compiler"),
    "clang": Kind("compiler"),
    "clang++": Kind("compiler"),
    "rustc": Kind("compiler"),
    "go": Kind("compiler", ("version",)),
    "javac": Kind("compiler", ("-version",)),
    "tsc": Kind("compiler", ()),
    "dotnet": Kind("compiler", ()),
    "cargo": Kind("package-manager"),
    "uv": Kind("package-manager"),
    "npm": Kind("package-manager", ()),
    "npx": Kind("package-manager", ()),
    "yarn": Kind("package-manager", ()),
    "pnpm": Kind("package-manager", ()),
    "bundle": Kind("package-manager", ()),
    "composer": Kind("package-manager", ()),
    "java": Kind("interpreter", ("-version",)),
    "node": Kind("interpreter"),
    "ruby": Kind("interpreter"),
    "perl": Kind("interpreter"),
    "php": Kind("interpreter"),
    "bash": Kind("shell"),
    "sh": Kind("shell", ()),
    "dash": Kind("shell", ()),
    "tar": Kind("package-manager"),
    "dpkg-deb": Kind("package-manager"),
}


@dataclass(frozen=True, slots=True)
class Program:
    """`found`: as PATH gives it; `real`: behind all symlinks. `shebang`: what a script is run
    by, () for a binary."""

    name: str
    found: Path
    real: Path
    shebang: tuple[str, ...] = ()

    @property
    def is_shim(self) -> bool:
        """A launcher that picks the real program when it runs (pyenv, asdf, rbenv)."""
        return bool(self.shebang) and "shims" in self.found.parts


def find(name: str, environment: Mapping[str, str], cwd: Path) -> Program | None:
    """The program that a shell in `cwd` would run for `name`, None where there is none."""
    given = name if "/" not in name else str(cwd / name)
    found = shutil.which(given, path=environment.get("PATH", os.defpath))
    if found is None:
        return None
    path = Path(os.path.abspath(cwd / found))  # noqa: PTH100 - symlinks must stay
    real = Path(os.path.realpath(path))
    return Program(Path(name).name, path, real, _shebang(real))


def _shebang(path: Path) -> tuple[str, ...]:
    try:
        with path.open("rb") as stream:
            first = stream.read(512).partition(b"\n")[0]
    except OSError:
        return ()
    if not first.startswith(b"#!"):
        return ()
    words = os.fsdecode(first[2:]).split()
    if words and Path(words[0]).name == "env":
        words = [word for word in words[1:] if not word.startswith("-") and "=" not in word]
    return tuple(words)


@functools.lru_cache(maxsize=64)
def sha256(path: Path) -> str:
    """Hex SHA-256 of a file, "" where it can't be read."""
    try:
        return sha256sum.of_file(path)
    except OSError:
        return ""


def stated_version(program: Program, environment: Mapping[str, str]) -> str:
    """The version that a known program states, "" where it is not known or states none.

    It runs in the root directory, so that a project's files can't steer it (a toolchain file
    could even make rustup or go fetch another).
    """
    kind = KNOWN.get(program.name) or KNOWN.get(re.sub(r"-?[\d.]+$", "", program.name))
    if packaged := _node_package_version(program):
        return packaged
    if kind is None or not kind.ask:
        return ""
    out = run((str(program.found), *kind.ask), environment, Path("/"))
    line = next((line for line in out.splitlines() if line.strip()), "")
    plain = _BRACKETED.sub(" ", line).replace("go version go", "go version ").replace('"', " ")
    match = _VERSION.search(plain)
    return match[1] if match else ""


def run(argv: tuple[str, ...], environment: Mapping[str, str], cwd: Path) -> str:
    """What a program prints, cut off; "" where it fails, hangs or can't be started."""
    quiet = {**environment, "LC_ALL": "C", "GOTOOLCHAIN": "local", "RUSTUP_AUTO_INSTALL": "0"}
    try:
        done = subprocess.run(
            argv,
            env=quiet,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout[:_OUTPUT].decode("utf-8", "replace") if done.returncode == 0 else ""


def _node_package_version(program: Program) -> str:
    """npm, yarn, pnpm, tsc: their package.json says it at once, asking takes node's start."""
    import json

    for folder in list(program.real.parents)[:3]:
        manifest = folder / "package.json"
        if "node_modules" in folder.parts and manifest.is_file():
            try:
                found = json.loads(manifest.read_bytes())
            except (OSError, ValueError):
                return ""
            version = found.get("version") if isinstance(found, dict) else None
            return version if isinstance(version, str) else ""
    return ""
