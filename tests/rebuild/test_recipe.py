"""What is read of a BOM to build its artifact again, and what it lacks."""

from __future__ import annotations

from typing import Any

import pytest

from bom.compose.bom import Evidence, serialised
from bom.errors import BomError, Refused
from bom.model import (
    Gap,
    Hash,
    Material,
    Observation,
    Revision,
    Setting,
    Subject,
    Submodule,
    Tool,
)
from bom.rebuild import settings
from bom.rebuild.recipe import Recipe, SourceRecord, recipe

COMMIT = "c" * 40
REVISION = Revision(COMMIT, "2026-01-02T03:04:05Z", remote="git.example.com/team/my app")
SUBJECT = Subject("app.tar", "tar", "ab" * 32, 10)


def document(*facts: Observation) -> dict[str, Any]:
    found, _ = serialised(Evidence(SUBJECT, facts))
    return found


def read(*facts: Observation) -> Recipe:
    return recipe(document(*facts), "app.tar")


def command(line: str) -> Setting:
    return Setting("command", "command", line)


def test_all_that_a_rebuild_needs_is_read_back() -> None:
    found = read(
        Revision(
            COMMIT,
            "2026-01-02T03:04:05Z",
            "modified",
            modified=("a",),
            untracked=("b c",),
            tree_digest="d" * 64,
            remote="git.example.com/team/my app",
            submodules=(Submodule("lib/x y", "e" * 40),),
        ),
        command("docker build -t 'a b' ."),
        Setting("option", "working-directory", "sub"),
        Setting("option", "artifact", "out/*.bin"),
        Setting("option", "artifact", "dist/*.zip"),
        Setting("option", "image", "app:1"),
        Setting("option", "as-is", "true"),
        Setting("option", "normalize", "true"),
        Setting("environment", "CFLAGS", "-O2"),
        Setting("build-arg", "MODE", "fast"),
        Setting("platform", "platform", "linux/amd64"),
        Tool("wrapped", "docker", "28", hashes=(Hash("SHA-256", "12" * 32),)),
        Material("base-image", "python:3.11", (Hash("SHA-256", "34" * 32),)),
    )
    assert found.source == SourceRecord(
        COMMIT,
        "git.example.com/team/my app",
        (Submodule("lib/x y", "e" * 40),),
        ("a", "b c"),
        "d" * 64,
    )
    assert found.command == ("docker", "build", "-t", "a b", ".")
    assert found.folder == "sub"
    assert found.artifacts == ("dist/*.zip", "out/*.bin")
    assert found.images == ("app:1",)
    assert (found.as_is, found.normalise) == (True, True)
    assert found.environment == {"CFLAGS": "-O2"}
    assert found.arguments == {"MODE": "fast"}
    assert found.platform == "linux/amd64"
    assert [(tool.kind, tool.name, tool.version) for tool in found.tools] == [
        ("wrapped", "docker", "28")
    ]
    assert found.tools[0].hashes == (Hash("SHA-256", "12" * 32),)
    assert found.bases == {"python:3.11": (Hash("SHA-256", "34" * 32),)}
    assert found.epoch == 1767323045
    assert found.wanting == ()


def test_the_epoch_that_was_set_goes_before_the_commit_s() -> None:
    found = read(REVISION, command("make"), Setting("environment", "SOURCE_DATE_EPOCH", "7"))
    assert found.epoch == 7


def test_a_bom_without_a_revision_is_refused() -> None:
    with pytest.raises(BomError, match="records no revision of the source"):
        read(command("make"))


def test_a_bom_without_a_command_is_refused() -> None:
    with pytest.raises(BomError, match="records no build command"):
        read(REVISION)


SECRETS = [
    ("docker build --build-arg 'TOKEN=[redacted]' .", ("TOKEN",)),
    ("docker build '--build-arg=TOKEN=[redacted]' .", ("TOKEN",)),
    ("docker build --secret 'id=npm,src=[redacted]' .", ("npm",)),
    ("docker build '--secret=id=npm,src=[redacted]' .", ("npm",)),
    ("deploy --password '[redacted]'", ("password",)),
    ("env 'API_KEY=[redacted]' make", ("API_KEY",)),
    ("fetch 'https://user:[redacted]@example.com/'", ("",)),
]


