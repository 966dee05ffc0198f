"""Whether a requirement's marker holds (PyPA "Dependency specifiers")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from packaging.markers import InvalidMarker, Marker, UndefinedComparison, UndefinedEnvironmentName
from packaging.version import InvalidVersion

if TYPE_CHECKING:
    from collections.abc import Mapping

_LIMIT: Final = 2000  # characters of a marker


def holds(marker: str, markers: Mapping[str, str], extra: str) -> bool:
    """Whether a marker holds in the environment that `markers` describes, with that extra ("" for
    none). One that can't be read holds: what it guards is needed rather than silently left out."""
    if len(marker) > _LIMIT:
        return True
    try:
        return Marker(marker).evaluate({**markers, "extra": extra})
    except (InvalidMarker, InvalidVersion, UndefinedComparison, UndefinedEnvironmentName):
        return True
    except RecursionError:
        return True
