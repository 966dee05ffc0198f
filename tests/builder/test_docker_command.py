"""The docker client's command line, read as the client reads it."""

from __future__ import annotations

import re
import shlex
import subprocess
from typing import TYPE_CHECKING

import pytest

from bom.builder.docker import command as commands
from bom.builder.docker import grammar
from bom.builder.images.results import parse_output
from bom.errors import BomError

if TYPE_CHECKING:
    from collections.abc import Callable

    from bom.builder.docker.command import DockerCommand


def parse(line: str) -> DockerCommand:
    return commands.parse(shlex.split(line))


@pytest.mark.parametrize(
    ("line", "form"),
    [
        ("docker build .", "build"),
        ("/usr/bin/docker build .", "build"),
        ("docker image build .", "build"),
        ("docker builder build .", "build"),
        ("docker buildx build .", "buildx"),
        ("docker buildx b .", "buildx"),
        ("docker buildx --builder x build .", "buildx"),
        ("docker -H unix:///s --context=c -D -lwarn build .", "build"),
        ("docker --tlsverify=false build .", "build"),
        ("docker bake", "other"),
        ("docker buildx bake", "other"),
        ("docker compose build", "other"),
        ("docker compose -f c.yml up --build", "other"),
        ("docker-compose build", "other"),
        ("docker-buildx build .", "buildx"),
        ("/usr/libexec/docker/cli-plugins/docker-buildx --builder x -D b .", "buildx"),
        ("docker-buildx bake", "other"),
        ("docker-buildx ls", "none"),
        ("nerdctl build .", "other"),
        ("docker run x build", "none"),
        ("docker ps", "none"),
        ("docker", "none"),
        ("podman run build", "none"),
        ("docker buildx ls", "none"),
        ("docker image ls", "none"),
        ("python -m build", "none"),
        ("make docker build", "none"),
        ("docker --unknown build .", "none"),
    ],
)
def test_every_spelling_of_an_image_build_is_known(line: str, form: str) -> None:
    assert commands.form_of(shlex.split(line)) == form
    if form == "other":
        with pytest.raises(BomError, match="can't be wrapped yet"):
            parse(line)


def test_an_empty_command_is_no_image_build() -> None:
    assert commands.form_of([]) == "none"


@pytest.mark.parametrize(
    "given", ["-f x", "-fx", "-f=x", "--file x", "--file=x", "-qf x", "-qfx", "-f y -f x"]
)
def test_a_value_is_read_however_it_is_spelled(given: str) -> None:
    for line in (f"docker build {given} ctx", f"docker build ctx {given}"):
        parsed = parse(line)
        assert (parsed.value("file"), parsed.context) == ("x", "ctx")


def test_what_stands_behind_two_dashes_is_no_option() -> None:
    parsed = parse("docker build -t a:1 -- -f")
    assert (parsed.context, parsed.value("file"), parsed.tags) == ("-f", "", ("a:1",))


def test_a_value_may_look_like_an_option() -> None:
    assert parse("docker build --label -- .").value("label") == "--"
    assert parse("docker build -f -x .").value("file") == "-x"


def test_options_are_added_behind_the_subcommands_words() -> None:
    for line, behind in {
        "docker build .": "build",
        "docker -H unix:///s image build .": "build",
        "docker --context c buildx --builder b build -t x .": "build",
        "docker buildx b .": "b",
    }.items():
        parsed = parse(line)
        assert parsed.argv[parsed.at - 1] == behind
    parsed = parse("docker -H unix:///s buildx --builder b build .")
    assert parsed.argv[: parsed.globals_end] == ("docker", "-H", "unix:///s")
    assert parsed.builder({}) == "b"
    assert parsed.client_value("host") == "unix:///s"
    assert parse("docker buildx build .").builder({"BUILDX_BUILDER": "e"}) == "e"


def test_tags_come_in_order_each_once_with_latest_where_none_is_given() -> None:
    parsed = parse("docker build -t b/c -t localhost:5000/a --tag=b/c:latest -ta:1 .")
    assert parsed.tags == ("b/c:latest", "localhost:5000/a:latest", "a:1")


def test_a_name_in_the_output_is_a_tag() -> None:
    assert parse("docker buildx build -o 'type=docker,\"name=a,b:2\"' .").tags == (
        "a:latest",
        "b:2",
    )


def test_build_args_take_their_value_from_the_environment_where_they_have_none() -> None:
    parsed = parse("docker build --build-arg A=1 --build-arg B --build-arg C --build-arg=A=2 .")
    found = {item.name: item.value for item in parsed.build_args({"B": "b"})}
    assert found == {"A": "2", "B": "b"}


def test_a_name_that_is_pushed_by_digest_alone_is_no_tag() -> None:
    output = "-o type=image,name=localhost:5000/a,push-by-digest=true,push=true"
    parsed = parse(f"docker buildx build {output} .")
    assert parsed.tags == ()
    assert parsed.pushed == ("localhost:5000/a:latest",)


