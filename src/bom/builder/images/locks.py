"""What the projects in a build's contexts declare and lock, for comparing it with an image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bom.catalog import WANTED, declared, folders
from bom.catalog.view import listed_view
from bom.model import Gap

if TYPE_CHECKING:
    from pathlib import Path

    from bom.builder.images.context import BuildInputs
    from bom.builder.images.folder import LocalContext
    from bom.catalog.protocol import Declared

_MANY: Final = f"it has more than {folders.FOLDERS_LIMIT} folders: not all were searched for locks"

_NO_FOLDER: Final = "it is no folder here: it was not searched for locks"


def declared_in(inputs: BuildInputs, root: Path) -> tuple[tuple[Declared, ...], tuple[Gap, ...]]:
    """What the projects declare and lock that the builder gets to see, by folder, and what could
    not be had of it; locations are relative to `root` where they lie in it, else to their
    context."""
    found: list[Declared] = []
    gaps: list[Gap] = []
    if inputs.tar is not None or any(not item.label for item in inputs.remotes):
        gaps.append(Gap("dependency.compared", "the build context", _NO_FOLDER))
    for _, context in inputs.contexts:
        folder = context.folder.resolve()
        top = root.resolve() if folder.is_relative_to(root.resolve()) else folder
        listed, complete = folders.project_folders(folder)
        if not complete:
            gaps.append(Gap("dependency.compared", "the build context", _MANY))
        names = [path.relative_to(top).as_posix() for path in listed]
        view = listed_view(top, ["" if name == "." else name for name in names], WANTED)
        found += [item for item in declared(view) if _seen(item, context, top)]
    return tuple(found), tuple(gaps)


def _seen(item: Declared, context: LocalContext, top: Path) -> bool:
    """Whether the builder gets to see the lock, or one of the files that it is made of."""
    return any(context.holds(top / name) for name in item.location.split(", "))
