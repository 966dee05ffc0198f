"""A repository to build from, in a home without anything of the user's."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from tests.e2e.builds import git

from bom.git import Git

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Need


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    home = tmp_path / "home"
    home.mkdir()
    plain = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return {**plain, "HOME": str(home), "GIT_CONFIG_NOSYSTEM": "1"}


@pytest.fixture
def client(need: Need, environment: dict[str, str]) -> Git:
    need("git")
    return Git.of(environment)


@pytest.fixture
def repository(tmp_path: Path, need: Need) -> Path:
    """Two commits, a tag on the first one."""
    need("git")
    root = tmp_path / "origin" / "app"
    root.mkdir(parents=True)
    (root / "README").write_text("one\n")
    git(root, "init", "-q")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "one")
    git(root, "tag", "-a", "v1.0", "-m", "v1.0")
    (root / "README").write_text("two\n")
    git(root, "commit", "-q", "-a", "-m", "two")
    return root
