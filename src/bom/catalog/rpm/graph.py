"""Which installed package needs which: what they require against what they provide and which
files they have (rpm-dependencies(7)).

Of several packages that provide a capability all count. What a package provides itself it needs
of no other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bom.catalog.rpm import rich
from bom.catalog.rpm.package import Relation
from bom.catalog.rpm.version import EQUAL, overlap
from bom.catalog.stated import Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bom.catalog.protocol import FileView
    from bom.catalog.rpm.package import Package

# A stranger's database can make every package provide and require the same: the work has limits,
# which no real one comes near (a desktop of 2,000 packages: 10,000 edges).
_COMPARISONS: Final = 5_000_000
_EDGES: Final = 1_000_000


class Exhausted(Exception):
    """The graph is larger than any real one."""


class Graph:
    """The edges between packages, which are named by their place in the list."""

    def __init__(self, packages: Sequence[Package], view: FileView) -> None:
        self._packages = packages
        self._view = view
        self._provided: dict[str, list[tuple[int, int, str]]] = {}
        self._known: dict[tuple[str, int, str], frozenset[int]] = {}
        self._comparisons = _COMPARISONS
        self._edges = _EDGES
        for place, package in enumerate(packages):
            own = Relation(package.name, EQUAL, package.evr)
            for item in {own, *package.provides()}:
                self._provided.setdefault(item.name, []).append((place, item.flags, item.version))
        self._files = self._owners_of_required_files()

    def edges(self, place: int) -> tuple[tuple[int, ...], tuple[str, ...]]:
        """The places of the packages that the one at `place` needs, and what of it nothing
        installed provides. Raises Exhausted."""
        found: set[int] = set()
        unmet = []
        for item in self._packages[place].requires():
            if item.name.startswith("("):
                try:
                    met, by = rich.evaluate(item.name, self._find_counted)
                except rich.Unparsed:
                    met, by = False, frozenset()
            else:
                by = self._find(item.name, item.flags, item.version)
                met = bool(by)
            if not met:
                unmet.append(f"{item.name} {item.version}" if item.version else item.name)
            elif place not in by:
                self._spend_edges(len(by))
                found |= by
        return tuple(sorted(found)), tuple(sorted(set(unmet)))

    def _find(self, name: str, sense: int, version: str) -> frozenset[int]:
        key = (name, sense, version)
        if (known := self._known.get(key)) is not None:
            return known
        candidates = self._provided.get(name, ())
        self._comparisons -= len(candidates)
        if self._comparisons < 0:
            raise Exhausted
        found = {
            place
            for place, flags, provided in candidates
            if overlap(provided, flags, version, sense)
        }
        if name.startswith("/"):
            found |= self._files.get(self._real(name.strip("/")), set())
        self._spend_edges(len(found))
        self._known[key] = made = frozenset(found)
        return made

    def _find_counted(self, name: str, sense: int, version: str) -> frozenset[int]:
        """The same for a boolean dependency, which may name one capability many times."""
        found = self._find(name, sense, version)
        self._spend_edges(len(found))
        return found

    def _spend_edges(self, number: int) -> None:
        self._edges -= number
        if self._edges < 0:
            raise Exhausted

    def _owners_of_required_files(self) -> dict[str, set[int]]:
        """Those of all files that some package requires by path, with the packages that list
        them. A merged /usr has two paths to a file; only its real one counts here."""
        wanted = {
            self._real(word.strip("/"))
            for package in self._packages
            for item in package.requires()
            for word in _paths(item.name)
        }
        owners: dict[str, set[int]] = {path: set() for path in wanted}
        if not owners:
            return owners
        names = frozenset(path.rpartition("/")[2] for path in owners)
        for place, package in enumerate(self._packages):
            for path in _listed(package, names):
                holders = owners.get(self._real(path))
                if holders is not None:
                    holders.add(place)
        return owners

    def _real(self, path: str) -> str:
        """The path with the links in its folders followed, where the file is there."""
        return self._view.resolve(path) or path


def _paths(name: str) -> Iterable[str]:
    if name.startswith("/"):
        yield name
    elif name.startswith("("):
        words = name.replace("(", " ").replace(")", " ").split()
        yield from (word for word in words if word[0] == "/")


def _listed(package: Package, names: frozenset[str]) -> list[str]:
    try:
        return package.paths(names)
    except Unreadable:
        return []  # what it lists is a gap already, where the package is described
