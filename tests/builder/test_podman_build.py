"""Whole builds by podman and buildah, on a storage of their own."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import tarfile
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.builder.test_image_ignore import FILES, RULES
from tests.containers import Containers

from bom.builder import DockerBuilder, PodmanBuilder
from bom.builder.images import folder
from bom.builder.podman import inputs
from bom.builder.podman.command import parse
from bom.builder.protocol import Artifact, BuildRequest, PreparedBuild, Silent
from bom.config import Config
from bom.errors import BomError, EnvironmentLacks
from bom.model import Gap, Hash, Material, Property, RunDetail, Setting, Tool
from bom.process import STDERR, run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Need

pytestmark = pytest.mark.e2e

PODMAN = ("podman", "build", "-q")
BUILDAH = ("buildah", "bud", "-q")
BOTH = pytest.mark.parametrize("build", [PODMAN, BUILDAH], ids=["podman", "buildah"])
CONTAINERFILE = """\
ARG BASE=none
FROM scratch AS files
COPY src /src
FROM scratch AS final
ARG GREETING=hello
ENV GREETING=$GREETING
COPY --from=files /src /app
"""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, need: Need) -> Iterator[Containers]:
    need("podman")
    need("buildah")
    made = Containers.at(tmp_path_factory.mktemp("containers"))
    yield made
    made.remove()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / "src").mkdir(parents=True)
    (root / "src" / "app.txt").write_text("app\n")
    (root / "Containerfile").write_text(CONTAINERFILE)
    return root


@pytest.fixture(autouse=True)
def temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Whatever is left in the folder for temporary files after a test is a defect."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []
    assert [path.name for path in tmp_path.rglob(".bom-tmp-*")] == []


def request_for(root: Path, store: Containers, *words: str) -> BuildRequest:
    out = root.parent / "out"
    out.mkdir(exist_ok=True)
    return BuildRequest(
        command=words,
        cwd=root,
        root=root,
        environment={**store.environment, "TMPDIR": str(root.parent / "temporary")},
        config=Config(),
        output=out / "app.tar",
    )


def start(prepared: PreparedBuild, request: BuildRequest) -> None:
    invocation = prepared.invocation
    code = run(
        invocation.argv,
        environment=invocation.environment,
        cwd=request.cwd,
        stdout=STDERR,
        stdin=invocation.stdin,
    )
    assert code == 0


def wrap(root: Path, store: Containers, *words: str) -> tuple[PreparedBuild, Artifact, bytes]:
    """Run the build, and give what it left with the export's bytes."""
    request = request_for(root, store, *words)
    with PodmanBuilder().prepare(request) as prepared:
        start(prepared, request)
        (artifact,) = prepared.collect(Silent()).artifacts
        data = artifact.built.read_bytes()
    assert not artifact.built.exists()
    assert artifact.subject.sha256 == hashlib.sha256(data).hexdigest()
    return prepared, artifact, data


def facts(prepared: PreparedBuild, artifact: Artifact) -> list[object]:
    everything = (*prepared.observations, *artifact.observations)
    return [fact for fact in everything if not isinstance(fact, RunDetail)]


def base_of(artifact: Artifact) -> Material:
    (base,) = (f for f in artifact.observations if isinstance(f, Material) and "base" in f.kind)
    return base


def layer_names(data: bytes) -> set[str]:
    """The paths in a docker archive's layers that are no folders, and those folders named empty."""
    names: set[str] = set()
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        manifest = archive.extractfile("manifest.json")
        assert manifest is not None
        for path in json.load(manifest)[0]["Layers"]:
            layer = archive.extractfile(path)
            assert layer is not None
            with tarfile.open(fileobj=layer) as content:
                names |= {
                    member.name.strip("/")
                    for member in content
                    if not member.isdir() or member.name.strip("/") == "empty"
                }
    return names


# --- the archive --------------------------------------------------------------------------------


