"""What is found while two builds are walked down, in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from bom.difference import Cause, Difference
from bom.printable import printable_name
from bom.report.text import inert

if TYPE_CHECKING:
    from collections.abc import Iterable

# One difference for each file, but not a hundred thousand of one kind: the rest are counted.
EACH: Final = 1000  # of one cause in one container
ALL: Final = 10_000  # of one cause
_PATH: Final = 2000  # characters
_REMEDY_MORE: Final = "Mend those of this cause that are named; the others are of the same kind."


def joined(path: str, name: str) -> str:
    """The path of something inside `path`; both are shown as they are, made inert."""
    shown = inert(printable_name(name)) or "."
    if len(shown) > _PATH:
        shown = shown[: _PATH // 2] + "..." + shown[-_PATH // 2 :]
    return f"{path} > {shown}" if path else shown


@dataclass(slots=True)
class Found:
    """Differences of one container and what is in it.

    `firm`: whether one of them is of a kind that no normaliser takes away (another content).
    """

    firm: bool = False
    differences: list[Difference] = field(default_factory=list)
    _counts: dict[tuple[str, Cause], int] = field(default_factory=dict)
    _totals: dict[Cause, int] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.differences)

    def add(self, container: str, difference: Difference) -> None:
        """One difference of something directly in `container` (a path, "" for the artifact)."""
        key = (container, difference.cause)
        count = self._counts.get(key, 0)
        total = self._totals.get(difference.cause, 0)
        self._counts[key] = count + 1
        if count < EACH and total < ALL:
            self._totals[difference.cause] = total + 1
            self.differences.append(difference)

    def merge(self, other: Found) -> None:
        """Take over what was found in a container inside."""
        self.firm |= other.firm
        for difference in other.differences:
            total = self._totals.get(difference.cause, 0)
            if total < ALL:
                self._totals[difference.cause] = total + 1
                self.differences.append(difference)
        for key, count in other._counts.items():
            self._counts[key] = self._counts.get(key, 0) + count

    def all(self) -> tuple[Difference, ...]:
        """Everything, sorted; what was only counted as one difference of each cause."""
        told: dict[Cause, int] = {}
        for difference in self.differences:
            told[difference.cause] = told.get(difference.cause, 0) + 1
        counted: dict[Cause, int] = {}
        where: dict[Cause, str] = {}
        for (container, cause), count in self._counts.items():
            counted[cause] = counted.get(cause, 0) + count
            if count > EACH:
                where.setdefault(cause, container)
        more: Iterable[Difference] = (
            Difference(
                joined(where.get(cause, ""), f"({count - told.get(cause, 0)} more)"),
                cause,
                f"{count - told.get(cause, 0)} more of this cause, not listed one by one",
                _REMEDY_MORE,
            )
            for cause, count in counted.items()
            if count > told.get(cause, 0)
        )
        return tuple(sorted({*self.differences, *more}))
