"""SOURCE_DATE_EPOCH as a build argument: where it is given, and what real builders make of it."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from bom.builder import builder_for
from bom.builder.docker import bake, bakefile, plugin
from bom.builder.images import epoch
from bom.builder.images.context import BuildInputs
from bom.builder.protocol import BuildRequest
from bom.config import Config
from bom.model import Setting

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Need

ENGINES = ("modern", "classic")
EPOCH = 1700000000
GIVEN = Setting("build-arg", "SOURCE_DATE_EPOCH", str(EPOCH))
DECLARED = "FROM scratch\nARG SOURCE_DATE_EPOCH\nCOPY f /\n"
PLAIN = "FROM scratch\nCOPY f /\n"


@pytest.mark.parametrize(
    ("text", "declared"),
    [
        (DECLARED, True),
        ("ARG A SOURCE_DATE_EPOCH=1\nFROM scratch\n", True),
        ("FROM a\nARG \\\n  SOURCE_DATE_EPOCH\n", True),
        ("FROM a\nRUN <<X\nARG SOURCE_DATE_EPOCH\nX\n", False),
        ("# ARG SOURCE_DATE_EPOCH\nFROM a\nENV SOURCE_DATE_EPOCH=1\n", False),
        ("FROM a\nARG SOURCE_DATE_EPOCHS\n", False),
    ],
)
def test_a_dockerfile_says_whether_it_takes_the_epoch(
    tmp_path: Path, text: str, declared: bool
) -> None:
    file = tmp_path / "Dockerfile"
    file.write_text(text)
    assert epoch.is_declared(BuildInputs((), file, ())) is declared
    assert epoch.is_declared(BuildInputs((), None, ()))


@pytest.mark.parametrize("given", ["SOURCE_DATE_EPOCH=1", "SOURCE_DATE_EPOCH"])
def test_an_argument_of_the_commands_own_is_left_alone(given: str) -> None:
    assert epoch.argument(("A=1", given), EPOCH) == ""
    assert epoch.argument(("A=1",), EPOCH) == f"SOURCE_DATE_EPOCH={EPOCH}"
    assert epoch.argument((), None) == ""


def build(
    folder: Path, environment: dict[str, str], command: list[str], dockerfile: str
) -> tuple[tuple[str, ...], set[Setting], str]:
    """What is run, the build arguments in the BOM, and what the builder prints."""
    folder.mkdir(exist_ok=True)
    (folder / "f").write_text("hi\n")
    (folder / "Dockerfile").write_text(dockerfile)
    variables = {**environment, "SOURCE_DATE_EPOCH": str(EPOCH)}
    request = BuildRequest(
        tuple(command),
        folder,
        folder,
        variables,
        Config(),
        output=folder.parent if "compose" in command or "bake" in command else folder / "o.tar",
        epoch=EPOCH,
    )
    with builder_for(request.command).prepare(request) as prepared:
        run = prepared.invocation
        done = subprocess.run(
            run.argv,
            env=dict(run.environment),
            cwd=folder,
            capture_output=True,
            text=True,
            check=True,
        )
        collected = prepared.collect(_Quiet())
        facts = [*prepared.observations, *collected.observations]
        facts += [fact for item in collected.artifacts for fact in item.observations]
        made = {f for f in facts if isinstance(f, Setting) and f.kind == "build-arg"}
        return tuple(run.argv), made, done.stdout + done.stderr


class _Quiet:
    def start(self, label: str, total: int) -> None: ...
    def advance(self, amount: int) -> None: ...
    def done(self) -> None: ...


def created(environment: dict[str, str], program: str, tag: str) -> str:
    asked = [program, "image", "inspect", tag]
    told = subprocess.run(asked, env=environment, capture_output=True, check=True).stdout
    return str(json.loads(told)[0]["Created"])


@pytest.mark.parametrize("kind", ENGINES)
@pytest.mark.parametrize("buildkit", ["1", "0"])
def test_a_docker_build_gets_it_and_no_builder_warns(
    need: Need, tmp_path: Path, kind: str, buildkit: str
) -> None:
    engine = {**need.engine(kind), "DOCKER_BUILDKIT": buildkit}
    tag = f"bom-test/r-epoch-{kind}-{buildkit}:1"
    command = ["docker", "build", "-t", tag, "."]
    buildx = (kind, buildkit) == ("modern", "1")
    try:
        argv, made, printed = build(tmp_path / "a", engine, command, DECLARED)
        assert f"SOURCE_DATE_EPOCH={EPOCH}" in argv
        assert made == {GIVEN}
        assert "not consumed" not in printed
        if buildx:
            assert created(engine, "docker", tag).startswith("2023-11-14T22:13:20")
        argv, made, printed = build(tmp_path / "b", engine, command, PLAIN)
        assert made == ({GIVEN} if buildx else set())
        assert "not consumed" not in printed
        own = ["docker", "build", "--build-arg", "SOURCE_DATE_EPOCH=5", "-t", tag, "."]
        argv, made, _ = build(tmp_path / "a", engine, own, DECLARED)
        assert made == {Setting("build-arg", "SOURCE_DATE_EPOCH", "5")}
    finally:
        subprocess.run(["docker", "rmi", "-f", tag], env=engine, capture_output=True, check=False)


def test_every_target_of_a_bake_file_gets_it(need: Need, tmp_path: Path) -> None:
    engine = need.engine("modern")
    folder = tmp_path / "a"
    folder.mkdir()
    tags = ["bom-test/r-bake-one:1", "bom-test/r-bake-own:1"]
    definition = {
        "group": {"default": {"targets": ["one", "own"]}},
        "target": {
            "one": {"tags": tags[:1]},
            "own": {"tags": tags[1:], "args": {"SOURCE_DATE_EPOCH": "5"}},
        },
    }
    (folder / "docker-bake.json").write_text(json.dumps(definition))
    try:
        _, made, _ = build(folder, engine, ["docker", "buildx", "bake"], DECLARED)
        assert made == {GIVEN, Setting("build-arg", "SOURCE_DATE_EPOCH", "5")}
        assert created(engine, "docker", tags[0]).startswith("2023-11-14T22:13:20")
        assert created(engine, "docker", tags[1]).startswith("1970-01-01T00:00:05")
        # a client that takes nothing from the environment is told on the command line
        call = plugin.parse(("docker", "buildx", "bake"))
        told = call.with_options("set", bake._without_epoch(_parsed(definition), EPOCH))
        argv = (*told.argv[: told.at], "--print", *told.argv[told.at :])
        printed = plugin.ask("bake --print", argv, engine, folder)
        read = bakefile.read(printed).target
        assert {name: item.args for name, item in read.items()} == {
            "one": {"SOURCE_DATE_EPOCH": str(EPOCH)},
            "own": {"SOURCE_DATE_EPOCH": "5"},
        }
    finally:
        subprocess.run(["docker", "rmi", "-f", *tags], env=engine, capture_output=True, check=False)


def _parsed(definition: object) -> bakefile.Bakefile:
    return bakefile.read(json.dumps(definition).encode())


@pytest.mark.parametrize("own", [False, True])
def test_every_service_of_a_compose_file_gets_it(need: Need, tmp_path: Path, own: bool) -> None:
    engine = need.engine("modern")
    folder = tmp_path / "a"
    folder.mkdir()
    tags = ["bom-test/r-compose-one:1", "bom-test/r-compose-own:1"]
    arguments = {"args": {"SOURCE_DATE_EPOCH": "5"}} if own else {}
    services = {
        "one": {"image": tags[0], "build": {"context": "."}},
        "other": {"image": tags[1], "build": {"context": ".", **arguments}},
    }
    (folder / "compose.yaml").write_text(json.dumps({"services": services}))
    try:
        argv, made, _ = build(folder, engine, ["docker", "compose", "build"], DECLARED)
        assert made == {GIVEN, *([Setting("build-arg", "SOURCE_DATE_EPOCH", "5")] if own else [])}
        assert ("--build-arg" in argv) is not own
        assert created(engine, "docker", tags[0]).startswith("2023-11-14T22:13:20")
        expected = "1970-01-01T00:00:05" if own else "2023-11-14T22:13:20"
        assert created(engine, "docker", tags[1]).startswith(expected)
    finally:
        subprocess.run(["docker", "rmi", "-f", *tags], env=engine, capture_output=True, check=False)


@pytest.mark.parametrize("program", ["podman", "buildah"])
def test_podman_and_buildah_get_it_where_the_file_declares_it(
    need: Need, tmp_path: Path, program: str
) -> None:
    need(program)

    tag = f"bom-test/r-epoch-{program}:1"
    command = [program, "build", "-t", tag, "."]
    try:
        argv, made, printed = build(tmp_path / "a", dict(os.environ), command, DECLARED)
        assert (f"SOURCE_DATE_EPOCH={EPOCH}" in argv, made) == (True, {GIVEN})
        assert "not consumed" not in printed
        argv, made, printed = build(tmp_path / "b", dict(os.environ), command, PLAIN)
        assert (f"SOURCE_DATE_EPOCH={EPOCH}" in argv, made) == (False, set())
        assert "not consumed" not in printed
    finally:
        subprocess.run([program, "rmi", "-f", tag], capture_output=True, check=False)
