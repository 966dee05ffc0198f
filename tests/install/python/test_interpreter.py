"""Which Python is installed for, and what is refused before anything is asked of it."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

import pytest
from packaging.markers import default_environment
from tests.install.python.conftest import environment, site

from bom.errors import BomError, EnvironmentLacks, Refused
from bom.install.protocol import Request
from bom.install.python.interpreter import interpreter

if TYPE_CHECKING:
    from pathlib import Path


def asked(folder: Path, answer: str) -> Path:
    """A program that says this, whatever it is asked."""
    (folder / "answer").write_text(answer)
    program = folder / "python3"
    program.write_text(f"#!/bin/sh\ncat {folder}/answer\n")
    program.chmod(0o755)
    return program


def answer(folder: Path, **more: Any) -> str:
    names = ("purelib", "platlib", "scripts", "data", "stdlib")
    return json.dumps(
        {
            "markers": {"python_full_version": "3.12.1"},
            "paths": {name: str(folder / name) for name in names},
            "prefix": str(folder),
            "base_prefix": str(folder),
            "executable": str(folder / "python3"),
            "has_pip": False,
            **more,
        }
    )


def test_the_active_environment_is_asked_and_answers_as_markers_do(tmp_path: Path) -> None:
    place = environment(tmp_path / "venv")
    noise = {"PYTHONPATH": str(tmp_path), "PYTHONHOME": "/nonexistent"}
    variables = {**os.environ, **noise, "VIRTUAL_ENV": str(place)}
    (tmp_path / "json.py").write_text("raise SystemExit('not isolated')")
    found = interpreter(Request(variables))
    assert found.site == site(place)
    assert found.is_virtual
    assert dict(found.markers) == {str(k): str(v) for k, v in default_environment().items()}
    assert interpreter(Request({}, python=place)) == found
    assert interpreter(Request({}, python=place / "bin" / "python")) == found


def test_python3_on_path_is_taken_where_no_environment_is_active(tmp_path: Path) -> None:
    asked(tmp_path, answer(tmp_path))
    found = interpreter(Request({"PATH": f"{tmp_path}:{os.environ['PATH']}"}))
    assert found.prefix == str(tmp_path)
    with pytest.raises(EnvironmentLacks, match="there is no python3 on PATH"):
        interpreter(Request({"PATH": str(tmp_path / "none")}))


def test_packages_of_the_operating_system_are_left_alone(tmp_path: Path) -> None:
    program = asked(tmp_path, answer(tmp_path))
    (tmp_path / "stdlib").mkdir()
    (tmp_path / "stdlib" / "EXTERNALLY-MANAGED").write_text("")
    with pytest.raises(Refused, match="belong to the operating system"):
        interpreter(Request(dict(os.environ), python=program))
    interpreter(Request(dict(os.environ), python=program, target=tmp_path / "target"))
    interpreter(Request({**os.environ, "PIP_BREAK_SYSTEM_PACKAGES": "1"}, python=program))
    asked(tmp_path, answer(tmp_path, base_prefix="/usr"))  # a virtual environment
    interpreter(Request(dict(os.environ), python=program))


@pytest.mark.parametrize("text", ["", "Python 3.12", "{}", "[]", '{"paths": {}}', "\udcff"])
def test_what_does_not_answer_as_python_does_is_said(tmp_path: Path, text: str) -> None:
    program = asked(tmp_path, "")
    (tmp_path / "answer").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(EnvironmentLacks, match="does not answer as a Python interpreter does"):
        interpreter(Request(dict(os.environ), python=program))


def test_an_interpreter_without_folders_for_packages_is_none(tmp_path: Path) -> None:
    program = asked(tmp_path, answer(tmp_path, paths={"purelib": "/x"}))
    with pytest.raises(EnvironmentLacks):
        interpreter(Request(dict(os.environ), python=program))


def test_a_folder_that_is_no_environment_is_said(tmp_path: Path) -> None:
    with pytest.raises(BomError, match="is no virtual environment"):
        interpreter(Request(dict(os.environ), python=tmp_path))
    with pytest.raises(BomError, match="there is no"):
        interpreter(Request(dict(os.environ), python=tmp_path / "none"))
    assert interpreter(Request({"PATH": os.path.dirname(sys.executable)})).executable  # noqa: PTH120
