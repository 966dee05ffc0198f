"""What conda recorded of each package that it installed: `conda-meta/NAME-VERSION-BUILD.json`.

Source: conda's package metadata (the prefix record: repodata record, files, paths_data).
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from bom import purl
from bom.catalog.conda.wanted import FOLDER
from bom.catalog.integrity import Stated
from bom.catalog.stated import (
    Unreadable,
    decoded,
    json_document,
    public_url,
    stated_hash,
    strings,
    table,
    tables,
    text,
)
from bom.errors import BomError
from bom.model import Distribution

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bom.catalog.protocol import FileView

_SPEC: Final = re.compile(r"(?:[^\s:]+::)?([A-Za-z0-9_][A-Za-z0-9._-]*)")
TOKEN: Final = re.compile(r"/t/[^/]+(?=/)")  # anaconda.org's access tokens stand in the URL
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
TYPES: Final = (".conda", ".tar.bz2")


@dataclass(frozen=True, slots=True)
class Record:
    """One package. `path`: its record; `prefix`: the environment, "" for the root. `paths`: its
    files from the view's root; `stated`: the digests of those as installed. `depends`: names."""

    path: str
    prefix: str
    ref: str
    name: str
    version: str
    licence: str
    paths: tuple[str, ...]
    stated: tuple[Stated, ...]
    depends: tuple[str, ...]
    requested: bool
    distributions: tuple[Distribution, ...]


@dataclass(frozen=True, slots=True)
class Unread:
    """A record that can't be read, and why."""

    path: str
    why: str


def is_record(path: str) -> bool:
    return path.endswith(".json") and path.rpartition("/")[0].rpartition("/")[2] == FOLDER


def environments(view: FileView) -> frozenset[str]:
    """The folders that are conda environments, "" for the root."""
    return frozenset(
        entry.path.rpartition("/")[0][: -len(FOLDER)].rstrip("/")
        for entry in view.wanted()
        if is_record(entry.path)
    )


def records(view: FileView) -> Iterator[Record | Unread]:
    """All records, sorted by path."""
    for entry in view.wanted():
        if is_record(entry.path):
            raw = view.read(entry.path)
            if raw is None:
                yield Unread(entry.path, "it can't be read")
                continue
            try:
                yield _record(entry.path, json_document(decoded(raw)))
            except Unreadable as error:
                yield Unread(entry.path, f"it {error}")


def _record(path: str, stated: Mapping[str, Any]) -> Record:
    prefix = path.rpartition("/")[0][: -len(FOLDER)].rstrip("/")
    name, version = text(stated.get("name")), text(stated.get("version"))
    if not name or not version:
        raise Unreadable("states no name and version")
    url = TOKEN.sub("", text(stated.get("url")))
    file = posixpath.basename(text(stated.get("fn")) or _url_path(url))
    subdir = text(stated.get("subdir"))
    try:
        ref = purl.build(
            "conda",
            name,
            version=version,
            qualifiers={
                "build": text(stated.get("build")) or text(stated.get("build_string")),
                "channel": channel_name(text(stated.get("channel")), subdir),
                "subdir": subdir,
                "type": next((end[1:] for end in TYPES if file.endswith(end)), ""),
            },
        )
    except BomError as error:
        raise Unreadable(f"gives no package URL: {error.reason}") from error
    return Record(
        path,
        prefix,
        ref,
        name,
        version,
        text(stated.get("license")),
        tuple(dict.fromkeys(filter(None, (_below(prefix, item) for item in _files(stated))))),
        tuple(_digests(stated, prefix)),
        tuple(dict.fromkeys(_depends(stated))),
        _requested(stated),
        _distributions(stated, file, url),
    )


def _url_path(url: str) -> str:
    """A URL's path; "" where it is no URL."""
    try:
        return urlsplit(url).path
    except ValueError:
        return ""


def _files(stated: Mapping[str, Any]) -> tuple[str, ...]:
    files = stated.get("files")
    if isinstance(files, list):
        return strings(files)
    paths = tables(table(stated.get("paths_data")).get("paths"))
    return tuple(text(item.get("_path")) for item in paths)


def _requested(stated: Mapping[str, Any]) -> bool:
    """Whether somebody asked for it; conda writes "None" where nobody did, mamba an empty text."""
    specs = stated.get("requested_specs")
    asked = {
        *(strings(specs) if isinstance(specs, list) else ()),
        text(stated.get("requested_spec")),
    }
    return bool(asked - {"", "None"})


def _below(prefix: str, path: str) -> str:
    """A path of the environment, never above the root; "" where it can't be one."""
    if "\0" in path:
        return ""
    return posixpath.normpath(posixpath.join("/", prefix, path)).lstrip("/")


def _digests(stated: Mapping[str, Any], prefix: str) -> Iterator[Stated]:
    """Of a file into which conda wrote the prefix, the digest of what it became; where that was
    not recorded, none."""
    for item in tables(table(stated.get("paths_data")).get("paths")):
        path = _below(prefix, text(item.get("_path")))
        if not path or text(item.get("path_type")) not in ("hardlink", ""):
            continue
        value = text(item.get("sha256_in_prefix"))
        if not value and not text(item.get("prefix_placeholder")):
            value = text(item.get("sha256"))
        if _SHA256.fullmatch(value):
            yield Stated(path, "sha256", value)


def _depends(stated: Mapping[str, Any]) -> Iterator[str]:
    depends = stated.get("depends")
    for spec in strings(depends) if isinstance(depends, list) else ():
        found = _SPEC.match(spec.strip())
        # What begins with two underscores is a fact of the machine (`__glibc`), not a package.
        if found and not found[1].startswith("__"):
            yield found[1]


def channel_name(spelled: str, subdir: str) -> str:
    """A channel's name (`conda-forge`, `main`), as the purl specification's example has it."""
    path = _url_path(TOKEN.sub("", spelled)).strip("/")
    if subdir and path.rpartition("/")[2] == subdir:
        path = path.rpartition("/")[0]
    path = path.removeprefix("pkgs/")
    return "" if spelled.startswith("file:") or path == "<unknown>" else path


def _distributions(stated: Mapping[str, Any], file: str, url: str) -> tuple[Distribution, ...]:
    hashes = [
        found
        for algorithm in ("sha256", "md5")
        if (found := stated_hash(f"{algorithm}:{text(stated.get(algorithm))}"))
    ]
    if not file or not hashes:
        return ()
    return (Distribution(file, public_url(url), tuple(sorted(hashes))),)
