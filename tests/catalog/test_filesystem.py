"""A view over a tree: what stands where, links followed."""

from __future__ import annotations

from bom.archive.layer import LayerEntry
from bom.catalog.filesystem import Tree, TreeView


def test_entries_are_found_through_links_again_and_again_but_not_where_no_folder_is() -> None:
    tree = Tree()
    for entry in (
        LayerEntry("usr/bin", "d"),
        LayerEntry("bin", "l", link="usr/bin"),
        LayerEntry("usr/bin/sh", "f", 1, True, b"\1" * 32),
    ):
        tree.place(entry, 0)
    view = TreeView(tree, {})
    for _ in range(2):
        found = view.entry("bin/sh")
        assert found is not None
        assert (found.path, found.sha256) == ("bin/sh", "01" * 32)
        assert view.entry("bin/none") is None
        assert view.entry("usr/bin/sh/none") is None
        assert view.entry("nowhere/none") is None
        assert view.entry("bin/..") is None


def test_the_files_that_have_a_digest_are_named_wherever_they_stand() -> None:
    tree = Tree()
    for entry in (
        LayerEntry("b/copy", "f", 1, False, b"\1" * 32),
        LayerEntry("a", "f", 1, False, b"\1" * 32),
        LayerEntry("c", "f", 1, False, b"\2" * 32),
        LayerEntry("d", "h", link="b/copy"),
    ):
        tree.place(entry, 0)
    assert TreeView(tree, {}).holding(frozenset([b"\1" * 32])) == ("a", "b/copy", "d")
    assert TreeView(tree, {}).holding(frozenset()) == ()
