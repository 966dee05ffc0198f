"""The locks that a builder gets to see."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from tests.builder.test_image_context import read

from bom.builder.images.locks import declared_in
from bom.catalog import folders

if TYPE_CHECKING:
    from pathlib import Path

    from bom.catalog.protocol import Declared
    from bom.model import Gap

LOCK = {"lockfileVersion": 3, "packages": {"": {}, "node_modules/a": {"version": "1.0.0"}}}


def project(root: Path, name: str) -> None:
    (root / name).mkdir(parents=True)
    (root / name / "package.json").write_text(json.dumps({"name": name}))
    (root / name / "package-lock.json").write_text(json.dumps(LOCK))


def npm(root: Path) -> tuple[list[Declared], tuple[Gap, ...]]:
    """What the context declares of npm: the Dockerfile declares something, too."""
    found, gaps = declared_in(read(root, "."), root)
    return [item for item in found if item.ecosystem == "npm"], gaps


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY . /\n")
    return tmp_path


def test_every_project_of_the_context_counts_and_nothing_that_is_installed(root: Path) -> None:
    for name in ("web", "apps/api", "web/node_modules/x", ".venv/lib/site-packages/y"):
        project(root, name)
    found, gaps = npm(root)
    assert [item.location for item in found] == [
        "apps/api/package-lock.json",
        "web/package-lock.json",
    ]
    assert gaps == ()


def test_what_the_builder_does_not_see_does_not_count(root: Path) -> None:
    project(root, "web")
    project(root, "api")
    (root / ".dockerignore").write_text("api\n")
    found, _ = npm(root)
    assert [item.location for item in found] == ["web/package-lock.json"]


def test_a_lock_that_can_not_be_read_is_told_of(root: Path) -> None:
    project(root, "web")
    (root / "web/package-lock.json").write_text("{")
    (item,) = npm(root)[0]
    assert not item.locked
    assert [gap.what for gap in item.gaps] == ["dependency.lock"]


def test_more_folders_than_are_searched_are_a_gap(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folders, "FOLDERS_LIMIT", 5)
    for number in range(4):
        project(root, f"p{number}")
    assert npm(root)[1] == ()
    project(root, "p4")
    (gap,) = npm(root)[1]
    assert (gap.what, gap.where) == ("dependency.compared", "the build context")
