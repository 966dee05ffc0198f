"""Pipfile.lock: pipenv's lock. It states hashes without file names, and no graph."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from bom.catalog.python.names import name, names, version
from bom.catalog.python.pin import Lock, Pin
from bom.catalog.stated import (
    Unreadable,
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

FILE_NAME: Final = "Pipfile.lock"
_SPEC: Final = 6
_VCS: Final = ("git", "hg", "svn", "bzr")


def read(folder: ProjectFolder) -> Lock:
    """The folder's lock. Raises Unreadable."""
    document, source = folder.json(FILE_NAME)
    location = folder.shown(FILE_NAME)
    meta = table(document.get("_meta"))
    if meta.get("pipfile-spec") != _SPEC:
        raise Unreadable(f"has pipfile-spec {meta.get('pipfile-spec')!r:.50}, {_SPEC} is known")
    indexes = {
        text(item.get("name")): public_url(text(item.get("url")))
        for item in tables(meta.get("sources"))
    }
    lines = _lines(source)
    pins: list[Pin] = []
    gaps: list[Gap] = []
    for section, packages in document.items():
        if section == "_meta":
            continue
        for spelled, entry in table(packages).items():
            if called := name(spelled):
                line = lines.get((section, spelled), 0)
                pin = _pin(table(entry), called, location, line, indexes)
                # Every category beside `default` is installed only where it is asked for.
                pins.append(replace(pin, development=section != "default"))
            else:
                gaps.append(
                    Gap(
                        "dependency.name",
                        f"{location}: {text(section)}",
                        "an entry has no valid name",
                    )
                )
    wanted = table(meta.get("requires"))
    exact = version(wanted.get("python_full_version"))
    minor = version(wanted.get("python_version"))
    return Lock(
        location,
        tuple(pins),
        gaps=tuple(gaps),
        requires_python=f"=={exact}" if exact else f"=={minor}.*" if minor else "",
    )


def _pin(
    entry: Mapping[str, Any],
    called: str,
    location: str,
    line: int,
    indexes: Mapping[str, str],
) -> Pin:
    source, repository, archive = "registry", "", ""
    kind = next((kind for kind in _VCS if kind in entry), "")
    if kind:
        source = "vcs"
        repository = vcs_url(kind, text(entry[kind]), text(entry.get("ref")))
    elif url := text(entry.get("file")):
        source, archive = "archive", public_url(url)
    elif "path" in entry:
        source = "path"
    return Pin(
        called,
        version(re.sub(r"^={2,3}", "", text(entry.get("version")))),
        location,
        line,
        distributions=tuple(
            Distribution("", "", (digest,))
            for digest in sorted(filter(None, map(stated_hash, strings(entry.get("hashes")))))
        ),
        source=source,
        vcs_url=repository,
        archive_url=archive,
        index=indexes.get(text(entry.get("index")), ""),
        marker=text(entry.get("markers")),
        extras=names(entry.get("extras")),
    )


def _lines(source: str) -> dict[tuple[str, str], int]:
    """Where each package stands, in the layout that pipenv writes (4 and 8 spaces)."""
    found: dict[tuple[str, str], int] = {}
    section = ""
    for number, line in enumerate(source.splitlines(), 1):
        if opened := re.fullmatch(r'( {4}| {8})"([^"\\]+)": \{(\},?)?', line):
            if len(opened[1]) == 4:
                section = opened[2]
            else:
                found[(section, opened[2])] = number
    return found
