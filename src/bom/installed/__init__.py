"""Is what was installed still what its BOM says? `bom verify ARTIFACT --installed PLACE`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bom.errors import BomError
from bom.installed.container import Container
from bom.installed.folder import PrefixFolder
from bom.installed.node import NodeTree
from bom.installed.python import PythonEnvironment

if TYPE_CHECKING:
    from bom.installed.protocol import Drift, Inspector, Sealed

INSPECTORS: Final[tuple[Inspector, ...]] = (
    PythonEnvironment(),
    PrefixFolder(),
    NodeTree(),
    Container(),
)


def compare(place: str, artifact: Sealed) -> Drift:
    """How `place` differs from the BOM of `artifact`. Raises BomError where nothing here knows
    such a place, or it can't be read."""
    for inspector in INSPECTORS:
        if inspector.recognises(place, artifact):
            return inspector.compare(place, artifact)
    raise BomError(
        f"{place} is nothing that a {artifact.kind or 'file'} is installed into",
        hint="name an environment, a folder or a container",
    )
