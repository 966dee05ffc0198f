"""The database of installed packages that apk keeps (apk-tools, database format v2).

Lines of a letter, a colon and a value; an empty line ends a package. After the fields of the
package come its folders (`F`), in each its files (`R`) with mode (`a`) and checksum (`Z`).
"""

from __future__ import annotations

import base64
import binascii
import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from bom.catalog.alpine.wanted import PATHS, WORLD
from bom.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bom.catalog.protocol import FileView

PACKAGES_LIMIT: Final = 200_000  # packages that are read; Alpine's edge has 30,000

# Digits of base64 after the mark -> algorithm and bytes (apk's "Q1" and "Q2").
_CHECKSUMS: Final = {"Q1": ("sha1", 20), "Q2": ("sha256", 32)}
_TRUNCATED: Final = "sha256-160"  # where the package is marked `f:S`, in place of SHA-1
_COMPARERS: Final = "<>=~"


class File(NamedTuple):
    """A file or link that a package brought: path relative to the root, with surrogate escapes;
    the algorithm of its checksum ("" for none), and that in hex. Of a link it is its target's."""

    path: str
    algorithm: str = ""
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Package:
    """One installed package. `fields`: its first lines by their letter; `line`: where its name
    stands in the file `record`."""

    record: str
    line: int
    fields: Mapping[str, str]
    files: list[File] = field(repr=False)

    def field(self, letter: str) -> str:
        return self.fields.get(letter, "")

    @property
    def name(self) -> str:
        return self.field("P")

    @property
    def version(self) -> str:
        return self.field("V")

    @property
    def virtual(self) -> bool:
        """Whether `apk add --virtual` made it on the spot, to hold others together."""
        return self.name.startswith(".")

    @property
    def broken(self) -> bool:
        """Whether apk could not write all of its files."""
        return "f" in self.field("f")


def packages(view: FileView) -> Iterator[Package]:
    """All packages, in the order of the database."""
    for path in _present(view):
        raw = view.read(path)
        if raw is not None:
            yield from _packages(raw, path)


def unreadable(view: FileView) -> Iterator[str]:
    """The databases that are there and can't be read, or are larger than is read."""
    yield from (path for path in _present(view) if view.read(path) is None)


def names(text: str) -> Iterator[str]:
    """The names in a list of dependencies or of what is provided, without version and
    repository; conflicts (`!name`) are left out."""
    for word in text.split():
        end = min((at for mark in _COMPARERS if (at := word.find(mark)) > 0), default=len(word))
        name = word[:end].partition("@")[0]
        if name and not name.startswith("!"):
            yield name


def world(view: FileView) -> frozenset[str]:
    """What the administrator asked for by name."""
    raw = view.read(WORLD) or b""
    return frozenset(names(printable_name(raw.decode("utf-8", "surrogateescape"))))


def _present(view: FileView) -> Iterator[str]:
    """The databases, one that is reached by two paths (a merged /usr) once."""
    seen = set()
    for path in PATHS:
        real = view.resolve(path)
        if real and real not in seen:
            seen.add(real)
            yield path


def _packages(raw: bytes, record: str) -> Iterator[Package]:
    reading = _Reading(record)
    text = raw.decode("utf-8", "surrogateescape")
    for number, line in enumerate(io.StringIO(text, newline="\n"), 1):
        line = line.removesuffix("\n")
        if len(line) < 2:
            if (package := reading.package()) is not None:
                yield package
            reading = _Reading(record)
        elif line[1] == ":":
            reading.add(line[0], line[2:], number)
    if (package := reading.package()) is not None:
        yield package


class _Reading:
    """A package as its lines come."""

    def __init__(self, record: str) -> None:
        self._record = record
        self._fields: dict[str, str] = {}
        self._files: list[File] = []
        self._line = 0
        self._folder: str | None = None

    def add(self, letter: str, value: str, number: int) -> None:
        if letter == "F":
            self._folder = value.strip("/")
        elif letter == "R" and self._folder is not None:
            self._files.append(File(f"{self._folder}/{value}" if self._folder else value))
        elif letter == "Z" and self._files:
            algorithm, digest = self._checksum(value)
            self._files[-1] = File(self._files[-1].path, algorithm, digest)
        elif letter not in "FRZaM":
            if letter == "P":
                self._line = number
            self._fields[letter] = printable_name(value.strip())

    def package(self) -> Package | None:
        if not self._fields and not self._files:
            return None
        return Package(self._record, self._line, self._fields, self._files)

    def _checksum(self, value: str) -> tuple[str, str]:
        algorithm, size = _CHECKSUMS.get(value[:2], ("", 0))
        try:
            digest = base64.b64decode(value[2:], validate=True)
        except (binascii.Error, ValueError):
            return "", ""
        if not algorithm or len(digest) != size:
            return "", ""
        if algorithm == "sha1" and "S" in self._fields.get("f", ""):
            algorithm = _TRUNCATED
        return algorithm, digest.hex()
