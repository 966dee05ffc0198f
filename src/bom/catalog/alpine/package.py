"""One installed Alpine package: its component, and how its files fit apk's record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from bom.catalog.came_with import LAYER, most_common_layer
from bom.catalog.content import content_hash, digests, unhashed_gaps
from bom.catalog.integrity import Stated, check
from bom.catalog.licences import stated_licence
from bom.catalog.system_purl import system_purl
from bom.errors import BomError
from bom.model import Component, Dependency, Gap, Occurrence, Property
from bom.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bom.catalog.alpine.database import File, Package
    from bom.catalog.protocol import FileView
    from bom.model import Finding

_FALLBACK_VENDOR: Final = "alpine"
# What apk lets the administrator change (apk-protected_paths(5), the built-in rules).
_CONFIGURATION: Final = "etc/"
_SCRIPTS: Final = "etc/init.d/"


class Described(NamedTuple):
    """A package, what could not be had of it, and what is wrong."""

    dependency: Dependency
    gaps: list[Gap]
    findings: list[Finding]


def package_purl(package: Package, release: Mapping[str, str]) -> str:
    """Its purl. Raises BomError where none can be formed."""
    return _purl(package.name, package, release, package.field("A"))


def _purl(name: str, package: Package, release: Mapping[str, str], arch: str = "") -> str:
    version = package.version  # packages of one origin have its version
    return system_purl("apk", name, version, release, otherwise=_FALLBACK_VENDOR, arch=arch)


def describe(
    files: FileView,
    package: Package,
    ref: str,
    release: Mapping[str, str],
    requires: Sequence[str],
) -> Described:
    """`ref`: its purl; `release`: the os-release; `requires`: the refs that it depends on."""
    pairs, unhashed = digests(files, (file.path for file in package.files))
    hashes, hash_of = content_hash(pairs)
    gaps = unhashed_gaps(unhashed, ref)
    if not hashes:
        why = "none of its files is there" if package.files else "it has no files of its own"
        gaps.append(Gap("component.hash", ref, why, ref))
    licence = stated_licence(package.field("L"))
    if licence is None:
        why = "apk's database states none, or none that is a name"
        gaps.append(Gap("component.licence", ref, why, ref))
    if package.broken:
        gaps.append(Gap("component", ref, "apk says that not all of its files are there", ref))
    integrity, findings = check(files, ref, _stated(files, package.files))
    component = Component(
        "library",
        package.name,
        package.version,
        purl=ref,
        hashes=hashes,
        hash_of=hash_of,
        licences=() if licence is None else (licence,),
        maintainer=package.field("m"),
        homepage=package.field("U"),
        description=package.field("T"),
        properties=tuple(sorted({integrity, *_properties(files, package, release)})),
        occurrences=(Occurrence(package.record, package.line),),
        requires=tuple(requires),
    )
    return Described(Dependency(component), gaps, findings)


def _stated(files: FileView, listed: Sequence[File]) -> Iterator[Stated]:
    """The checksums that are of a file's content, without configuration."""
    for file in listed:
        if not file.algorithm or _editable(file.path):
            continue
        entry = files.entry(file.path)
        if entry is None or entry.type == "file":  # of a link it is the target's name that counts
            yield Stated(file.path, file.algorithm, file.digest)


def _editable(path: str) -> bool:
    return path.startswith(_CONFIGURATION) and not path.startswith(_SCRIPTS)


def _properties(
    files: FileView, package: Package, release: Mapping[str, str]
) -> Iterator[Property]:
    if origin := package.field("o"):
        yield Property("bom-seal:apk:origin", origin)
        try:
            source = _purl(origin, package, release)
        except BomError:
            source = ""
        if source:
            yield Property("bom-seal:source:purl", source)
    if commit := package.field("c"):
        yield Property("bom-seal:apk:commit", commit)
    if identity := package.field("C"):
        yield Property("bom-seal:apk:identity", identity)
    entry = files.entry(package.record)
    if entry is not None and entry.layer:
        own = (files.entry(file.path) for file in package.files)
        common = most_common_layer(item for item in own if item and item.type == "file")
        yield Property(LAYER, common or entry.layer)
    for file in package.files:
        if file.algorithm and _editable(file.path) and _edited(files, file):
            yield Property("bom-seal:apk:edited", printable_name(file.path))


def _edited(files: FileView, file: File) -> bool:
    entry = files.entry(file.path)
    if entry is None or entry.type != "file":
        return False
    if file.algorithm == "sha1":
        actual = files.digest(file.path, "sha1") or ""
    else:
        actual = entry.sha256[: len(file.digest)]
    return bool(actual) and actual != file.digest
