"""All observers together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import bom.observe
from bom.errors import Refused
from bom.model import Gap
from bom.observe import observe, project_root

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Project = Any  # of conftest.py, which is no module to import


class Failing:
    name = "failing"

    def observe(self, build: object) -> Iterator[Gap]:
        yield Gap("a", "b", "c")
        raise ValueError("/home/someone at 0x7f00")


class Refusing:
    name = "refusing"

    def observe(self, build: object) -> Iterator[Gap]:
        raise Refused("no")
        yield


def test_an_observer_that_fails_is_a_gap_that_says_nothing_of_this_run(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bom.observe, "OBSERVERS", (Failing(), Failing()))
    assert observe(project.context("make")) == (
        Gap("a", "b", "c"),
        Gap("failing.observer", "failing", "the observer failed (ValueError)"),
    )


def test_what_is_refused_stops_the_build(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bom.observe, "OBSERVERS", (Refusing(),))
    with pytest.raises(Refused):
        observe(project.context("make"))


def test_planted_secrets_appear_in_nothing(project: Project) -> None:
    secret = "hunter2-hunter2"
    project.git("remote", "add", "origin", f"https://x:{secret}@git.example.com/a.git")
    project.git("branch", "-m", "topic")
    command = ("make", f"TOKEN={secret}", "--password", secret, f"https://x:{secret}@h.example/")
    found = observe(
        project.context(*command, MY_TOKEN=secret, CFLAGS=f"-DX={secret}", LANG=f"{secret}")
    )
    assert secret not in repr(found)
    assert "git.example.com/a" in repr(found)


def test_the_root_is_the_work_trees_top_else_the_folder_itself(
    project: Project, tmp_path: Path
) -> None:
    assert project_root(project.root / "src") == project.root
    (tmp_path / ".git").mkdir()
    assert project_root(tmp_path) == tmp_path
    link = tmp_path / "link"
    link.symlink_to(project.root / "src")
    assert project_root(link) == project.root
