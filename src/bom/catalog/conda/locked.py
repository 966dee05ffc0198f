"""What conda locks and environment files say, before it becomes dependencies."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal

from bom import purl
from bom.catalog.conda.records import TOKEN, TYPES, channel_name
from bom.catalog.licences import stated_licence
from bom.catalog.python.names import name as python_name
from bom.catalog.python.names import version as checked_version
from bom.catalog.stated import Unreadable, file_name, public_url, stated_hash, text
from bom.model import Component, Dependency, Distribution, Gap, Occurrence, Property

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from bom.model import Hash

    Key = tuple[str, str]

_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_LEADING: Final = re.compile(r"[A-Za-z0-9._-]+")
_VIRTUAL: Final = "__"  # `__glibc`: a fact of the machine, not a package


@dataclass(frozen=True, slots=True)
class Package:
    """One package of a lock, or one request of an environment file (then without a digest).

    `kind`: "conda" or "pypi". `platforms`: those whose installs have it; `only`: whether some
    that the lock is for have none of this name, so that an install may rightly lack it.
    """

    kind: Literal["conda", "pypi"]
    name: str
    version: str = ""
    build: str = ""
    channel: str = ""
    subdir: str = ""
    file: str = ""
    url: str = ""
    hashes: tuple[Hash, ...] = ()
    licence: str = ""
    requires: tuple[str, ...] = ()
    platforms: frozenset[str] = frozenset()
    role: Literal["shipped", "build"] = "shipped"
    optional: bool = False
    asked: str = ""
    location: str = ""
    line: int = 0

    @property
    def key(self) -> tuple[str, str]:
        return (self.kind, self.name)


def conda_package(url: str, stated: Mapping[str, Any]) -> Package:
    """A package by its file's URL (`.../CHANNEL/SUBDIR/NAME-VERSION-BUILD.conda`) and what a lock
    states beside it. Raises Unreadable where no name and version can be told."""
    bare = public_url(TOKEN.sub("", url))
    file = file_name(url)
    end = next((end for end in TYPES if file.endswith(end)), "")
    called, _, rest = file.removesuffix(end).rpartition("-")
    called, _, version = called.rpartition("-")
    above = TOKEN.sub("", url).rpartition("/")[0]
    subdir = text(stated.get("subdir")) or file_name(above)
    name = text(stated.get("name")) or (called if end else "")
    version = text(stated.get("version")) or (version if end else "")
    build = text(stated.get("build")) or (rest if end else "")
    if not _NAME.fullmatch(name) or not checked_version(version):
        raise Unreadable("an entry names no package with a version")
    return Package(
        "conda",
        name.lower(),
        version,
        build,
        channel_name(above, subdir) if bare else "",
        subdir,
        file if end else "",
        bare,
        hashes(stated),
        text(stated.get("license")),
    )


def pypi_package(url: str, stated: Mapping[str, Any]) -> Package:
    """A package of the Python index. Raises Unreadable where it has no name."""
    name = python_name(stated.get("name"))
    if not name:
        raise Unreadable("an entry names no package with a version")
    version = checked_version(stated.get("version"))
    bare = public_url(url)
    return Package("pypi", name, version, file=file_name(url), url=bare, hashes=hashes(stated))


def hashes(stated: Mapping[str, Any]) -> tuple[Hash, ...]:
    """`sha256: HEX` and `md5: HEX`."""
    spelled = (f"{key}:{text(stated.get(key))}" for key in ("sha256", "md5"))
    return tuple(sorted(filter(None, map(stated_hash, spelled))))


def required_names(specs: Iterable[str]) -> tuple[str, ...]:
    """The names of the packages that match specifications ask for (`python >=3.11,<3.12.0a0`)."""
    found = {
        match[0].lower()
        for spec in specs
        if (match := _LEADING.match(spec.rpartition("::")[2].strip()))
    }
    return tuple(sorted(name for name in found if not name.startswith(_VIRTUAL)))


def numbered(source: str, start: str, count: int) -> list[int]:
    """The lines (from 1) on which the entries of a list stand, each beginning with one of the
    expression `start`; all 0 where there are not `count` of them."""
    begins = re.compile(start)
    lines = [n for n, line in enumerate(source.splitlines(), 1) if begins.match(line)]
    return lines if len(lines) == count else [0] * count


def resolved(
    packages: Sequence[Package], direct: frozenset[tuple[str, str]]
) -> tuple[tuple[Dependency, ...], tuple[Gap, ...]]:
    """The packages as dependencies with the edges between those of one platform, and what they
    lack; both sorted. `direct`: the kinds and names that the project itself asks for."""
    components = [_component(package) for package in packages]
    refs = [component.purl for component in components]
    everywhere = frozenset(item for package in packages for item in package.platforms)
    of_platform: dict[tuple[str, str, str], set[str]] = {}
    having: dict[Key, set[str]] = {}
    for package, ref in zip(packages, refs, strict=True):
        having.setdefault(package.key, set()).update(package.platforms)
        for platform in package.platforms or {""}:
            of_platform.setdefault((platform, *package.key), set()).add(ref)
    found: dict[tuple[str, str], Dependency] = {}
    gaps: set[Gap] = set()
    for package, bare in zip(packages, components, strict=True):
        ref = bare.purl
        requires = {
            target
            for name in package.requires
            for platform in package.platforms or {""}
            # more packages of one name on one platform are not what a solver makes
            for target in sorted(of_platform.get((platform, package.kind, name), ()))[:4]
        }
        component = replace(bare, requires=tuple(sorted(requires - {ref})))
        item = Dependency(
            component,
            package.role,
            package.role == "shipped" and package.key in direct,
            package.optional or having[package.key] != everywhere,
        )
        key = (item.role, ref)
        found[key] = found[key].merged(item) if key in found else item
        gaps.update(_lacking(package, ref))
    return tuple(sorted(found.values())), tuple(sorted(gaps))


def _component(package: Package) -> Component:
    if package.kind == "conda":
        ending = next((end[1:] for end in TYPES if package.file.endswith(end)), "")
        ref = purl.build(
            "conda",
            package.name,
            version=package.version,
            qualifiers={
                "build": package.build,
                "channel": package.channel,
                "subdir": package.subdir,
                "type": ending,
            },
        )
    else:
        ref = purl.build("pypi", package.name, version=package.version)
    licence = stated_licence(package.licence)
    files = Distribution(package.file, package.url, package.hashes)
    asked = Property("bom-seal:conda:specifier", package.asked)
    return Component(
        "library",
        package.name,
        package.version,
        purl=ref,
        distributions=(files,) if package.file or package.hashes else (),
        licences=(licence,) if licence else (),
        properties=(asked,) if package.asked else (),
        occurrences=(Occurrence(package.location, package.line),),
    )


def _lacking(package: Package, ref: str) -> Iterable[Gap]:
    by = package.location
    if not package.version:
        yield Gap("dependency.version", package.name, f"{by} does not pin it", ref)
    if not package.hashes:
        yield Gap("dependency.hash", package.name, f"{by} states no hash", ref)
