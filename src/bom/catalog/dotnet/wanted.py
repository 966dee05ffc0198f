"""Which files of a view the .NET ecosystem reads, by their paths alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import PurePosixPath

DEPS: Final = ".deps.json"
RUNTIME_CONFIG: Final = ".runtimeconfig.json"
PROJECT_ENDINGS: Final = (".csproj", ".fsproj", ".vbproj")
CENTRAL: Final = "Directory.Packages.props"
BUILD: Final = "Directory.Build.props"
LOCK: Final = "packages.lock.json"
ASSETS: Final = "project.assets.json"
CONFIG: Final = "packages.config"
NAMES: Final = frozenset([CENTRAL, BUILD, LOCK, ASSETS, CONFIG])
_OF_OTHERS: Final = frozenset(
    [".nuget", "bin", "dist-packages", "gems", "node_modules", "site-packages", "vendor"]
)


def wants(path: PurePosixPath) -> bool:
    """Whether the file describes an application or framework, or is a project's own."""
    return path.name.endswith((DEPS, RUNTIME_CONFIG)) or of_project(path)


def of_project(path: PurePosixPath) -> bool:
    """Whether the file is a project's lock or manifest, or holds for projects below it."""
    if not _OF_OTHERS.isdisjoint(path.parts):
        return False
    if path.name == ASSETS:
        return path.parent.name == "obj"
    return path.name in NAMES or path.name.endswith(PROJECT_ENDINGS)
