"""What a project's source asks for: its locks, its Dockerfiles, and manifests without a lock."""

from __future__ import annotations

import hashlib
import json
import tomllib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

from bom.catalog.images import dockerfile
from bom.catalog.images.reference import familiar
from bom.catalog.images.wanted import kind
from bom.catalog.stated import Unreadable
from bom.errors import BomError
from bom.input import read_bounded
from bom.lock import lockers
from bom.lock.packages import Install, installs
from bom.lock_record import LockedFile
from bom.observe.source_files import listed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_SIZE_LIMIT: Final = 64 * 1024 * 1024  # bytes of a lock
_DOCKERFILE_LIMIT: Final = 256 * 1024
_LOCKS: Final = frozenset(
    {
        "Cargo.lock",
        "Gemfile.lock",
        "Pipfile.lock",
        "bun.lock",
        "composer.lock",
        "conda-lock.yml",
        "go.sum",
        "gradle.lockfile",
        "npm-shrinkwrap.json",
        "package-lock.json",
        "packages.lock.json",
        "pdm.lock",
        "pixi.lock",
        "pnpm-lock.yaml",
        "poetry.lock",
        "uv.lock",
        "yarn.lock",
    }
)
_PYTHON_LOCKS: Final = frozenset({"uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock"})
_NODE_LOCKS: Final = frozenset(
    {"package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock"}
)


@dataclass(frozen=True, slots=True, order=True)
class NamedImage:
    """An image that a Dockerfile names, as docker shows it, and where."""

    name: str
    place: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What the source asks for. `unlocked`: manifests (paths from the root) of which no lock says
    what they mean; each with the program that would lock them."""

    files: tuple[LockedFile, ...] = ()
    images: tuple[NamedImage, ...] = ()
    installs: tuple[Install, ...] = ()
    unlocked: tuple[tuple[str, str], ...] = ()


def asked(root: Path) -> Asked:
    """What the project at `root` asks for. Raises BomError for a file that can't be read, or that
    names an image by a variable without a value."""
    paths = [PurePosixPath(path) for path in listed(root)]
    images: set[NamedImage] = set()
    wanted: list[Install] = []
    for path in paths:
        if kind(str(path)) == "dockerfile":
            text = _dockerfile(root, path)
            images.update(_images(text, str(path)))
            wanted += installs(text, str(path))
    locks = sorted(path for path in paths if _is_lock(path))
    return Asked(
        tuple(LockedFile(path=str(path), sha256=_digest(root / path, path)) for path in locks),
        tuple(sorted(images)),
        tuple(wanted),
        tuple(_unlocked(root, paths, locks)),
    )


def _is_lock(path: PurePosixPath) -> bool:
    name = path.name
    if "node_modules" in path.parts or "vendor" in path.parts:
        return False
    return (
        name in _LOCKS
        or (name.startswith("pylock.") and name.endswith(".toml"))
        or (name.startswith("requirements") and name.endswith((".txt", ".lock")))
    )


def _digest(file: Path, path: PurePosixPath) -> str:
    return hashlib.sha256(_content(file, path, _SIZE_LIMIT)).hexdigest()


def _content(file: Path, path: PurePosixPath, limit: int) -> bytes:
    try:
        return read_bounded(file, limit)
    except OSError as error:
        raise BomError(f"{path} can't be read: {error.strerror or error}") from error


def _dockerfile(root: Path, path: PurePosixPath) -> str:
    data = _content(root / path, path, _DOCKERFILE_LIMIT)
    return data.decode("utf-8", "surrogateescape")


def _images(text: str, place: str) -> Iterator[NamedImage]:
    try:
        found = dockerfile.mentions(text)
    except Unreadable as error:
        raise BomError(f"{place} can't be read: {error}") from error
    for reference, line in found:
        if not reference.resolved:
            raise BomError(
                f"{place}:{line} names an image by a variable without a value: {reference.name}",
                hint="give the variable a default there (ARG NAME=VALUE)",
            )
        yield NamedImage(familiar(reference.name), place)


def _unlocked(
    root: Path, paths: Sequence[PurePosixPath], locks: Sequence[PurePosixPath]
) -> Iterator[tuple[str, str]]:
    """Manifests that ask for packages and that no lock in their folder or above it pins."""
    for path in sorted(paths):
        if path.name == "pyproject.toml":
            names, program = _PYTHON_LOCKS, _python_locker(root / path, path)
        elif path.name == "package.json":
            names, program = _NODE_LOCKS, _node_locker(root / path, path)
        elif path.name == "requirements.in":
            names, program = frozenset({"requirements.txt"}), lockers.UV_COMPILE
        else:
            continue
        folders = {path.parent, *path.parents}
        pinned = any(
            lock.parent in folders and (lock.name in names or _pins(lock, path)) for lock in locks
        )
        if program and not pinned and "node_modules" not in path.parts:
            yield str(path), program


def _pins(lock: PurePosixPath, manifest: PurePosixPath) -> bool:
    """pylock.toml and requirements files pin the Python project in whose folder they lie."""
    return manifest.name == "pyproject.toml" and (
        lock.name.startswith(("pylock.", "requirements")) and lock.parent == manifest.parent
    )


def _python_locker(file: Path, path: PurePosixPath) -> str:
    """What locks this project; "" where it asks for nothing."""
    try:
        table = tomllib.loads(_content(file, path, _SIZE_LIMIT).decode("utf-8"))
    except (ValueError, RecursionError):
        return ""  # its own build will say so
    tools, project = table.get("tool"), table.get("project")
    tools = tools if isinstance(tools, dict) else {}
    project = project if isinstance(project, dict) else {}
    poetry = tools.get("poetry")
    if isinstance(poetry, dict) and (poetry.get("dependencies") or "dependencies" in project):
        return lockers.POETRY
    asks = project.get("dependencies") or project.get("optional-dependencies")
    if not asks and not table.get("dependency-groups"):
        return ""
    return lockers.PDM if "pdm" in tools else lockers.UV


def _node_locker(file: Path, path: PurePosixPath) -> str:
    try:
        manifest = json.loads(_content(file, path, _SIZE_LIMIT))
    except (ValueError, RecursionError):
        return ""
    if not isinstance(manifest, dict):
        return ""
    fields = ("dependencies", "devDependencies", "optionalDependencies", "peerDependencies")
    if not any(manifest.get(field) for field in fields):
        return ""
    manager = manifest.get("packageManager")
    name = manager.partition("@")[0] if isinstance(manager, str) else "npm"
    return {"yarn": lockers.YARN, "pnpm": lockers.PNPM}.get(name, lockers.NPM)
