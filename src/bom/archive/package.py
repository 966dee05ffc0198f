"""What a package says about itself, read from its own bytes: wheel, sdist, npm package.

Nothing is extracted and every member is read up to a limit, so a hostile package costs no more
than one pass over it. Core metadata, binary distribution format: PyPA specifications.
"""

from __future__ import annotations

import bz2
import hashlib
import json
import lzma
import re
import zipfile
from dataclasses import dataclass, replace
from email.parser import BytesParser
from email.policy import compat32
from typing import TYPE_CHECKING, Final

from bom import purl
from bom.archive import gzip
from bom.archive.tar import TarPush
from bom.archive.zip_errors import BROKEN_ZIP
from bom.errors import BadArtifact, BomError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from email.message import Message
    from pathlib import Path
    from typing import BinaryIO

    from bom.archive.tar import TarMember

METADATA_LIMIT: Final = 8 * 1024 * 1024  # bytes of METADATA, PKG-INFO or package.json
# A key is small: bigger members are not compared with forbidden files.
_KEY_LIMIT: Final = 1024 * 1024
_CHUNK: Final = 1024 * 1024
_NPM_TOP: Final = "package"
_ENVELOPE_TOP: Final = ".bom"  # of a seal: a sealed package is the same package
_BROKEN: Final = (*BROKEN_ZIP, BadArtifact, OSError)
_SIMPLE: Final = re.compile(r"[A-Za-z0-9@][A-Za-z0-9._/@+!~-]*")


@dataclass(frozen=True, slots=True)
class PackageIdentity:
    """A package's own statements; what it doesn't state is empty.

    `kind`: "wheel", "sdist", "npm", or the kind that was asked about. `licence` as stated,
    `classifiers` the trove ones. `generator`: the wheel's, as spelled. `requires`: PEP 508
    requirements; None where they are not stated or may still change (a dynamic field).
    `problem`: why the package's metadata can't be read.
    """

    kind: str
    name: str = ""
    version: str = ""
    purl: str = ""
    licence: str = ""
    classifiers: tuple[str, ...] = ()
    generator: str = ""
    requires: tuple[str, ...] | None = None
    problem: str = ""


def identify(path: Path, kind: str) -> PackageIdentity:
    """Who the package at `path` is. `kind` is the format's name: "wheel", "tar.gz" or another.

    Never raises for bad content: the identity then has a `problem`. Raises OSError where the
    file itself can't be read.
    """
    with path.open("rb"):
        pass  # whether it can be read is the caller's to report, not a property of the content
    try:
        if kind == "wheel":
            return _wheel(path)
        if kind == "tar.gz":
            return _compressed(path)
    except _BROKEN as error:
        what = error.reason if isinstance(error, BomError) else "its structure is broken"
        return PackageIdentity(kind, problem=f"the package's metadata can't be read: {what}")
    return PackageIdentity(kind)


def holding(path: Path, digests: frozenset[str]) -> tuple[str, ...]:
    """The names of members whose content has one of these hex SHA-256 digests.

    Looks into zip files and tars (plain, gzip, bzip2, xz), as far as they can be read. Archives
    inside the archive are not opened.
    """
    if not digests:
        return ()
    found: set[str] = set()

    def see(name: str, data: bytes) -> None:
        if hashlib.sha256(data).hexdigest() in digests:
            found.add(name)

    try:
        if zipfile.is_zipfile(path):
            for name, data in _zip_members(path, lambda _: True, _KEY_LIMIT):
                see(name, data)
        else:
            _visit(path, lambda member: member.size <= _KEY_LIMIT, see, lambda: False)
    except _BROKEN:
        pass  # what could be read was; a broken archive is found by whoever seals it
    return tuple(sorted(found))


# --- wheels ------------------------------------------------------------------------------------


def _wheel(path: Path) -> PackageIdentity:
    parts = dict(
        _zip_members(
            path,
            lambda name: re.fullmatch(r"[^/]+\.dist-info/(METADATA|WHEEL)", name) is not None,
            METADATA_LIMIT,
        )
    )
    texts = {name.rpartition("/")[2]: data for name, data in parts.items()}
    if len(parts) != len(texts) or "METADATA" not in texts:
        return PackageIdentity("wheel", problem="it has not exactly one .dist-info/METADATA")
    identity = _python("wheel", _headers(texts["METADATA"]))
    generator = _field(_headers(texts.get("WHEEL", b"")), "Generator")
    return replace(identity, generator=generator)


def _zip_members(
    path: Path, wanted: Callable[[str], bool], limit: int
) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            if info.is_dir() or not wanted(info.filename) or info.file_size > limit:
                continue
            with archive.open(info) as member:
                data = member.read(limit + 1)  # a header may state less than there is
            if len(data) <= limit:
                yield info.filename, data


def _headers(data: bytes) -> Message:
    return BytesParser(policy=compat32).parsebytes(data, headersonly=True)


