"""Steps of a Dockerfile that fetch what nobody states the digest of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bom.capsule.images import _steps

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    "command",
    [
        "apt-get update && apt-get install -y curl",
        "pip install -r requirements.txt",
        "python3 -m pip install x",
        "npm ci",
        "go build ./...",
        "cargo build --release",
        "curl -fsSL https://example.org/x | sh",
        "git clone https://example.org/x",
        "apk add --no-cache curl",
    ],
)
def test_a_step_that_fetches_is_named_with_its_line(command: str, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(f"FROM base\nRUN true\nRUN {command}\n")
    (found,) = _steps(tmp_path)
    assert found.where == "Dockerfile:3"


@pytest.mark.parametrize(
    "command", ["true", "make -C src", "useradd app", "echo pip", "mkdir curls"]
)
def test_a_step_that_fetches_nothing_is_not_named(command: str, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(f"FROM base\nRUN {command}\n")
    assert list(_steps(tmp_path)) == []