@BOTH
def test_an_image_is_archived_as_its_program_saves_it(
    build: tuple[str, ...], store: Containers, project: Path, tmp_path: Path
) -> None:
    prepared, artifact, data = wrap(project, store, *build, "-t", "app:2", "-t", "team/app", ".")
    image = artifact.subject.image
    assert image is not None
    assert sorted(image.tags) == ["localhost/app:2", "localhost/team/app:latest"]
    assert image.config == f"sha256:{store.image_id('app:2')}"
    assert (artifact.subject.package_name, artifact.subject.package_version) == (
        "localhost/app",
        "2",
    )
    assert artifact.subject.purl == f"pkg:docker/localhost/app@{image.config}?tag=2"
    saved = tmp_path / "saved.tar"
    names = ("app:2", "localhost/team/app:latest")
    store("podman", "save", "-q", "-o", saved, *names)
    if build is PODMAN:
        assert data == saved.read_bytes()
    assert layer_names(data) == layer_names(saved.read_bytes()) == {"app/app.txt"}
    added = [word for word in prepared.invocation.argv if word.startswith("--")]
    assert added == ["--iidfile"]
    assert prepared.invocation.argv[-5:] == ("-t", "app:2", "-t", "team/app", ".")


@BOTH
def test_an_image_without_a_name_is_found_by_its_id(
    build: tuple[str, ...], store: Containers, project: Path
) -> None:
    _, artifact, _ = wrap(project, store, *build, "--target=files", ".")
    assert artifact.subject.image is not None
    assert (artifact.subject.image.tags, artifact.subject.purl) == ((), "")


def test_buildah_says_which_names_its_archive_can_not_hold(
    store: Containers, project: Path
) -> None:
    words = ("-t", "many:1", "-t", "many:2", "-t", "many:3", ".")
    prepared, artifact, _ = wrap(project, store, *BUILDAH, *words)
    assert artifact.subject.image is not None
    assert sorted(artifact.subject.image.tags) == ["localhost/many:1", "localhost/many:2"]
    assert any("localhost/many:3 will be missing" in text for text in prepared.warnings)
    _, other, _ = wrap(project, store, *PODMAN, *words)
    assert other.subject.image is not None
    assert len(other.subject.image.tags) == 3


@BOTH
@pytest.mark.parametrize("kind", ["docker", "oci"])
def test_the_format_that_is_asked_for_decides_on_the_archive(
    kind: str, build: tuple[str, ...], store: Containers, project: Path
) -> None:
    words = (*build, "--format", kind, "--annotation", "a=b", "-t", "kind:1", ".")
    prepared, artifact, data = wrap(project, store, *words)
    image = artifact.subject.image
    assert image is not None
    assert image.tags == ("localhost/kind:1",)
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        names = archive.getnames()
        assert {member.mtime for member in archive.getmembers()} == {0}
    assert ("index.json" in names) == (kind == "oci")
    assert ("manifest.json" in names) == (kind == "docker")
    assert bool(prepared.warnings) == (kind == "docker")  # annotations
    if (build, kind) == (PODMAN, "oci"):
        digest = store("podman", "image", "inspect", "--format", "{{.Digest}}", "kind:1")
        assert image.manifest == digest


@BOTH
@pytest.mark.parametrize("kind", ["docker", "oci"])
def test_another_clone_gives_the_same_facts_and_bytes(
    kind: str, build: tuple[str, ...], store: Containers, project: Path, tmp_path: Path
) -> None:
    words = (*build, "--timestamp=1", "--layers", "--format", kind, "-t", "same:1", ".")
    first, one, data = wrap(project, store, *words)
    other = tmp_path / "elsewhere" / "clone"
    shutil.copytree(project, other)
    (other.parent / "temporary").mkdir()
    second, two, again = wrap(other, store, *words)
    assert data == again
    assert one.subject == two.subject
    assert facts(first, one) == facts(second, two)
    assert str(tmp_path) not in repr(facts(second, two))


@BOTH
def test_a_tar_that_the_build_writes_is_sealed_with_what_it_was_made_from(
    build: tuple[str, ...], store: Containers, project: Path
) -> None:
    out = project.parent / "files.tar"
    request = request_for(project, store, *build, "-o", f"type=tar,dest={out}", ".")
    with PodmanBuilder().prepare(replace(request, output=None)) as prepared:
        start(prepared, request)
        (artifact,) = prepared.collect(Silent()).artifacts
    assert (artifact.built, artifact.target) == (out, out)
    with tarfile.open(out) as archive:
        assert "app/app.txt" in archive.getnames()
    kinds = {fact.kind for fact in artifact.observations if isinstance(fact, Material)}
    assert kinds == {"context", "dockerfile"}


