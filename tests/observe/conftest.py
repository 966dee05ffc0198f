"""Real git repositories, made by the real git, apart from the user's own configuration."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from bom.config import Config
from bom.observe.protocol import BuildContext

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@dataclass(frozen=True)
class Project:
    root: Path

    def git(self, *arguments: str) -> str:
        return _git(self.root, *arguments)

    def write(self, path: str, content: str) -> Path:
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(content)
        return place

    def commit(self, message: str = "change") -> str:
        self.git("add", "--all")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")

    def context(self, *command: str, config: Config | None = None, **more: str) -> BuildContext:
        environment = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], **more}
        return BuildContext(self.root, self.root, command, environment, config or Config())


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, check=True)
    return done.stdout.decode().strip()


@pytest.fixture(autouse=True)
def own_git_configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Someone")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "someone@example.com")
        monkeypatch.setenv(f"GIT_{role}_DATE", "2026-11-24T10:20:30+0300")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def make_project(need: Callable[[str], str], tmp_path: Path) -> Callable[[str], Project]:
    need("git")

    def make(name: str) -> Project:
        root = tmp_path / name
        root.mkdir()
        _git(root, "init", "-q", "-b", "main")
        return Project(root)

    return make


@pytest.fixture
def project(make_project: Callable[[str], Project]) -> Project:
    made = make_project("project")
    made.write("a.txt", "one\n")
    made.write("src/b.txt", "two\n")
    made.write(".gitignore", "ignored/\n")
    made.commit()
    return made
