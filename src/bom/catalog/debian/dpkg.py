"""What dpkg's database says (deb-control(5), dpkg(1), Debian Policy 7).

Read from `var/lib/dpkg/status`, from the journal `updates/` that an interrupted dpkg leaves beside
it, and from `status.d/`, as distroless images have it: its files may have any name, the paragraph
in it says which package it is.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from bom.catalog.debian.wanted import (
    DIVERSIONS,
    INFO_FOLDER,
    STATUS,
    STATUS_FOLDER,
    UPDATES_FOLDER,
)
from bom.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bom.catalog.protocol import FileView

LIST_LIMIT: Final = 16 * 1024 * 1024  # bytes of one list of files; the largest known have 5 MB
PACKAGES_LIMIT: Final = 200_000  # packages that are read; all of Debian has 70,000

# The states in which a package's files are on the disk (dpkg(1), "Package states").
_PRESENT: Final = frozenset(
    ["half-configured", "installed", "triggers-awaited", "triggers-pending", "unpacked"]
)
_PARTLY: Final = "half-installed"
_RELATION: Final = re.compile(r"([A-Za-z0-9][A-Za-z0-9+._-]*)(?::([A-Za-z0-9-]+))?")
_SOURCE: Final = re.compile(r"(\S+)(?:\s+\((\S+)\))?")
_MD5: Final = re.compile(r"[0-9a-f]{32}")
_MD5_ROW: Final = re.compile(r"([0-9a-f]{32}) [ *](.+)")
_CONFFILE_FLAGS: Final = frozenset(["obsolete", "remove-on-upgrade"])


@dataclass(frozen=True, slots=True, order=True)
class Package:
    """A package whose files are on the disk. `state` is dpkg's; `fields` by lowercase name.

    `record`: the file that tells of it, for `status.d` one of its own; `line`: where in it.
    """

    name: str
    architecture: str
    version: str
    state: str
    record: str
    line: int
    fields: Mapping[str, str] = field(compare=False)

    def field(self, name: str) -> str:
        """A field's value, folded lines joined by newlines; "" where it is not there."""
        return self.fields.get(name, "")

    @property
    def distroless(self) -> bool:
        """Whether something else than dpkg put it there, so that no maintainer script ran."""
        return self.record.startswith(STATUS_FOLDER)

    @property
    def complete(self) -> bool:
        return self.state != _PARTLY

    @property
    def source(self) -> tuple[str, str]:
        """Name and version of the source package (deb-control(5), Source)."""
        found = _SOURCE.match(self.field("source"))
        if found is None:
            return self.name, self.version
        return found[1], found[2] or self.version


def packages(view: FileView) -> Iterator[Package]:
    """All packages with files on the disk, in the order of the database.

    One that stands twice counts as its last paragraph says, as dpkg reads it.
    """
    found: dict[tuple[str, str], Package] = {}
    for path in _records(view):
        for line, fields in _paragraphs(view.read(path) or b""):
            package = _package(fields, path, line)
            key = (fields.get("package", ""), fields.get("architecture", ""))
            found.pop(key, None)
            if package is not None and len(found) < PACKAGES_LIMIT:
                found[key] = package
    yield from found.values()


def unreadable(view: FileView) -> Iterator[str]:
    """The records that are there and can't be read, or are larger than is read."""
    yield from (path for path in _records(view) if view.read(path) is None)


def file_list(view: FileView, package: Package) -> tuple[str, tuple[str, ...] | None]:
    """The file that lists a package's files, and they, relative to the root.

    None where no list is there, or one of a size that no package has. Bytes that
    are no UTF-8 are surrogate escapes.
    """
    for stem in stems(package):
        path = f"{INFO_FOLDER}{stem}.list"
        raw = view.read(path)
        if raw is not None and len(raw) <= LIST_LIMIT:
            lines = raw.decode("utf-8", "surrogateescape").split("\n")
            return path, tuple(line.strip("/") for line in lines if line not in ("", "/."))
    if package.distroless and (rows := md5sums(view, package)) is not None:
        return package.record + ".md5sums", tuple(path for path, _ in rows)
    return "", None


