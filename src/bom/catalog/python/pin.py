"""What a Python lock file says, before it becomes components: pins and the edges between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bom import purl
from bom.model import Component, Occurrence, Property

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from bom.model import Distribution, Gap


# Pins of one name, for different environments: real locks have a handful; a hostile one could
# make the edges between them grow with the square of its size.
FORKS: Final = 64


@dataclass(frozen=True, slots=True, order=True)
class Edge:
    """A requirement of one package for another. `version` is empty where any pin of it is meant.

    `extras`: those that are asked of the target. `only_with`: the requiring package's extras,
    one of which must have been asked for; empty: the edge always holds. `marker`: the
    environments in which it holds, empty for all.
    """

    name: str
    version: str = ""
    extras: tuple[str, ...] = ()
    only_with: tuple[str, ...] = ()
    marker: str = ""


@dataclass(frozen=True, slots=True)
class Pin:
    """One package as a lock states it. `name` is normalised (PyPA name normalisation).

    `source`: "registry", "vcs", "archive" (a direct URL) or "path" (in the project's own tree).
    `vcs_url`: as purl has it, `git+https://host/path@commit`. `development`: True where the lock
    puts it into a group that doesn't ship, None where it doesn't say. `optional`: whether it says
    that only extras of the project ask for it.
    """

    name: str
    version: str
    location: str
    line: int = 0
    distributions: tuple[Distribution, ...] = ()
    source: str = "registry"
    vcs_url: str = ""
    archive_url: str = ""
    index: str = ""
    marker: str = ""
    extras: tuple[str, ...] = ()
    development: bool | None = None
    optional: bool = False
    requires: tuple[Edge, ...] = ()

    @property
    def key(self) -> tuple[str, str, str]:
        return (self.name, self.version, self.vcs_url or self.archive_url)


@dataclass(frozen=True, slots=True)
class Lock:
    """One lock file. `states_edges`: whether it says which package needs which.

    `rooted`: whether it says what this project itself asks for: then `roots` (with `only_with`
    holding the project's extra) and `development_roots` (groups that don't ship) do, and what
    they don't lead to is there for other members of a workspace. `requires_python`: the
    interpreters that it is made for, as a version specifier.
    """

    location: str
    pins: tuple[Pin, ...] = ()
    states_edges: bool = False
    rooted: bool = False
    roots: tuple[Edge, ...] = ()
    development_roots: tuple[Edge, ...] = ()
    gaps: tuple[Gap, ...] = ()
    requires_python: str = ""


# --- the graph ---------------------------------------------------------------------------------


class Graph:
    """Which pin needs which, with the extras that are asked for followed.

    `holds` says which edges to follow; without it all are.
    """

    def __init__(self, pins: Iterable[Pin], holds: Callable[[Edge], bool] | None = None) -> None:
        self._holds = holds
        self._by_name: dict[str, list[Pin]] = {}
        for pin in pins:
            self._by_name.setdefault(pin.name, []).append(pin)
        self._by_version: dict[tuple[str, str], list[Pin]] = {}
        for name, same in self._by_name.items():
            if len(same) <= FORKS:
                for pin in same:
                    self._by_version.setdefault((name, pin.version), []).append(pin)
        self._extras: dict[tuple[str, str, str], set[str]] = {}

    @property
    def crowded(self) -> tuple[str, ...]:
        """The names that so many pins have that no edge to them is followed, sorted."""
        return tuple(sorted(n for n, same in self._by_name.items() if len(same) > FORKS))

    def targets(self, edge: Edge) -> list[Pin]:
        if edge.version:
            return self._by_version.get((edge.name, edge.version), [])
        same = self._by_name.get(edge.name, [])
        return same if len(same) <= FORKS else []

    def reach(self, roots: Sequence[Edge]) -> set[tuple[str, str, str]]:
        """The keys of all pins that `roots` lead to; remembers which extras were asked for."""
        seen: set[int] = set()
        reached: set[tuple[str, str, str]] = set()
        waiting = list(roots)
        while waiting:
            edge = waiting.pop()
            if self._holds is not None and not self._holds(edge):
                continue
            for pin in self.targets(edge):
                active = self._extras.setdefault(pin.key, set())
                fresh = set(edge.extras) - active
                if id(pin) in seen and not fresh:
                    continue
                active |= fresh
                seen.add(id(pin))
                reached.add(pin.key)
                waiting += self.edges(pin)
        return reached

    def edges(self, pin: Pin) -> list[Edge]:
        """The edges of `pin` that hold with the extras asked of it so far."""
        active = self._extras.get(pin.key, set()) | set(pin.extras)
        return [e for e in pin.requires if not e.only_with or active.intersection(e.only_with)]


# --- components --------------------------------------------------------------------------------


def component(pin: Pin) -> Component:
    """The component of a pin. A package from a path of the project's own has no purl: it is not
    the one of that name in the registry."""
    facts = []
    if pin.marker:
        facts.append(Property("bom-seal:marker", pin.marker))
    if pin.index:
        facts.append(Property("bom-seal:python:index", pin.index))
    if pin.extras:
        facts += [Property("bom-seal:python:extra", extra) for extra in pin.extras]
    where = Occurrence(pin.location, pin.line)
    return Component(
        type="library",
        name=pin.name,
        version=pin.version,
        distributions=pin.distributions,
        properties=tuple(sorted(facts)),
        purl="" if pin.source == "path" else _purl(pin),
        occurrences=(where,) if pin.location else (),
    )


def _purl(pin: Pin) -> str:
    return purl.build(
        "pypi",
        pin.name,
        version=pin.version,
        qualifiers={"vcs_url": pin.vcs_url, "download_url": pin.archive_url},
    )
