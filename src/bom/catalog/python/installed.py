"""One installed Python distribution, read from its dist-info, egg-info or egg."""

from __future__ import annotations

import json
import posixpath
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from bom.catalog import integrity
from bom.catalog.came_with import layer
from bom.catalog.content import content_hash, digests, unhashed_gaps
from bom.catalog.python import eggs, record
from bom.catalog.python.metadata import egg_requirements, read_metadata
from bom.catalog.python.wanted import SITE_FOLDERS
from bom.catalog.stated import Unreadable, hash_table, table
from bom.model import Distribution, Gap, Occurrence, Property
from bom.printable import printable_name
from bom.redact import text as redacted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bom.catalog.protocol import FileView
    from bom.catalog.python.owners import Owner
    from bom.catalog.python.record import Listed
    from bom.catalog.python.sites import Info
    from bom.model import Component, Finding


@dataclass(frozen=True, slots=True)
class Installed:
    """A distribution in one place.

    `info`: its dist-info or egg-info, `site` the folder that holds it. `requires`: Requires-Dist
    as stated. `listed`: its files. `owner`: the ref of the OS or conda package it came with, ""
    for none. `wheel`: nobody installed it, it is a wheel's own.
    """

    info: str
    site: str
    component: Component
    requires: tuple[str, ...]
    requested: bool
    listed: Listed
    owner: str
    wheel: bool
    gaps: tuple[Gap, ...]
    findings: tuple[Finding, ...]
    content: str  # equal for equal files, wherever the site folder is


def read(view: FileView, info: Info, owner: Owner | None) -> Installed | Gap:
    """The distribution of a record; a gap where it says too little."""
    shown = printable_name(info.path)
    if posixpath.basename(info.path).startswith(("~", "-")):
        return Gap("component", shown, "it is what an interrupted pip left behind")
    raw = view.read(info.metadata) if info.metadata else None
    requires: tuple[str, ...] = ()
    if raw is not None and info.path.endswith(eggs.ENDING):
        parts = eggs.take(raw)
        raw = parts.get(eggs.PKG_INFO)
        requires = egg_requirements(parts.get(eggs.REQUIRES, b""))
        if raw is None:
            return Gap("component", shown, parts[eggs.ERROR].decode())
    if raw is None:
        return Gap("component", shown, "it has no metadata that can be read")
    try:
        metadata = read_metadata(raw)
    except Unreadable as error:
        return Gap("component", shown, str(error))
    component = metadata.component
    ref = component.purl
    listed = _listed(view, info, owner)
    paths = record.content(view, listed, info.path)
    pairs, unhashed = digests(view, paths)
    hashes, hash_of = content_hash(pairs)
    gaps = unhashed_gaps(unhashed, ref)
    if not hashes:
        why = "none of its files is there" if paths else "nothing lists its files"
        gaps.append(Gap("component.hash", ref, why, ref))
    if not component.licences:
        gaps.append(Gap("component.licence", ref, "its metadata name no licence", ref))
    distributions, properties = _origin(view, info.path)
    properties += _circumstances(view, info, owner)
    findings: list[Finding] = []
    if owner is None and listed.paths is not None:
        # Another package manager's own record, which it checks itself, counts for its files.
        checked, findings = integrity.check(view, ref, listed.stated)
        properties.append(checked)
    component = replace(
        component,
        hashes=hashes,
        hash_of=hash_of,
        distributions=distributions,
        properties=tuple(sorted(properties)),
        occurrences=(Occurrence(printable_name(info.path)),),
    )
    requires = metadata.requires or requires
    if not requires and "requires.txt" in info.files:
        requires = egg_requirements(view.read(f"{info.path}/requires.txt") or b"")
    return Installed(
        info.path,
        info.site,
        component,
        requires,
        view.entry(f"{info.path}/REQUESTED") is not None,
        listed,
        owner.ref if owner else "",
        "WHEEL" in info.files and "INSTALLER" not in info.files,
        tuple(gaps),
        tuple(findings),
        _comparable([pair for pair in pairs if pair[0] not in listed.moved], info.site),
    )


def _comparable(pairs: list[tuple[str, str]], site: str) -> str:
    # Scripts hold the site's path, so they are left out.
    prefix = f"{site}/" if site else ""
    start = len(prefix)
    below = sorted((path[start:], digest) for path, digest in pairs if path.startswith(prefix))
    return sha256(repr(below).encode("utf-8", "surrogateescape")).hexdigest() if below else ""


