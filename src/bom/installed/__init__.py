"""Is what was installed still what its BOM says? `bom verify ARTIFACT --installed PLACE`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from bom.errors import BomError
from bom.installed.container import Container
from bom.installed.folder import PrefixFolder
from bom.installed.node import NodeTree
from bom.installed.python import PythonEnvironment
from bom.printable import printable_os

if TYPE_CHECKING:
    from bom.installed.protocol import Drift, Inspector, Sealed

INSPECTORS: Final[tuple[Inspector, ...]] = (
    PythonEnvironment(),
    PrefixFolder(),
    NodeTree(),
    Container(),
)
_HINT: Final = "name an environment, a folder or a container"


def compare(place: str, artifact: Sealed) -> Drift:
    """How `place` differs from the BOM of `artifact`. Raises BomError where nothing here knows
    such a place, or it can't be read."""
    for inspector in INSPECTORS:
        if inspector.recognises(place, artifact):
            return inspector.compare(place, artifact)
    if not Path(place).exists():
        raise BomError(f"there is no {printable_os(place)}", hint=_HINT)
    raise BomError(
        f"{printable_os(place)} is nothing that a {artifact.kind or 'file'} is installed into",
        hint=_HINT,
    )
