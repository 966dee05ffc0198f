"""Steps of a Dockerfile that fetch what nobody states the digest of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bom.capsule.steps import AptStep, Requirements, steps
from bom.capsule_record import Missing

if TYPE_CHECKING:
    from pathlib import Path


HASHED = f"thing==1.0 --hash=sha256:{'a' * 64}\n"


def said(root: Path) -> list[Requirements | AptStep | Missing]:
    return list(steps(root, [root / "Dockerfile"], root))


@pytest.mark.parametrize(
    "command",
    [
        "apt-get -y dist-upgrade",
        "apt-get build-dep -y curl",
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
    (found,) = said(tmp_path)
    assert found.where == "Dockerfile:3"


@pytest.mark.parametrize(
    "command", ["true", "make -C src", "useradd app", "echo pip", "mkdir curls"]
)
def test_a_step_that_fetches_nothing_is_not_named(command: str, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(f"FROM base\nRUN {command}\n")
    assert said(tmp_path) == []


@pytest.mark.parametrize(
    "line",
    [
        "ADD https://example.org/x /x",
        "ADD git@example.org:x/y.git /x",
        "RUN <<EOF\ntrue\ncurl -O https://example.org/x\nEOF",
        "RUN pip install thing",
        "RUN pip install -r other.txt",
        "RUN pip install -i http://index.example/simple -r requirements.txt",
        "RUN pip install -r requirements.txt -r plain.txt",
    ],
)
def test_other_instructions_that_fetch_are_named_too(line: str, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(f"FROM base\n{line}\nRUN true\n")
    (tmp_path / "requirements.txt").write_text(HASHED)
    (tmp_path / "plain.txt").write_text("thing==1.0\n")
    (found,) = said(tmp_path)
    assert isinstance(found, Missing)
    assert found.where == "Dockerfile:2"


def test_a_frontend_that_is_an_image_is_named(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("# syntax=docker/dockerfile:1\nFROM base\n")
    (found,) = said(tmp_path)
    assert isinstance(found, Missing)
    assert "docker/dockerfile:1" in found.why


@pytest.mark.parametrize(
    "command",
    [
        "pip install --require-hashes -r requirements.txt",
        "python3 -m pip install --no-cache-dir --requirement=/srv/requirements.txt",
        "true && pip3 install -rrequirements.txt && rm requirements.txt",
    ],
)
def test_requirements_with_hashes_are_known(command: str, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(f"FROM base:1\nRUN {command}\n")
    (tmp_path / "requirements.txt").write_text(HASHED)
    file = tmp_path / "requirements.txt"
    assert said(tmp_path) == [Requirements("base:1", file, "Dockerfile:2")]


def test_requirements_that_name_an_index_or_another_file_are_not_known(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM base\nRUN pip install -r requirements.txt\n")
    for line in ("--index-url https://index.example/simple", "-r more.txt"):
        (tmp_path / "requirements.txt").write_text(f"{line}\n{HASHED}")
        (found,) = said(tmp_path)
        assert isinstance(found, Missing)


@pytest.mark.parametrize("command", ["pip install --no-index x", "cargo build --offline"])
def test_what_is_told_to_fetch_nothing_is_not_named(command: str, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(f"FROM base\nRUN {command}\n")
    assert said(tmp_path) == []


@pytest.mark.parametrize(
    "command",
    [
        "apt-get update && apt-get install -y curl",
        "DEBIAN_FRONTEND=noninteractive apt-get -yqq install curl",
        "( apt update; apt install curl )",
    ],
)
def test_what_apt_installs_is_for_a_lock_to_know(command: str, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(f"FROM base:1\nRUN {command}\n")
    assert said(tmp_path) == [AptStep("base:1", "Dockerfile", "Dockerfile:2")]
