"""How calls of bake and compose are read, and what the client says of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from bom.builder import BUILDERS
from bom.builder.docker import bake, bakefile, compose_project, plugin
from bom.builder.images import naming
from bom.builder.images.credentials import Secret
from bom.builder.images.results import EngineImage
from bom.errors import BomError

if TYPE_CHECKING:
    from pathlib import Path

    from bom.builder.docker.targets import Definition


def builder_of(*command: str) -> str:
    return next(builder for builder in BUILDERS if builder.recognises(command)).name


@pytest.mark.parametrize(
    "command",
    [
        "docker buildx bake",
        "docker buildx f web",
        "docker --context x -l debug buildx --builder b bake",
        "docker bake web",
        "docker-buildx bake",
        "/usr/libexec/docker/cli-plugins/docker-buildx --builder=b bake",
    ],
)
def test_every_spelling_of_bake_is_known(command: str) -> None:
    assert builder_of(*command.split()) == "bake"


@pytest.mark.parametrize(
    "command",
    [
        "docker compose build",
        "docker compose -f a.yaml -f b.yaml -p x --profile y build web",
        "docker -H tcp://127.0.0.1:1 compose build",
        "docker-compose build",
        "docker-compose -H tcp://127.0.0.1:1 --env-file e build web",
    ],
)
def test_every_spelling_of_compose_build_is_known(command: str) -> None:
    assert builder_of(*command.split()) == "compose"


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("docker compose up --build", "docker"),
        ("docker compose ps", "files"),
        ("docker compose --unknown build", "docker"),
        ("docker buildx ls", "files"),
        ("docker buildx build .", "docker"),
        ("docker-compose ps", "files"),
        ("make bake", "files"),
    ],
)
def test_what_is_near_them_is_not_taken_for_them(command: str, name: str) -> None:
    assert builder_of(*command.split()) == name


def test_options_are_told_apart_by_whose_they_are() -> None:
    command = "docker -c ctx compose -f a.yaml --compatibility build --build-arg A=1 -q web db"
    call = plugin.parse(command.split())
    assert call.client_value("context") == "ctx"
    assert call.plugin_flag("compatibility")
    assert call.values("build-arg") == ("A=1",)
    assert call.words == ("web", "db")
    assert call.argv[: call.globals_end] == ("docker", "-c", "ctx")
    assert call.argv[: call.before][-1] == "--compatibility"
    assert call.argv[: call.at][-1] == "build"
    assert not call.alone


def test_a_plugin_alone_takes_the_options_that_lead_to_an_engine_itself() -> None:
    call = plugin.parse(["docker-compose", "-H", "unix:///x.sock", "build"])
    assert call.alone
    assert call.client_value("host") == "unix:///x.sock"


def test_an_option_that_nobody_knows_is_refused() -> None:
    with pytest.raises(BomError, match="--frob is no option of docker buildx bake"):
        plugin.parse(["docker", "buildx", "bake", "--frob", "x"])


# --- bake ---------------------------------------------------------------------------------------


def printed(**targets: dict[str, Any]) -> bytes:
    group = {"default": {"targets": list(targets)}}
    return json.dumps({"group": group, "target": targets}).encode()


def definition(found: bakefile.Bakefile, label: str, remote: str = "") -> Definition:
    return next(item for item in bakefile.definitions(found, remote) if item.label == label)


def test_groups_of_groups_lead_to_targets_each_once() -> None:
    found = bakefile.read(
        json.dumps(
            {
                "group": {
                    "default": {"targets": ["all", "web", "default"]},
                    "all": {"targets": ["web", "more", "none"]},
                    "more": {"targets": ["db", "all"]},
                },
                "target": {"web": {}, "db": {}, "lib": {}},
            }
        ).encode()
    )
    assert found.built() == ("web", "db")


def test_a_target_says_all_that_its_image_is_made_of() -> None:
    found = bakefile.read(
        printed(
            web={
                "context": "app",
                "contexts": {"lib": "target:lib", "src": "../src", "base": "docker-image://b"},
                "dockerfile": "Other",
                "args": {"A": "1", "NONE": None},
                "target": "final",
                "tags": ["web:1"],
                "output": [{"type": "docker"}, {"type": "image", "name": "a,b:2"}],
                "platforms": ["linux/amd64"],
                "secret": [
                    {"id": "s", "env": "TOKEN"},
                    {"id": "f", "src": "a,b"},
                    "id=old,src=x",
                ],
                "ssh": [{"id": "k", "paths": ["one", "two"]}, "default"],
                "attest": [{"type": "provenance", "disabled": "true"}],
            },
            lib={},
        )
    )
    web = definition(found, "web")
    assert (web.context, web.dockerfile, web.stage) == ("app", "Other", "final")
    assert web.linked == (("lib", "lib"),)
    assert web.named == (("src", "../src"), ("base", "docker-image://b"))
    assert web.arguments == {"A": "1"}
    assert web.tags == ("web:1", "a", "b:2")
    assert web.platforms == ("linux/amd64",)
    assert web.lent.secrets == (
        Secret("s", "", "TOKEN"),
        Secret("f", "a,b"),
        Secret("old", "x"),
    )
    assert web.lent.agents == (("k", ("one", "two")), ("default", ()))
    assert not web.attested


def test_contexts_of_a_remote_definition_are_remote_unless_they_say_otherwise() -> None:
    found = bakefile.read(
        printed(
            a={"context": "."},
            b={"context": "cwd://here", "contexts": {"x": "cwd://"}},
            c={"context": "https://example.com/c.git"},
        )
    )
    remote = "https://example.com/all.git#main"
    assert definition(found, "a", remote).context == remote
    assert definition(found, "b", remote).context == "here"
    assert definition(found, "b", remote).named == (("x", "."),)
    assert definition(found, "c", remote).context == "https://example.com/c.git"


@pytest.mark.parametrize(
    "text", [b"", b"[]", b"{", b'{"target": {"a": {"tags": 1}}}', b'{"group": []}', b"\xff"]
)
def test_what_is_no_definition_is_refused(text: bytes) -> None:
    with pytest.raises(BomError, match="not as buildx prints it"):
        bakefile.read(text)


def test_a_target_that_leaves_no_image_is_not_sealed(tmp_path: Path) -> None:
    targets = bakefile.read(
        printed(
            cache={"output": [{"type": "cacheonly"}]},
            check={"call": "check"},
            plain={},
            loaded={"output": ["type=docker"]},
        )
    ).target
    left = {name: bake.results_of(name, item, "", tmp_path) for name, item in targets.items()}
    image = (EngineImage(),)
    assert left == {"cache": (), "check": (), "plain": image, "loaded": image}


def test_a_builder_that_keeps_images_to_itself_is_told_to_load(tmp_path: Path) -> None:
    targets = bakefile.read(printed(a={}, b={"output": [{"type": "docker"}]})).target
    assert bake.results_of("b", targets["b"], "docker-container", tmp_path)
    with pytest.raises(BomError, match="would keep the image to itself") as caught:
        bake.results_of("a", targets["a"], "docker-container", tmp_path)
    assert caught.value.hint == "add --load to the build"


# --- compose ------------------------------------------------------------------------------------

PROJECT: dict[str, Any] = {
    "name": "shop",
    "secrets": {"tok": {"environment": "TOKEN"}, "file": {"file": "/x/secret"}},
    "services": {
        "web": {
            "build": {
                "context": "/x/web",
                "dockerfile": "Dockerfile",
                "args": {"A": "1", "B": None},
                "additional_contexts": {"lib": "service:lib", "src": "/x/src"},
                "secrets": [{"source": "tok", "target": "other"}, "file"],
                "ssh": ["default", "k=/x/key"],
                "tags": ["web:2"],
            },
            "depends_on": {"db": {"condition": "service_started"}},
        },
        "lib": {"build": {"context": "/x/lib"}, "image": "lib:1"},
        "db": {"build": {"context": "/x/db"}, "depends_on": ["cache"]},
        "cache": {"image": "cache"},
        "alone": {"build": {"context": "/x/alone"}},
    },
}


def project(value: object = PROJECT) -> compose_project.Project:
    return compose_project.read(json.dumps(value).encode())


@pytest.mark.parametrize(
    ("named", "with_dependencies", "expected"),
    [
        ((), False, ("web", "lib", "db", "alone")),
        (("web",), False, ("web", "lib")),
        (("web",), True, ("web", "lib", "db")),
        (("cache",), False, ()),
        (("db", "alone"), False, ("db", "alone")),
    ],
)
def test_services_are_built_by_name_with_those_they_need(
    named: tuple[str, ...], with_dependencies: bool, expected: tuple[str, ...]
) -> None:
    assert compose_project.chosen(project(), named, with_dependencies=with_dependencies) == expected


def test_a_service_says_all_that_its_image_is_made_of() -> None:
    web, lib, *_ = compose_project.definitions(project(), {"B": "given"}, "-")
    assert web.tags == ("shop-web", "web:2")
    assert lib.tags == ("lib:1",)
    assert web.arguments == {"A": "1", "B": "given"}
    assert web.linked == (("lib", "lib"),)
    assert web.named == (("src", "/x/src"),)
    assert web.lent.secrets == (Secret("other", "", "TOKEN"), Secret("file", "/x/secret"))
    assert web.lent.agents == (("default", ()), ("k", ("/x/key",)))


def test_compose_1_prints_yaml_with_lists_and_numbers() -> None:
    found = compose_project.read(
        b"services:\n"
        b"  web:\n"
        b"    build:\n"
        b"      context: /x\n"
        b"      args: ['A=1', B]\n"
        b"      target: s\n"
        b"  db:\n"
        b"    build: {context: /y, args: {N: 3, T: true}}\n"
        b"version: '3.4'\n"
    )
    web, db = compose_project.definitions(found, {}, "_")
    assert web.arguments == {"A": "1"}
    assert db.arguments == {"N": "3", "T": "true"}


@pytest.mark.parametrize(
    "text", [b"[1]", b"a: [", b'{"services": {"a": {"build": 3}}}', b"\xff\xfe\x00", b"{" * 9999]
)
def test_what_is_no_project_is_refused(text: bytes) -> None:
    with pytest.raises(BomError, match="not as compose prints it"):
        compose_project.read(text)


# --- where they go ------------------------------------------------------------------------------


def test_a_file_is_fine_for_one_image(tmp_path: Path) -> None:
    out = tmp_path / "app.tar"
    assert naming.destinations(out, ["web"], "x") == (out,)


def test_a_folder_gets_a_file_for_each_image(tmp_path: Path) -> None:
    names = ["web", "reg:5000/a/b:1", ".hidden", "../up"]
    files = [path.name for path in naming.destinations(tmp_path, names, "x")]
    assert files == ["web.tar", "reg_5000_a_b_1.tar", "_hidden.tar", "_._up.tar"]


@pytest.mark.parametrize(
    ("output", "names", "reason"),
    [
        (None, ["a"], "needs a file"),
        (None, ["a", "b"], "needs a folder"),
        ("app.tar", ["a", "b"], "makes 2 images, and app.tar is no folder"),
        ("no/app.tar", ["a"], "can't be written there"),
        (".", ["a/b", "a_b"], "several images would go to a_b.tar"),
        (".", ["a" * 300], "too long"),
    ],
)
def test_where_they_cant_go_is_said_before_the_build(
    tmp_path: Path, output: str | None, names: list[str], reason: str
) -> None:
    with pytest.raises(BomError, match=reason):
        naming.destinations(tmp_path / output if output else None, names, "docker buildx bake")
