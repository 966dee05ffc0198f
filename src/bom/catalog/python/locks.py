"""Which lock of a Python project counts, and reading it.

Precedence, richest and most standard first: `pylock.toml` (PEP 751), `uv.lock`, `poetry.lock`,
`Pipfile.lock`, then requirements files. One lock resolves the project; every other one that
lies beside it is named as a gap, since two locks may disagree.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from bom.catalog.python import manifest, pipfile, poetry, pylock, requirements, uv
from bom.catalog.stated import Unreadable
from bom.model import Gap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from bom.catalog.python.pin import Lock

    Reader = Callable[[], Lock]


def present(directory: Path) -> bool:
    """Whether a Python project or a lock of one stands in `directory`."""
    if not directory.is_dir():
        return False
    locks = (
        pylock.FILE_NAME,
        uv.FILE_NAME,
        poetry.FILE_NAME,
        pipfile.FILE_NAME,
    )
    found = manifest.present(directory) or any((directory / name).is_file() for name in locks)
    return found or bool(_requirements(directory))


def read(directory: Path, top: Path, project: str) -> tuple[Lock | None, tuple[Gap, ...]]:
    """The lock of the Python project in `directory`, and what it leaves open.

    `top`: the source's root, which locations are relative to; `project`: the normalised name of
    the package. A lock that can't be read is a gap, and the next one counts.
    """
    chosen: Lock | None = None
    gaps: list[Gap] = []
    for location, reader in _candidates(directory, top, project):
        if chosen is not None:
            why = f"not read: {chosen.location} resolves this project"
            gaps.append(Gap("dependency.lock", location, why))
            continue
        try:
            chosen = reader()
        except Unreadable as error:
            gaps.append(Gap("dependency.lock", location, f"the file {error}"))
    return chosen, tuple(sorted({*gaps, *(chosen.gaps if chosen else ())}))


def _candidates(directory: Path, top: Path, project: str) -> Iterator[tuple[str, Reader]]:
    def at(path: Path) -> str:
        return path.relative_to(top).as_posix()

    standard = directory / pylock.FILE_NAME
    if standard.is_file():
        yield at(standard), partial(pylock.read, standard, at(standard), project)
    # The members of a uv workspace share the lock of its root.
    folders = [directory, *(p for p in directory.parents if p.is_relative_to(top))]
    for path in (folder / uv.FILE_NAME for folder in folders):
        if path.is_file():
            yield at(path), partial(uv.read, path, at(path), project)
            break
    path = directory / poetry.FILE_NAME
    if path.is_file():
        yield at(path), partial(poetry.read, path, at(path))
    path = directory / pipfile.FILE_NAME
    if path.is_file():
        yield at(path), partial(pipfile.read, path, at(path))
    for path in sorted(directory.glob("pylock.*.toml")):
        if pylock.NAMED.fullmatch(path.name) and path.is_file():
            yield at(path), partial(pylock.read, path, at(path), project)
    if listed := _requirements(directory):
        names = ", ".join(at(path) for path in listed)
        yield names, partial(requirements.read, listed, top)


def _requirements(directory: Path) -> list[Path]:
    named = [p for p in directory.iterdir() if requirements.NAMED.fullmatch(p.name)]
    inside = list((directory / "requirements").glob("*.txt"))
    return sorted(path for path in (*named, *inside) if path.is_file())