def stems(package: Package) -> tuple[str, str]:
    """What the names of its files in `info/` may begin with, before the last dot: with the
    architecture where several may be installed side by side."""
    return f"{package.name}:{package.architecture}", package.name


def md5sums(view: FileView, package: Package) -> list[tuple[str, str]] | None:
    """Its files and their MD5 in hex (deb-md5sums(5)), relative to the root; None where none are
    stated. Lines of another form are left out, as dpkg has no use for them either."""
    paths = [f"{INFO_FOLDER}{stem}.md5sums" for stem in stems(package)]
    if package.distroless:
        paths = [package.record + ".md5sums"]
    for path in paths:
        raw = view.read(path)
        if raw is not None and len(raw) <= LIST_LIMIT:
            rows = raw.decode("utf-8", "surrogateescape").split("\n")
            matches = [found for row in rows if (found := _MD5_ROW.fullmatch(row))]
            return [(row[2].removeprefix("./").strip("/"), row[1]) for row in matches]
    return None


def conffiles(package: Package) -> dict[str, str]:
    """Its configuration files with the MD5 in hex of what it brought, relative to the root; ""
    where dpkg has none yet (dpkg-query(1), Conffiles)."""
    found = {}
    for line in package.field("conffiles").split("\n"):
        words = line.split(" ")
        while words and words[-1] in _CONFFILE_FLAGS:
            words.pop()
        if len(words) > 1:
            stated = words.pop()
            found[" ".join(words).strip("/")] = stated if _MD5.fullmatch(stated) else ""
    return found


def diversions(view: FileView) -> Mapping[str, tuple[str, str]]:
    """Where dpkg put a file instead: path to (real path, the package that it is not for)."""
    raw = view.read(DIVERSIONS)
    if raw is None:
        return {}
    lines = raw.decode("utf-8", "surrogateescape").split("\n")
    triples = zip(lines[::3], lines[1::3], lines[2::3], strict=False)
    return {path.strip("/"): (real.strip("/"), package) for path, real, package in triples}


def relations(text: str) -> Iterator[tuple[tuple[str, str], ...]]:
    """The alternatives of each clause of a relation field, as (name, architecture or "").

    Version restrictions are left out: dpkg has made sure of them.
    """
    for clause in text.split(","):
        alternatives = []
        for alternative in clause.split("|"):
            found = _RELATION.match(alternative.strip())
            if found:
                alternatives.append((found[1], found[2] or ""))
        if alternatives:
            yield tuple(alternatives)


def _records(view: FileView) -> Iterator[str]:
    """The files with packages; what comes later replaces what came before."""
    for entry in view.wanted():
        path = entry.path
        if (
            path == STATUS
            or (path.startswith(STATUS_FOLDER) and not path.endswith(".md5sums"))
            or (path.startswith(UPDATES_FOLDER) and path[len(UPDATES_FOLDER) :].isdecimal())
        ):
            yield path


def _package(fields: Mapping[str, str], record: str, line: int) -> Package | None:
    name, version = fields.get("package", ""), fields.get("version", "")
    state = (fields.get("status") or "install ok installed").split()[-1]
    if not name or (state not in _PRESENT and state != _PARTLY):
        return None
    return Package(name, fields.get("architecture", ""), version, state, record, line, fields)


def _paragraphs(raw: bytes) -> Iterator[tuple[int, dict[str, str]]]:
    """Each paragraph's fields by lowercase name, and the line on which it begins."""
    fields: dict[str, list[str]] = {}
    start, last = 0, ""
    text = printable_name(raw.decode("utf-8", "surrogateescape"))
    for number, line in enumerate(io.StringIO(text, newline="\n"), 1):
        line = line.removesuffix("\n")
        if not line.strip():
            if fields:
                yield start, _joined(fields)
            fields, start, last = {}, 0, ""
        elif line[0] in " \t":
            if last:
                fields[last].append(line.strip())
        else:
            name, colon, value = line.partition(":")
            last = name.lower() if colon else ""
            if last:
                start = start or number
                fields[last] = [value.strip()]
    if fields:
        yield start, _joined(fields)


def _joined(fields: Mapping[str, list[str]]) -> dict[str, str]:
    return {
        name: lines[0] if len(lines) == 1 else "\n".join(lines) for name, lines in fields.items()
    }
