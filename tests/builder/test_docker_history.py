"""How BuildKit's records are asked for: one at a time, never as a list, which can end an engine.

The client is a script that answers as `docker buildx` does and writes down what it was asked.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bom.builder import ComposeBuilder, DockerBuilder
from bom.builder.docker import client as clients
from bom.builder.docker import command as commands
from bom.builder.docker import history
from bom.builder.docker.client import Client, Details, Question
from bom.builder.docker.history import BuildRef, History, Left
from bom.builder.docker.local_builds import LocalBuilds
from bom.builder.docker.platform_provenance import PlatformProvenance
from bom.builder.docker.stage_export import DockerStages
from bom.builder.images.provenance import Reported
from bom.builder.images.store import StoredImage
from bom.builder.protocol import BuildRequest, Silent
from bom.config import Config
from bom.model import BuildSteps, Gap, Tool
from bom.process import STDERR, run

if TYPE_CHECKING:
    from bom.builder.protocol import Builder, Collected

A, B = (f"sha256:{digit * 64}" for digit in "ab")
REF = BuildRef("here", "here0", "0123456789abcdefghijklmno")
SLSA = "https://slsa.dev/provenance/v0.2"
PREDICATE = {"materials": [{"uri": "pkg:docker/base@1", "digest": {"sha256": "c" * 64}}]}

# Ends badly, and says so in its log, where it is asked for a list: without a reference, or for the
# first of all.
FAKE = """\
#!/bin/sh
echo "$*" >> "$LOG"
case "$*" in
"buildx inspect"*) printf 'Name: here\\nDriver: docker\\nBuildKit version: %s\\n' "$VERSION" ;;
*" build "*)
  for word; do case $word in --metadata-file=*) printf '%s' "$METADATA" > "${word#*=}" ;; esac; done
  printf '#1 [1/1] COPY a /\\n#1 CACHED\\n' >&2 ;;
