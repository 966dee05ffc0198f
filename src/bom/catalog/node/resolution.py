"""Which installed package gets which: from its folder upwards (Node.js, "Loading from
node_modules folders"), links followed as Node does."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from bom.catalog.node.places import DEBIAN, FOLDER, MANIFEST, holder

if TYPE_CHECKING:
    from collections.abc import Collection

    from bom.catalog.protocol import FileView


class Resolution:
    """Over the folders of installed packages. `projects`: folders that ask for packages too."""

    def __init__(
        self, view: FileView, packages: Collection[str], projects: Collection[str]
    ) -> None:
        self._view = view
        self._packages = packages
        # Folders that may have a node_modules: nowhere else is worth a look.
        self._holders = {holder(folder) for folder in packages} | set(projects)
        self._linked: dict[str, str] = {}
        self._above: dict[str, tuple[str, ...]] = {}

    def find(self, folder: str, name: str) -> str:
        """The folder of what `folder` gets for `name`; `own:` where that is no installed package
        but linked to (a workspace), "" for none."""
        for above in self._holders_above(folder):
            candidate = f"{above}/{FOLDER}/{name}" if above else f"{FOLDER}/{name}"
            if candidate in self._packages:
                return candidate
            if linked := self._follow(candidate):
                return linked
        if folder.startswith(f"{DEBIAN}/") and f"{DEBIAN}/{name}" in self._packages:
            return f"{DEBIAN}/{name}"
        return ""

    def _holders_above(self, folder: str) -> tuple[str, ...]:
        known = self._above.get(folder)
        if known is None:
            parts = folder.split("/") if folder else []
            steps = ("/".join(parts[:end]) for end in range(len(parts), -1, -1))
            known = self._above[folder] = tuple(step for step in steps if step in self._holders)
        return known

    def _follow(self, candidate: str) -> str:
        """Where a link at `candidate` leads."""
        if candidate not in self._linked:
            self._linked[candidate] = self._target(candidate)
        return self._linked[candidate]

    def _target(self, candidate: str) -> str:
        real = self._view.resolve(f"{candidate}/{MANIFEST}")
        folder = posixpath.dirname(real)
        if real and folder in self._packages:
            return folder
        entry = self._view.entry(candidate)
        return "own:" if entry is not None and entry.type == "symlink" else ""
