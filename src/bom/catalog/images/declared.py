"""The images that Dockerfiles and Compose files in a view name."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

from bom.catalog.images import compose, dockerfile
from bom.catalog.images.named import Mention, dependencies
from bom.catalog.images.wanted import kind
from bom.catalog.protocol import Declared
from bom.catalog.stated import Unreadable, decoded
from bom.model import Gap
from bom.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bom.catalog.protocol import FileView

_SIZE_LIMIT: Final = 256 * 1024  # bytes; files that people write are far smaller


def projects(files: FileView) -> Iterator[Declared]:
    """One for each folder with such a file."""
    folders: dict[str, list[str]] = defaultdict(list)
    for entry in files.wanted():
        if entry.type == "file" and kind(entry.path):
            folders[entry.path.rpartition("/")[0]].append(entry.path)
    for folder, paths in folders.items():
        yield _declared(files, folder, paths)


def _declared(view: FileView, folder: str, paths: Sequence[str]) -> Declared:
    mentions: list[Mention] = []
    gaps: list[Gap] = []
    for path in paths:
        place = printable_name(path)
        raw = view.read(path)
        try:
            if raw is None:
                raise Unreadable("can't be read or is too large")
            if len(raw) > _SIZE_LIMIT:
                raise Unreadable(f"is larger than {_SIZE_LIMIT >> 10} KiB")
            mentions += _mentions(kind(path), raw, place)
        except Unreadable as error:
            why = f"the file {printable_name(str(error))}"
            gaps.append(Gap("dependency.declared", place, why))
    found, more = dependencies(mentions)
    location = ", ".join(printable_name(path) for path in paths)
    return Declared(
        "oci",
        printable_name(folder),
        location,
        locked=False,
        dependencies=found,
        gaps=tuple(sorted({*gaps, *more})),
    )


def _mentions(sort: str, raw: bytes, place: str) -> Iterator[Mention]:
    if sort == "compose":
        for name, line in compose.images(raw):
            yield Mention(name, place, line)
        return
    for reference, line in dockerfile.mentions(decoded(raw)):
        yield Mention(reference.name, place, line, reference.kind)
