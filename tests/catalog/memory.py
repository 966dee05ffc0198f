"""A view over files that are only in memory: thousands of them a second."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from bom.archive.layer import LayerEntry
from bom.catalog import WANTED
from bom.catalog.filesystem import Tree, TreeView

if TYPE_CHECKING:
    from collections.abc import Mapping


def memory_view(files: Mapping[str, bytes], links: Mapping[str, str] | None = None) -> TreeView:
    """What an image of one layer with these files and symbolic links gives to ecosystems."""
    tree = Tree()
    contents = {}
    for path, target in (links or {}).items():
        tree.place(LayerEntry(path, "l", link=target, wanted=WANTED.wants(path)), 0)
    for path, content in files.items():
        digest = hashlib.sha256(content).digest()
        weak = hashlib.md5(content, usedforsecurity=False).digest()
        weak += hashlib.sha1(content, usedforsecurity=False).digest()
        wanted = WANTED.wants(path)
        if wanted:
            contents[digest] = content
        tree.place(LayerEntry(path, "f", len(content), digest=digest, wanted=wanted, weak=weak), 0)
    return TreeView(tree, contents, ["sha256:" + "0" * 64])
