"""What the workflows and actions in a view run."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

from bom.catalog.actions.uses import dependencies
from bom.catalog.actions.wanted import wants
from bom.catalog.actions.workflow import used
from bom.catalog.protocol import Declared
from bom.catalog.stated import Unreadable, file_content, reason
from bom.model import Gap
from bom.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bom.catalog.actions.workflow import Used
    from bom.catalog.protocol import FileView

_GITHUB: Final = ".github"
_SIZE_LIMIT: Final = 1024 * 1024  # bytes; GitHub itself takes workflows of at most 512 KiB


def projects(files: FileView) -> Iterator[Declared]:
    """One for each repository with workflows, and for each action beside them."""
    folders: dict[str, list[str]] = defaultdict(list)
    for entry in files.wanted():
        if entry.type == "file" and wants(entry.path):
            folders[_folder(entry.path)].append(entry.path)
    for folder, paths in folders.items():
        yield _declared(files, folder, paths)


def _folder(path: str) -> str:
    """The repository's folder, or that of an action that lies outside of `.github`."""
    parts = path.split("/")[:-1]
    if _GITHUB in parts:
        parts = parts[: parts.index(_GITHUB)]
    return "/".join(parts)


def _declared(view: FileView, folder: str, paths: Sequence[str]) -> Declared:
    found: list[Used] = []
    gaps: list[Gap] = []
    for path in paths:
        place = printable_name(path)
        try:
            found += used(file_content(view, path, _SIZE_LIMIT), place)
        except Unreadable as error:
            gaps.append(Gap("dependency.declared", place, reason(error)))
    items, more = dependencies(found)
    return Declared(
        "github",
        printable_name(folder),
        ", ".join(printable_name(path) for path in paths),
        locked=False,
        dependencies=items,
        gaps=tuple(sorted({*gaps, *more})),
    )
