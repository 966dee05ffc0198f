"""poetry.lock: Poetry's own lock, all platforms at once, with the graph but without URLs."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from bom.catalog.python.names import extras_in, name, names, version
from bom.catalog.python.pin import FORKS, Edge, Lock, Pin
from bom.catalog.stated import (
    Unreadable,
    numbered,
    public_url,
    stated_hash,
    table,
    tables,
    text,
    vcs_url,
)
from bom.model import Distribution, Gap

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bom.catalog.python.folders import ProjectFolder

FILE_NAME: Final = "poetry.lock"
_VCS: Final = frozenset({"git", "hg", "svn", "bzr"})


def read(folder: ProjectFolder) -> Lock:
    """The folder's lock, of lock version 1 or 2. Raises Unreadable."""
    document, source = folder.toml(FILE_NAME)
    location = folder.shown(FILE_NAME)
    metadata = table(document.get("metadata"))
    if "content-hash" not in metadata:
        raise Unreadable("has no content-hash, so it is no lock of Poetry's")
    form = metadata.get("lock-version", "1.0")  # the first ones stated none
    if text(form).partition(".")[0] not in {"1", "2"}:
        raise Unreadable(f"has lock version {form!r:.50}, 1 and 2 are known")
    # Lock version 1 has the files of all packages of a name in one table.
    older = table(metadata.get("files"))
    entries = numbered(document, "package", source)
    spelled = Counter(text(entry.get("name")) for entry, _ in entries)
    pins: list[Pin] = []
    gaps: list[Gap] = []
    for entry, line in entries:
        called = name(entry.get("name"))
        if not called:
            gaps.append(Gap("dependency.name", f"{location}:{line}", "the entry has no valid name"))
            continue
        files = tables(entry.get("files"))
        if not files and spelled[key := text(entry.get("name"))] <= FORKS:
            files = tables(older.get(key))
            if spelled[key] > 1:
                files = _of_version(files, text(entry.get("version")))
        pins.append(_pin(entry, files, called, location, line))
    return Lock(
        location,
        tuple(pins),
        states_edges=True,
        gaps=tuple(gaps),
        requires_python=text(metadata.get("python-versions")),
    )


def _of_version(files: list[Mapping[str, Any]], stated: str) -> list[Mapping[str, Any]]:
    """Those whose names carry the version: `one-1.0-py3-none-any.whl`, `one-1.0.tar.gz`."""
    found = re.compile(rf"-{re.escape(stated)}(-|\.tar|\.zip|\.egg|\.tgz)")
    return [file for file in files if found.search(text(file.get("file")))]


def _pin(
    entry: Mapping[str, Any],
    files: list[Mapping[str, Any]],
    called: str,
    location: str,
    line: int,
) -> Pin:
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
        version(entry.get("version")),
        location,
        line,
        distributions=tuple(sorted(map(_distribution, files))),
        source=source,
        vcs_url=repository,
        archive_url=archive,
        index=index,
        marker=text(marker),
        development=_development(entry),
        optional=entry.get("optional") is True,
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
                    marker=text(constraint.get("markers")),
                )
            )
    return edges
