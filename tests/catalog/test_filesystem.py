"""A view over a tree: what stands where, links followed."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from bom.archive.layer import LayerEntry
from bom.catalog import catalogue_directory
from bom.catalog.filesystem import Tree, TreeView

if TYPE_CHECKING:
    from pathlib import Path


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


def test_the_digests_of_an_empty_file_are_known_and_of_others_only_the_computed_one() -> None:
    tree = Tree()
    empty = hashlib.sha256().digest()
    tree.place(LayerEntry("usr/empty", "f", 0, digest=empty), 0)
    tree.place(LayerEntry("usr/sparse", "f", 0), 0)
    tree.place(LayerEntry("usr/one", "f", 1, digest=b"x", weak=bytes(15) + b"\x01"), 0)
    tree.place(LayerEntry("lib", "l", link="usr"), 0)
    view = TreeView(tree, {})
    assert view.digest("lib/empty", "md5") == hashlib.md5(usedforsecurity=False).hexdigest()
    assert view.digest("lib/empty", "sha1") == hashlib.sha1(usedforsecurity=False).hexdigest()
    assert view.digest("lib/one", "md5") == "00" * 15 + "01"
    assert [view.digest(path, "sha1") for path in ("lib/one", "lib", "gone/x")] == [None] * 3
    assert view.digest("usr/sparse", "md5") is None
    tree.place(LayerEntry("usr/sha1", "f", 1, digest=b"x", weak=b"1" * 20), 0)
    tree.place(LayerEntry("usr/both", "f", 1, digest=b"x", weak=b"5" * 16 + b"1" * 20), 0)
    assert view.digest("usr/sha1", "md5") is None
    assert view.digest("usr/both", "md5") == "35" * 16
    assert view.digest("usr/sha1", "sha1") == view.digest("usr/both", "sha1") == "31" * 20


def test_a_program_too_large_to_look_into_is_a_gap_and_a_text_is_not(tmp_path: Path) -> None:
    for name, mode in (("server", 0o755), ("app.jar", 0o644), ("notes.txt", 0o644)):
        with (tmp_path / name).open("wb") as file:
            file.truncate(513 << 20)
        (tmp_path / name).chmod(mode)
    found = catalogue_directory(tmp_path)
    assert [(gap.what, gap.where) for gap in found.gaps] == [
        ("component", "app.jar"),
        ("component", "server"),
    ]
