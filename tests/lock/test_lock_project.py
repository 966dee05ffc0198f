"""What a project's source asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.e2e.builds import git

from bom.errors import BomError
from bom.lock.project import NamedImage, asked

if TYPE_CHECKING:
    from pathlib import Path


def written(root: Path, **files: str) -> Path:
    for name, content in files.items():
        path = root / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return root


def test_every_dockerfile_names_its_images(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(
        "FROM docker.io/library/golang:1 AS b\nFROM scratch\nCOPY --from=b /x /\n"
        "COPY --from=registry.example/tool:2 /y /\n"
    )
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "prod.Dockerfile").write_text("ARG V=3\nFROM nginx:$V\n")
    assert asked(tmp_path).images == (
        NamedImage("golang:1", "Dockerfile"),
        NamedImage("nginx:3", "web/prod.Dockerfile"),
        NamedImage("registry.example/tool:2", "Dockerfile"),
    )


def test_an_image_named_by_a_variable_without_a_value_is_refused(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("ARG BASE\nFROM ${BASE}\n")
    with pytest.raises(BomError) as caught:
        asked(tmp_path)
    assert caught.value.reason.startswith("Dockerfile:2 names an image by a variable")
    assert caught.value.hint == "give the variable a default there (ARG NAME=VALUE)"


def test_what_git_ignores_is_no_source(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    (tmp_path / ".gitignore").write_text("vendored/\n")
    (tmp_path / "vendored").mkdir()
    (tmp_path / "vendored" / "uv.lock").write_text("")
    (tmp_path / "uv.lock").write_text("")
    assert [item.path for item in asked(tmp_path).files] == ["uv.lock"]


@pytest.mark.parametrize(
    ("name", "content", "program"),
    [
        ("pyproject.toml", '[project]\nname = "x"\ndependencies = ["idna"]\n', "uv lock"),
        (
            "pyproject.toml",
            '[project]\nname = "x"\ndependencies = ["idna"]\n[tool.pdm]\n',
            "pdm lock",
        ),
        (
            "pyproject.toml",
            '[tool.poetry]\nname = "x"\n[tool.poetry.dependencies]\nidna = "*"\n',
            "poetry lock",
        ),
        ("package.json", '{"dependencies": {"x": "1"}}', "npm install --package-lock-only"),
        (
            "package.json",
            '{"devDependencies": {"x": "1"}, "packageManager": "pnpm@9.0.0"}',
            "pnpm install",
        ),
        ("requirements.in", "idna\n", "uv pip compile"),
    ],
)
def test_a_manifest_without_a_lock_is_named_with_its_locker(
    name: str, content: str, program: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(content)
    assert asked(tmp_path).unlocked == ((name, program),)


@pytest.mark.parametrize(
    ("name", "content", "lock"),
    [
        ("pyproject.toml", '[project]\nname = "x"\ndependencies = ["idna"]\n', "uv.lock"),
        ("pyproject.toml", '[project]\nname = "x"\ndependencies = ["idna"]\n', "pylock.toml"),
        ("package.json", '{"dependencies": {"x": "1"}}', "yarn.lock"),
        ("requirements.in", "idna\n", "requirements.txt"),
    ],
)
def test_a_manifest_with_its_lock_is_locked(
    name: str, content: str, lock: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(content)
    (tmp_path / lock).write_text("")
    found = asked(tmp_path)
    assert not found.unlocked
    assert [item.path for item in found.files] == [lock]


def test_a_member_of_a_workspace_is_locked_by_the_lock_above(tmp_path: Path) -> None:
    (tmp_path / "package-lock.json").write_text("{}")
    (tmp_path / "packages").mkdir()
    (tmp_path / "packages" / "package.json").write_text('{"dependencies": {"x": "1"}}')
    assert not asked(tmp_path).unlocked


@pytest.mark.parametrize("content", ["[", "[project]\nname = 1\n", "{", "[]", "\0"])
def test_a_manifest_that_asks_for_nothing_or_is_none_needs_no_lock(
    content: str, tmp_path: Path
) -> None:
    (tmp_path / "pyproject.toml").write_text(content)
    (tmp_path / "package.json").write_text(content)
    assert not asked(tmp_path).unlocked
