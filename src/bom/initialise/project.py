"""What a project is, and how it is built, as far as its manifests say so. Nothing of it is run."""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

from bom.input import open_plain

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Kind = Literal["python", "npm", "go", "rust", "java", "image", "other"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

_LIMIT: Final = 4 * 1024 * 1024  # bytes of a manifest
_IMAGE_NAME: Final = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*")  # distribution/reference


@dataclass(frozen=True, slots=True)
class Check:
    """A check that the project seems to have: its name and the words of its command."""

    name: str
    command: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """How one kind of thing is built here.

    `command`: words. `output`: where the sealed artifact goes, "" for in place. `prepare`: what a
    fresh machine runs first, a shell's lines.
    """

    kind: Kind
    command: tuple[str, ...]
    artifacts: tuple[str, ...] = ()
    output: str = ""
    checks: tuple[Check, ...] = ()
    prepare: tuple[str, ...] = ()


def found(folder: Path) -> tuple[Found, ...]:
    """What can be built here, what is most probably meant first; empty where nothing is known.

    A Dockerfile goes before everything but a Python package that says how it is built: of an
    application that ships as an image the manifests beside it are the image's inputs.
    """
    all_found = [item for look in _LOOKS if (item := look(folder)) is not None]
    return tuple(sorted(all_found, key=lambda item: item.kind != "python"))


def _image(folder: Path) -> Found | None:
    if not any((folder / name).is_file() for name in ("Dockerfile", "Containerfile")):
        return None
    name = image_name(folder)
    command = ("docker", "build", "-t", f"{name}:1", ".")
    if not (folder / "Dockerfile").is_file():
        command = ("podman", "build", "-t", f"{name}:1", ".")
    return Found("image", command, output=f"{name}.tar")


def image_name(folder: Path) -> str:
    """The folder's name, where a repository may be called so; else `app`."""
    name = folder.resolve().name.lower()
    return name if _IMAGE_NAME.fullmatch(name) else "app"


def _python(folder: Path) -> Found | None:
    manifest = _toml(folder / "pyproject.toml")
    if "build-system" not in manifest and "project" not in manifest:
        return None
    tools = manifest.get("tool")
    tools = tools if isinstance(tools, dict) else {}
    checks = []
    if "pytest" in tools or (folder / "tests").is_dir():
        checks.append(Check("unit", ("pytest", "-q")))
    if "ruff" in tools or (folder / "ruff.toml").is_file():
        checks.append(Check("lint", ("ruff", "check")))
    if "mypy" in tools or (folder / "mypy.ini").is_file():
        checks.append(Check("types", ("mypy", ".")))
    programs = " ".join(check.command[0] for check in checks)
    uv = (folder / "uv.lock").is_file()
    return Found(
        "python",
        ("uv", "build") if uv else ("python3", "-m", "build"),
        ("dist/*.whl", "dist/*.tar.gz"),
        checks=tuple(checks),
        prepare=(f"python3 -m pip install {'uv' if uv else 'build'} {programs}".rstrip(),),
    )


def _npm(folder: Path) -> Found | None:
    manifest = _json(folder / "package.json")
    if not manifest:
        return None
    scripts = manifest.get("scripts")
    scripts = scripts if isinstance(scripts, dict) else {}
    checks = []
    if "test" in scripts:
        checks.append(Check("unit", ("npm", "test")))
    if "lint" in scripts:
        checks.append(Check("lint", ("npm", "run", "lint")))
    locked = (folder / "package-lock.json").is_file()
    return Found(
        "npm",
        ("npm", "pack"),
        ("*.tgz",),
        checks=tuple(checks),
        prepare=("npm ci" if locked else "npm install",),
    )


def _go(folder: Path) -> Found | None:
    if not (folder / "go.mod").is_file():
        return None
    checks = (Check("unit", ("go", "test", "./...")), Check("vet", ("go", "vet", "./...")))
    return Found("go", ("go", "build", "-trimpath", "-o", "bin/", "./..."), ("bin/*",), "", checks)


def _rust(folder: Path) -> Found | None:
    manifest = _toml(folder / "Cargo.toml")
    package = manifest.get("package")
    if not isinstance(package, dict):
        return None
    name = str(package.get("name", ""))
    artifact = f"target/release/{name}" if re.fullmatch(r"[\w-]+", name) else "target/release/*"
    checks = (Check("unit", ("cargo", "test", "--locked")),)
    return Found("rust", ("cargo", "build", "--release", "--locked"), (artifact,), "", checks)


def _java(folder: Path) -> Found | None:
    if not (folder / "pom.xml").is_file():
        return None
    # its tests are run by the build itself
    return Found("java", ("mvn", "-B", "package"), ("target/*.jar",))


_LOOKS: Final[tuple[Callable[[Path], Found | None], ...]] = (
    _image,
    _python,
    _npm,
    _go,
    _rust,
    _java,
)


def _toml(path: Path) -> dict[str, Any]:
    """A manifest's table; empty for one that is not there or broken: its own build says that."""
    try:
        return tomllib.loads(_read(path).decode("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}


def _json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(_read(path))
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _read(path: Path) -> bytes:
    """Raises OSError, and ValueError for one that is too large to be a manifest."""
    with open_plain(path) as stream:
        data = stream.read(_LIMIT + 1)
    if len(data) > _LIMIT:
        raise ValueError(f"{path.name} is too large")
    return data
