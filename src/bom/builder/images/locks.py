"""What the projects in a build's contexts declare and lock, for comparing it with an image."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bom.catalog import WANTED, declared
from bom.catalog.view import listed_view
from bom.model import Gap

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bom.builder.images.context import BuildInputs, LocalContext
    from bom.catalog.protocol import Declared

_FOLDERS_LIMIT: Final = 20_000
# What is installed or built there has been locked elsewhere.
_PRUNED: Final = frozenset(
    [
        *(".git", ".tox", ".nox", ".venv", "__pycache__"),
        *("node_modules", "site-packages", "dist-packages"),
    ]
)
_MANY: Final = f"it has more than {_FOLDERS_LIMIT} folders: not all were searched for locks"


def declared_in(inputs: BuildInputs, root: Path) -> tuple[tuple[Declared, ...], tuple[Gap, ...]]:
    """What the projects declare and lock that the builder gets to see, by folder, and what could
    not be had of it; locations are relative to `root` where they lie in it, else to their
    context."""
    found: list[Declared] = []
    gaps: list[Gap] = []
    for _, context in inputs.contexts:
        folder = context.folder.resolve()
        top = root.resolve() if folder.is_relative_to(root.resolve()) else folder
        folders = list(_folders(folder))
        if len(folders) > _FOLDERS_LIMIT:
            gaps.append(Gap("dependency.compared", "the build context", _MANY))
        listed = [path.relative_to(top).as_posix() for path in folders[:_FOLDERS_LIMIT]]
        view = listed_view(top, ["" if path == "." else path for path in listed], WANTED)
        found += [item for item in declared(view) if _seen(item, context, top)]
    return tuple(found), tuple(gaps)


def _seen(item: Declared, context: LocalContext, top: Path) -> bool:
    """Whether the builder gets to see the lock, or one of the files that it is made of."""
    return any(context.holds(top / name) for name in item.location.split(", "))


def _folders(top: Path) -> Iterator[Path]:
    """The folder and those below it, without what was installed there; at most one more than
    _FOLDERS_LIMIT."""
    pending = [top]
    for _ in range(_FOLDERS_LIMIT + 1):
        if not pending:
            return
        folder = pending.pop()
        yield folder
        try:
            with os.scandir(folder) as listing:
                pending += [
                    Path(child.path)
                    for child in listing
                    if child.name not in _PRUNED and child.is_dir(follow_symlinks=False)
                ]
        except OSError:
            continue  # what can't be listed is a gap of the context's digest
