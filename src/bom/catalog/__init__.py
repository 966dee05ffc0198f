"""What is inside: one module per ecosystem, each written once for directories and images."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from bom.catalog.debian import Debian
from bom.catalog.os_release import os_component
from bom.catalog.python import Python
from bom.model import Dependency, Gap

if TYPE_CHECKING:
    from pathlib import Path

    from bom.catalog.protocol import Ecosystem, FileView

ECOSYSTEMS: Final[tuple[Ecosystem, ...]] = (Debian(), Python())

_NAMES: Final = frozenset(name for ecosystem in ECOSYSTEMS for name in ecosystem.reads.names)
_ENDINGS: Final = tuple(end for ecosystem in ECOSYSTEMS for end in ecosystem.reads.endings)
_FOLDERS: Final = tuple(top for ecosystem in ECOSYSTEMS for top in ecosystem.reads.folders)


def wanted(path: str) -> bool:
    """Whether some ecosystem wants to read the file at `path`, relative to the root."""
    if (
        path[path.rfind("/") + 1 :] not in _NAMES
        and not path.endswith(_ENDINGS)
        and not path.startswith(_FOLDERS)
    ):
        return False
    pure = PurePosixPath(path)
    return any(ecosystem.matches(pure) for ecosystem in ECOSYSTEMS)


def catalogue(view: FileView) -> tuple[Dependency | Gap, ...]:
    """What is installed in the view: one Dependency for each purl and one for the operating
    system, then the gaps, sorted."""
    found: set[Dependency | Gap] = set()
    for ecosystem in ECOSYSTEMS:
        found.update(ecosystem.components(view))
    if (system := os_component(view)) is not None:
        found.add(Dependency(system))
    dependencies = [item for item in found if isinstance(item, Dependency)]
    gaps = [item for item in found if isinstance(item, Gap)]
    dependencies.sort(key=lambda item: item.component.bom_ref)
    return (*dependencies, *sorted(gaps))


def catalogue_directory(root: Path) -> tuple[Dependency | Gap, ...]:
    """What is installed below a directory: an unpacked image, or an environment.

    Raises BomError where it can't be read. What a source tree declares and locks is
    `bom.catalog.project`'s to tell.
    """
    from bom.catalog.view import directory_view

    view, gaps = directory_view(root, wanted)
    return (*catalogue(view), *gaps)
