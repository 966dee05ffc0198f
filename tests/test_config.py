"""Which configuration counts, and what is said of a mistake in it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bom.config import Config, load, nearest
from bom.errors import BomError


def test_the_nearest_configuration_counts_and_none_above_the_root(tmp_path: Path) -> None:
    root, part = tmp_path / "mono", tmp_path / "mono" / "services" / "one"
    (part / "src").mkdir(parents=True)
    (tmp_path / "bom.toml").write_text("")
    assert nearest(part, root) == root
    (root / "bom.toml").write_text("")
    (part / "pyproject.toml").write_text("[project]\n")
    assert nearest(part / "src", root) == root
    (part / "pyproject.toml").write_text("[tool.bom]\n")
    assert nearest(part / "src", root) == part
    (part / "src" / "bom.toml").write_text("")
    assert nearest(part / "src", root) == part / "src"


def test_bom_toml_wins_over_pyproject(tmp_path: Path) -> None:
    assert load(tmp_path) == Config()
    (tmp_path / "pyproject.toml").write_text('[tool.bom]\nenvironment = ["A"]\n')
    assert load(tmp_path).environment == ["A"]
    (tmp_path / "bom.toml").write_text('environment = ["B"]\n')
    assert load(tmp_path).environment == ["B"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('enviroment = ["A"]', "unknown key enviroment; did you mean environment?"),
        ("zzz = 1", "unknown key zzz"),
        (
            '[[checks]]\nname = "a"\ncomand = ["b"]',
            "unknown key checks.0.comand; did you mean command?",
        ),
        ("[[checks]]\n", "checks.0.name is missing"),
        ('environment = "A"', "environment: input should be a valid list"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "bom.toml").write_text(text)
    with pytest.raises(BomError) as caught:
        load(tmp_path)
    assert caught.value.reason == f"{tmp_path / 'bom.toml'}: {said}"


@pytest.mark.parametrize("text", ["a = " + "[" * 5000, "a = " + "9" * 5000, "a = 1\n" * 2_000_000])
def test_a_hostile_file_is_a_mistake_and_no_crash(tmp_path: Path, text: str) -> None:
    (tmp_path / "bom.toml").write_text(text)
    with pytest.raises(BomError, match="can't be read"):
        load(tmp_path)
    (tmp_path / "bom.toml").unlink()
    (tmp_path / "pyproject.toml").write_text(text)
    assert load(tmp_path) == Config()
    assert nearest(tmp_path, tmp_path) == tmp_path


def test_a_pipe_or_a_device_is_no_configuration(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pyproject.toml")
    assert nearest(tmp_path, tmp_path) == tmp_path
    assert load(tmp_path) == Config()
    for path in (tmp_path / "pyproject.toml", Path("/dev/zero")):
        with pytest.raises(BomError, match="no plain file"):
            load(tmp_path, path)
