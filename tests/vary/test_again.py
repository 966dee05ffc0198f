"""How a command is moved to another place, and what can't be run twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bom.builder.protocol import BuildRequest
from bom.config import Config
from bom.vary.again import moved
from bom.vary.images import pushes
from bom.vary.protocol import Circumstance

if TYPE_CHECKING:
    from pathlib import Path


def _moved(tmp_path: Path, *command: str, output: Path | None = None) -> BuildRequest:
    root = tmp_path / "first"
    (root / "below").mkdir(parents=True)
    request = BuildRequest(
        command,
        root / "below",
        root,
        {"PWD": str(root / "below"), "OLDPWD": "/"},
        Config(),
        output=output,
        artifacts=(f"{root}/out/*.bin",),
    )
    there = Circumstance(tmp_path / "second", "first", request.environment)
    return moved(request, there, tmp_path / "private/output")


def test_paths_in_the_project_are_paths_in_the_other_one(tmp_path: Path) -> None:
    root = tmp_path / "first"
    again = _moved(tmp_path, "make", f"{root}", f"--out={root}/out", "-C", "below", f"{root}er")
    source = tmp_path / "second/first"
    assert again.command == (
        *("make", f"{source}", f"--out={source}/out", "-C", "below", f"{root}er"),
    )
    assert (again.root, again.cwd) == (source, source / "below")
    assert again.artifacts == (f"{source}/out/*.bin",)
    assert again.environment == {"PWD": str(source / "below")}


def test_a_program_that_no_clone_has_stays_the_one_that_it_was(tmp_path: Path) -> None:
    program = f"{tmp_path}/first/.venv/bin/python"
    assert _moved(tmp_path, program, "-m", "build").command[0] == program


def test_the_image_and_what_a_builder_writes_beside_it_go_to_a_private_folder(
    tmp_path: Path,
) -> None:
    words = ("docker", "build", "--iidfile", "/srv/id", "--metadata-file=/srv/meta", ".")
    again = _moved(tmp_path, *words, output=tmp_path / "app.tar")
    aside = tmp_path / "private"
    assert again.output == aside / "output/app.tar"
    assert again.command == (
        *("docker", "build", "--iidfile", f"{aside}/aside-id"),
        *(f"--metadata-file={aside}/aside-meta", "."),
    )


@pytest.mark.parametrize(
    ("command", "is_pushed"),
    [
        ("docker buildx build --push .", True),
        ("docker build -o type=registry .", True),
        ("docker buildx build --output=type=image,name=a,push=true .", True),
        ("docker build --push=false .", False),
        ("docker build -t push .", False),
    ],
)
def test_a_push_is_seen(command: str, is_pushed: bool) -> None:
    assert pushes(command.split()) is is_pushed
