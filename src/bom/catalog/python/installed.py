"""One installed Python distribution, read from its dist-info or egg-info."""

from __future__ import annotations

import csv
import io
import json
import posixpath
import re
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from bom import purl
from bom.catalog.content import content_hash, digests, unhashed_gaps
from bom.catalog.debian import dpkg
from bom.catalog.licences import classified_licence, stated_licence
from bom.errors import BomError
from bom.model import Component, Distribution, Gap, Hash, Property
from bom.printable import printable_name
from bom.redact import text as redacted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from email.message import Message

    from bom.catalog.protocol import FileView
    from bom.model import Licence

SITE_FOLDERS: Final = frozenset(["site-packages", "dist-packages"])

_NAME: Final = re.compile(r"[A-Z0-9]([A-Z0-9._-]*[A-Z0-9])?\Z", re.I)  # core metadata, Name
_INFO: Final = re.compile(
    r"(?P<info>(?P<site>(?:.*/)?(?:site|dist)-packages)/"
    r"(?:[^/]+\.(?:dist|egg)-info|[^/]+\.egg/EGG-INFO|[^/]+\.egg-link))(?:/(?P<file>[^/]+))?\Z",
    re.S,
)
_METADATA: Final = frozenset(["METADATA", "PKG-INFO"])
# What an installer writes there itself, so that it says nothing about what was installed.
_INSTALLERS: Final = frozenset(["RECORD", "INSTALLER", "REQUESTED", "direct_url.json"])
_HASHES: Final = {"md5": "MD5", "sha1": "SHA-1", "sha256": "SHA-256", "sha512": "SHA-512"}


@dataclass(frozen=True, slots=True)
class Installed:
    """A distribution in one place.

    `info`: its dist-info or egg-info, `site` the folder that holds it. `content`: a digest of
    its files by their paths from `site`, to compare copies. `requires`: Requires-Dist as stated.
    """

    info: str
    site: str
    component: Component
    properties: tuple[Property, ...]
    content: str
    requires: tuple[str, ...]
    requested: bool
    gaps: tuple[Gap, ...]


def find_installed(view: FileView) -> Iterator[Installed | Gap]:
    """Every distribution in the view, sorted by path."""
    infos: dict[str, tuple[str, set[str]]] = {}
    for entry in view.wanted():
        found = _INFO.match(entry.path)
        if found:
            files = infos.setdefault(found["info"], (found["site"], set()))[1]
            files.add(found["file"] or "")
    owners: Mapping[str, tuple[str, tuple[str, ...]]] | None = None
    for info, (site, names) in sorted(infos.items()):
        shown = printable_name(info)
        if info.endswith(".egg-link"):
            yield Gap("component", shown, "it only points to a project outside of site-packages")
            continue
        metadata = info if "" in names else f"{info}/{next(iter(names & _METADATA), '')}"
        raw = view.read(metadata)
        if raw is None:
            yield Gap("component", shown, "it has no metadata that can be read")
            continue
        if posixpath.basename(info).startswith(("~", "-")):
            yield Gap("component", shown, "it is what an interrupted pip left behind")
            continue
        if owners is None:
            owners = _owners(view)
        yield _installed(view, info, site, metadata, raw, owners.get(info))


def _installed(
    view: FileView,
    info: str,
    site: str,
    metadata: str,
    raw: bytes,
    owner: tuple[str, tuple[str, ...]] | None,
) -> Installed | Gap:
    from email.parser import HeaderParser

    message = HeaderParser().parsestr(printable_name(raw.decode("utf-8", "surrogateescape")))
    name, version = _header(message, "Name"), _header(message, "Version")
    shown = printable_name(info)
    if not _NAME.match(name) or not version:
        return Gap("component", shown, "its metadata state no valid name and version")
    try:
        ref = purl.build("pypi", name, version=version)
    except BomError as error:
        return Gap("component", shown, error.reason)
    paths = _files(view, info, site, owner)
    pairs, unhashed = digests(view, paths or ())
    hashes, hash_of = content_hash(pairs)
    gaps = unhashed_gaps(unhashed, ref)
    if not hashes:
        why = "none of its files is there" if paths else "nothing lists its files"
        gaps.append(Gap("component.hash", ref, why, ref))
    licences = _licences(message)
    if not licences:
        gaps.append(Gap("component.licence", ref, "its metadata name no licence", ref))
    distributions, origin = _origin(view, info)
    component = Component(
        "library",
        name,
        version,
        purl=ref,
        hashes=hashes,
        hash_of=hash_of,
        distributions=distributions,
        licences=licences,
        maintainer=_person(message),
        homepage=_homepage(message),
        description=_header(message, "Summary"),
    )
    return Installed(
        info,
        site,
        component,
        tuple(sorted((*origin, *_circumstances(view, info, metadata, owner)))),
        _comparable(pairs, site),
        _requires(view, info, message),
        view.entry(f"{info}/REQUESTED") is not None,
        tuple(gaps),
    )


def _circumstances(
    view: FileView, info: str, metadata: str, owner: tuple[str, tuple[str, ...]] | None
) -> Iterator[Property]:
    """The layer that it came in with, the Debian package it belongs to, what installed it."""
    entry = view.entry(metadata)
    if entry is not None and entry.layer:
        yield Property("bom-seal:layer", entry.layer)
    if owner is not None:
        yield Property("bom-seal:python:owner", owner[0])
    installer = (view.read(f"{info}/INSTALLER") or b"")[:100].decode("utf-8", "backslashreplace")
    if installer.strip():
        yield Property("bom-seal:python:installer", installer.strip())


