"""What comparing two builds needs and gives: what is known of each, the smallest unit that differs,
and (`bom.difference`) a verdict, and for each difference its cause and a remedy."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from bom.difference import Cause, Comparison, Difference, Level

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Cause", "Circumstances", "Comparison", "Difference", "Leaf", "Level"]


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What is known of how one of the two was built; "" or empty where it isn't known.

    `folder`: the absolute path of the source when it was built. `started`, `finished`: seconds
    since 1970, 0 where unknown. `tools`, `dependencies`: name or purl without version -> version.
    `variables`: those that were set for the build.
    """

    folder: str = ""
    home: str = ""
    user: str = ""
    hostname: str = ""
    started: int = 0
    finished: int = 0
    locale: str = ""
    timezone: str = ""
    processors: int = 0
    tools: Mapping[str, str] = field(default_factory=dict)
    dependencies: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Leaf:
    """The smallest unit that differs: one file, member or header in both builds.

    `path`: as in `Difference`. `one`, `two`: the contents as far as they were kept (at most
    LEAF_LIMIT bytes each; `whole` says whether that is all). `name`: the file's own path inside the
    innermost container (`usr/lib/x.so`). `only`: in which of the two it is at all, "" where it is
    in both.
    """

    path: str
    name: str
    one: bytes
    two: bytes
    whole: bool = True
    only: Literal["", "one", "two"] = ""
