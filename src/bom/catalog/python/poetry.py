"""poetry.lock: Poetry's own lock, all platforms at once, with the graph but without URLs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bom.catalog.python.names import extras_in, name, names
from bom.catalog.python.pin import Edge, Lock, Pin
from bom.catalog.stated import (
    Unreadable,
    numbered,
    public_url,
    read_toml,
    stated_hash,
    table,
    tables,
    text,
    vcs_url,
)
from bom.model import Distribution, Gap

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FILE_NAME: Final = "poetry.lock"
_VCS: Final = frozenset({"git", "hg", "svn", "bzr"})


def read(path: Path, location: str) -> Lock:
    """The lock at `path`, of lock version 1 or 2. Raises Unreadable."""
    document, source = read_toml(path)
    metadata = table(document.get("metadata"))
    if "content-hash" not in metadata:
        raise Unreadable("has no content-hash, so it is no lock of Poetry's")
    version = metadata.get("lock-version", "1.0")  # the first ones stated none
    if text(version).partition(".")[0] not in {"1", "2"}:
        raise Unreadable(f"has lock version {version!r}, 1 and 2 are known")
    pins: list[Pin] = []
    gaps: list[Gap] = []
    for entry, line in numbered(document, "package", source):
        called = name(entry.get("name"))
        if not called:
            gaps.append(Gap("dependency.name", f"{location}:{line}", "the entry has no valid name"))
            continue
        # Lock version 1 has the files of all packages in one table.
        files = entry.get("files") or table(metadata.get("files")).get(text(entry.get("name")))
        pins.append(_pin(entry, files, called, location, line))
    return Lock(location, tuple(pins), states_edges=True, gaps=tuple(gaps))


def _pin(entry: Mapping[str, Any], files: object, called: str, location: str, line: int) -> Pin:
    place = table(entry.get("source"))
    kind = text(place.get("type"))
    url = text(place.get("url"))
    source, repository, archive, index = "registry", "", "", ""
    if kind in _VCS:
        source = "vcs"
        repository = vcs_url(kind, url, text(place.get("resolved_reference")))
    elif kind == "url":
        source, archive = "archive", public_url(url)
    elif kind in {"directory", "file"}:
        source = "path"
    elif kind == "legacy":
        index = public_url(url)
    marker = entry.get("markers")
    if isinstance(marker, dict):  # one marker for each group
        marker = " or ".join(sorted({f"({text(item)})" for item in marker.values()}))
    return Pin(
        called,
        text(entry.get("version")),
        location,
        line,
        distributions=tuple(sorted(map(_distribution, tables(files)))),
        source=source,
        vcs_url=repository,
        archive_url=archive,
        index=index,
        marker=text(marker),
        development=_development(entry),
        requires=tuple(_edges(entry)),
    )


def _development(entry: Mapping[str, Any]) -> bool | None:
    if isinstance(groups := entry.get("groups"), list):
        return "main" not in groups
    if category := text(entry.get("category")):
        return category != "main"
    return None


def _distribution(file: Mapping[str, Any]) -> Distribution:
    digest = stated_hash(text(file.get("hash")))
    return Distribution(
        text(file.get("file")), public_url(text(file.get("url"))), (digest,) if digest else ()
    )


def _edges(entry: Mapping[str, Any]) -> list[Edge]:
    edges = []
    for target, wanted in table(entry.get("dependencies")).items():
        if not (called := name(target)):
            continue
        for constraint in tables(wanted) or [table(wanted)]:
            edges.append(
                Edge(
                    called,
                    extras=names(constraint.get("extras")),
                    only_with=extras_in(text(constraint.get("markers"))),
                )
            )
    return edges
