"""The RPM packages in a view, from rpm's own database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bom import purl
from bom.catalog.came_with import LAYER, most_common_layer
from bom.catalog.content import content_hash, digests, unhashed_gaps
from bom.catalog.integrity import Stated, check
from bom.catalog.protocol import Owned
from bom.catalog.rpm import database, graph
from bom.catalog.rpm.distribution import read_distribution
from bom.catalog.rpm.licence import rpm_licence
from bom.catalog.rpm.package import Package
from bom.catalog.rpm.state import state
from bom.catalog.rpm.wanted import MANIFEST
from bom.catalog.stated import Unreadable, public_url
from bom.errors import BomError
from bom.model import Component, Dependency, Gap, Occurrence, Property

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bom.catalog.protocol import FileView
    from bom.catalog.rpm.distribution import Distribution
    from bom.catalog.rpm.package import File
    from bom.model import Finding

_GHOST_RULE: Final = "rpm-ghost"
_SOURCES: Final = {".src.rpm": "src", ".nosrc.rpm": "nosrc"}


def find(files: FileView) -> Iterator[Dependency | Gap | Finding | Owned]:
    """Every installed package, with the graph of what they require."""
    found, gaps = database.find(files)
    yield from gaps
    if found is None:
        if files.entry(MANIFEST) is not None:
            why = "it lists RPM packages without rpm's database, which is not read"
            yield Gap("component", MANIFEST, why)
        return
    for problem in found.problems:
        yield Gap("component", found.path, f"rpm's database {problem}")
    release = read_distribution(files)
    packages: list[Package] = []
    refs: list[str] = []
    for item in found.headers:
        package = Package(item)
        if package.is_key:
            continue
        try:
            refs.append(package_ref(package, release))
        except BomError as error:
            yield Gap("component", package.nevra, f"rpm's database holds it: {error.reason}")
            continue
        packages.append(package)
    if packages and not release.namespace:
        why = "no os-release says whose packages these are, so they have no purls"
        yield Gap("component.purl", "rpm", why)
    edges = _Edges(packages, refs, files)
    for place, package in enumerate(packages):
        yield from _describe(files, package, refs[place], release, edges.of(place), found.path)
    by_name = {package.name: refs[place] for place, package in enumerate(packages)}
    yield from state(files, by_name, found.path)


def package_ref(package: Package, release: Distribution) -> str:
    """The purl, or where nothing says whose package it is a ref of the same parts."""
    if not package.name or not package.version:
        raise BomError("it has no name or no version")
    if not release.namespace:
        return f"rpm:{package.nevra}"
    return purl.build(
        "rpm",
        package.name,
        namespace=release.namespace,
        version=package.version_release,
        qualifiers={
            "arch": package.architecture,
            "distro": release.distro,
            "epoch": str(package.epoch) if package.epoch else "",
        },
    )


class _Edges:
    """What each package needs, by ref, and the gaps where that isn't known."""

    def __init__(self, packages: list[Package], refs: list[str], files: FileView) -> None:
        self._refs = refs
        self._graph = graph.Graph(packages, files)
        self._exhausted = False

    def of(self, place: int) -> tuple[tuple[str, ...], list[Gap]]:
        ref = self._refs[place]
        try:
            if self._exhausted:
                raise graph.Exhausted
            places, unmet = self._graph.edges(place)
        except graph.Exhausted:
            self._exhausted = True
            why = "the packages require and provide more than any real ones do"
            return (), [Gap("dependency.graph", ref, why, ref)]
        requires = {self._refs[other] for other in places} - {ref}
        gaps = [
            Gap("dependency", ref, f"it depends on {clause}, which is not installed", ref)
            for clause in unmet
        ]
        return tuple(sorted(requires)), gaps


def _describe(
    files: FileView,
    package: Package,
    ref: str,
    release: Distribution,
    edges: tuple[tuple[str, ...], list[Gap]],
    record: str,
) -> Iterator[Dependency | Gap | Finding | Owned]:
    requires, gaps = edges
    try:
        listed = [item for item in package.files() if not item.directory]
        why = ""
    except Unreadable as error:
        listed, why = [], str(error)
    own = [item for item in listed if item.present and not item.ghost]
    pairs, unhashed = digests(files, (item.path for item in own))
    hashes, hash_of = content_hash(pairs)
    gaps += unhashed_gaps(unhashed, ref)
    if not hashes:
        why = why or _why_unhashed(files, own)
        gaps.append(Gap("component.hash", ref, why, ref))
    licence = rpm_licence(package.licence)
    if licence is None:
        gaps.append(Gap("component.licence", ref, "its header states none", ref))
    integrity, findings = check(files, ref, _stated(package, own))
    properties = [integrity, *_properties(package, release)]
    if layer := most_common_layer(files.entry(item.path) for item in own):
        properties.append(Property(LAYER, layer))
    yield Dependency(
        Component(
            "library",
            package.name,
            package.evr,
            purl=ref if release.namespace else "",
            ref="" if release.namespace else ref,
            hashes=hashes,
            hash_of=hash_of,
            licences=() if licence is None else (licence,),
            supplier=package.supplier,
            maintainer=package.packager,
            homepage=public_url(package.url),
            description=package.summary,
            properties=tuple(sorted(properties)),
            occurrences=(Occurrence(record),),
            requires=requires,
        )
    )
    yield from gaps
    yield from findings
    if own:
        yield Owned(ref, [item.path for item in own])
    if ghosts := [item.path for item in listed if item.ghost]:
        yield Owned(ref, ghosts, rule=_GHOST_RULE)


def _why_unhashed(files: FileView, own: list[File]) -> str:
    if any(files.entry(item.path) is None for item in own):
        return "none of its files is in the final file system"
    return "it has no files of its own"


def _stated(package: Package, own: list[File]) -> Iterator[Stated]:
    """The digests of the files that are to be as they were packaged: not of configuration, nor of
    what the packager exempts (`%verify(not md5)`)."""
    algorithm = package.algorithm
    for item in own:
        if item.digest and item.fixed:
            yield Stated(item.path, algorithm, item.digest)


def _properties(package: Package, release: Distribution) -> Iterator[Property]:
    found = {
        "bom-seal:rpm:source": package.source,
        "bom-seal:rpm:module": package.module,
        "bom-seal:rpm:signed-md5": package.signed_md5,
        "bom-seal:rpm:header-sha256": package.header_sha256,
        "bom-seal:source:purl": _source_purl(package, release),
    }
    yield from (Property(name, value) for name, value in found.items() if value)


def _source_purl(package: Package, release: Distribution) -> str:
    """The source package's, from its file name NAME-VERSION-RELEASE.src.rpm; that has no epoch."""
    for ending, architecture in _SOURCES.items():
        parts = package.source.removesuffix(ending).rsplit("-", 2)
        if release.namespace and package.source.endswith(ending) and len(parts) == 3:
            try:
                return purl.build(
                    "rpm",
                    parts[0],
                    namespace=release.namespace,
                    version=f"{parts[1]}-{parts[2]}",
                    qualifiers={"arch": architecture, "distro": release.distro},
                )
            except BomError:
                return ""  # no name, or none that can be written down
    return ""
