"""Which one thing decides what content alone doesn't: builds with one factor changed at a time.

First two builds under the same circumstances. What differs between them already is decided by no
circumstance; there it is looked for what makes it stable (one processor, a clock that stands
still). For the rest each factor is changed alone, and what exactly one cause flips is that cause's.
All else stays unknown, with what it may be.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Protocol

from bom.vary import FACTORS
from bom.vary.machine import Processors, StandingClock
from bom.vary.protocol import NotVaried
from bom.vary.sight import UNSEEN

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

    from bom.difference import Cause, Comparison, Difference
    from bom.vary.protocol import Circumstance, Factor, Host

_CAUSES: Final[Mapping[str, Cause]] = {
    "path": "path",
    "file-order": "order",
    "file-modes": "mode",
    "timezone": "timestamp",
    "locale": "locale",
    "hash-seed": "hash-seed",
    "environment": "environment",
    "home": "environment",
    "hostname": "hostname",
    "user": "owner",
    "processors": "parallelism",
    "umask": "mode",
    "clock": "timestamp",
}
_REMEDIES: Final[Mapping[Cause, str]] = {
    "path": "Keep the folder out of the output (`-ffile-prefix-map=$PWD=.`, relative paths).",
    "order": "Sort what a folder lists (`LC_ALL=C sort`, `sorted(os.listdir())`).",
    "mode": "Set modes where files are packed (`tar --mode`, `COPY --chmod`), or umask 022.",
    "timestamp": "Take times from SOURCE_DATE_EPOCH, in UTC.",
    "locale": "Run the step with LC_ALL=C.",
    "hash-seed": "Sort what comes out of a set (`sorted(...)`), or set PYTHONHASHSEED=0.",
    "environment": "Run the step with the variables that it needs alone (`env -i`).",
    "hostname": "Keep the machine's name out of the output.",
    "owner": "Write fixed owners (`tar --owner=0 --group=0 --numeric-owner`).",
    "parallelism": "Run the step with one job (`make -j1`), or sort what parallel jobs write.",
}
# An entry's own times, mode and owner stand at the path of its content: they are told without
# building, and say nothing of what is open about the content.
_OF_ENTRIES: Final[frozenset[Cause]] = frozenset(("mode", "owner", "timestamp"))
_FAILED: Final = "the build fails when it is changed"
_SEED: Final = {"PYTHONHASHSEED": "0"}


STILLS: Final[tuple[tuple[Factor, Cause], ...]] = (
    (Processors(), "parallelism"),
    (StandingClock(), "timestamp"),
)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One build. `artifact`: a file of its own. `seen`: what the probe of each factor saw there."""

    artifact: Path
    seen: Mapping[str, str]


class Trial(Protocol):
    """How one artifact is built and compared."""

    def build(self, circumstance: Circumstance) -> Attempt | None:
        """What was built there, None where that failed. The source's folder is made for it and gone
        afterwards."""

    def compare(self, one: Path, two: Path) -> Comparison: ...


@dataclass(frozen=True, slots=True)
class Investigated:
    """`differences`: sorted, as many as before. `builds`: how many it took. `tried`: what was
    changed, by name; `kept`: name and reason of what could not be."""

    differences: tuple[Difference, ...]
    builds: int
    tried: tuple[str, ...]
    kept: tuple[tuple[str, str], ...]


def investigate(
    differences: Collection[Difference],
    trial: Trial,
    start: Circumstance,
    host: Host,
    fixed: Collection[str] = (),
    stills: Collection[tuple[Factor, Cause]] = STILLS,
) -> Investigated:
    """The differences, those of unknown cause settled where builds settle them.

    `start`: the circumstances to build under, its folder inside of the host's. `fixed`: names of
    factors that are the same in every build of this command, so that they can't be the cause.
    `stills`: what may make stable what differs without a change. Raises BomError where nothing can
    be built at all.
    """
    unknown = {item.path: item for item in differences if item.cause == "unknown"}
    search = _Search(trial, host, set(unknown), stills)
    found: dict[str, Cause] = {}
    if unknown:
        # all of them, whatever the candidates: what a second one flips, too, is not settled
        factors = [factor for factor in FACTORS if factor.name not in fixed]
        if "hash-seed" not in fixed:  # else chance decides in every single build
            start = replace(start, environment={**start.environment, **_SEED})
        found = search.settle(start, factors)
    settled = (
        _settled(item, found[item.path]) if item.path in found else item for item in differences
    )
    return Investigated(
        tuple(sorted(settled)),
        search.builds,
        tuple(sorted(search.tried)),
        tuple(sorted(search.kept.items())),
    )


