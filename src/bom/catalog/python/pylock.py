"""pylock.toml: the standard lock file (PEP 751, PyPA specification "pylock.toml")."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from bom.catalog.python.names import name, version
from bom.catalog.python.pin import Edge, Lock, Pin
from bom.catalog.stated import (
    Unreadable,
    file_name,
    hash_table,
    numbered,
    public_url,
    table,
    tables,
    text,
    vcs_url,
)
from bom.model import Distribution, Gap

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bom.catalog.python.folders import ProjectFolder

FILE_NAME: Final = "pylock.toml"
_VERSION: Final = "1"  # the major one: minor ones only add
_GROUP: Final = re.compile(r"""["'][^"']+["']\s+in\s+dependency_groups""")


def read(folder: ProjectFolder, file: str, project: str) -> Lock:
    """The lock `file` of the folder. `project`: the normalised name of the package being built,
    "" if it has none; its own entry is left out. Raises Unreadable."""
    document, source = folder.toml(file)
    location = folder.shown(file)
    form = text(document.get("lock-version"))
    if form.partition(".")[0] != _VERSION:
        raise Unreadable(f"has lock version {form!r:.50}, {_VERSION}.x is known")
    pins: list[Pin] = []
    gaps: list[Gap] = []
    states_edges = False
    for entry, line in numbered(document, "packages", source):
        called = name(entry.get("name"))
        states_edges = states_edges or "dependencies" in entry
        if not called:
            gaps.append(Gap("dependency.name", f"{location}:{line}", "the entry has no valid name"))
        elif not (called == project and "directory" in entry):
            pins.append(_pin(entry, called, location, line))
    return Lock(
        location,
        tuple(pins),
        states_edges=states_edges,
        gaps=tuple(gaps),
        requires_python=text(document.get("requires-python")),
    )


def _pin(entry: Mapping[str, Any], called: str, location: str, line: int) -> Pin:
    source, repository, archive = "registry", "", ""
    files = [table(entry.get("sdist")), *tables(entry.get("wheels"))]
    if vcs := table(entry.get("vcs")):
        source = "vcs"
        kind, commit = text(vcs.get("type")), text(vcs.get("commit-id"))
        repository = vcs_url(kind, text(vcs.get("url")), commit)
    elif place := table(entry.get("archive")):
        source, archive, files = "archive", public_url(text(place.get("url"))), [place]
    elif "directory" in entry:
        source = "path"
    marker = text(entry.get("marker"))
    return Pin(
        called,
        version(entry.get("version")),
        location,
        line,
        distributions=tuple(sorted(_distribution(file) for file in files if file)),
        source=source,
        vcs_url=repository,
        archive_url=archive,
        index=public_url(text(entry.get("index"))),
        marker=marker,
        development=True if _GROUP.search(marker) else None,
        requires=tuple(_edges(entry)),
    )


def _distribution(file: Mapping[str, Any]) -> Distribution:
    url = text(file.get("url"))
    called = text(file.get("name")) or file_name(url or text(file.get("path")))
    return Distribution(called, public_url(url), hash_table(file.get("hashes")))


def _edges(entry: Mapping[str, Any]) -> list[Edge]:
    # The entries of `dependencies` hold what is enough to tell the packages apart.
    return [
        Edge(called, version(item.get("version")))
        for item in tables(entry.get("dependencies"))
        if (called := name(item.get("name")))
    ]