def _field(headers: Message, key: str) -> str:
    value = headers.get(key)
    return _text(str(value)) if value is not None else ""


def _text(value: str) -> str:
    """One printable line of UTF-8."""
    whole = value.encode("utf-8", "replace").decode()
    return " ".join("".join(c if c.isprintable() else " " for c in whole).split())


def _python(kind: str, headers: Message) -> PackageIdentity:
    name, version = _field(headers, "Name"), _field(headers, "Version")
    requires: tuple[str, ...] | None = tuple(
        _text(str(item)) for item in headers.get_all("Requires-Dist", [])
    )
    dynamic = {str(item).strip().lower() for item in headers.get_all("Dynamic", [])}
    # Before metadata 2.2 an sdist's fields need not be those of its wheel.
    stated = re.fullmatch(r"(\d{1,4})\.(\d{1,4})", _field(headers, "Metadata-Version"))
    stable = stated is not None and (int(stated[1]), int(stated[2])) >= (2, 2)
    if kind == "sdist" and (not stable or "requires-dist" in dynamic):
        requires = None
    classifiers = (_text(str(item)) for item in headers.get_all("Classifier", []))
    return PackageIdentity(
        kind,
        name,
        version,
        _purl("pypi", "", name, version),
        _field(headers, "License-Expression") or _field(headers, "License"),
        tuple(sorted(item for item in classifiers if item.startswith("License ::"))),
        requires=requires,
    )


def _purl(type: str, namespace: str, name: str, version: str) -> str:
    if not _SIMPLE.fullmatch(name) or not version:
        return ""
    try:
        return purl.build(type, name, namespace=namespace, version=version)
    except BomError:
        return ""


# --- compressed tars ---------------------------------------------------------------------------


def _compressed(path: Path) -> PackageIdentity:
    """An sdist has `NAME-VERSION/PKG-INFO`, an npm package `package/package.json`."""
    named = path.name.removesuffix(".tar.gz") if path.name.endswith(".tar.gz") else ""
    tops: set[str] = set()
    metadata: list[tuple[str, bytes]] = []

    def wanted(member: TarMember) -> bool:
        if over():
            return False
        top, _, rest = member.name.removeprefix("./").partition("/")
        if top and top != _ENVELOPE_TOP:
            tops.add(top)
        expected = {named: "PKG-INFO", _NPM_TOP: "package.json"}.get(top) if top else None
        whole = member.is_file and len(tops) == 1 and member.size <= METADATA_LIMIT
        return whole and rest == expected

    def over() -> bool:
        """What stands behind the metadata decides nothing."""
        return bool(metadata) or bool(tops - {named, _NPM_TOP})

    _visit(path, wanted, lambda name, data: metadata.append((name, data)), over)
    if not metadata:
        return PackageIdentity("tar.gz")
    name, data = metadata[0]
    if name.endswith("PKG-INFO"):
        return _python("sdist", _headers(data))
    return _npm(data)


def _npm(data: bytes) -> PackageIdentity:
    document = json.loads(data)
    if not isinstance(document, dict):
        return PackageIdentity("npm", problem="its package.json is no JSON object")
    stated = document.get("license")
    if isinstance(stated, dict):  # the older form, {"type": ..., "url": ...}
        stated = stated.get("type")
    spelled, version, licence = (
        _text(value) if isinstance(value, str) else ""
        for value in (document.get("name"), document.get("version"), stated)
    )
    scope, slash, name = spelled.rpartition("/")
    found = _purl("npm", scope, name, version) if not slash or scope.startswith("@") else ""
    return PackageIdentity("npm", spelled, version, found, licence)


def _visit(
    path: Path,
    wanted: Callable[[TarMember], bool],
    found: Callable[[str, bytes], object],
    over: Callable[[], bool],
) -> None:
    """Give the content of wanted members of a tar to `found`, until `over` says so."""
    content = bytearray()
    taking = False

    def member(item: TarMember) -> Callable[[memoryview], object] | None:
        nonlocal taking
        content.clear()
        taking = wanted(item)
        return content.extend if taking else None

    def end(item: TarMember) -> None:
        if taking:
            found(item.name.removeprefix("./"), bytes(content))

    push = TarPush(member, end)
    with path.open("rb") as file:
        for piece in _plain(file):
            push.feed(piece)
            if over():
                return
    push.close()


def _plain(file: BinaryIO) -> Iterator[bytes]:
    """The bytes of a tar, whatever it is compressed with, in bounded pieces."""
    head = file.read(6)
    file.seek(0)
    if head.startswith(gzip.MAGIC):
        yield from gzip.inflate(file)
        return
    engine = (
        lzma.LZMADecompressor()
        if head == b"\xfd7zXZ\x00"
        else bz2.BZ2Decompressor()
        if head.startswith(b"BZh")
        else None
    )
    while data := file.read(_CHUNK):
        if engine is None:
            yield data
            continue
        while data or not engine.needs_input:
            if engine.eof:
                return
            yield engine.decompress(data, _CHUNK)
            data = b""