def test_a_folder_is_given_the_image_under_its_name(store: Containers, project: Path) -> None:
    request = request_for(project, store, *PODMAN, "-t", "team/app:2", ".")
    folder = project.parent / "out"
    with PodmanBuilder().prepare(replace(request, output=folder)) as prepared:
        start(prepared, request)
        (artifact,) = prepared.collect(Silent()).artifacts
    assert artifact.target == folder / "team_app_2.tar"


# --- what is stated -----------------------------------------------------------------------------


@BOTH
def test_settings_and_tools_are_recorded(
    build: tuple[str, ...], store: Containers, project: Path, need: Need
) -> None:
    words = (*build, "--no-cache", "--build-arg=GREETING=moin", "--build-arg=TOKEN=ghp_" + "a" * 36)
    prepared, artifact, _ = wrap(project, store, *words, "--target", "final", "-t", "s:1", ".")
    config = json.loads(store("podman", "image", "inspect", "s:1"))[0]["Config"]
    assert "GREETING=moin" in config["Env"]
    found = prepared.observations
    assert Setting("build-arg", "GREETING", "moin") in found
    assert Setting("option", "target", "final") in found
    assert Setting("option", "builder", "buildah") in found
    assert "ghp_a" not in repr(found)
    tools = {(tool.kind, tool.name): tool for tool in found if isinstance(tool, Tool)}
    client = tools["client", build[0]]
    digest = hashlib.sha256(Path(need(build[0])).read_bytes()).hexdigest()
    assert client.hashes == (Hash("SHA-256", digest),)
    assert client.version in store(build[0], "--version")
    assert client.package.startswith(f"pkg:deb/debian/{build[0]}@")
    runtimes = [tool for (kind, _), tool in tools.items() if kind == "runtime"]
    assert len(runtimes) == 1
    if build is PODMAN:
        info = json.loads(store("podman", "info", "--format", "json"))["host"]
        assert tools["builder", "buildah"].version == info["buildahVersion"]
        assert runtimes[0].name == info["ociRuntime"]["name"]
        assert runtimes[0].hashes
    gaps = {fact.what for fact in artifact.observations if isinstance(fact, Gap)}
    assert "build.provenance" in gaps


def test_without_a_runtime_none_is_stated(store: Containers, project: Path) -> None:
    for build in (PODMAN, BUILDAH):
        request = request_for(project, store, *build, "--isolation=chroot", ".")
        with PodmanBuilder().prepare(request) as prepared:
            tools = [fact.kind for fact in prepared.observations if isinstance(fact, Tool)]
        assert "client" in tools
        assert "runtime" not in tools


# --- base images --------------------------------------------------------------------------------


@pytest.fixture
def base(store: Containers, project: Path) -> str:
    """A base image under a name of its own, made anew for each test."""
    name = f"base-{project.parent.name[-40:].lower().strip('-_')}".replace("[", "").replace("]", "")
    store("podman", "build", "-q", "--no-cache", "--target=files", "-t", name, project)
    return name


@pytest.mark.parametrize(
    "build",
    [
        (*program, *how)
        for program in (PODMAN, BUILDAH)
        for how in ((), ("--layers",), ("--format", "docker"), ("--squash",))
        if (program, how) != (BUILDAH, ("--squash",))  # it squashes the base too: the next test
    ],
    ids=" ".join,
)
def test_the_base_is_proven_by_its_layers_and_history(
    build: tuple[str, ...], base: str, store: Containers, project: Path
) -> None:
    (project / "Containerfile").write_text(f"FROM {base} AS x\nCOPY src /b\nFROM x\nENV z=1\n")
    digest = store("podman", "image", "inspect", "--format", "{{.Digest}}", base)
    _, artifact, _ = wrap(project, store, *build, "-t", "on-base:1", ".")
    found = base_of(artifact)
    assert found.name == f"{base}:latest"
    assert found.digests == (Hash("SHA-256", digest.removeprefix("sha256:")),)
    assert Property("bom-seal:image:proven-by", "its layers and history begin the image") in (
        found.properties
    )
    gaps = {fact.what for fact in artifact.observations if isinstance(fact, Gap)}
    assert "base-image.digest" not in gaps


def test_a_base_that_is_squashed_away_is_a_gap(base: str, store: Containers, project: Path) -> None:
    (project / "Containerfile").write_text(f"FROM {base}\nCOPY src /b\n")
    for build, how in ((PODMAN, "--squash-all"), (BUILDAH, "--squash"), (PODMAN, "--omit-history")):
        _, artifact, _ = wrap(project, store, *build, "--no-cache", how, "-t", "flat:1", ".")
        assert base_of(artifact).digests == ()
        gaps = {fact.what for fact in artifact.observations if isinstance(fact, Gap)}
        assert "base-image.digest" in gaps


