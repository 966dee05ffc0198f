"""The Debian packages in a view, from dpkg's own database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bom.catalog.debian import dpkg
from bom.catalog.debian.derived import derived
from bom.catalog.debian.graph import Graph
from bom.catalog.debian.package import describe, package_purl
from bom.catalog.debian.wanted import MANIFESTS, STATUS
from bom.catalog.os_release import read_os_release, vendor
from bom.catalog.protocol import Owned
from bom.errors import BomError
from bom.model import Gap
from bom.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bom.catalog.protocol import FileView
    from bom.model import Dependency, Finding


def find(files: FileView) -> Iterator[Dependency | Gap | Finding | Owned]:
    """Every installed package once, with the graph of Depends and Pre-Depends; whose its
    files are, and which others are derived from it."""
    release = read_os_release(files)
    refs: dict[dpkg.Package, str] = {}
    for package in dpkg.packages(files):
        try:
            refs[package] = package_purl(package, release)
        except BomError as error:
            where = f"{package.name} {package.version}"
            yield Gap("component", where, f"dpkg's database holds it: {error.reason}")
    for record in dpkg.unreadable(files):
        why = "dpkg's database can't be read, or is larger than is read"
        yield Gap("component", printable_name(record), why)
    for manifest in MANIFESTS:
        if files.entry(manifest) is not None:
            why = "it lists slices of Debian packages, without dpkg's database, and is not read"
            yield Gap("component", manifest, why)
    if len(refs) >= dpkg.PACKAGES_LIMIT:
        why = f"dpkg's database holds more than {dpkg.PACKAGES_LIMIT} packages"
        yield Gap("component", STATUS, why)
    if refs and not vendor(release):
        yield Gap(
            "component.purl",
            "deb",
            "no os-release says whose packages these are; the purls say debian",
        )
    graph = Graph(refs, refs)
    diverted = dpkg.diversions(files)
    brought: dict[str, tuple[str, ...]] = {}
    for package, ref in refs.items():
        described = describe(files, package, ref, release, graph, diverted)
        yield described.dependency
        yield from described.gaps
        yield from described.findings
        yield Owned(ref, described.paths)
        brought[ref] = described.paths
    yield from derived(files, refs, brought)
