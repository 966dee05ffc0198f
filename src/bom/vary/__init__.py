"""Changed circumstances: all that may differ between two builds, each in one class, listed here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bom.vary.machine import Clock, Hostname, Processors
from bom.vary.protocol import NotVaried, Varied
from bom.vary.source import FileModes, FileOrder, SourcePath
from bom.vary.user import Home, Umask, User
from bom.vary.variables import HashSeed, Locale, Noise, Timezone

if TYPE_CHECKING:
    from collections.abc import Container

    from bom.vary.protocol import Circumstance, Factor, Host

__all__ = ["FACTORS", "FIXED", "varied"]

# In the order in which they are applied: what stands later runs inside of what stands before it.
FACTORS: Final[tuple[Factor, ...]] = (
    SourcePath(),
    FileOrder(),
    FileModes(),
    Timezone(),
    Locale(),
    HashSeed(),
    Noise(),
    Home(),
    Hostname(),
    User(),
    Processors(),
    Umask(),
    Clock(),
)
# What `bom build` sets itself, so that it is the same in every build but those `--as-is`.
FIXED: Final = frozenset(factor.name for factor in FACTORS if factor.fixed)


def varied(
    circumstance: Circumstance,
    host: Host,
    *,
    factors: tuple[Factor, ...] = FACTORS,
    fixed: Container[str] = (),
    without: Container[str] = (),
) -> Varied:
    """The circumstances with every factor changed that can be. `fixed`: names of what is set all
    the same; `without`: of invasive ones that the command doesn't take."""
    applied: list[Factor] = []
    kept: list[tuple[str, str]] = []
    for factor in factors:
        if factor.name in fixed:
            continue
        if factor.name in without:
            kept.append((factor.name, "the command failed when it was changed"))
            continue
        try:
            circumstance = factor.apply(circumstance, host)
        except NotVaried as reason:
            kept.append((factor.name, str(reason)))
        else:
            applied.append(factor)
    names = tuple(sorted(factor.name for factor in factors if factor.name in fixed))
    return Varied(circumstance, tuple(applied), names, tuple(kept))
