"""What a docker client is asked before the build, and which context it uses."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from bom.builder.docker import command
from bom.builder.docker.client import probe
from bom.builder.docker.endpoint import context_name

if TYPE_CHECKING:
    from pathlib import Path

CLIENT = """\
#!/bin/sh
case "$*" in
  "build --help") echo "--iidfile --metadata-file" ;;
  "info --format {{json .ClientInfo}}") echo '{"Context": "%s"}' ;;
  "--version") echo "Docker version 28.5.1, build 0" ;;
  "buildx inspect"*) shift 2; echo "Driver: ${1:-$BUILDX_BUILDER}"; echo "BuildKit version: v1" ;;
esac
"""


def client(folder: Path, context: str) -> str:
    """A docker client that says it uses this context."""
    path = folder / "docker"
    path.write_text(CLIENT % context)
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize("stated", ["default", "elsewhere"])
def test_the_builder_of_the_context_that_the_client_itself_states_is_asked_about(
    stated: str, tmp_path: Path
) -> None:
    parsed = command.parse((client(tmp_path, stated), "build", "."))
    found = probe(parsed, {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}, tmp_path)
    details = found.details()
    assert (found.route, details.context, details.driver) == ("buildx", stated, stated)
    assert (found.version, details.buildkit) == ("28.5.1", ("v1",))


def test_a_builder_that_is_named_is_asked_about_whatever_the_context(tmp_path: Path) -> None:
    environment = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "BUILDX_BUILDER": "mine"}
    parsed = command.parse((client(tmp_path, "elsewhere"), "build", "."))
    assert probe(parsed, environment, tmp_path).details().driver == "mine"


@pytest.mark.parametrize(
    ("words", "environment", "expected"),
    [
        ("docker build .", {}, "current"),
        ("docker build .", {"DOCKER_CONTEXT": "named"}, "named"),
        ("docker build .", {"DOCKER_HOST": "unix:///s", "DOCKER_CONTEXT": "named"}, "default"),
        ("docker --context given build .", {"DOCKER_HOST": "unix:///s"}, "given"),
        ("docker -H unix:///s build .", {"DOCKER_CONTEXT": "named"}, "default"),
    ],
)
def test_the_context_follows_the_clients_own_order(
    words: str, environment: dict[str, str], expected: str, tmp_path: Path
) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"currentContext": "current"}))
    parsed = command.parse(tuple(words.split()))
    given = {"DOCKER_CONFIG": str(tmp_path), **environment}
    assert context_name(parsed, given, tmp_path) == expected


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"currentContext": 1}'])
def test_a_configuration_that_names_no_context_means_the_default_one(
    content: str, tmp_path: Path
) -> None:
    (tmp_path / "config.json").write_text(content)
    parsed = command.parse(("docker", "build", "."))
    assert context_name(parsed, {"DOCKER_CONFIG": str(tmp_path)}, tmp_path) == "default"
