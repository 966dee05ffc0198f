"""Command lines of podman and buildah are read as they read them."""

from __future__ import annotations

import re
import shlex
import subprocess
from typing import TYPE_CHECKING

import pytest

from bom.builder import BUILDERS
from bom.builder.podman import command as commands
from bom.builder.podman import grammar
from bom.builder.podman.command import form_of, parse, stored_name
from bom.errors import BomError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Need


@pytest.mark.parametrize(
    ("line", "form"),
    [
        ("podman build .", "build"),
        ("/usr/bin/podman build .", "build"),
        ("podman image build .", "build"),
        ("podman buildx build .", "build"),
        ("podman builder build .", "build"),
        ("podman --root /r --log-level=debug build .", "build"),
        ("podman -r build .", "build"),
        ("podman -c far build .", "build"),
        ("buildah bud .", "build"),
        ("buildah build .", "build"),
        ("buildah build-using-dockerfile .", "build"),
        ("buildah --storage-driver vfs bud .", "build"),
        ("podman farm build .", "other"),
        ("podman compose build", "other"),
        ("podman compose ps", "none"),
        ("podman run build", "none"),
        ("podman image ls", "none"),
        ("buildah from build", "none"),
        ("podman", "none"),
        ("docker build .", "none"),
        ("make podman", "none"),
    ],
)
def test_builds_are_told_from_other_commands(line: str, form: str) -> None:
    assert form_of(shlex.split(line)) == form
    builder = next(item for item in BUILDERS if item.recognises(shlex.split(line)))
    assert (builder.name == "podman") == (form != "none")


def test_options_are_read_in_every_spelling() -> None:
    line = "podman --root /r build -qt app:1 --tag=b -f a,b -f=c --pull --net host -v/a:/b ."
    found = parse(shlex.split(line))
    assert found.words == (".",)
    assert found.tags == ("localhost/app:1", "localhost/b:latest")
    assert found.files == ("a", "b", "c")
    assert found.value("network") == "host"
    assert found.value("volume") == "/a:/b"
    assert found.flag("quiet")
    assert found.question == ("--root", "/r")
    assert found.argv[: found.at] == ("podman", "--root", "/r", "build")


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("app", "localhost/app:latest"),
        ("team/app:2", "localhost/team/app:2"),
        ("localhost/app", "localhost/app:latest"),
        ("registry.example/app:1", "registry.example/app:1"),
        ("localhost:5000/app", "localhost:5000/app:latest"),
    ],
)
def test_a_short_name_is_localhosts(given: str, stored: str) -> None:
    assert stored_name(given) == stored


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("podman build . more", "takes one context, 2 are given"),
        ("podman build --platform linux/amd64,linux/arm64 .", "several platforms"),
        ("buildah bud --platform linux/amd64 --platform linux/arm64 .", "several platforms"),
        ("buildah bud --all-platforms .", "several platforms"),
        ("podman build --manifest list .", "manifest list"),
        ("podman build --cleanup .", "removes the image"),
        ("podman build -f - -f other .", "standard input"),
        ("buildah bud --stdin -f /dev/stdin .", "standard input"),
        ("buildah bud -t oci:out .", "elsewhere than into the storage"),
        ("buildah bud -t docker-archive:out.tar .", "elsewhere than into the storage"),
        ("podman build --brand-new x .", "--brand-new is no option of podman that is known"),
        ("buildah build --tag", "--tag has no value"),
        ("podman farm build .", "can't be wrapped"),
    ],
)
def test_what_leaves_no_image_to_seal_is_refused_with_a_hint(line: str, reason: str) -> None:
    with pytest.raises(BomError, match=reason) as caught:
        parse(shlex.split(line))
    assert caught.value.hint


def test_build_arguments_come_from_files_the_command_and_the_environment(tmp_path: Path) -> None:
    (tmp_path / "args").write_text("# a comment\nA=file\n\nB=file\nC\n")
    line = "podman build --build-arg-file args --build-arg B=own --build-arg D --build-arg E ."
    found = parse(shlex.split(line))
    environment = {"C": "from-c", "D": "from-d"}
    assert found.build_args(environment, tmp_path) == {
        "A": "file",
        "B": "own",
        "C": "from-c",
        "D": "from-d",
    }
    with pytest.raises(BomError, match="args can't be read"):
        found.build_args(environment, tmp_path / "elsewhere")


@pytest.mark.parametrize(
    ("line", "environment", "remote"),
    [
        ("podman build .", {}, False),
        ("podman --remote build .", {}, True),
        ("podman-remote build .", {}, True),
        ("podman --url unix:/x build .", {}, True),
        ("podman --connection far build .", {}, True),
        ("podman build .", {"CONTAINER_HOST": "ssh://x"}, True),
        ("buildah bud .", {"CONTAINER_HOST": "ssh://x"}, False),
    ],
)
def test_a_remote_podman_is_known_by_its_options_and_variables(
    line: str, environment: dict[str, str], remote: bool
) -> None:
    assert parse(shlex.split(line)).is_remote(environment) == remote


def test_the_format_is_the_options_else_the_variables() -> None:
    both = {"BUILDAH_FORMAT": "docker"}
    assert parse(["podman", "build", "."]).image_format({}) == ""
    assert parse(["podman", "build", "."]).image_format(both) == "docker"
    assert parse(["podman", "build", "--format", "OCI", "."]).image_format(both) == "oci"


@pytest.mark.parametrize("program", ["podman", "buildah"])
@pytest.mark.parametrize("place", ["own", "build"])
def test_every_option_that_the_program_lists_is_known(
    program: commands.Program, place: str, need: Need
) -> None:
    words = [need(program), *(["build"] if place == "build" else []), "--help"]
    text = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    listed = re.findall(r"^ +(?:-(\w), )?--([a-z-]+)(?: (\S+))?  ", text, re.MULTILINE)
    assert len(listed) > 8
    own = grammar.PODMAN if program == "podman" else grammar.BUILDAH
    known = grammar.build_options(program) if place == "build" else own
    for short, name, value in listed:
        assert name in (known.values if value and name != "pull" else known.flags), name
        if short:
            assert known.short[short] == name
