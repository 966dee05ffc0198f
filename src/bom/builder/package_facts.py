"""What a built package and its project state: who it is, what made it, what it depends on."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from bom.catalog import project as projects
from bom.catalog.licences import classified_licence, stated_licence
from bom.model import Gap, Tool

if TYPE_CHECKING:
    from bom.archive.package import PackageIdentity
    from bom.catalog.project import Project
    from bom.model import Licence, Observation

PYTHON_KINDS: Final = frozenset({"wheel", "sdist"})
# Packages of one ecosystem ask for packages of that one; anything else may hold what it likes.
_SHIPS: Final = {
    "wheel": frozenset({"pypi"}),
    "sdist": frozenset({"pypi"}),
    "npm": frozenset({"npm"}),
}
_GENERATOR: Final = re.compile(r"([A-Za-z0-9][A-Za-z0-9._+-]*)(?:\s+\(?([A-Za-z0-9][^\s()]*)\)?)?")


def licences(identity: PackageIdentity) -> tuple[Licence, ...]:
    """The stated licence; the classifiers' only where it states none (PEP 639)."""
    stated = stated_licence(identity.licence)
    if stated is not None:
        return (stated,)
    found = (classified_licence(item) for item in identity.classifiers)
    return tuple(sorted({item for item in found if item is not None}))


def backend(identity: PackageIdentity) -> tuple[Tool | Gap, ...]:
    """The tool that a wheel names as its generator (`hatchling 1.27.0`, `setuptools (80.9.0)`)."""
    match = _GENERATOR.fullmatch(identity.generator)
    if match is None:
        why = "the wheel names no generator" if not identity.generator else "its form is unknown"
        return (Gap("tool.version", "build-backend", why),)
    name, version = match[1], match[2] or ""
    tool = Tool("build-backend", name, version, "stated")
    if version:
        return (tool,)
    return (tool, Gap("tool.version", name, "the wheel names its generator without a version"))


def observations(identity: PackageIdentity, project: Project) -> tuple[Observation, ...]:
    """The facts about one artifact of `project`.

    What a project of Python depends on is not what an npm package of the same tree ships: it
    only took part in the build.
    """
    found: list[Observation] = []
    if identity.problem:
        found.append(Gap("package.metadata", identity.kind, identity.problem))
    if identity.kind in PYTHON_KINDS:
        found.append(_isolated(project))
    ships = _SHIPS.get(identity.kind)
    return (*found, *projects.resolve(project, identity.requires, ships))


def unstated_backend(project: Project) -> tuple[Tool | Gap, ...]:
    """The backend of an sdist that was built without a wheel: no artifact states its version."""
    name = _module(project)
    if not name:
        return (Gap("tool.version", "build-backend", "the project names no build backend"),)
    why = "an sdist does not state which version of the backend made it"
    return (Tool("build-backend", name, "", "stated"), Gap("tool.version", name, why))


def _module(project: Project) -> str:
    stated = "" if project.manifest is None else project.manifest.build_backend
    return stated.partition(":")[0].strip()


def _isolated(project: Project) -> Gap:
    why = "what was installed where the backend ran is not known: no artifact states it"
    return Gap("build-environment.packages", _module(project) or "build-backend", why)
