"""Where and why two builds of one thing differ: what comparing gives and reports print."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

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
class Comparison:
    """The verdict on two builds. `normalised`: for that verdict, what had to be made stable first,
    a phrase each. `differences`: sorted, empty only for "same"."""

    verdict: Level
    differences: tuple[Difference, ...] = ()
    normalised: tuple[str, ...] = ()
