"""uv.lock: uv's own lock, all platforms at once, with the graph."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bom.catalog.python.folders import file_text
from bom.catalog.python.names import extras_in, name, names, version
from bom.catalog.python.pin import Edge, Lock, Pin
from bom.catalog.stated import (
    Unreadable,
    file_name,
    numbered,
    public_url,
    stated_hash,
    strings,
    table,
    tables,
    text,
    toml_document,
    vcs_url,
)
from bom.model import Distribution, Gap
from bom.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bom.catalog.protocol import FileView

FILE_NAME: Final = "uv.lock"
_VERSION: Final = 1  # of the format; revisions below it only add


@dataclass(frozen=True, slots=True)
class Document:
    """A lock as read, for the members of its workspace to take their own out of.

    `members`: the folder of each, relative to the lock's (`.` for its own), with its entry.
    """

    location: str
    table: Mapping[str, Any]
    entries: tuple[tuple[str, Mapping[str, Any], int], ...]
    members: Mapping[str, Mapping[str, Any]]
    gaps: tuple[Gap, ...]


def document(files: FileView, path: str) -> Document:
    """The lock at `path`. Raises Unreadable."""
    source = file_text(files, path)
    content = toml_document(source)
    location = printable_name(path)
    if content.get("version") != _VERSION:
        form = content.get("version")
        raise Unreadable(f"has format version {form!r:.50}, {_VERSION} is known")
    entries: list[tuple[str, Mapping[str, Any], int]] = []
    members: dict[str, Mapping[str, Any]] = {}
    gaps: list[Gap] = []
    for entry, line in numbered(content, "package", source):
        called = name(entry.get("name"))
        if not called:
            gaps.append(Gap("dependency.name", f"{location}:{line}", "the entry has no valid name"))
            continue
        entries.append((called, entry, line))
        place = table(entry.get("source"))
        if folder := text(place.get("editable")) or text(place.get("virtual")):
            members.setdefault(posixpath.normpath(folder.replace("\\", "/")), entry)
    return Document(location, content, tuple(entries), members, tuple(gaps))


def read(lock: Document, folder: str, project: str) -> Lock:
    """What the lock says of one member of its workspace, or of all where there is none in
    `folder` (relative to the lock's) and none called `project` (normalised, "" for no name)."""
    # A workspace has several members; only what this one asks for goes into its artifact.
    mine = lock.members.get(folder)
    if project and (mine is None or name(mine.get("name")) != project):
        named = (e for e in lock.members.values() if name(e.get("name")) == project)
        mine = next(named, mine)
    chosen = list(lock.members.values()) if mine is None else [mine]
    pins = [
        _pin(entry, called, lock.location, line)
        for called, entry, line in lock.entries
        if entry is not mine
    ]
    roots: list[Edge] = []
    development: list[Edge] = []
    for entry in chosen:
        roots += _edges(entry, "dependencies", "optional-dependencies")
        development += _groups(entry)
    own = table(lock.table.get("manifest"))
    # A script's lock has no member: what the script asks for stands here (PEP 723).
    asked = tables(own.get("requirements"))
    roots += [edge for item in asked if (edge := _edge(item))]
    for wanted in table(own.get("dependency-groups")).values():
        development += [edge for item in tables(wanted) if (edge := _edge(item))]
    return Lock(
        lock.location,
        tuple(pins),
        states_edges=True,
        rooted=bool(chosen or asked),
        roots=tuple(sorted(roots)),
        development_roots=tuple(sorted(development)),
        gaps=lock.gaps,
        requires_python=text(lock.table.get("requires-python")),
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
        version(entry.get("version")),
        location,
        line,
        distributions=tuple(sorted(_distribution(file, archive) for file in files if file)),
        source=kind,
        vcs_url=repository,
        archive_url=archive,
        index=index,
        marker=" or ".join(f"({m})" for m in strings(entry.get("resolution-markers"))),
        requires=tuple(_edges(entry, "dependencies", "optional-dependencies")),
    )


def _distribution(file: Mapping[str, Any], archive: str) -> Distribution:
    url = public_url(text(file.get("url")))
    place = url or archive or text(file.get("path"))
    digest = stated_hash(text(file.get("hash")))
    called = text(file.get("filename")) or file_name(place)
    return Distribution(called, url or archive, (digest,) if digest else ())


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
        version(item.get("version")),
        names(item.get("extra")),
        names(extra) if extra else extras_in(text(item.get("marker"))),
        text(item.get("marker")),
    )