*" history inspect attachment "*" $ID") printf '%s' "$PREDICATE" ;;
*" history inspect "*" $ID") printf '%s' "$RECORD" ;;
*" history rm "*" $ID") ;;
*) echo LISTED >> "$LOG"; exit 1 ;;
esac
"""


class Fake:
    """A client of a builder whose BuildKit is of the given version."""

    def __init__(self, folder: Path, version: str, **more: str) -> None:
        self.path = folder / "docker"
        self.path.write_text(FAKE)
        self.path.chmod(0o755)
        self.log = folder / "log"
        self.cwd = folder
        record = {
            "Attachments": [
                {"Digest": A, "Type": "application/vnd.oci.image.manifest.v1+json"},
                {"Digest": B, "Type": SLSA},
                "nonsense",
            ]
        }
        self.environment = {
            "PATH": os.environ["PATH"],
            "LOG": str(self.log),
            "VERSION": version,
            "ID": REF.id,
            "METADATA": json.dumps({"buildx.build.ref": f"here/here0/{REF.id}"}),
            "PREDICATE": json.dumps(PREDICATE),
            "RECORD": json.dumps(record),
            **more,
        }

    @property
    def history(self) -> History:
        return History(Question((str(self.path), "buildx"), self.environment, self.cwd))

    @property
    def asked(self) -> list[str]:
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        assert "LISTED" not in lines
        return [line.removeprefix("buildx ") for line in lines]

    def request(self, *command: str) -> BuildRequest:
        return BuildRequest(command, self.cwd, self.cwd, self.environment, Config(), None)


def silent(fake: Fake) -> History:
    """Of a builder that has no record."""
    environment = {**fake.environment, "RECORD": ""}
    return History(Question((str(fake.path), "buildx"), environment, fake.cwd))


def stored(identifier: str) -> StoredImage:
    return StoredImage(identifier, 1, (), (), False, "")


@pytest.mark.parametrize(
    "text",
    [
        *("", "/", "//", "here", "here/here0", "here/here0/", "here/here0/^1", "here/here0/--all"),
        *("here/here0/a b", "here/here0/A", "/here0/a", "-x/here0/a", "here/../a", "a/b/c/d"),
        "here/here0/" + "a" * 65,
    ],
)
def test_what_is_no_reference_is_never_asked_for(tmp_path: Path, text: str) -> None:
    assert BuildRef.of(text) is None
    fake = Fake(tmp_path, "v0.30.0")
    provenance = PlatformProvenance(fake.history, ("linux/amd64", "linux/arm64"))
    reported = Reported(digest=A, build_ref=text)
    assert provenance.added_to(reported) == reported
    assert fake.asked == []


def test_a_reference_is_taken_apart() -> None:
    assert BuildRef.of(f"here/here0/{REF.id}") == REF


@pytest.mark.parametrize("version", ["v0.12.5", "v0.25.1", "v0.29.0-rc1", "v0.0.0+unknown", ""])
def test_an_image_is_known_by_the_record_of_its_own_build(tmp_path: Path, version: str) -> None:
    fake = Fake(tmp_path, version)
    found = history.reported(stored(A), [REF], fake.history)
    assert found.sources is not None
    assert found.sources[0].image == "base:1"
    assert found.build_ref == REF.id
    assert fake.asked == [
        "inspect here",
        f"history inspect --builder here --format json {REF.id}",
        f"history inspect attachment --builder here --type {SLSA} {REF.id}",
    ]


@pytest.mark.parametrize("digest", [B, "sha256:" + "d" * 64])
def test_a_record_of_another_image_says_nothing(tmp_path: Path, digest: str) -> None:
    fake = Fake(tmp_path, "v0.25.1")
    found = history.reported(stored(digest), [REF], fake.history)
    assert (found.sources, found.lacking) == (
        None,
        "it has no record of the build that made this image",
    )


@pytest.mark.parametrize("told", ["", "[1]", "nonsense", '{"Attachments": {"Digest": 1}}'])
def test_a_record_that_cant_be_read_says_nothing(tmp_path: Path, told: str) -> None:
    fake = Fake(tmp_path, "v0.25.1", RECORD=told)
    assert history.reported(stored(A), [REF], fake.history).sources is None


def test_what_was_pushed_is_what_the_record_of_the_build_names(tmp_path: Path) -> None:
    fake = Fake(tmp_path, "v0.25.1")
    for kept in (None, stored("sha256:" + "d" * 64), stored(A)):
        found = history.pushed(kept, [REF], fake.history)
        assert found is not None
        assert (found.image_id, found.build_ref) == (A, REF.id)
        assert found.sources is not None
    assert history.pushed(stored(A), [], fake.history) is None
    assert history.pushed(None, [REF], silent(fake)) is None
    off = Fake(tmp_path, "v0.25.1", BUILDX_METADATA_PROVENANCE="disabled")
    assert history.pushed(None, [REF], off.history) is None


def test_two_builds_of_one_service_at_once_leave_it_open_which_was_pushed(tmp_path: Path) -> None:
    class Two(History):
        def left(self, build: BuildRef) -> Left:
            image = {REF.id: A, "other": B}[build.id]
            return Left(image, frozenset([image]))

    fake = Fake(tmp_path, "v0.25.1")
    both = [REF, BuildRef("here", "here0", "other")]
    asking = Two(Question((str(fake.path), "buildx"), fake.environment, fake.cwd))
    assert history.pushed(None, both, asking) is None
    found = history.pushed(stored(A), both, asking)
    assert found is not None
    assert found.image_id == A


def test_an_index_is_told_from_what_it_names(tmp_path: Path) -> None:
    record = {
        "Attachments": [
            {"Digest": A, "Type": "application/vnd.oci.image.index.v1+json"},
            {"Digest": B, "Type": "application/vnd.oci.image.manifest.v1+json", "Platform": "x/y"},
        ]
    }
    fake = Fake(tmp_path, "v0.25.1", RECORD=json.dumps(record))
    assert fake.history.left(REF) == Left(A, frozenset([A, B]))
    record["Attachments"][1].pop("Platform")
    fake = Fake(tmp_path, "v0.25.1", RECORD=json.dumps(record))
    assert fake.history.left(REF) == Left("", frozenset([A, B]))


@pytest.mark.parametrize("value", ["disabled", "false", "0"])
def test_what_the_user_switched_off_is_not_asked_for(tmp_path: Path, value: str) -> None:
    # then buildx asks for no record either, and ours would be the first question for it
    fake = Fake(tmp_path, "v0.25.1", BUILDX_METADATA_PROVENANCE=value)
    found = history.reported(stored(A), [REF], fake.history)
    assert found.lacking == "BUILDX_METADATA_PROVENANCE switches it off"
    assert fake.asked == []


@pytest.mark.parametrize("version", ["v0.12.4", "0.11.7+1.gdeadbee"])
def test_a_builder_that_such_a_question_may_end_is_not_asked(tmp_path: Path, version: str) -> None:
    fake = Fake(tmp_path, version)
    found = history.reported(stored(A), [REF], fake.history)
    assert "older than 0.12.5" in found.lacking
    reported = Reported(digest=A, build_ref=f"here/here0/{REF.id}")
    provenance = PlatformProvenance(fake.history, ("linux/amd64", "linux/arm64"))
    assert "older than 0.12.5" in provenance.added_to(reported).lacking
    assert set(fake.asked) == {"inspect here"}


def test_each_platform_is_asked_for_at_the_builder_that_the_reference_names(tmp_path: Path) -> None:
    fake = Fake(tmp_path, "v0.25.1")
    provenance = PlatformProvenance(fake.history, ("linux/amd64", "linux/arm64"))
    found = provenance.added_to(Reported(digest=A, build_ref=f"here/here0/{REF.id}"))
    assert [name for name, _ in found.platforms] == ["linux/amd64", "linux/arm64"]
    assert all(item.sources for _, item in found.platforms)
    assert f"--builder here --platform linux/arm64 --type {SLSA} {REF.id}" in fake.asked[-1]


@pytest.mark.parametrize(
    ("version", "is_mended"),
    [
        *(("v0.29.0", True), ("v0.29.0-rc1", True), ("v0.32.2+dirty", True), ("1.0.0", True)),
        *(("v0.28.1", False), ("v0.28.1-0.20260325201754-05a3313f3abc", False)),
        *(("v0.20.0", False), ("v0.0.0+unknown", False), ("v0.29", False), ("", False)),
    ],
)
def test_a_stages_export_is_taken_out_of_the_list_only_where_that_does_no_harm(
    tmp_path: Path, version: str, is_mended: bool
) -> None:
    fake = Fake(tmp_path, version)
    (tmp_path / "Dockerfile").write_text("FROM scratch AS first\nCOPY a /\nFROM scratch\n")
    command = commands.parse([str(fake.path), "buildx", "build", "."])
    details = Details(driver="docker", buildkit=(version,))
    client = Client(fake.path, "28.5.2", "buildx", lambda: details)
    request = fake.request(*command.argv)
    (tmp_path / "private").mkdir()
    stages = DockerStages(
        command, client, request, tmp_path / "private", dockerfile=tmp_path / "Dockerfile"
    )
    assert list(stages.export("first", Reported(digest=A))) == []
    stages.close()
    stages.close()
    removals = [line for line in fake.asked if line.startswith("history rm")]
    assert removals == ([f"history rm --builder here {REF.id}"] if is_mended else [])
    assert ("--metadata-file" in fake.asked[0]) == is_mended


# --- what buildx notes of builds ----------------------------------------------------------------


def note(folder: Path, name: str, content: str) -> None:
    path = folder / "refs" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


def test_only_what_was_started_since_counts(tmp_path: Path) -> None:
    state = json.dumps({"Target": "web", "LocalPath": "/srv/web", "DockerfilePath": "x"})
    note(tmp_path, "here/here0/old", state)
    builds = LocalBuilds(tmp_path)
    assert builds.started() == ()
    for name, content in {
        "here/here0/new": state,
        "here/here0/Broken": state,
        "here/here0/nonsense": "{",
        "here/here0/list": "[]",
        "here/here0/number": '{"Target": 1, "LocalPath": 2}',
        "here/here0/big": " " * 70_000 + state,
        "__group__/group": "{}",
        "version": "2",
        "other/node/also": state,
    }.items():
        note(tmp_path, name, content)
    (tmp_path / "refs" / "here" / "here0" / "folder").mkdir()
    assert [one.ref for one in builds.started()] == [
        BuildRef("here", "here0", "new"),
        BuildRef("other", "node", "also"),
    ]
    assert {(one.target, one.context) for one in builds.started()} == {("web", "/srv/web")}


def test_the_notes_are_where_the_client_has_its_configuration(tmp_path: Path) -> None:
    state = json.dumps({"Target": "web", "LocalPath": "/srv/web"})
    plain = commands.parse(["docker", "build", "."])
    named = commands.parse(["docker", "--config", "own", "build", "."])
    places = {
        "home/.docker/buildx": (plain, {"HOME": str(tmp_path / "home")}),
        "set/buildx": (plain, {"DOCKER_CONFIG": str(tmp_path / "set")}),
        "own/buildx": (named, {"DOCKER_CONFIG": str(tmp_path / "set")}),
        "buildx": (named, {"BUILDX_CONFIG": str(tmp_path / "buildx")}),
    }
    for place, (command, environment) in places.items():
        builds = LocalBuilds.of(command, environment, tmp_path)
        note(tmp_path / place, "here/here0/new", state)
        assert [one.target for one in builds.started()] == ["web"]


# --- the real client ----------------------------------------------------------------------------

COMPOSE = """\
name: bom-test-h5
services:
  web.app: {build: web, image: "bom-test/h5-web"}
  db: {build: ./db/../db, image: "bom-test/h5-db"}