def test_a_base_whose_tag_moved_meanwhile_is_a_gap(
    base: str, store: Containers, project: Path
) -> None:
    """Even to an image that the built one begins with: the base's own base."""
    (project / "Containerfile").write_text(f"FROM {base}\nENV one=1\nCOPY src /one\n")
    store("podman", "build", "-q", "-t", "grown", project)
    (project / "Containerfile").write_text("FROM grown\nCOPY src /b\n")
    request = request_for(project, store, *PODMAN, "-t", "on-grown:1", ".")
    with PodmanBuilder().prepare(request) as prepared:
        start(prepared, request)
        store("podman", "tag", base, "grown")
        (artifact,) = prepared.collect(Silent()).artifacts
    assert base_of(artifact).digests == ()


def test_a_build_that_takes_its_bases_name_states_the_old_one(
    base: str, store: Containers, project: Path
) -> None:
    (project / "Containerfile").write_text(f"FROM {base}\nCOPY src /b\n")
    digest = store("podman", "image", "inspect", "--format", "{{.Digest}}", base)
    _, artifact, _ = wrap(project, store, *BUILDAH, "-t", base, ".")
    assert base_of(artifact).digests == (Hash("SHA-256", digest.removeprefix("sha256:")),)


def test_from_stands_in_for_the_first_base(base: str, store: Containers, project: Path) -> None:
    (project / "Containerfile").write_text("# comment\nFROM no-such-image\nCOPY src /b\n")
    _, artifact, _ = wrap(project, store, *PODMAN, "--from", base, "-t", "from:1", ".")
    assert base_of(artifact).name == f"{base}:latest"
    assert base_of(artifact).digests


@BOTH
def test_a_base_that_no_storage_name_stands_for_stops_no_build(
    build: tuple[str, ...], base: str, store: Containers, project: Path
) -> None:
    store("podman", "save", "-q", "--format", "oci-archive", "-o", project / "base.tar", base)
    (project / "Containerfile").write_text("FROM oci-archive:base.tar\nCOPY src /b\n")
    _, artifact, data = wrap(project, store, *build, "-t", "on-file:1", ".")
    assert "b/app.txt" in layer_names(data)
    assert base_of(artifact).digests == ()


# --- what is refused ----------------------------------------------------------------------------


@BOTH
def test_a_tag_that_moved_meanwhile_is_refused(
    build: tuple[str, ...], store: Containers, project: Path
) -> None:
    store("podman", "build", "-q", "--target=files", "-t", "other", project)
    tags = ("moved:1", "moved:2", "moved:3")
    words = [word for tag in tags for word in ("-t", tag)]
    request = request_for(project, store, *build, *words, ".")
    for tag in tags:
        with PodmanBuilder().prepare(request) as prepared:
            start(prepared, request)
            store("podman", "tag", "other", tag)
            with pytest.raises(BomError, match=f"{tag} moved while the build ran"):
                prepared.collect(Silent())
    with PodmanBuilder().prepare(request) as prepared:
        start(prepared, request)
        store("podman", "untag", "moved:1", "localhost/moved:1")
        with pytest.raises(BomError, match="holds no image localhost/moved:1"):
            prepared.collect(Silent())
    with PodmanBuilder().prepare(request) as prepared:
        start(prepared, request)
        store("podman", "rmi", "-f", store.image_id("moved:1"))
        with pytest.raises(BomError, match="holds no image"):
            prepared.collect(Silent())
    assert list((project.parent / "out").iterdir()) == []


def test_a_program_that_is_not_there_is_said_before_the_build(
    store: Containers, project: Path
) -> None:
    for name in ("./podman", "podman"):
        request = request_for(project, store, name, "build", ".")
        environment = {**request.environment, "PATH": "/nowhere"}
        lacking = BuildRequest(
            request.command, project, project, environment, Config(), request.output
        )
        with pytest.raises(EnvironmentLacks, match="is not there"):
            PodmanBuilder().prepare(lacking)


# --- what goes in -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def rich(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("context")
    for name in FILES:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (root / "Dockerfile").write_text("FROM scratch\nCOPY . /\n")
    (root / "empty").mkdir()
    (root / "link").symlink_to("src/app.py")
    return root


