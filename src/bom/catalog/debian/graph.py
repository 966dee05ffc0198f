"""Depends and Pre-Depends between installed packages (Debian Policy 7.2, 7.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bom.catalog.debian import dpkg

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PROVIDERS_LIMIT: Final = 200  # installed packages that stand for one name; a few do anywhere

_ANY: Final = "any"


class Graph:
    """What each package depends on, resolved to what is installed.

    Of alternatives all that are installed count; a virtual package stands for its providers.
    """

    def __init__(self, installed: Iterable[dpkg.Package], refs: Mapping[dpkg.Package, str]) -> None:
        self._refs = refs
        self._real: dict[str, list[dpkg.Package]] = {}
        self._virtual: dict[str, list[dpkg.Package]] = {}
        self._native = ""
        for package in installed:
            self._real.setdefault(package.name, []).append(package)
            if package.name == "dpkg":
                self._native = package.architecture
            provided = dpkg.relations(package.field("provides"))
            for name in {name for clause in provided for name, _ in clause}:
                self._virtual.setdefault(name, []).append(package)

    def edges(self, package: dpkg.Package) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The refs that a package depends on, and what it needs that can't be told: clauses that
        nothing installed meets, or that too many packages do."""
        found: set[str] = set()
        unmet: dict[str, None] = {}
        clauses = [
            clause
            for field in ("pre-depends", "depends")
            for clause in dpkg.relations(package.field(field))
        ]
        for clause in dict.fromkeys(clauses):
            met: set[str] = set()
            for name, architecture in clause:
                candidates = self._candidates(name, architecture, package)
                met.update(self._refs[other] for other in candidates)
            if not met:
                unmet[" | ".join(name for name, _ in clause)] = None
            found |= met
        found.discard(self._refs[package])
        return tuple(sorted(found)), tuple(sorted(unmet))

    def _candidates(
        self, name: str, architecture: str, package: dpkg.Package
    ) -> list[dpkg.Package]:
        wanted = architecture or package.architecture
        if wanted == "all":
            wanted = self._native
        for named in (self._real, self._virtual):
            candidates = named.get(name, [])
            if architecture != _ANY and wanted:
                candidates = [other for other in candidates if _serves(other, wanted)]
            if candidates and len(candidates) <= PROVIDERS_LIMIT:
                return candidates
        return []


def _serves(package: dpkg.Package, architecture: str) -> bool:
    return package.architecture in (architecture, "all") or package.field("multi-arch") == "foreign"