@pytest.mark.parametrize(("line", "names"), SECRETS)
def test_secrets_that_the_bom_leaves_out_go_by_a_name(line: str, names: tuple[str, ...]) -> None:
    found = read(REVISION, command(line))
    assert found.wanting == names
    given = found.given({name: "s3cret" for name in names if name})
    assert given.wanting == tuple(name for name in names if not name)
    assert found.line == given.line == line  # which is what is ever shown


def test_what_is_wanting_is_listed_with_the_way_to_give_it() -> None:
    found = read(
        REVISION,
        command("docker build --build-arg 'TOKEN=[redacted]' ."),
        Setting("build-arg", "TOKEN", "[redacted]"),
        Setting("environment", "HATCH_BUILD_PASSWORD", "[redacted]"),
    )
    with pytest.raises(BomError) as caught:
        settings.with_secrets(found, {"TOKEN": "x"})
    assert caught.value.reason == (
        "the BOM leaves out secrets that the build was given: HATCH_BUILD_PASSWORD"
    )
    assert "--env HATCH_BUILD_PASSWORD" in caught.value.hint
    whole = settings.with_secrets(found, {"TOKEN": "x", "HATCH_BUILD_PASSWORD": "y"})
    assert whole.command[3] == "TOKEN=x"
    assert whole.environment == {"HATCH_BUILD_PASSWORD": "y"}


def test_a_secret_without_a_name_can_t_be_given() -> None:
    found = read(REVISION, command("fetch 'https://user:[redacted]@example.com/'"))
    with pytest.raises(BomError, match="stood within the build's command line"):
        settings.with_secrets(found, {})


def test_variables_that_steer_are_as_recorded_and_no_others() -> None:
    found = read(
        REVISION,
        command("docker build --build-arg MODE ."),
        Setting("environment", "CFLAGS", "-O2"),
        Setting("environment", "MINE", "recorded"),
        Setting("build-arg", "MODE", "fast"),
        Setting("build-arg", "OTHER", "in the Dockerfile"),
    )
    own = {"CFLAGS": "-O0", "LDFLAGS": "-s", "LISTED": "x", "PATH": "/bin", "HOME": "/root"}
    assert settings.environment(found, own, ["MINE", "LISTED"]) == {
        "PATH": "/bin",
        "HOME": "/root",
        "CFLAGS": "-O2",
        "MINE": "recorded",
        "MODE": "fast",
    }


@pytest.mark.parametrize(
    "line",
    [
        "docker buildx build --push -t a .",
        "docker buildx build -o type=registry,name=a .",
        "docker buildx build --output type=image,push=true .",
        "docker buildx bake --push",
    ],
)
def test_a_build_that_pushes_is_not_built_again(line: str) -> None:
    with pytest.raises(Refused, match="would publish it"):
        settings.refuse_publishing(read(REVISION, command(line)), [])


def test_a_build_whose_definition_pushes_is_known_by_its_gap() -> None:
    found = read(REVISION, command("docker buildx bake"))
    settings.refuse_publishing(found, ["tool.used: x: y"])
    with pytest.raises(Refused):
        settings.refuse_publishing(found, ["seal.pushed: reg.example.com/a:1: why"])


def test_what_was_pushed_is_stated_as_that_gap() -> None:
    from bom.compose import reading

    gaps = reading.gaps(document(REVISION, Gap("seal.pushed", "reg.example.com/a:1", "why")))
    assert any(text.startswith("seal.pushed:") for text in gaps)


def test_a_command_that_makes_its_images_some_way_of_its_own_is_refused() -> None:
    with pytest.raises(Refused, match="can't be kept from using the builder's cache"):
        settings.without_cache(("make", "image"), ("app:1",))
    command = ("docker", "build", "-t", "app:1", ".")
    assert "--no-cache" in settings.without_cache(command, ("app:1",))
