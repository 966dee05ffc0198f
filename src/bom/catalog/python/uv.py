"""uv.lock: uv's own lock, all platforms at once, with the graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bom.catalog.python.names import extras_in, name, names
from bom.catalog.python.pin import Edge, Lock, Pin
from bom.catalog.stated import (
    Unreadable,
    file_name,
    numbered,
    public_url,
    read_toml,
    stated_hash,
    strings,
    table,
    tables,
    text,
    vcs_url,
)
from bom.model import Distribution, Gap

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FILE_NAME: Final = "uv.lock"
_VERSION: Final = 1  # of the format; revisions below it only add


def read(path: Path, location: str, project: str) -> Lock:
    """The lock at `path`. `project`: the normalised name of the package being built, "" if it
    has none. Raises Unreadable."""
    document, source = read_toml(path)
    if document.get("version") != _VERSION:
        raise Unreadable(f"has format version {document.get('version')!r}, {_VERSION} is known")
    pins: list[Pin] = []
    gaps: list[Gap] = []
    members: list[tuple[bool, Mapping[str, Any]]] = []
    for entry, line in numbered(document, "package", source):
        called = name(entry.get("name"))
        if not called:
            gaps.append(Gap("dependency.name", f"{location}:{line}", "the entry has no valid name"))
            continue
        place = table(entry.get("source"))
        if "editable" in place or "virtual" in place:
            here = text(place.get("editable")) == "." or text(place.get("virtual")) == "."
            members.append((called == project, entry) if project else (here, entry))
            if called == project or (not project and here):
                continue
        pins.append(_pin(entry, called, location, line))
    # A workspace has several members; only what this one asks for goes into its artifact.
    chosen = [entry for mine, entry in members if mine] or [entry for _, entry in members]
    roots: list[Edge] = []
    development: list[Edge] = []
    for entry in chosen:
        roots += _edges(entry, "dependencies", "optional-dependencies")
        development += _groups(entry)
    for wanted in table(table(document.get("manifest")).get("dependency-groups")).values():
        development += [edge for item in tables(wanted) if (edge := _edge(item))]
    return Lock(
        location,
        tuple(pins),
        states_edges=True,
        rooted=bool(members),
        roots=tuple(sorted(roots)),
        development_roots=tuple(sorted(development)),
        gaps=tuple(gaps),
    )


def _pin(entry: Mapping[str, Any], called: str, location: str, line: int) -> Pin:
    place = table(entry.get("source"))
    kind, repository, archive, index = "registry", "", "", ""
    if git := text(place.get("git")):
        # `https://host/path?tag=v1#COMMIT`
        kind, repository = "vcs", vcs_url("git", git, git.rpartition("#")[2])
    elif url := text(place.get("url")):
        kind, archive = "archive", public_url(url)
    elif any(key in place for key in ("path", "directory", "editable", "virtual")):
        kind = "path"
    else:
        index = public_url(text(place.get("registry")))
    files = [table(entry.get("sdist")), *tables(entry.get("wheels"))]
    return Pin(
        called,
        text(entry.get("version")),
        location,
        line,
        distributions=tuple(sorted(filter(None, map(_distribution, files)))),
        source=kind,
        vcs_url=repository,
        archive_url=archive,
        index=index,
        marker=" or ".join(f"({m})" for m in strings(entry.get("resolution-markers"))),
        requires=tuple(_edges(entry, "dependencies", "optional-dependencies")),
    )


def _distribution(file: Mapping[str, Any]) -> Distribution | None:
    if not file:
        return None
    url = text(file.get("url"))
    called = text(file.get("filename")) or file_name(url or text(file.get("path")))
    digest = stated_hash(text(file.get("hash")))
    return Distribution(called, public_url(url), (digest,) if digest else ())


def _edges(entry: Mapping[str, Any], plain: str, optional: str) -> list[Edge]:
    edges = [edge for item in tables(entry.get(plain)) if (edge := _edge(item))]
    for extra, wanted in table(entry.get(optional)).items():
        edges += [edge for item in tables(wanted) if (edge := _edge(item, extra))]
    return edges


def _groups(entry: Mapping[str, Any]) -> list[Edge]:
    groups = table(entry.get("dev-dependencies") or entry.get("dependency-groups"))
    return [edge for wanted in groups.values() for item in tables(wanted) if (edge := _edge(item))]


def _edge(item: Mapping[str, Any], extra: str = "") -> Edge | None:
    called = name(item.get("name"))
    if not called:
        return None
    return Edge(
        called,
        text(item.get("version")),
        names(item.get("extra")),
        names(extra) if extra else extras_in(text(item.get("marker"))),
    )