def _listed(view: FileView, info: Info, owner: Owner | None) -> Listed:
    """Its files; `paths` None where nothing lists them, or a list of a size that no package
    has."""
    for name, reader, base in (
        ("RECORD", record.read_record, info.site),
        ("installed-files.txt", record.read_installed_files, info.path),
    ):
        if name in info.files and (raw := view.read(f"{info.path}/{name}")) is not None:
            listed = reader(raw, base)
            if info.site.rpartition("/")[2] not in SITE_FOLDERS:
                listed = _moved(view, listed, info.site)
            return listed if owner is None else replace(listed, stated=())
    if info.path.endswith("/EGG-INFO"):  # an egg is one folder
        return record.Listed(folders=(info.path.rpartition("/")[0],))
    if info.path.endswith(eggs.ENDING):
        return record.Listed((info.path,))
    if owner is not None:
        return record.Listed(owner.paths)
    if "top_level.txt" in info.files:
        raw = view.read(f"{info.path}/top_level.txt") or b""
        modules, folders = record.read_top_level(raw, info.site)
        modules = tuple(path for path in modules if view.entry(path) is not None)
        # A folder without this file is a namespace, which others put packages into as well.
        folders = tuple(path for path in folders if view.entry(f"{path}/__init__.py") is not None)
        if "namespace_packages.txt" not in info.files and (modules or folders):
            return record.Listed(None, (), (*folders, info.path), modules)
    return record.Listed()


def _moved(view: FileView, listed: Listed, site: str) -> Listed:
    """`pip install --target` installs as into lib/python and moves the rest beside it, but lets
    RECORD say `../../bin/NAME` still."""
    start = site.rpartition("/")[0].rpartition("/")[0]
    above, own = (f"{folder}/" if folder else "" for folder in (start, site))
    outside = {
        path: own + path[len(above) :]
        for path in listed.paths or ()
        if path.startswith(above) and not path.startswith(own)
    }
    moved = {
        old: new
        for old, new in outside.items()
        if view.entry(old) is None and view.entry(new) is not None
    }
    return replace(
        listed,
        paths=listed.paths and tuple(moved.get(path, path) for path in listed.paths),
        stated=tuple(row._replace(path=moved.get(row.path, row.path)) for row in listed.stated),
        moved=frozenset(moved.values()),
    )


def _circumstances(view: FileView, info: Info, owner: Owner | None) -> Iterator[Property]:
    """The layer that it came in with, the package it belongs to, what installed it."""
    yield from layer(view.entry(info.metadata or info.path))
    if owner is not None:
        yield Property("bom-seal:python:owner", owner.ref)
    if "INSTALLER" in info.files:
        raw = (view.read(f"{info.path}/INSTALLER") or b"")[:100]
        said = " ".join(raw.decode("utf-8", "backslashreplace").split())
        if said:
            yield Property("bom-seal:python:installer", said)


def _origin(view: FileView, info: str) -> tuple[tuple[Distribution, ...], list[Property]]:
    """Where it was installed from, if not from an index (PyPA "Recording the Direct URL")."""
    raw = view.read(f"{info}/direct_url.json")
    if raw is None:
        return (), []
    try:
        stated: Any = json.loads(raw)
        json.dumps(stated, ensure_ascii=False).encode("utf-8")  # no half surrogate pairs
    except (ValueError, RecursionError):
        return (), []
    if not isinstance(stated, dict) or not isinstance(stated.get("url"), str):
        return (), []
    url = redacted(printable_name(stated["url"]))
    if url.startswith("file:"):
        url = ""  # a path of the machine that built it
    name = posixpath.basename(stated["url"].split("#")[0].split("?")[0])
    properties = []
    directory, vcs = stated.get("dir_info"), stated.get("vcs_info")
    if isinstance(directory, dict) and directory.get("editable") is True:
        properties.append(Property("bom-seal:python:editable", "true"))
    if isinstance(vcs, dict) and isinstance(vcs.get("commit_id"), str):
        properties.append(Property("bom-seal:python:commit", printable_name(vcs["commit_id"])))
    archive = table(stated.get("archive_info"))
    hashes = hash_table(archive.get("hashes"))
    if not name or not (url or hashes):
        return (), properties
    return (Distribution(redacted(printable_name(name)), url, hashes),), properties
