"""pdm.lock: PDM's own lock (format 4.x), with the graph, for one target or many."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from packaging.requirements import InvalidRequirement, Requirement

from bom.catalog.python.names import extras_in, name, names, version
from bom.catalog.python.pin import Edge, Lock, Pin
from bom.catalog.python.requirements import REQUIREMENT_LIMIT, exact_version
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
    vcs_url,
)
from bom.model import Distribution, Gap

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bom.catalog.python.folders import ProjectFolder

FILE_NAME: Final = "pdm.lock"
_VERSION: Final = "4"  # the major one
_VCS: Final = ("git", "hg", "svn", "bzr")
_DEFAULT: Final = "default"


def read(folder: ProjectFolder, extras: frozenset[str]) -> Lock:
    """The folder's lock. `extras`: the project's, normalised: the lock calls them groups, as it
    does those that don't ship. Raises Unreadable."""
    document, source = folder.toml(FILE_NAME)
    location = folder.shown(FILE_NAME)
    metadata = table(document.get("metadata"))
    form = text(metadata.get("lock_version"))
    if form.partition(".")[0] != _VERSION:
        raise Unreadable(f"has lock version {form!r:.50}, {_VERSION}.x is known")
    # Until 4.3 the files of all packages stood in one table, by `NAME VERSION`.
    older = table(metadata.get("files"))
    pins: dict[tuple[str, str, str], Pin] = {}
    gaps: list[Gap] = []
    for entry, line in numbered(document, "package", source):
        called = name(entry.get("name"))
        if not called:
            gaps.append(Gap("dependency.name", f"{location}:{line}", "the entry has no valid name"))
            continue
        files = tables(entry.get("files")) or tables(
            older.get(f"{text(entry.get('name'))} {text(entry.get('version'))}")
        )
        pin = _pin(entry, files, called, location, line, extras)
        # `name[extra]` has an entry of its own, with what the extra adds.
        pins[pin.key] = _merged(pins[pin.key], pin) if pin.key in pins else pin
    targets = tables(metadata.get("targets"))
    interpreters = {text(item.get("requires_python")) for item in targets}
    return Lock(
        location,
        tuple(pins.values()),
        states_edges=True,
        gaps=tuple(gaps),
        requires_python=interpreters.pop() if len(interpreters) == 1 else "",
    )


def _merged(one: Pin, two: Pin) -> Pin:
    return replace(
        one,
        distributions=tuple(sorted({*one.distributions, *two.distributions})),
        development=one.development and two.development,
        optional=one.optional and two.optional,
        requires=(*one.requires, *two.requires),
    )


def _pin(
    entry: Mapping[str, Any],
    files: list[Mapping[str, Any]],
    called: str,
    location: str,
    line: int,
    extras: frozenset[str],
) -> Pin:
    source, repository, archive = "registry", "", ""
    kind = next((kind for kind in _VCS if kind in entry), "")
    if kind:
        source = "vcs"
        repository = vcs_url(kind, text(entry.get(kind)), text(entry.get("revision")))
    elif url := text(entry.get("url")):
        source, archive = "archive", public_url(url)
    elif "path" in entry:
        source = "path"
    groups = frozenset(names(entry.get("groups")))
    ships = not groups or _DEFAULT in groups or bool(groups & extras)
    return Pin(
        called,
        version(entry.get("version")),
        location,
        line,
        distributions=tuple(sorted(_distribution(file, archive) for file in files)),
        source=source,
        vcs_url=repository,
        archive_url=archive,
        marker=text(entry.get("marker")),
        development=not ships if groups else None,
        optional=bool(groups) and _DEFAULT not in groups,
        requires=tuple(_edges(entry, called)),
    )


def _distribution(file: Mapping[str, Any], archive: str) -> Distribution:
    digest = stated_hash(text(file.get("hash")))
    url = public_url(text(file.get("url")))
    called = text(file.get("file")) or file_name(url or archive)
    return Distribution(called, url or archive, (digest,) if digest else ())


def _edges(entry: Mapping[str, Any], own: str) -> list[Edge]:
    edges = []
    with_extras = names(entry.get("extras")) if "extras" in entry else ()
    for spelled in strings(entry.get("dependencies")):
        if len(spelled) > REQUIREMENT_LIMIT:
            continue
        try:
            wanted = Requirement(spelled)
        except (InvalidRequirement, RecursionError):
            continue  # of a form that PDM alone writes (`-e file:///...`): a path of the project's
        marker = str(wanted.marker or "")
        if (called := name(wanted.name)) == own:
            continue  # `name[extra]` asks for `name`
        edges.append(
            Edge(
                called,
                exact_version(wanted.specifier),
                names(sorted(wanted.extras)),
                with_extras or extras_in(marker),
                marker,
            )
        )
    return edges