OWN_RULES = {
    "an exception with a slash in front": "src\n!/src/app.py\n",
    "an exception with two slashes in front": "src\n!//src/app.py\n",
    "an exception behind a byte order mark": "\ufeff!src\nsrc\n!src/app.py\n",
    "a pattern with a byte order mark later": "docs\n\ufeffsrc\n",
    "slashes at both ends": "/src/\n",
    "an exception after a space": "*.md\n! README.md\n",
    "a line that ends as on Windows": "*.md\r\nsrc\r\n",
    "a comment after a space": " # x\n",
    "an exception with a slash behind": "docs\n!docs/\n",
}


@pytest.mark.parametrize("name", [*RULES, *OWN_RULES])
def test_the_ignore_file_leaves_what_we_say_it_leaves(
    name: str, rich: Path, store: Containers, tmp_path: Path
) -> None:
    (rich / ".dockerignore").write_bytes({**RULES, **OWN_RULES}[name].encode())
    given = inputs.read(
        parse(["podman", "build", str(rich)]), cwd=rich, root=rich, outputs=(), spool=tmp_path
    )
    unread: list[str] = []
    ((_, local),) = given.contexts
    paths = {path for path, _ in folder.entries(local, unread)}
    expected = {path for path in paths if not (rich / path).is_dir() or path == "empty"}
    try:
        store("podman", "build", "-q", "-t", "ignored", rich)
    except AssertionError as error:
        assert "no items matching glob" in str(error) or "COPY" in str(error)
        assert expected == set()
        return
    saved = tmp_path / "saved.tar"
    store("podman", "save", "-q", "-o", saved, "ignored")
    assert layer_names(saved.read_bytes()) == expected


@pytest.mark.parametrize(
    ("files", "words", "ignore_file"),
    [
        ([".containerignore", ".dockerignore"], ["."], ".containerignore"),
        ([".dockerignore"], ["."], ".dockerignore"),
        (["Containerfile.dockerignore", ".dockerignore"], ["."], "Containerfile.dockerignore"),
        (["d/F.containerignore", ".dockerignore"], ["-f", "d/F", "."], "d/F.containerignore"),
        (["d/F.containerignore", "d/F.dockerignore"], ["-f", "d/F", "."], "d/F.dockerignore"),
        (["other", ".dockerignore"], ["--ignorefile", "other", "."], "other"),
        ([], ["."], ""),
    ],
)
def test_the_ignore_file_is_the_one_that_the_programs_take(
    files: list[str], words: list[str], ignore_file: str, store: Containers, tmp_path: Path
) -> None:
    root = tmp_path / "project"
    (root / "d").mkdir(parents=True)
    for name in ("Containerfile", "d/F"):
        (root / name).write_text("FROM scratch\nCOPY . /\n")
    for number, name in enumerate(files):
        (root / f"ignored-{number}").write_text("")
        (root / name).write_text(f"ignored-{number}\n")
    found: set[str] = set()
    for build in (PODMAN, BUILDAH):
        given = inputs.read(
            parse([*build, *words]), cwd=root, root=root, outputs=(), spool=tmp_path
        )
        ((_, local),) = given.contexts
        found.add(
            "" if local.ignore_file is None else local.ignore_file.relative_to(root).as_posix()
        )
        store(*build, "-t", "which", *words, cwd=root)
        saved = tmp_path / f"{build[0]}.tar"
        store("podman", "save", "-q", "-o", saved, "which")
        missing = {f"ignored-{number}" for number in range(len(files))} - layer_names(
            saved.read_bytes()
        )
        expected = {f"ignored-{files.index(ignore_file)}"} if ignore_file else set()
        assert missing == expected
    assert found == {ignore_file}


