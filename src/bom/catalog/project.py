"""The project that an artifact was built from: what it declares and locks, in every ecosystem.

Read from its folder and those above it, up to the source's root; nothing is run, no index asked.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from bom.catalog import ECOSYSTEMS, WANTED
from bom.catalog.concern import concerned
from bom.catalog.folders import project_folders
from bom.catalog.golang.wanted import WORK
from bom.catalog.python.wanted import makes_project
from bom.catalog.rust.wanted import MANIFEST as CARGO
from bom.catalog.view import listed_view
from bom.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from bom.catalog.protocol import Declared, FileView
    from bom.catalog.python.manifest import Manifest
    from bom.catalog.python.project import PythonProject
    from bom.model import Dependency, Gap

# Folders inside a project's that hold what belongs to it.
_INSIDE: Final = (
    "requirements",
    "gradle",
    "obj",
    ".config",
    ".github",
    ".github/workflows",
    ".cargo",
    "vendor",
)
_PYTHON: Final = "pypi"
_GO: Final = "golang"
_TABLE: Final = re.compile(rb"^\s*\[\s*workspace\b", re.MULTILINE)
# They tell of what a project is built with, so they don't make a folder one.
_NO_PROJECT: Final = frozenset({"docker", "github", "githubactions", "oci"})


@dataclass(frozen=True, slots=True)
class Project:
    """A project's own statements and its locks, as read at one moment.

    `python`: its Python side, which a built package's own statements can add to, None where it
    has none; `others`: what it declares in other ecosystems. `here`: the ecosystems whose files
    stand in its own folder; what only a folder above states is the surroundings'.
    """

    python: PythonProject | None = None
    others: tuple[Declared, ...] = ()
    here: frozenset[str] = frozenset()

    @property
    def manifest(self) -> Manifest | None:
        """The Python one."""
        return None if self.python is None else self.python.manifest


def dependencies(root: Path) -> tuple[Dependency | Gap, ...]:
    """What the project at `root` depends on, sorted; locations are relative to `root`."""
    return resolve(read(root))


def find(start: Path, top: Path) -> Path | None:
    """The nearest folder from `start` up to `top` that holds a project."""
    for folder in (start, *(p for p in start.parents if p.is_relative_to(top))):
        if _matching(folder, top) - _NO_PROJECT:
            return folder
    return None


def read(directory: Path, top: Path | None = None) -> Project:
    """What stands in `directory` and, for ecosystems that have nothing there, in the nearest
    folder above it; locations are relative to `top` (default: `directory`)."""
    directory = directory.resolve()
    top = top.resolve() if top else directory
    if not directory.is_relative_to(top):
        top = directory
    inside = directory.relative_to(top).as_posix()
    inside = "" if inside == "." else inside
    chain = [inside]
    while chain[-1]:
        chain.append(chain[-1].rpartition("/")[0])
    listed = [
        f"{folder}/{deeper}" if folder else deeper for folder in chain for deeper in ("", *_INSIDE)
    ]
    view = listed_view(top, [folder.rstrip("/") for folder in listed], WANTED)
    if (workspace := _workspace(view, chain)) is not None:
        below, _ = project_folders(top / workspace)
        listed += [path.relative_to(top).as_posix() for path in below]
        names = dict.fromkeys("" if name == "." else name.rstrip("/") for name in listed)
        view = listed_view(top, names, WANTED)
    own = set(_matching(directory, top))
    python: PythonProject | None = None
    others: list[Declared] = []
    for ecosystem in concerned(ECOSYSTEMS, view):
        if ecosystem.name == _PYTHON:
            python = _nearest_python(view, chain)
        else:
            stated = list(ecosystem.declared(view))
            nearest = _nearest(stated, chain)
            if not nearest and ecosystem.name == _GO:
                nearest = _used(view, stated, chain)
            others += nearest
    own |= {item.ecosystem for item in others if item.folder == printable_name(inside)}
    if python is not None and python.folder == inside:
        own.add(_PYTHON)
    return Project(python, tuple(others), frozenset(own))


def resolve(
    project: Project,
    stated: tuple[str, ...] | None = None,
    ships: frozenset[str] | None = None,
) -> tuple[Dependency | Gap, ...]:
    """The project's dependencies and gaps, sorted, one for each component and role.

    `stated`: the runtime requirements (PEP 508) that the built package itself states. `ships`:
    the ecosystems whose packages go into the artifact, None where it may hold any: then those
    of the project's own folder. What others ask for only took part in the build.
    """
    carried = project.here if ships is None else ships
    found, gaps = _resolved_python(project.python, stated)
    out: dict[tuple[str, str], Dependency] = {}
    lacking: set[Gap] = set(gaps)
    sides = [(_PYTHON, found), *((item.ecosystem, item.dependencies) for item in project.others)]
    for ecosystem, items in sides:
        for item in items if ecosystem in carried else map(_built_with, items):
            key = (item.role, item.component.bom_ref)
            out[key] = out[key].merged(item) if key in out else item
    for other in project.others:
        lacking.update(other.gaps)
    return (*sorted(out.values()), *sorted(lacking))


def _resolved_python(
    project: PythonProject | None, stated: tuple[str, ...] | None
) -> tuple[tuple[Dependency, ...], tuple[Gap, ...]]:
    if project is None and stated is None:
        return (), ()
    from bom.catalog.python.project import PythonProject, resolve

    return resolve(project or PythonProject(), stated)


def _built_with(item: Dependency) -> Dependency:
    return replace(item, role="build", direct=False)


def _matching(folder: Path, top: Path) -> set[str]:
    """The ecosystems that read a file which stands straight in the folder."""
    try:
        names = [child.name for child in os.scandir(folder) if child.is_file()]
    except OSError:
        return set()
    inside = PurePosixPath(folder.relative_to(top) if folder.is_relative_to(top) else ".")
    paths = [inside / name for name in names]
    return {
        ecosystem.name
        for ecosystem in ECOSYSTEMS
        if ecosystem.name != _PYTHON and any(map(ecosystem.matches, paths))
    } | ({_PYTHON} if any(makes_project(str(path)) for path in paths) else set())


def _workspace(view: FileView, chain: list[str]) -> str | None:
    """The uppermost folder whose manifest says that parts of the project lie in folders below:
    what they ask for stands in manifests of their own."""
    for folder in reversed(chain):
        prefix = f"{folder}/" if folder else ""
        if view.entry(f"{prefix}{WORK}") is not None:
            return folder
        if _TABLE.search(view.read(f"{prefix}{CARGO}") or b""):
            return folder
    return None


def _used(view: FileView, found: Iterable[Declared], chain: list[str]) -> list[Declared]:
    """The Go modules that a workspace uses: one without a module of its own declares nothing."""
    from bom.catalog.golang.declared import used

    for folder in chain:
        if members := used(view, folder):
            return [item for item in found if item.folder in members]
    return []


def _nearest(found: Iterable[Declared], chain: list[str]) -> list[Declared]:
    """Those of the first folder of the chain that has any, of each ecosystem."""
    by_folder: dict[tuple[str, str], list[Declared]] = {}
    ecosystems: list[str] = []
    for item in found:
        by_folder.setdefault((item.ecosystem, item.folder), []).append(item)
        if item.ecosystem not in ecosystems:
            ecosystems.append(item.ecosystem)
    out: list[Declared] = []
    for ecosystem in ecosystems:
        places = (by_folder.get((ecosystem, printable_name(folder)), []) for folder in chain)
        out += next(filter(None, places), [])
    return out


def _nearest_python(view: FileView, chain: list[str]) -> PythonProject | None:
    """The nearest Python project; a script with a lock of its own is none."""
    from bom.catalog.python.project import projects

    found = {item.folder: item for item in projects(view) if not item.script}
    return next((found[folder] for folder in chain if folder in found), None)
