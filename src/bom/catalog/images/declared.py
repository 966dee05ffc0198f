"""The images that Dockerfiles and Compose files in a view name."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

from bom.catalog.images import compose, dockerfile
from bom.catalog.images.named import Mention, dependencies
from bom.catalog.images.wanted import kind
from bom.catalog.protocol import Declared
from bom.catalog.stated import Unreadable, decoded, file_content, reason
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
        try:
            mentions += _mentions(kind(path), file_content(view, path, _SIZE_LIMIT), place)
        except Unreadable as error:
            gaps.append(Gap("dependency.declared", place, reason(error)))
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