def _settled(item: Difference, cause: Cause) -> Difference:
    if item.cause != "unknown":
        return item
    return replace(
        item,
        cause=cause,
        candidates=(),
        evidence=f"{item.evidence} (built again, it changes with the {cause} alone)",
        remedy=_REMEDIES[cause],
    )


class _Search:
    """One investigation of the differences at `paths`."""

    def __init__(
        self,
        trial: Trial,
        host: Host,
        paths: Collection[str],
        stills: Collection[tuple[Factor, Cause]],
    ) -> None:
        self._trial = trial
        self._stills = stills
        self._host = host
        self._paths = frozenset(paths)
        self.builds = 0
        self.tried: set[str] = set()
        self.kept: dict[str, str] = {}

    def settle(self, start: Circumstance, factors: Collection[Factor]) -> dict[str, Cause]:
        """The cause by path, where there is exactly one."""
        first = self._build(start)
        if first is None:
            return {}
        restless = self._differing(first, self._build(start))
        if restless is None:
            return {}
        found: dict[str, set[Cause]] = {}
        for cause, paths in self._stabilised(start, first, restless):
            for path in paths:
                found.setdefault(path, set()).add(cause)
        steady = self._paths - restless
        for factor in factors if steady else ():
            for path in self._flipped(factor, start, first) & steady:
                found.setdefault(path, set()).add(_CAUSES[factor.name])
        return {path: next(iter(causes)) for path, causes in found.items() if len(causes) == 1}

    def _stabilised(
        self, start: Circumstance, first: Attempt, restless: frozenset[str]
    ) -> Iterator[tuple[Cause, frozenset[str]]]:
        """Of what differs without any change: the cause, and what is the same without it."""
        if not restless:
            return
        for factor, cause in self._stills:
            still = self._applied(factor, start)
            if still is None:
                continue
            one, two = self._build(still), self._build(still)
            if one is None or two is None:
                self.kept[factor.name] = _FAILED
            differing = self._differing(one, two)
            if differing is not None and self._sees(factor, first, one):
                yield cause, restless - differing

    def _flipped(self, factor: Factor, start: Circumstance, first: Attempt) -> frozenset[str]:
        """What changes with this factor alone."""
        changed = self._applied(factor, start)
        if changed is None:
            return frozenset()
        base: Attempt | None = first
        if factor.name != "path" and changed.source != start.source:
            # it needs another file system: the same place there, with the files as they come
            base = self._build(replace(start, parent=changed.parent))
        other = self._build(changed)
        if base is None or other is None:
            self.kept[factor.name] = _FAILED
            return frozenset()
        differing = self._differing(base, other)
        if differing is None or not self._sees(factor, base, other):
            return frozenset()
        return differing

    def _applied(self, factor: Factor, start: Circumstance) -> Circumstance | None:
        """The circumstances with the factor changed; None where it can't be."""
        try:
            return factor.apply(start, self._host)
        except NotVaried as reason:
            self.kept[factor.name] = str(reason)
            return None

    def _sees(self, factor: Factor, one: Attempt | None, two: Attempt | None) -> bool:
        """Whether the change reached a program there: only then does it prove anything."""
        if one is None or two is None:
            return False
        first, second = one.seen.get(factor.name, ""), two.seen.get(factor.name, "")
        if not first or not second or first == second:
            self.kept[factor.name] = UNSEEN
            return False
        self.tried.add(factor.name)
        return True

    def _build(self, circumstance: Circumstance) -> Attempt | None:
        self.builds += 1
        return self._trial.build(circumstance)

    def _differing(self, one: Attempt | None, two: Attempt | None) -> frozenset[str] | None:
        """Which of the paths differ between two builds; None where one of them failed."""
        if one is None or two is None:
            return None
        found = self._trial.compare(one.artifact, two.artifact)
        return self._paths & {
            item.path for item in found.differences if item.cause not in _OF_ENTRIES
        }