# --- files --------------------------------------------------------------------------------------


def _files(
    view: FileView, info: str, site: str, owner: tuple[str, tuple[str, ...]] | None
) -> list[str] | None:
    """The distribution's files, relative to the root; None where nothing lists them, or
    a list of a size that no package has."""
    raw = view.read(f"{info}/RECORD")
    if raw is not None and len(raw) <= dpkg.LIST_LIMIT:
        rows = csv.reader(io.StringIO(raw.decode("utf-8", "surrogateescape"), newline=""))
        try:
            listed = [_below_root(site, row[0]) for row in rows if row]
        except csv.Error:  # a NUL or a field without end: pip can't read it either
            return None
        return _content(listed, info)
    raw = view.read(f"{info}/installed-files.txt")
    if raw is not None and len(raw) <= dpkg.LIST_LIMIT:
        lines = raw.decode("utf-8", "surrogateescape").splitlines()
        return _content([_below_root(info, line) for line in lines if line], info)
    if owner is not None and owner[1]:
        return _content(owner[1], info)
    return None


def _content(paths: list[str] | tuple[str, ...], info: str) -> list[str]:
    own = {f"{info}/{name}" for name in _INSTALLERS}
    return [path for path in paths if not path.endswith(".pyc") and path not in own]


def _below_root(folder: str, path: str) -> str:
    return posixpath.normpath(posixpath.join("/", folder, path)).lstrip("/")


def _comparable(pairs: list[tuple[str, str]], site: str) -> str:
    """Equal for equal files, wherever the site folder is; scripts hold its path, so without."""
    below = sorted((path[len(site) :], hex) for path, hex in pairs if path.startswith(site + "/"))
    return sha256(repr(below).encode("utf-8", "surrogateescape")).hexdigest()


def _owners(view: FileView) -> Mapping[str, tuple[str, tuple[str, ...]]]:
    """Which Debian package an info belongs to, and that package's files beside it: none where
    the package holds several distributions, so that they can't be told apart."""
    owners = {}
    for package in dpkg.packages(view):
        _, listed = dpkg.file_list(view, package)
        infos = {}
        for path in listed or ():
            if "-packages/" in path and (found := _INFO.match(path)):
                infos[found["info"]] = found["site"]
        for info, site in infos.items():
            files = tuple(path for path in listed or () if path.startswith(site + "/"))
            owners[info] = (package.name, files if len(infos) == 1 else ())
    return owners


# --- metadata -----------------------------------------------------------------------------------


def _header(message: Message, name: str) -> str:
    """A single-line header; the placeholder of old setuptools counts as nothing."""
    value = " ".join(str(message.get(name) or "").split())
    return "" if value == "UNKNOWN" else value


def _licences(message: Message) -> tuple[Licence, ...]:
    """License-Expression alone where it stands (PEP 639), else License, else classifiers."""
    for field in ("License-Expression", "License"):
        value = str(message.get(field) or "").strip()
        if value and value != "UNKNOWN" and (found := stated_licence(value)):
            return (found,)
    classifiers = [str(value).strip() for value in message.get_all("Classifier") or []]
    return tuple(sorted({found for item in classifiers if (found := classified_licence(item))}))


def _person(message: Message) -> str:
    for field in ("Maintainer-email", "Maintainer", "Author-email", "Author"):
        if value := _header(message, field):
            return value
    return ""


def _homepage(message: Message) -> str:
    if value := _header(message, "Home-page"):
        return redacted(value)
    for item in message.get_all("Project-URL") or []:
        label, _, url = str(item).partition(",")
        if label.strip().lower() in ("homepage", "home"):
            return redacted(url.strip())
    return ""


def _requires(view: FileView, info: str, message: Message) -> tuple[str, ...]:
    """Requires-Dist, or what an egg's requires.txt says in the same words."""
    stated = message.get_all("Requires-Dist")
    if stated:
        return tuple(str(value) for value in stated)
    raw = view.read(f"{info}/requires.txt")
    found = []
    marker = ""
    for line in (raw or b"").decode("utf-8", "replace").splitlines():
        line = line.strip()
        if line.startswith("[") and line.endswith("]"):
            extra, _, condition = line[1:-1].partition(":")
            parts = [f"({condition})"] if condition else []
            parts += [f'extra == "{extra}"'] if extra else []
            marker = " and ".join(parts)
        elif line and not line.startswith("#"):
            found.append(f"{line} ; {marker}" if marker else line)
    return tuple(found)


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
    archive = stated.get("archive_info")
    digests = archive.get("hashes") if isinstance(archive, dict) else None
    hashes = tuple(
        sorted(
            Hash(_HASHES[alg], value.lower())
            for alg, value in (digests if isinstance(digests, dict) else {}).items()
            if alg in _HASHES and isinstance(value, str) and re.fullmatch("[0-9a-fA-F]+", value)
        )
    )
    if not url and not hashes:
        return (), properties
    return (Distribution(redacted(printable_name(name)), url, hashes),), properties
