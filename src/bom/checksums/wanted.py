"""What the locks of a project ask for, as the catalogue reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bom import purl
from bom.catalog import WANTED, declared
from bom.catalog.dotnet.names import CONTENT_HASH
from bom.catalog.golang.module import H1
from bom.catalog.view import directory_view
from bom.checksums.digests import integrity
from bom.checksums.maven import NO_LOCK
from bom.checksums.model import IMAGE, Lacking, Project, Wanted
from bom.errors import BomError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from bom.catalog.protocol import Declared
    from bom.model import Component, Dependency, Distribution

_COMMITTED: Final = frozenset({"github", "githubactions"})
_OPEN: Final = ("dependency.declared", "dependency.lock", "ecosystem", "directory")
# What the catalogue says of what isn't downloaded. Said in other words it would be told of as
# lacking a checksum, never forgotten.
_OWN: Final = (
    "a folder replaces it",
    "takes it from a path",
    "of the project itself",
    "is a metapackage",
)
# The strongest that a lock states is its own one.
_ALGORITHMS: Final = {"SHA-256": "sha256", "SHA-512": "sha512", "SHA-1": "sha1"}
_STDLIB: Final = "pkg:golang/stdlib"


def wanted(root: Path) -> Project:
    """Of all projects below `root`. Raises BomError where it can't be read."""
    view, gaps = directory_view(root, WANTED)
    files: set[Wanted] = set()
    images: set[tuple[str, str]] = set()
    commits: set[tuple[str, str]] = set()
    lacking: set[Lacking] = {Lacking(gap.why, gap.where) for gap in gaps}
    for project in declared(view):
        reasons = {
            gap.ref: gap.why
            for gap in project.gaps
            if gap.what in ("dependency.hash", "dependency.source")
        }
        lacking.update(Lacking(gap.why, gap.where) for gap in project.gaps if gap.what in _OPEN)
        if project.ecosystem == "maven" and not project.locked and project.dependencies:
            lacking.add(Lacking(NO_LOCK, project.location))
        for item in project.dependencies:
            _take(project, item, reasons, files, images, commits, lacking)
    return Project(
        tuple(sorted(files)), tuple(sorted(images)), tuple(sorted(commits)), tuple(sorted(lacking))
    )


def _take(
    project: Declared,
    item: Dependency,
    reasons: Mapping[str, str],
    files: set[Wanted],
    images: set[tuple[str, str]],
    commits: set[tuple[str, str]],
    lacking: set[Lacking],
) -> None:
    part = item.component
    try:
        found = purl.parse(part.purl)
    except BomError:
        if not part.purl.startswith(_STDLIB):
            lacking.add(Lacking("it has no package URL", part.name))
        return
    if part.purl.startswith(_STDLIB):
        return  # it comes with the toolchain
    why = reasons.get(part.bom_ref, "")
    name = f"{found.namespace}/{found.name}" if found.namespace else found.name
    if found.type in _COMMITTED:
        if _is_commit(found.version):
            commits.add((name, found.version))
        else:
            lacking.add(Lacking(why or "no commit of it is stated", f"{name} {found.version}"))
    elif found.type == IMAGE:
        digest = next((h.value for d in part.distributions for h in d.hashes), "")
        if digest and part.distributions[0].hashes[0].alg == "SHA-256":
            images.add((part.distributions[0].name.partition("@")[0] or name, f"sha256:{digest}"))
        else:
            lacking.add(Lacking(why or "no digest of it is stated", part.name))
    elif (commit := dict(found.qualifiers).get("vcs_url", "").rpartition("@")[2]) and _is_commit(
        commit
    ):
        commits.add((name, commit))
    elif not any(phrase in why for phrase in _OWN):
        files.update(_files(project, part, found.type, _name(found), why))


def _is_commit(text: str) -> bool:
    return len(text) in (40, 64) and all(char in "0123456789abcdef" for char in text)


def _name(found: purl.Purl) -> str:
    joint = ":" if found.type == "maven" else "/"
    return f"{found.namespace}{joint}{found.name}" if found.namespace else found.name


def _files(
    project: Declared, part: Component, ecosystem: str, name: str, why: str
) -> Iterator[Wanted]:
    plain = Wanted(ecosystem, name, part.version, place=project.location, why=why)
    if ecosystem == "golang":
        own = next((item.value for item in part.properties if item.name == H1), "")
        yield _with(plain, f"{part.version}.zip" if part.version else "", own=own)
        return
    for item in part.distributions:
        yield _distributed(plain, item)
    if not part.distributions:
        yield _with(plain, _usual_file(plain), own=_content_hash(part))


def _usual_file(item: Wanted) -> str:
    """What its file is called where the ecosystem has a rule for it."""
    if item.ecosystem == "maven":
        return f"{item.name.rpartition(':')[2]}-{item.version}.jar"
    if item.ecosystem == "nuget":
        return f"{item.name}.{item.version}.nupkg".lower()
    return ""


def _content_hash(part: Component) -> str:
    """NuGet's, as packages.lock.json states it."""
    return next(
        (f"contentHash:{item.value}" for item in part.properties if item.name == CONTENT_HASH), ""
    )


def _distributed(plain: Wanted, item: Distribution) -> Wanted:
    stated = {found.alg: found.value for found in item.hashes}
    sha256 = stated.get("SHA-256", "")
    own = next((f"{_ALGORITHMS[alg]}:{stated[alg]}" for alg in _ALGORITHMS if alg in stated), "")
    if plain.ecosystem == "npm" and "SHA-512" in stated:
        own = integrity(stated["SHA-512"])
    file = item.name or item.url.partition("?")[0].partition("#")[0].rpartition("/")[2]
    url = item.url if "://" in item.url else ""
    return _with(plain, file, url=url, sha256=sha256, own=own)


def _with(plain: Wanted, file: str, *, url: str = "", sha256: str = "", own: str = "") -> Wanted:
    return Wanted(
        plain.ecosystem, plain.name, plain.version, file, url, sha256, own, plain.place, plain.why
    )
