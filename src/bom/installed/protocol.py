"""What compares a place with the BOM of what was installed there."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - a field of a value
from dataclasses import dataclass
from pathlib import Path  # noqa: TC003 - a field of a value
from typing import Any, Final, Protocol

from bom.model import Finding
from bom.printable import printable_name

CHANGED: Final = "installed-changed"
MISSING: Final = "installed-missing"
ADDITIONAL: Final = "installed-additional"


@dataclass(frozen=True, slots=True)
class Sealed:
    """An artifact that verified. `kind`, `built_sha256`: of its subject, as the BOM has them."""

    file: Path
    document: Mapping[str, Any]
    kind: str
    built_sha256: str


@dataclass(frozen=True, slots=True)
class Drift:
    """How a place differs from the BOM. `warnings`: what could not be compared, and why: "not
    compared" never reads as "the same"."""

    findings: tuple[Finding, ...] = ()
    warnings: tuple[str, ...] = ()


class Inspector(Protocol):
    """One kind of place. Stands in `bom.installed.INSPECTORS`; the first that recognises counts."""

    name: str

    def recognises(self, place: str, artifact: Sealed) -> bool:
        """Whether `place` (a path, or a container's name) is of this kind."""
        ...

    def compare(self, place: str, artifact: Sealed) -> Drift:
        """Raises BomError where the place can't be read."""
        ...


def changed(message: str, where: str, *, expected: str = "", found: str = "") -> Finding:
    return Finding(CHANGED, message, expected, found, where)


def missing(message: str, where: str, *, expected: str = "") -> Finding:
    return Finding(MISSING, message, expected, "", where)


def additional(message: str, where: str, *, found: str = "") -> Finding:
    return Finding(ADDITIONAL, message, "", found, where)


def other_kind(shown: str, *, expected: str, found: str) -> Finding:
    """`expected`, `found`: the kinds in words, "a file"."""
    return changed(f"{shown} is {found} now", shown, expected=expected, found=found)


def leads_elsewhere(shown: str, *, expected: str, found: str) -> Finding:
    """A link: its targets."""
    return changed(
        f"{shown} leads elsewhere",
        shown,
        expected=printable_name(expected),
        found=printable_name(found),
    )


def is_below(path: str, places: frozenset[str] | set[str]) -> bool:
    """Whether it is one of the places, or below one."""
    while path:
        if path in places:
            return True
        path = path.rpartition("/")[0]
    return False
