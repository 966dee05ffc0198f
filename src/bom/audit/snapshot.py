"""An OSV export on the disk: a folder of entries (`ID.json`, in folders or not, or in `all.zip`s as
osv.dev gives them out), or one .zip. Read once; only what is about the wanted packages is parsed.

Every entry counts for the digest, and for which ecosystems the export covers: that is found by
looking for the few keys that matter, which is ten times faster than parsing.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bom import sha256sum
from bom.archive.zip_errors import BROKEN_ZIP
from bom.audit import osv
from bom.audit.ecosystems import normal_name
from bom.audit.model import SnapshotFacts, Unaudited
from bom.errors import BomError
from bom.input import open_plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bom.audit.model import Advisory, Affected, Lookup
    from bom.builder.protocol import Progress

_SIZE_LIMIT: Final = 64 * 1024 * 1024  # bytes of one entry
_KEYS: Final = re.compile(rb'"(?:(ecosystem)|(name)|(modified))"\s*:\s*"((?:[^"\\]|\\.)*)"')
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z\Z")
_HINT: Final = "an OSV export: a folder or .zip of ID.json files, as osv.dev gives out"


@dataclass(slots=True)
class Snapshot:
    """`ecosystems`: all that any entry is about. `entries`: what is about the wanted packages, by
    (ecosystem up to its colon, normal name). `unreadable`: names of entries, and why."""

    facts: SnapshotFacts
    ecosystems: frozenset[str]
    entries: dict[tuple[str, str], list[tuple[Advisory, Affected]]]
    unreadable: tuple[Unaudited, ...] = ()


@dataclass(slots=True)
class _Reading:
    wanted: frozenset[tuple[str, str]]
    names: frozenset[str] = frozenset()
    ecosystems: set[str] = field(default_factory=set)
    found: dict[str, Advisory] = field(default_factory=dict)
    unreadable: list[Unaudited] = field(default_factory=list)
    count: int = 0
    newest: str = ""
    known: dict[bytes, str] = field(default_factory=dict)

    def take(self, name: str, data: bytes) -> None:
        """One entry's bytes."""
        self.count += 1
        ecosystems, interesting, modified = set(), False, []
        for ecosystem, package, time, value in _KEYS.findall(data):
            if ecosystem:
                ecosystems.add(value)
            elif package:
                interesting = interesting or b"\\" in value or self._name(value) in self.names
            elif time:
                modified.append(value.decode("ascii", "replace"))
        whole = data[:1] == b"{" and data.rstrip()[-1:] == b"}"
        plain = whole and len(modified) == 1 and bool(_TIME.match(modified[0]))
        if plain and ecosystems and not interesting and not any(b"\\" in e for e in ecosystems):
            self.ecosystems.update(text.decode("utf-8", "replace") for text in ecosystems)
            self.newest = max(self.newest, modified[0])
            return
        self._parse(name, data)

    def _name(self, value: bytes) -> str:
        text = self.known.get(value)
        if text is None:
            text = self.known[value] = normal_name(value.decode("utf-8", "replace"))
        return text

    def _parse(self, name: str, data: bytes) -> None:
        try:
            entry = json.loads(data)
            if not isinstance(entry, dict):
                raise ValueError("it is no JSON object")
            advisory = osv.advisory(entry, self.wanted)
        except (ValueError, RecursionError) as error:
            why = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
            self.unreadable.append(Unaudited(f"this advisory can't be read: {why[:200]}", name))
            return
        self.ecosystems.update(osv.ecosystems(entry))
        modified = entry.get("modified")
        if isinstance(modified, str) and _TIME.match(modified):
            self.newest = max(self.newest, modified)
        if advisory is None or osv.withdrawn(entry):
            return
        before = self.found.get(advisory.id)
        if before is None or before.modified < advisory.modified:
            self.found[advisory.id] = advisory


def read(place: Path, wanted: Iterable[Lookup], progress: Progress) -> Snapshot:
    """What an export says of the wanted packages. Raises BomError where it is none."""
    keys = frozenset((item.ecosystem, normal_name(item.name)) for item in wanted)
    reading = _Reading(keys, frozenset(name for _, name in keys))
    try:
        if place.is_dir():
            sha256 = _folder(place, reading, progress)
        else:
            with open_plain(place):
                sha256 = sha256sum.of_file(place)
            _zip(place, "", reading)
    except OSError as error:
        where = error.filename or place
        raise BomError(f"{where} can't be read: {error.strerror}", hint=_HINT) from error
    if not reading.count:
        raise BomError(f"{place} holds no advisories", hint=_HINT)
    facts = SnapshotFacts(place.name or place.resolve().name, sha256, reading.count, reading.newest)
    entries: dict[tuple[str, str], list[tuple[Advisory, Affected]]] = {}
    for _, advisory in sorted(reading.found.items()):
        for said in advisory.affected:
            key = (said.ecosystem.partition(":")[0], normal_name(said.name))
            entries.setdefault(key, []).append((advisory, said))
    return Snapshot(
        facts, frozenset(reading.ecosystems), entries, tuple(sorted(reading.unreadable))
    )


def _folder(top: Path, reading: _Reading, progress: Progress) -> str:
    """Reads all entries below a folder; the digest over its files."""
    digests: list[tuple[str, str]] = []
    base = len(str(top)) + 1
    progress.start(f"read {top.name}", 0)
    for path in _files(str(top)):
        name = path[base:]
        if path.endswith(".zip"):
            digests.append((name, sha256sum.of_file(Path(path))))
            _zip(Path(path), f"{name} > ", reading)
            continue
        with Path(path).open("rb") as stream:
            data = stream.read(_SIZE_LIMIT + 1)
        progress.advance(len(data))
        digests.append((name, hashlib.sha256(data).hexdigest()))
        if len(data) > _SIZE_LIMIT:
            reading.unreadable.append(Unaudited("this advisory is larger than is ever read", name))
        else:
            reading.take(name, data)
    progress.done()
    return sha256sum.digest_by_path(digests)


def _files(folder: str) -> Iterator[str]:
    """The entries and archives below a folder, without what is hidden."""
    with os.scandir(folder) as listing:
        found = sorted(listing, key=lambda item: item.name)
    for item in found:
        if item.name.startswith("."):
            continue
        if item.is_dir(follow_symlinks=False):
            yield from _files(item.path)
        elif item.name.endswith((".json", ".zip")) and item.is_file():
            yield item.path


def _zip(path: Path, prefix: str, reading: _Reading) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                if info.is_dir() or not info.filename.endswith(".json"):
                    continue
                name = f"{prefix}{info.filename}"
                with archive.open(info) as stream:
                    data = stream.read(_SIZE_LIMIT + 1)
                if len(data) > _SIZE_LIMIT:
                    why = "this advisory is larger than is ever read"
                    reading.unreadable.append(Unaudited(why, name))
                else:
                    reading.take(name, data)
    except BROKEN_ZIP as error:
        raise BomError(f"{path} can't be read: {error}", hint=_HINT) from error