def test_a_containerfile_is_found_as_the_programs_find_it(store: Containers, project: Path) -> None:
    (project / "sub").mkdir()
    (project / "sub" / "F").write_text("FROM scratch\nLABEL f=1\n")
    (project / "Dockerfile").write_text("FROM never\n")

    def named(cwd: Path, *words: str) -> tuple[list[str], list[str]]:
        request = request_for(project, store, *words)
        moved = BuildRequest(words, cwd, project, request.environment, Config(), request.output)
        with PodmanBuilder().prepare(moved) as prepared:
            start(prepared, moved)
            (made,) = prepared.collect(Silent()).artifacts
        found = [fact for fact in made.observations if isinstance(fact, Material)]
        files = [fact.name for fact in found if fact.kind == "dockerfile"]
        return files, [fact.name for fact in found if fact.kind == "context"]

    assert named(project, *PODMAN, ".") == (["Containerfile"], ["."])
    assert named(project, *PODMAN, "-f", "sub/F", ".") == (["sub/F"], ["."])
    assert named(project / "sub", *PODMAN, "-f", "F", "..") == (["sub/F"], ["."])
    assert named(project / "src", *PODMAN, "-f", "sub/F", "..") == (["sub/F"], ["."])
    assert named(project, *PODMAN, "-f", "sub/F") == (["sub/F"], ["sub"])
    assert named(project, *BUILDAH) == (["Containerfile"], ["."])
    assert named(project, *BUILDAH, "-f", "sub/F") == (["sub/F"], ["."])
    assert named(project, *BUILDAH, "sub/F") == (["sub/F"], ["sub"])


@BOTH
def test_several_containerfiles_are_one(
    build: tuple[str, ...], base: str, store: Containers, project: Path
) -> None:
    (project / "one").write_text(f"FROM {base} AS start\nENV a=1")
    (project / "two").write_text("FROM start\nCOPY src /two\n")
    _, artifact, data = wrap(project, store, *build, "-f", "one", "-f", "two", "-t", "joined", ".")
    assert "two/app.txt" in layer_names(data)
    assert base_of(artifact).digests
    files = {
        fact.name: fact.digests[0].value
        for fact in artifact.observations
        if isinstance(fact, Material) and fact.kind == "dockerfile"
    }
    assert files == {
        name: hashlib.sha256((project / name).read_bytes()).hexdigest() for name in ("one", "two")
    }


@BOTH
def test_a_named_context_is_packed_whole(
    build: tuple[str, ...], store: Containers, project: Path
) -> None:
    (project / "more").mkdir()
    for name in ("a", "b", ".dockerignore"):
        (project / "more" / name).write_text("a\n")
    (project / ".containerignore").write_text("more\n")
    (project / "Containerfile").write_text("FROM scratch\nCOPY --from=more . /\n")
    words = (*build, "--build-context", "more=more", "-t", "named", ".")
    prepared, artifact, data = wrap(project, store, *words)
    assert layer_names(data) == {"a", "b", ".dockerignore"}
    assert prepared.packs(project / "more" / "a")
    contexts = {
        fact.name
        for fact in artifact.observations
        if isinstance(fact, Material) and fact.kind == "context"
    }
    assert contexts == {".", "more=more"}


@pytest.mark.parametrize(
    ("words", "given", "named"),
    [
        (("podman", "build", "-q", "-f", "-", "."), "file", [".", "-"]),
        (("podman", "build", "-q", "-f", "/dev/stdin", "."), "file", [".", "-"]),
        (("podman", "build", "-q", "-"), "file", ["-"]),
        (("podman", "build", "-q", "-f", "-"), "file", ["-"]),
        (("buildah", "bud", "-q", "-f", "-"), "file", [".", "-"]),
        (("podman", "build", "-q", "-"), "tar", ["-", "Containerfile"]),
        (("buildah", "bud", "-q", "-"), "tar", ["-", "Containerfile"]),
        (("podman", "build", "-q", "-f", "Here", "-"), "tar", ["-", "Here"]),
        (("buildah", "bud", "-q", "-f", "Here", "-"), "tar", ["-", "Here"]),
    ],
)
def test_standard_input_is_recorded_and_reaches_the_build(
    words: tuple[str, ...],
    given: str,
    named: list[str],
    base: str,
    store: Containers,
    project: Path,
    tmp_path: Path,
) -> None:
    source = tmp_path / "given"
    text = f"FROM {base}\nENV from=stdin\n"
    if given == "file":
        source.write_text(text)
    else:
        (project / "Containerfile").write_text(text)
        with tarfile.open(source, "w:gz") as archive:
            archive.add(project, ".")
        # the one in the working directory goes before one in the tar
        (project / "Here").write_text(text)
        (project / "Containerfile").unlink()
    with source.open("rb") as stream:
        kept = os.dup(0)
        try:
            os.dup2(stream.fileno(), 0)
            _, artifact, _ = wrap(project, store, *words[:2], "-t", "stdin:1", *words[2:])
        finally:
            os.dup2(kept, 0)
            os.close(kept)
    config = json.loads(store("podman", "image", "inspect", "stdin:1"))[0]["Config"]
    assert "from=stdin" in config["Env"]
    found = [fact for fact in artifact.observations if isinstance(fact, Material)]
    inputs_named = [
        fact.name for kind in ("context", "dockerfile") for fact in found if fact.kind == kind
    ]
    assert inputs_named == named
    assert all(fact.digests for fact in found)


