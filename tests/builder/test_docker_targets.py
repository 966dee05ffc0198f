"""Whole calls of bake and compose, on real engines, by every route that they have."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bom.builder import BakeBuilder, ComposeBuilder
from bom.builder.protocol import BuildRequest, Collected, PreparedBuild, Silent
from bom.config import Config
from bom.errors import BomError
from bom.model import Gap, Material, RunDetail, Setting, Tool
from bom.process import STDERR, run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bom.builder.protocol import Artifact

pytestmark = pytest.mark.e2e

BAKE = """\
variable "TAG" { default = "1" }
group "default" { targets = ["web", "db"] }
target "lib" { context = "lib" }
target "web" {
  context = "web"
  contexts = { lib = "target:lib" }
  args = { GREETING = "hello" }
  tags = ["bom-test/f-bake-web:${TAG}"]
}
target "db" {
  context = "lib"
  dockerfile-inline = "FROM scratch\\nCOPY file.txt /db.txt\\n"
}
"""
COMPOSE = """\
name: bom-test-f
services:
  web:
    build: {context: web, args: {GREETING: hello}, additional_contexts: {lib: "service:lib"}}
  lib:
    build: lib
    image: bom-test/f-compose-lib
  db:
    build:
      context: lib
      dockerfile_inline: |
        FROM scratch
        COPY file.txt /db.txt
    depends_on: [lib]
  bought:
    image: bom-test/f-not-built
