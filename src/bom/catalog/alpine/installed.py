"""The Alpine packages in a view, from apk's own database."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from bom.catalog.alpine import database
from bom.catalog.alpine.package import describe, package_purl
from bom.catalog.os_release import read_os_release, vendor
from bom.catalog.protocol import Owned
from bom.errors import BomError
from bom.model import Gap

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bom.catalog.alpine.database import Package
    from bom.catalog.protocol import FileView
    from bom.model import Dependency, Finding

PROVIDERS_LIMIT: Final = 200  # installed packages that stand for one name; a few do anywhere

# What belongs to a package without being in its list: the owner is the first of the packages
# that is installed. docs/attribution.md explains the rules.
_RULES: Final = (
    (
        "apk-state",
        ("apk-tools",),
        (
            *(f"{folder}/apk/db/{name}" for folder in ("lib", "usr/lib")
              for name in ("installed", "lock", "scripts.tar", "scripts.tar.gz", "triggers")),
            "etc/apk/arch",
            "etc/apk/world",
            "var/cache/apk/installed",
        ),
    ),
    ("accounts", ("alpine-baselayout-data", "alpine-baselayout"),
     ("etc/group-", "etc/passwd-", "etc/shadow-")),
    ("ca-certificates", ("ca-certificates",),
     ("etc/ca-certificates.conf", "etc/ssl/certs/ca-certificates.crt")),
)  # fmt: skip


def find(files: FileView) -> Iterator[Dependency | Gap | Finding | Owned]:
    """Every installed package, with the graph of what they depend on."""
    release = read_os_release(files)
    packages: list[tuple[Package, str]] = []
    asked = set(database.world(files))
    read = 0
    for package in database.packages(files):
        read += 1
        if read > database.PACKAGES_LIMIT:
            why = f"apk's database holds more than {database.PACKAGES_LIMIT} packages"
            yield Gap("component", package.record, why)
            break
        if package.virtual:
            if package.name in asked:
                asked.update(database.names(package.field("D")))
            continue
        try:
            packages.append((package, package_purl(package, release)))
        except BomError as error:
            where = f"{package.name} {package.version}"
            yield Gap("component", where, f"apk's database holds it: {error.reason}")
    for record in database.unreadable(files):
        yield Gap("component", record, "apk's database can't be read, or is larger than is read")
    if packages and not vendor(release):
        why = "no os-release says whose packages these are; the purls say alpine"
        yield Gap("component.purl", "apk", why)
    graph = _Graph(packages)
    for package, ref in packages:
        requires, unmet = graph.edges(package, ref)
        found = describe(files, package, ref, release, requires)
        yield replace(found.dependency, direct=package.name in asked)
        yield from found.gaps
        for name in unmet:
            why = f"it depends on {name}, which is not installed"
            yield Gap("dependency", ref, why, ref)
        yield from found.findings
        yield Owned(ref, tuple(file.path for file in package.files))
    yield from _derived({package.name: ref for package, ref in packages})


def _derived(refs: dict[str, str]) -> Iterator[Owned]:
    for rule, owners, paths in _RULES:
        ref = next((refs[name] for name in owners if name in refs), "")
        if ref:
            yield Owned(ref, paths, rule=rule)


class _Graph:
    """Dependencies, resolved to what is installed: by name, else by what is provided (shared
    objects `so:`, commands `cmd:`, pkg-config files `pc:`, paths)."""

    def __init__(self, packages: Iterable[tuple[Package, str]]) -> None:
        self._real: dict[str, list[str]] = {}
        self._provided: dict[str, list[str]] = {}
        for package, ref in packages:
            self._real.setdefault(package.name, []).append(ref)
            for name in set(database.names(package.field("p"))):
                self._provided.setdefault(name, []).append(ref)

    def edges(self, package: Package, ref: str) -> tuple[list[str], list[str]]:
        """The refs that it depends on, and the names that nothing installed stands for, or more
        than can be."""
        found: set[str] = set()
        unmet = set()
        for name in set(database.names(package.field("D"))):
            candidates = self._real.get(name) or self._provided.get(name) or []
            if not candidates or len(candidates) > PROVIDERS_LIMIT:
                unmet.add(name)
            else:
                found.update(candidates)
        found.discard(ref)
        return sorted(found), sorted(unmet)
