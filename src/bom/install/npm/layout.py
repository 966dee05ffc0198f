"""Which npm packages a BOM lists, and where npm would lay them: a lock made out of a BOM.

A BOM has the graph, a lock has folders (npm, "package-lock.json"). Node looks for a package in the
`node_modules` beside the one that asks, then in each one above. So every package goes as high up as
nothing else of its name is in the way.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from bom.compose import reading
from bom.compose.bom import ROOT
from bom.install.intake import NotInstalled
from bom.model import Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

# as of a Python package
UNLISTED: Final = "dependency-unlisted"
DIGEST: Final = "dependency-digest"
MODULES: Final = "node_modules"
# What npm checks (npm, "package-lock.json", integrity), strongest first; SHA-1 is no proof.
_ALGORITHMS: Final = (
    ("SHA-512", "sha512", 64),
    ("SHA-384", "sha384", 48),
    ("SHA-256", "sha256", 32),
)
_NAME: Final = re.compile(r"(?:@[a-zA-Z0-9~][\w.~!'()*-]*/)?[a-zA-Z0-9~_][\w.~!'()*-]*")
_VERSION: Final = re.compile(r"[0-9][\w.+-]*")
_PURL: Final = "pkg:npm/"
_ALIAS: Final = "bom-seal:npm:alias"
_BUNDLED: Final = "bom-seal:npm:bundled"
_DEPTH: Final = 64  # packages inside packages
_PLACES: Final = 200_000


@dataclass(frozen=True, slots=True)
class Package:
    """A package that is to be fetched. `folder`: what it is called where it is used. `integrity`:
    `sha512-BASE64`. `url`: where the BOM says that it was had, "" where it doesn't. `requires`:
    refs."""

    ref: str
    name: str
    version: str
    folder: str
    integrity: str
    url: str
    requires: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """`sha512:HEX`."""
        algorithm, _, value = self.integrity.partition("-")
        return f"{algorithm}:{base64.b64decode(value).hex()}"


@dataclass(frozen=True, slots=True)
class Listed:
    """What an artifact runs with. `direct`: refs of what it asks for itself."""

    direct: tuple[str, ...]
    packages: Mapping[str, Package] = field(default_factory=dict)

    def specifiers(self, refs: Iterable[str]) -> dict[str, str]:
        """What a manifest says that asks for just these."""
        made = {}
        for ref in refs:
            if (item := self.packages.get(ref)) is not None:
                alias = f"npm:{item.name}@" if item.folder != item.name else ""
                made[item.folder] = alias + item.version
        return made

    def reached(self, wants: Callable[[Package], bool]) -> frozenset[str]:
        """Refs of all that the direct ones lead to that `wants` takes."""
        seen: set[str] = set()
        waiting = [ref for ref in self.direct if wants(self.packages[ref])]
        while waiting:
            ref = waiting.pop()
            if ref not in seen and ref in self.packages:
                seen.add(ref)
                waiting += self.packages[ref].requires
        return frozenset(seen)


def listed(document: Mapping[str, Any]) -> Listed:
    """The packages that the artifact leads to. What comes inside of another's tarball is part of
    that. Raises NotInstalled for one without a digest that proves something."""
    edges = {
        str(item.get("ref")): tuple(str(ref) for ref in item.get("dependsOn") or ())
        for item in _items(document, "dependencies")
    }
    parts = {str(part.get("bom-ref")): part for part in _items(document, "components")}
    found: dict[str, Package] = {}
    bundled: set[str] = set()
    waiting = list(edges.get(ROOT, ()))
    while waiting:
        ref = waiting.pop()
        if ref in found or ref in bundled or ref not in parts:
            continue
        part = parts[ref]
        if not str(part.get("purl") or "").startswith(_PURL):
            continue
        if reading.properties(part, _BUNDLED) == ["true"]:
            bundled.add(ref)
            continue
        found[ref] = _package(ref, part, edges.get(ref, ()))
        waiting += found[ref].requires
    return Listed(tuple(ref for ref in edges.get(ROOT, ()) if ref in found), found)


def placed(top: str, wanted: Listed) -> dict[str, Package]:
    """The packages by folder (`node_modules/a/node_modules/b`), where `top` (a package's name)
    stands in the first one. Each that asks for another finds that one. Raises NotInstalled where it
    takes more folders than anybody has."""
    made: dict[str, Package] = {}
    taken = {f"{MODULES}/{top}": ""}  # folder -> ref
    waiting: list[tuple[str, str]] = [(f"{MODULES}/{top}", ref) for ref in wanted.direct]
    while waiting:
        asking, ref = waiting.pop(0)
        package = wanted.packages.get(ref)
        if package is None:
            continue
        place = _place(asking, package, taken)
        if place is None:
            continue  # it finds one of just that version above
        if place.count(f"{MODULES}/") > _DEPTH or len(made) >= _PLACES:
            raise refused(f"{package.name} would lie too deep", package.name)
        taken[place], made[place] = ref, package
        waiting += [(place, inner) for inner in package.requires]
    return made


def _place(asking: str, package: Package, taken: Mapping[str, str]) -> str | None:
    """The folder to put it in; None where what asks finds it already."""
    best = ""
    for above in _from_within(asking):
        folder = f"{above}{MODULES}/{package.folder}"
        if folder in taken:
            if taken[folder] == package.ref:
                return None
            break
        best = folder
    return best


def _from_within(folder: str) -> Iterator[str]:
    """Where Node looks, from the package's own folder up: "a/node_modules/b/", …, ""."""
    yield f"{folder}/"
    while f"/{MODULES}/" in folder:
        folder = folder.rpartition(f"/{MODULES}/")[0]
        yield f"{folder}/"
    yield ""


def refused(reason: str, where: str) -> NotInstalled:
    return NotInstalled(
        f"nothing is installed: {reason}",
        [Finding(UNLISTED, reason, where=where)],
        hint="lock the project's dependencies with their integrity, and seal it anew",
    )


def _package(ref: str, part: Mapping[str, Any], requires: tuple[str, ...]) -> Package:
    group, name = str(part.get("group") or ""), str(part.get("name") or "")
    whole = f"{group}/{name}" if group else name
    version = str(part.get("version") or "")
    folder = next(iter(reading.properties(part, _ALIAS)), "") or whole
    # these become folders and URLs: nothing else may stand in them
    if not all(_NAME.fullmatch(text) and ".." not in text for text in (whole, folder)):
        raise refused(f"{whole} is no name of a package", whole)
    if not _VERSION.fullmatch(version):
        raise refused(f"{whole} has no version in the BOM", whole)
    integrity, url = _distribution(part)
    if not integrity:
        raise refused(f"the BOM has no digest of {whole}@{version} that proves anything", whole)
    return Package(ref, whole, version, folder, integrity, url, requires)


def _distribution(part: Mapping[str, Any]) -> tuple[str, str]:
    """The strongest integrity, and the URL that stands with it."""
    for alg, name, size in _ALGORITHMS:
        for reference in _items(part, "externalReferences"):
            if reference.get("type") != "distribution":
                continue
            for item in _items(reference, "hashes"):
                value = str(item.get("content") or "")
                if item.get("alg") == alg and len(value) == 2 * size:
                    try:
                        text = base64.b64encode(binascii.unhexlify(value)).decode()
                    except ValueError:
                        continue
                    url = str(reference.get("url") or "")
                    is_web = urlsplit(url).scheme in ("http", "https")
                    return f"{name}-{text}", url if is_web else ""
    return "", ""


def _items(holder: Any, key: str) -> list[Mapping[str, Any]]:
    value = holder.get(key) if isinstance(holder, dict) else None
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
