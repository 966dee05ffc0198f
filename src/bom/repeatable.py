"""What makes a wrapped build repeatable by default: its clock, time zone, locale, hash seed, umask.

SOURCE_DATE_EPOCH is the commit's time (reproducible-builds.org/specs/source-date-epoch). What a
build gets here is the same on every machine, so it may stand in the BOM; what the user's shell had
in its place goes to the run record.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

EPOCH: Final = "SOURCE_DATE_EPOCH"
UMASK: Final = 0o022

# Set over what the shell has: that another shell has something else must make no difference.
_FIXED: Final = {"LC_ALL": "C.UTF-8", "TZ": "UTC"}
# Set unless the user did: whoever sets one of these for a build means this very build.
_HASH_SEED: Final = "PYTHONHASHSEED"
# LC_ALL goes before all of these, but gettext still reads LANGUAGE, and some programs LANG itself.
_LOCALE: Final = ("LANG", "LANGUAGE")
_LOCALE_PREFIX: Final = "LC_"

_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the wrapped command runs in.

    `fixed`: the variables that `bom` set. `replaced`: those of the user's that gave way, with
    their values. `umask`: None for the user's own. `epoch`: the SOURCE_DATE_EPOCH that `bom` gives
    to image builds as a build argument, None where they get none.
    """

    environment: Mapping[str, str]
    fixed: frozenset[str] = frozenset()
    replaced: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    umask: int | None = None
    epoch: int | None = None


def as_is(environment: Mapping[str, str]) -> Surroundings:
    """The user's own, untouched."""
    return Surroundings(environment)


def repeatable(environment: Mapping[str, str], epoch: int | None) -> Surroundings:
    """The same for every user and machine. `epoch`: SOURCE_DATE_EPOCH where the user set it, else
    the commit's time; None with neither."""
    found = dict(environment)
    replaced: dict[str, str] = {}
    for name, value in environment.items():
        if name in _LOCALE or (name.startswith(_LOCALE_PREFIX) and name not in _FIXED):
            replaced[name] = found.pop(name)
        elif name in _FIXED and value != _FIXED[name]:
            replaced[name] = value
    fixed = dict(_FIXED)
    # an empty value is none: Python and the specification of the epoch read it so
    if not found.get(_HASH_SEED):
        fixed[_HASH_SEED] = "0"
    if epoch is not None and not found.get(EPOCH):
        fixed[EPOCH] = str(epoch)
    found.update(fixed)
    return Surroundings(found, frozenset(fixed), replaced, UMASK, epoch)
