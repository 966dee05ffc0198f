"""What dpkg's database says (deb-control(5), dpkg(1), Debian Policy 7).

Read from `var/lib/dpkg/status` and, as distroless images have it, `var/lib/dpkg/status.d/`.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bom.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bom.catalog.protocol import FileView

STATUS: Final = "var/lib/dpkg/status"
STATUS_FOLDER: Final = "var/lib/dpkg/status.d/"
INFO_FOLDER: Final = "var/lib/dpkg/info/"
LIST_LIMIT: Final = 16 * 1024 * 1024  # bytes of one list of files; the largest known have 5 MB
DIVERSIONS: Final = "var/lib/dpkg/diversions"

# The states in which a package's files are on the disk (dpkg(1), "Package states").
_PRESENT: Final = frozenset(
    ["half-configured", "installed", "triggers-awaited", "triggers-pending", "unpacked"]
)
_PARTLY: Final = "half-installed"
_RELATION: Final = re.compile(r"([A-Za-z0-9][A-Za-z0-9+._-]*)(?::([A-Za-z0-9-]+))?")
_SOURCE: Final = re.compile(r"(\S+)(?:\s+\((\S+)\))?")


@dataclass(frozen=True, slots=True, order=True)
class Package:
    """A package whose files are on the disk. `state` is dpkg's; `fields` by lowercase name.

    `record`: the file that tells of it; for `status.d` one of its own.
    """

    name: str
    architecture: str
    version: str
    state: str
    record: str
    fields: tuple[tuple[str, str], ...]

    def field(self, name: str) -> str:
        """A field's value, folded lines joined by newlines; "" where it is not there."""
        return dict(self.fields).get(name, "")

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
    for entry in view.wanted():
        path = entry.path
        if path == STATUS or (path.startswith(STATUS_FOLDER) and not path.endswith(".md5sums")):
            for fields in _paragraphs(view.read(path) or b""):
                package = _package(fields, path)
                key = (fields.get("package", ""), fields.get("architecture", ""))
                found.pop(key, None)
                if package is not None:
                    found[key] = package
    yield from found.values()


def file_list(view: FileView, package: Package) -> tuple[str, tuple[str, ...] | None]:
    """The file that lists a package's files, and they, relative to the root.

    None where no list is there, or one of a size that no package has. Bytes that
    are no UTF-8 are surrogate escapes.
    """
    name = package.name
    for stem in (f"{name}:{package.architecture}", name):
        path = f"{INFO_FOLDER}{stem}.list"
        raw = view.read(path)
        if raw is not None and len(raw) <= LIST_LIMIT:
            lines = raw.decode("utf-8", "surrogateescape").split("\n")
            return path, tuple(line.strip("/") for line in lines if line not in ("", "/."))
    path = package.record + ".md5sums"
    if package.record != STATUS and (raw := view.read(path)) and len(raw) <= LIST_LIMIT:
        rows = raw.decode("utf-8", "surrogateescape").split("\n")
        return path, tuple(row[34:].removeprefix("./").strip("/") for row in rows if row[34:])
    return "", None


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


def _package(fields: Mapping[str, str], record: str) -> Package | None:
    name, version = fields.get("package", ""), fields.get("version", "")
    state = (fields.get("status") or "install ok installed").split()[-1]
    if not name or (state not in _PRESENT and state != _PARTLY):
        return None
    return Package(
        name, fields.get("architecture", ""), version, state, record, tuple(fields.items())
    )


def _paragraphs(raw: bytes) -> Iterator[dict[str, str]]:
    fields: dict[str, str] = {}
    last = ""
    text = printable_name(raw.decode("utf-8", "surrogateescape"))
    for line in io.StringIO(text, newline="\n"):
        line = line.removesuffix("\n")
        if not line.strip():
            if fields:
                yield fields
            fields, last = {}, ""
        elif line[0] in " \t":
            if last:
                fields[last] += "\n" + line.strip()
        else:
            name, colon, value = line.partition(":")
            last = name.lower() if colon else ""
            if last:
                fields[last] = value.strip()
    if fields:
        yield fields