@BOTH
def test_secrets_stand_by_id_alone(
    build: tuple[str, ...], store: Containers, project: Path
) -> None:
    (project / "token").write_text("not for the image\n")
    words = (*build, "--secret", "id=deploy,src=token", "-t", "lent", ".")
    prepared, artifact, _ = wrap(project, store, *words)
    assert Setting("option", "secret", "deploy") in prepared.observations
    assert "src=token" not in repr(facts(prepared, artifact))
    assert any("the secret deploy lies in the build context" in text for text in prepared.warnings)


def test_a_help_text_is_printed_and_nothing_is_sealed(store: Containers, project: Path) -> None:
    request = request_for(project, store, "podman", "build", "--help")
    with PodmanBuilder().prepare(request) as prepared:
        start(prepared, request)
        assert prepared.collect(Silent()).artifacts == ()
    assert "nothing is sealed" in prepared.warnings[0]


def test_a_preprocessed_containerfile_leaves_a_gap(store: Containers, project: Path) -> None:
    request = request_for(project, store, *PODMAN, "-f", "F.in", ".")
    (project / "F.in").write_text("FROM scratch\nCOPY src /x\n")
    with PodmanBuilder().prepare(request) as prepared:
        start(prepared, request)
        (artifact,) = prepared.collect(Silent()).artifacts
    gaps = [fact.why for fact in artifact.observations if isinstance(fact, Gap)]
    assert any("C preprocessor" in why for why in gaps)


# --- podman by another name ---------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["link", "script"])
def test_docker_that_is_podman_is_wrapped_as_podman(
    kind: str, store: Containers, project: Path, tmp_path: Path, need: Need
) -> None:
    (tmp_path / "bin").mkdir()
    docker = tmp_path / "bin" / "docker"
    if kind == "link":
        docker.symlink_to(need("podman"))
    else:
        docker.write_text(f'#!/bin/sh\n# Debian: podman-docker\nexec {need("podman")} "$@"\n')
        docker.chmod(0o755)
    request = request_for(project, store, "docker", "build", "-q", "-t", "as-docker:1", ".")
    path = os.pathsep.join([str(docker.parent), request.environment["PATH"]])
    request = replace(request, environment={**request.environment, "PATH": path})
    with DockerBuilder().prepare(request) as prepared:
        assert prepared.invocation.argv[0] == "docker"
        start(prepared, request)
        (artifact,) = prepared.collect(Silent()).artifacts
        tools = {fact.name for fact in prepared.observations if isinstance(fact, Tool)}
    assert artifact.subject.image is not None
    assert artifact.subject.image.tags == ("localhost/as-docker:1",)
    assert {"podman", "buildah"} <= tools


# --- podman elsewhere ---------------------------------------------------------------------------


@pytest.fixture
def service(store: Containers, tmp_path: Path) -> Iterator[str]:
    socket = tmp_path / "s"
    child = subprocess.Popen(
        ["podman", "system", "service", "--time=0", f"unix://{socket}"],
        env=store.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    for _ in range(100):
        if socket.exists():
            break
        time.sleep(0.1)
    yield f"unix://{socket}"
    child.send_signal(signal.SIGTERM)
    child.wait(timeout=30)


def test_a_remote_podmans_image_is_sealed_and_its_context_is_a_gap(
    service: str, store: Containers, project: Path
) -> None:
    words = ("podman", "--url", service, "build", "-q", "-t", "far:1", ".")
    prepared, artifact, data = wrap(project, store, *words)
    assert artifact.subject.image is not None
    assert artifact.subject.image.tags == ("localhost/far:1",)
    assert layer_names(data) == {"app/app.txt"}
    gaps = {fact.what for fact in artifact.observations if isinstance(fact, Gap)}
    assert "context.digest" in gaps
    kinds = {fact.kind: fact.evidence for fact in prepared.observations if isinstance(fact, Tool)}
    assert kinds["engine"] == kinds["runtime"] == "stated"
    assert prepared.packs(project / "src" / "app.txt")