"""
GUARD = """\
#!/bin/sh
echo "$*" >> "{log}"
exec {docker} "$@"
"""


def collected(builder: Builder, request: BuildRequest) -> Collected:
    with builder.prepare(request) as prepared:
        invocation = prepared.invocation
        done = run(
            invocation.argv,
            environment=invocation.environment,
            cwd=request.cwd,
            stdout=STDERR,
            stdin=invocation.stdin,
        )
        assert done == 0
        return prepared.collect(Silent())


@pytest.fixture
def watched(tmp_path: Path, modern: dict[str, str]) -> dict[str, str]:
    """The modern engine, by a client that writes down what it is asked."""
    docker = clients.executable("docker", modern, tmp_path)
    (tmp_path / "bin").mkdir()
    script = tmp_path / "bin" / "docker"
    script.write_text(GUARD.format(log=tmp_path / "log", docker=docker))
    script.chmod(0o755)
    return {**modern, "PATH": os.pathsep.join([str(tmp_path / "bin"), modern["PATH"]])}


def asked_of(tmp_path: Path) -> list[str]:
    """What the client was asked of the history: each question has to end in a reference."""
    lines = [line for line in (tmp_path / "log").read_text().splitlines() if "history" in line]
    for line in lines:
        assert line.startswith("buildx history inspect ")
        assert len(line.split()[-1]) == 25
    return lines


@pytest.mark.e2e
@pytest.mark.parametrize("bake", ["true", "false"])
def test_compose_images_have_their_provenance_without_a_list_of_builds(
    tmp_path: Path, watched: dict[str, str], bake: str
) -> None:
    for name in ("web", "db"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "Dockerfile").write_text(
            f"FROM scratch AS first\nCOPY Dockerfile /{tmp_path.name}\nFROM first\nCOPY . /\n"
        )
    (tmp_path / "compose.yaml").write_text(COMPOSE)
    (tmp_path / "out").mkdir()
    command = ("docker", "compose", "build")
    request = BuildRequest(
        *(command, tmp_path, tmp_path, {**watched, "COMPOSE_BAKE": bake}, Config()),
        output=tmp_path / "out",
    )
    try:
        artifacts = collected(ComposeBuilder(), request).artifacts
        assert sorted(item.target.name for item in artifacts) == ["db.tar", "web.app.tar"]
        for item in artifacts:
            assert any(isinstance(fact, BuildSteps) for fact in item.observations)
            assert "build.provenance" not in {
                fact.what for fact in item.observations if isinstance(fact, Gap)
            }
        assert len(asked_of(tmp_path)) == 4
    finally:
        names = ["bom-test/h5-web", "bom-test/h5-db"]
        subprocess.run(["docker", "image", "rm", "-f", *names], env=watched, check=True)


@pytest.mark.e2e
@pytest.mark.parametrize("platforms", ["", "linux/amd64,linux/arm64"])
def test_buildx_as_a_program_of_its_own_builds_as_the_plugin_does(
    tmp_path: Path, modern: dict[str, str], platforms: str
) -> None:
    plugin = Path(modern["DOCKER_CONFIG"]) / "cli-plugins" / "docker-buildx"
    if not plugin.exists():
        pytest.skip("the client's plugins are elsewhere")
    root = tmp_path / "project"
    root.mkdir()
    (root / "Dockerfile").write_text(
        f"FROM scratch AS first\nCOPY Dockerfile /{tmp_path.name}\nFROM first\nCOPY . /\n"
    )
    tag = "bom-test/h5-alone"
    words = ("--platform", platforms) if platforms else ("--load",)
    command = (str(plugin), "build", *words, "-t", tag, ".")
    output = tmp_path / "alone.tar"
    request = BuildRequest(*(command, root, root, modern, Config()), output=output)
    try:
        with DockerBuilder().prepare(request) as prepared:
            programs = {fact.name for fact in prepared.observations if isinstance(fact, Tool)}
            assert "docker-buildx" in programs
            assert "docker" not in programs
        (item,) = collected(DockerBuilder(), request).artifacts
        told = [fact for fact in item.observations if isinstance(fact, BuildSteps)]
        assert len(told) == (2 if platforms else 1)
        gaps = {fact.what for fact in item.observations if isinstance(fact, Gap)}
        assert ("stage.packages" in gaps) == bool(platforms)
    finally:
        subprocess.run(["docker", "image", "rm", "-f", tag], env=modern, check=True)


@pytest.mark.e2e
def test_several_platforms_have_their_provenance_without_a_list_of_builds(
    tmp_path: Path, watched: dict[str, str]
) -> None:
    root = tmp_path / "project"
    root.mkdir()
    (root / "Dockerfile").write_text(
        "FROM scratch\nARG TARGETARCH\nLABEL for=$TARGETARCH\nCOPY . /\n"
    )
    tag = "bom-test/h5-several"
    platforms = ("--platform", "linux/amd64,linux/arm64")
    command = ("docker", "buildx", "build", *platforms, "-t", tag, ".")
    request = BuildRequest(
        *(command, root, root, watched, Config()), output=tmp_path / "several.tar"
    )
    try:
        (item,) = collected(DockerBuilder(), request).artifacts
        told = [fact for fact in item.observations if isinstance(fact, BuildSteps)]
        assert len(told) == 2
        assert len(asked_of(tmp_path)) == 2
    finally:
        subprocess.run(["docker", "image", "rm", "-f", tag], env=watched, check=True)
