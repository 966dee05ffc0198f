"""What comparing two builds gives: a verdict, and for each difference its cause and a remedy."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

# The fixed names; they stand in `--json` and in docs/reproducibility.md.
Cause = Literal[
    "timestamp",
    "order",
    "path",
    "owner",
    "mode",
    "locale",
    "hostname",
    "uuid",
    "hash-seed",
    "parallelism",
    "tool-version",
    "dependency-version",
    "build-id",
    "environment",
    "log-or-cache",
    "unknown",
]
Level = Literal["same", "normalised", "different"]


@dataclass(frozen=True, slots=True, order=True)
class Difference:
    """One thing that differs between two builds: one cause.

    `path`: where, from the outside in, joined by ` > ` (`layer 2 > app/x.jar > A.class`).
    `candidates`: for the cause "unknown", what it may be, sorted; else empty. `evidence`: what was
    seen, one line, inert (bom.printable). `remedy`: what to do, one sentence.
    """

    path: str
    cause: Cause
    evidence: str
    remedy: str
    candidates: tuple[Cause, ...] = ()


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
    innermost container (`usr/lib/x.so`).
    """

    path: str
    name: str
    one: bytes
    two: bytes
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Comparison:
    """The verdict on two builds. `normalised`: for that verdict, what had to be made stable first,
    a phrase each. `differences`: sorted, empty only for "same"."""

    verdict: Level
    differences: tuple[Difference, ...] = ()
    normalised: tuple[str, ...] = ()