"""
WEB = """\
FROM scratch
ARG GREETING
ENV GREETING=$GREETING
COPY app.txt /
COPY --from=lib file.txt /
"""
NAMES = (
    "bom-test/f-bake-web:1",
    "bom-test-f-web",
    "bom-test/f-compose-lib",
    "bom-test-f-db",
    "bom-test/f-bake-moved",
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    for name in ("web", "lib"):
        (root / name).mkdir(parents=True)
    (root / "web" / "Dockerfile").write_text(WEB)
    (root / "web" / "app.txt").write_text("app\n")
    (root / "lib" / "Dockerfile").write_text("FROM scratch\nCOPY file.txt /\n")
    (root / "lib" / "file.txt").write_text("file\n")
    (root / "docker-bake.hcl").write_text(BAKE)
    (root / "services.yaml").write_text(COMPOSE)
    (tmp_path / "out").mkdir()
    return root


@pytest.fixture
def engine(modern: dict[str, str]) -> Iterator[dict[str, str]]:
    yield modern
    remove(modern)


@pytest.fixture
def mixed(modern: dict[str, str], classic: dict[str, str]) -> Iterator[dict[str, str]]:
    """The new client and its plugins with the old engine."""
    environment = {**modern, "DOCKER_HOST": classic["DOCKER_HOST"]}
    yield environment
    remove(environment)


def remove(environment: dict[str, str]) -> None:
    subprocess.run(
        ["docker", "image", "rm", "-f", *NAMES], env=environment, capture_output=True, check=False
    )


@pytest.fixture(autouse=True)
def temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Whatever is left in the folder for temporary files after a test is a defect."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []
    assert [path.name for path in tmp_path.rglob(".bom-tmp-*")] == []


def request_for(root: Path, environment: dict[str, str], *command: str) -> BuildRequest:
    return BuildRequest(
        command=command,
        cwd=root,
        root=root,
        environment={**environment, "XDG_STATE_HOME": str(root.parent / "state")},
        config=Config(),
        output=root.parent / "out",
    )


def prepare(request: BuildRequest) -> PreparedBuild:
    for builder in (BakeBuilder(), ComposeBuilder()):
        if builder.recognises(request.command):
            return builder.prepare(request)
    raise AssertionError(request.command)


def nothing(environment: dict[str, str]) -> None:
    """What happens between the end of a build and the look at its images."""


def wrap(
    root: Path,
    environment: dict[str, str],
    *command: str,
    meanwhile: Callable[[dict[str, str]], None] = nothing,
) -> tuple[PreparedBuild, dict[str, Artifact]]:
    request = request_for(root, environment, *command)
    with prepare(request) as prepared:
        invocation = prepared.invocation
        code = run(
            invocation.argv,
            environment=invocation.environment,
            cwd=root,
            stdout=STDERR,
            stdin=invocation.stdin,
        )
        assert code == 0
        meanwhile(environment)
        collected: Collected = prepared.collect(Silent())
        assert prepared.observations
        for artifact in collected.artifacts:
            assert artifact.target.parent == root.parent / "out"
            assert artifact.subject.size == artifact.built.stat().st_size
    return prepared, {item.target.name: item for item in collected.artifacts}


def materials(artifact: Artifact) -> set[tuple[str, str]]:
    return {(m.kind, m.name) for m in artifact.observations if isinstance(m, Material)}


def gaps(artifact: Artifact) -> set[str]:
    return {gap.what for gap in artifact.observations if isinstance(gap, Gap)}


# --- bake ---------------------------------------------------------------------------------------


def test_each_target_of_a_group_becomes_an_artifact_with_what_it_is_made_of(
    project: Path, engine: dict[str, str]
) -> None:
    prepared, made = wrap(project, engine, "docker", "buildx", "bake")
    assert sorted(made) == ["db.tar", "web.tar"]
    web, db = made["web.tar"], made["db.tar"]
    assert web.subject.package_name == "bom-test/f-bake-web"
    assert db.subject.package_name == ""
    assert {m for m in materials(web) if m[0] in ("context", "dockerfile")} == {
        ("context", "web"),
        ("context", "lib=lib"),
        ("dockerfile", "web/Dockerfile"),
        ("dockerfile", "lib/Dockerfile"),
    }
    assert {m for m in materials(db) if m[0] in ("context", "dockerfile")} == {
        ("context", "lib"),
        ("dockerfile", "db (inline)"),
    }
    # the target that lends its files is no image of that name
    assert not [name for kind, name in materials(web) if kind in ("base-image", "build-image")]
    assert gaps(web) == gaps(db) == set()
    assert Setting("option", "bake-target", "web") in web.observations
    assert Setting("build-arg", "GREETING", "hello") in web.observations
    assert not [s for s in db.observations if isinstance(s, Setting) and s.kind == "build-arg"]
    words = prepared.invocation.argv
    assert (*words[:3], *words[5:]) == ("docker", "buildx", "bake")
    assert words[3] == "--metadata-file"
    tools = {fact.name for fact in prepared.observations if isinstance(fact, Tool)}
    assert {"docker", "docker-buildx", "docker-engine"} <= tools


def test_two_targets_that_give_one_image_become_two_artifacts(
    project: Path, engine: dict[str, str]
) -> None:
    (project / "docker-bake.hcl").write_text(
        'target "a" { context = "lib" }\ntarget "b" { context = "lib" }\n'
    )
    _, made = wrap(project, engine, "docker", "buildx", "bake", "a", "b")
    assert sorted(made) == ["a.tar", "b.tar"]
    assert made["a.tar"].subject.image == made["b.tar"].subject.image


def test_overrides_of_the_command_line_count(project: Path, engine: dict[str, str]) -> None:
    environment = {**engine, "TAG": "9"}
    words = ("--set", "web.args.GREETING=moin", "--set", "web.contexts.lib=lib")
    _, made = wrap(project, environment, "docker", "buildx", "bake", *words, "web")
    web = made["web.tar"]
    assert web.subject.package_version == "9"
    assert Setting("build-arg", "GREETING", "moin") in web.observations
    subprocess.run(
        ["docker", "image", "rm", "bom-test/f-bake-web:9"],
        env=engine,
        check=True,
        capture_output=True,
    )


def test_what_changes_with_every_reading_of_the_definition_stands_as_it_was_built(
    project: Path, engine: dict[str, str]
) -> None:
    (project / "docker-bake.hcl").write_text(
        'target "a" {\n'
        '  context = "lib"\n'
        '  dockerfile-inline = "FROM scratch\\nARG ID\\nENV ID=$ID\\nCOPY file.txt /\\n"\n'
        "  args = { ID = uuidv4() }\n"
        '  tags = ["bom-test/f-bake-uuid:${uuidv4()}"]\n'
        "}\n"
    )
    _, made = wrap(project, engine, "docker", "buildx", "bake", "a")
    subject = made["a.tar"].subject
    name = f"{subject.package_name}:{subject.package_version}"
    ask = ["docker", "image", "inspect", name, "--format", "{{json .Config.Env}}"]
    variables = json.loads(subprocess.run(ask, env=engine, check=True, capture_output=True).stdout)
    (stated,) = [
        fact.value
        for fact in made["a.tar"].observations
        if isinstance(fact, Setting) and fact.kind == "build-arg"
    ]
    assert f"ID={stated}" in variables
    subprocess.run(["docker", "image", "rm", name], env=engine, check=True, capture_output=True)


@pytest.mark.parametrize("form", ["bake", "compose"])
def test_the_stages_of_a_target_are_looked_into(
    project: Path, engine: dict[str, str], form: str
) -> None:
    """The first stage holds a Debian package; the image does not."""
    (project / "lib" / "status").write_text(
        "Package: compiler\nStatus: install ok installed\nVersion: 1.2\nArchitecture: all\n"
    )
    (project / "lib" / "os-release").write_text('ID=debian\nVERSION_ID="12"\n')
    (project / "lib" / "Dockerfile").write_text(
        "FROM scratch AS build\n"
        "ARG A\n"
        "COPY os-release /etc/os-release\n"
        "COPY status /var/lib/dpkg/status\n"
        "COPY file.txt /\n"
        "FROM scratch\n"
        "COPY --from=build /file.txt /\n"
    )
    (project / "docker-bake.hcl").write_text(
        'target "lib" {\n  context = "lib"\n  args = { A = "1" }\n}\n'
    )
    words = {
        "bake": ("docker", "buildx", "bake", "lib"),
        "compose": ("docker", "compose", "-f", "services.yaml", "build", "lib"),
    }[form]
    _, made = wrap(project, engine, *words)
    assert gaps(made["lib.tar"]).isdisjoint({"stage.packages"})
    assert "pkg:deb/debian/compiler@1.2" in repr(made["lib.tar"].observations)


def test_a_secret_argument_is_redacted(project: Path, engine: dict[str, str]) -> None:
    words = ("--set", "db.args.API_TOKEN=hunter2hunter2", "db")
    _, made = wrap(project, engine, "docker", "buildx", "bake", *words)
    assert "hunter2" not in repr(made["db.tar"].observations)


def test_the_metadata_file_that_the_user_names_stays_the_users(
    project: Path, engine: dict[str, str]
) -> None:
    words = ("docker", "buildx", "bake", "--metadata-file", "meta.json", "db")
    prepared, made = wrap(project, engine, *words)
    assert prepared.invocation.argv == words
    assert "db" in json.loads((project / "meta.json").read_text())
    assert list(made) == ["db.tar"]


def test_a_bake_file_from_standard_input_reaches_question_and_build(
    project: Path, engine: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with (project / "docker-bake.hcl").open("rb") as definition:
        before = os.dup(0)
        os.dup2(definition.fileno(), 0)
        try:
            _, made = wrap(project, engine, "docker", "buildx", "bake", "-f", "-", "db")
        finally:
            os.dup2(before, 0)
            os.close(before)
    assert list(made) == ["db.tar"]


def test_an_archive_that_a_target_writes_itself_is_sealed(
    project: Path, engine: dict[str, str]
) -> None:
    words = ("--set", "db.output=type=oci,dest=own.tar", "db")
    _, made = wrap(project, engine, "docker", "buildx", "bake", *words)
    assert made["db.tar"].subject.image is not None


def test_bake_with_an_old_engine(project: Path, mixed: dict[str, str]) -> None:
    _, made = wrap(project, mixed, "docker", "buildx", "bake", "db")
    assert list(made) == ["db.tar"]
    assert "image.tagged" not in gaps(made["db.tar"])


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("nothing",), "can't say what it would build: .*failed to find target nothing"),
        (("--set", "db.output=type=oci", "db"), "db: the output type=oci goes to no file here"),
        (("--set", "*.output=type=cacheonly"), "no target of this definition leaves an image"),
        (("--set", "db.context=nowhere", "db"), "db: the build context nowhere is no folder"),
    ],
)
def test_what_cant_be_sealed_is_refused_before_the_build(
    project: Path, engine: dict[str, str], words: tuple[str, ...], reason: str
) -> None:
    with pytest.raises(BomError, match=reason):
        prepare(request_for(project, engine, "docker", "buildx", "bake", *words))


def test_a_definition_that_is_only_printed_is_left_alone(
    project: Path, modern: dict[str, str]
) -> None:
    request = request_for(project, modern, "docker", "buildx", "bake", "--print")
    with prepare(request) as prepared:
        assert prepared.invocation.argv == request.command
        assert "nothing is sealed" in prepared.warnings[0]


# --- compose ------------------------------------------------------------------------------------


@pytest.mark.parametrize("bake", ["true", "false"])
def test_each_service_becomes_an_artifact_with_what_it_is_made_of(
    project: Path, engine: dict[str, str], bake: str
) -> None:
    environment = {**engine, "COMPOSE_BAKE": bake}
    words = ("docker", "compose", "-f", "services.yaml", "build")
    prepared, made = wrap(project, environment, *words)
    assert sorted(made) == ["db.tar", "lib.tar", "web.tar"]
    web, lib = made["web.tar"], made["lib.tar"]
    assert web.subject.package_name == "bom-test-f-web"
    assert lib.subject.package_name == "bom-test/f-compose-lib"
    assert ("context", "lib=lib") in materials(web)
    assert ("dockerfile", "db (inline)") in materials(made["db.tar"])
    assert gaps(lib) == set()
    assert [fact for fact in lib.observations if isinstance(fact, RunDetail)]
    assert prepared.invocation.argv == words
    tools = {fact.name for fact in prepared.observations if isinstance(fact, Tool)}
    assert {"docker", "docker-buildx", "docker-compose"} <= tools


def test_a_service_by_name_is_built_with_what_it_takes_from(
    project: Path, engine: dict[str, str]
) -> None:
    words = ("docker", "compose", "-f", "services.yaml", "-p", "other", "build", "web")
    _, made = wrap(project, engine, *words)
    assert sorted(made) == ["lib.tar", "web.tar"]
    assert made["web.tar"].subject.package_name == "other-web"
    subprocess.run(["docker", "image", "rm", "other-web"], env=engine, check=True)


def test_compose_without_buildkit(project: Path, engine: dict[str, str]) -> None:
    environment = {**engine, "DOCKER_BUILDKIT": "0"}
    words = ("docker", "compose", "-f", "services.yaml", "build", "lib", "db")
    _, made = wrap(project, environment, *words)
    assert sorted(made) == ["db.tar", "lib.tar"]
    assert gaps(made["lib.tar"]) >= {"build.provenance"}


@pytest.mark.parametrize("buildkit", ["1", "0"])
def test_compose_with_an_old_engine(project: Path, mixed: dict[str, str], buildkit: str) -> None:
    environment = {**mixed, "DOCKER_BUILDKIT": buildkit}
    words = ("docker", "compose", "-f", "services.yaml", "build", "lib")
    _, made = wrap(project, environment, *words)
    assert list(made) == ["lib.tar"]
    # what comes by BuildKit's own protocol leaves no trace of when it was tagged
    assert ("image.tagged" in gaps(made["lib.tar"])) == (buildkit == "1")


def test_plugins_run_as_programs_of_their_own(
    project: Path, engine: dict[str, str], tmp_path: Path
) -> None:
    plugins = Path(engine["DOCKER_CONFIG"]) / "cli-plugins"
    if not (plugins / "docker-compose").exists():
        pytest.skip("the client's plugins are elsewhere")
    environment = {**engine, "PATH": os.pathsep.join([str(plugins), engine["PATH"]])}
    _, made = wrap(project, environment, "docker-buildx", "bake", "db")
    assert list(made) == ["db.tar"]
    words = ("docker-compose", "-f", "services.yaml", "build", "lib")
    prepared, made = wrap(project, environment, *words)
    assert "lib.tar" in made
    tools = {fact.name for fact in prepared.observations if isinstance(fact, Tool)}
    assert "docker-compose" in tools
    assert "docker" not in tools


def test_a_tag_that_moved_meanwhile_is_found(project: Path, engine: dict[str, str]) -> None:
    (project / "other").mkdir()
    (project / "other" / "Dockerfile").write_text("FROM scratch\nCOPY Dockerfile /\n")

    def move(environment: dict[str, str]) -> None:
        words = ["docker", "build", "-q", "-t", "bom-test/f-compose-lib", "other"]
        subprocess.run(words, env=environment, check=True, cwd=project, capture_output=True)

    words = ("docker", "compose", "-f", "services.yaml", "build", "lib")
    with pytest.raises(BomError, match="moved while the build ran"):
        wrap(project, engine, *words, meanwhile=move)
    assert list((project.parent / "out").iterdir()) == []


def test_a_service_without_a_build_is_not_sealed(project: Path, engine: dict[str, str]) -> None:
    words = ("docker", "compose", "-f", "services.yaml", "build", "bought")
    with pytest.raises(BomError, match="no service of this call has a build section"):
        prepare(request_for(project, engine, *words))


def test_a_private_key_in_any_context_counts_as_packed(
    project: Path, engine: dict[str, str]
) -> None:
    key = project / "lib" / "release.key"
    key.write_text("key\n")
    with prepare(request_for(project, engine, "docker", "buildx", "bake")) as prepared:
        assert prepared.packs(key)
        assert not prepared.packs(project / "docker-bake.hcl")


def test_a_client_without_the_plugin_says_so(
    project: Path, classic: dict[str, str], tmp_path: Path
) -> None:
    if shutil.which("docker", path=classic["PATH"]) != "/usr/bin/docker":
        pytest.skip("the old engine's own client is not there")
    environment = {**classic, "DOCKER_CONFIG": str(tmp_path / "config")}
    with pytest.raises(BomError, match="can't say what it would build"):
        prepare(request_for(project, environment, "docker", "compose", "build"))