@pytest.mark.parametrize(
    ("options", "variable", "platforms"),
    [
        ("", "", ()),
        ("--platform linux/amd64,linux/arm64", "", ("linux/amd64", "linux/arm64")),
        ("--platform linux/arm64 --platform linux/amd64", "", ("linux/arm64", "linux/amd64")),
        ("--platform linux/arm64", "linux/s390x", ("linux/arm64",)),
        ("", "linux/s390x", ("linux/s390x",)),
        ("", "linux/s390x, linux/arm64,linux/s390x", ("linux/s390x", "linux/arm64")),
    ],
)
def test_platforms_come_from_the_options_else_from_the_variable(
    options: str, variable: str, platforms: tuple[str, ...]
) -> None:
    parsed = parse(f"docker buildx build {options} .")
    environment = {"DOCKER_DEFAULT_PLATFORM": variable} if variable else {}
    assert parsed.platforms(environment) == platforms


def test_a_detached_build_is_refused_with_a_hint() -> None:
    with pytest.raises(BomError) as caught:
        parse("docker buildx build --detach .")
    assert caught.value.hint


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("out", {"type": "local", "dest": "out"}),
        ("a=b", {"type": "local", "dest": "a=b"}),
        ("dest=x", {"type": "local", "dest": "dest=x"}),
        ("-", {"type": "tar", "dest": "-"}),
        ("type=oci", {"type": "oci"}),
        (" Type =oci,dest=x y", {"type": "oci", "dest": "x y"}),
        ('type=docker,"name=a,b"', {"type": "docker", "name": "a,b"}),
        ("dest=x,Type=tar", {"type": "tar", "dest": "x"}),
        ("", {}),
    ],
)
def test_an_output_is_read_as_the_clients_read_it(text: str, fields: dict[str, str]) -> None:
    assert parse_output(text) == fields


def test_a_tag_goes_before_the_names_of_an_output() -> None:
    assert parse("docker buildx build -t a:1 -o type=image,name=b:1 .").tags == ("a:1",)


@pytest.mark.parametrize("context", ["", ". two"])
def test_a_build_takes_one_context(context: str) -> None:
    with pytest.raises(BomError):
        parse(f"docker build {context}")


@pytest.mark.parametrize(
    "options",
    ["--load", "-o type=docker", "-o type=image,name=x", "--push=false", "--call build", "--pull"],
)
def test_what_leaves_an_image_in_the_engine_is_accepted(options: str) -> None:
    assert parse(f"docker buildx build {options} .").context == "."


@pytest.mark.parametrize("word", ["--new-option", "-Z", "-qZ"])
def test_an_unknown_option_is_refused_unless_its_value_is_in_the_same_word(word: str) -> None:
    with pytest.raises(BomError, match="no option of docker that is known here"):
        parse(f"docker build {word} value .")


def test_an_unknown_option_with_its_value_in_one_word_is_read() -> None:
    assert parse("docker build --new-option=value .").context == "."


def test_an_option_at_the_end_without_its_value_is_refused() -> None:
    for option in ("-f", "--file", "-qt"):
        with pytest.raises(BomError, match="has no value"):
            parse(f"docker build . {option}")


def test_attestations_that_the_user_asks_for_are_seen() -> None:
    for option in ("--attest=type=sbom", "--provenance=mode=max", "--sbom true"):
        assert parse(f"docker buildx build {option} .").wants_attestations
        assert parse(f"docker buildx build {option} .").makes_attestations
    assert not parse("docker buildx build .").wants_attestations
    for option in ("--provenance=false", "--sbom=0", "--attest=type=provenance,disabled=true"):
        assert not parse(f"docker buildx build {option} .").makes_attestations


_OPTION_LINE = re.compile(r"^\s+(?:-(\w), )?--([\w-]+)( \S+)?(?:  |$)", re.MULTILINE)


def help_options(words: list[str], environment: dict[str, str]) -> dict[str, tuple[str, bool]]:
    """Every option that a client prints: its short name, and whether it takes a value."""
    text = subprocess.run(
        ["docker", *words, "--help"], env=environment, check=True, capture_output=True, text=True
    ).stdout
    text = "\n".join(line for line in text.splitlines() if not line.startswith(" " * 12))
    return {name: (short, value.strip() != "") for short, name, value in _OPTION_LINE.findall(text)}


@pytest.mark.e2e
def test_the_tables_know_every_option_that_the_clients_print(
    modern: dict[str, str], classic: dict[str, str]
) -> None:
    check: list[Callable[[], dict[str, tuple[str, bool]]]] = [
        lambda: help_options(["build"], modern),
        lambda: help_options(["buildx", "build"], modern),
        lambda: help_options(["build"], {**modern, "DOCKER_BUILDKIT": "0"}),
        lambda: help_options(["build"], {**classic, "DOCKER_BUILDKIT": "0"}),
        lambda: help_options(["build"], {**classic, "DOCKER_BUILDKIT": "1"}),
    ]
    for ask in check:
        found = ask()
        assert len(found) > 10
        for name, (short, takes_value) in found.items():
            assert name in (grammar.BUILD.values if takes_value else grammar.BUILD.flags), name
            assert not short or grammar.BUILD.short[short] == name
    for environment in (modern, classic):
        for name, (short, takes_value) in help_options([], environment).items():
            assert name in (grammar.GLOBAL.values if takes_value else grammar.GLOBAL.flags), name
            assert not short or grammar.GLOBAL.short[short] == name


def test_a_line_break_in_an_output_is_refused() -> None:
    with pytest.raises(BomError, match="line break"):
        parse_output("type=docker\ndest=x")
