"""Steps of a Dockerfile that fetch what nobody states the digest of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bom.capsule.steps import AptStep, NpmStep, Requirements, Step, steps
from bom.capsule_record import Missing

if TYPE_CHECKING:
    from pathlib import Path


HASHED = f"thing==1.0 --hash=sha256:{'a' * 64}\n"


def said(root: Path) -> list[Step | Missing]:
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


@pytest.mark.parametrize(
    ("command", "files", "known"),
    [
        ("npm ci", ["package-lock.json"], True),
        ("cd app && CI=1 npm --quiet ci --omit=dev", ["app/npm-shrinkwrap.json"], True),
        ("npm ci", ["package-lock.json", "node_modules/x/package-lock.json"], True),
        ("npm ci", [], False),
        ("npm ci", ["a/package-lock.json", "b/package-lock.json"], False),
        ("npm ci --registry=https://npm.example", ["package-lock.json"], False),
        ("npm install", ["package-lock.json"], False),
    ],
)
def test_what_npm_ci_installs_is_known_by_the_one_lock(
    command: str, files: list[str], known: bool, tmp_path: Path
) -> None:
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("{}")
    (tmp_path / "Dockerfile").write_text(f"FROM base:1\nRUN {command}\n")
    (found,) = said(tmp_path)
    if known:
        assert found == NpmStep("base:1", tmp_path / files[0], "Dockerfile:2")
    else:
        assert isinstance(found, Missing)


def test_mounts_of_a_step_are_no_words_of_its_command(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(
        "FROM base:1\nRUN --mount=type=cache,target=/var/cache/apt --network=host \\\n"
        "  apt-get install -y curl\n"
    )
    assert said(tmp_path) == [AptStep("base:1", "Dockerfile", "Dockerfile:2")]
