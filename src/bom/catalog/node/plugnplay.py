"""Yarn's Plug'n'Play: packages that run out of zips, with no node_modules at all.

Yarn makes those zips itself, with one package in each, below `node_modules/NAME/` (Yarn's
documentation, "Plug'n'Play"; the cache is `.yarn/cache` or `.yarn/berry/cache`).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from bom.catalog.java import zipped
from bom.catalog.node.wanted import ERROR, PART
from bom.catalog.stated import Unreadable

if TYPE_CHECKING:
    import mmap
    from collections.abc import Iterator, Mapping

    from bom.catalog.protocol import FileView

_CACHE: Final = re.compile(r"(?:^|/)\.yarn/(?:[^/]+/)?cache/[^/]+\.zip\Z")
_MANIFEST: Final = re.compile(rb"node_modules/(?:@[^/]{1,300}/)?[^/]{1,300}/package\.json\Z")
_LIMIT: Final = 4 * 1024 * 1024  # bytes of a package.json


def take(content: bytes | mmap.mmap) -> Mapping[str, bytes]:
    """The package.json of the one package in a zip of Yarn's; nothing of another zip."""
    window = zipped.Window(content, 0, len(content))
    budget = zipped.Budget()
    try:
        rows = zipped.members(window, lambda raw: _MANIFEST.match(raw) is not None, budget)
        if len(rows) != 1:
            return {}
        return {PART: zipped.read(window, rows[0], _LIMIT, budget)}
    except Unreadable as error:
        return {ERROR: str(error).encode()}


def archives(view: FileView) -> Iterator[tuple[str, bytes, str]]:
    """The path of each zip in a cache of Yarn's, its package.json, and why there is none."""
    for path, parts in view.extracted():
        if _CACHE.search(path) and (PART in parts or ERROR in parts):
            yield path, parts.get(PART, b""), parts.get(ERROR, b"").decode("utf-8", "replace")
