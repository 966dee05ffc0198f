"""Whole docker builds, on real engines, by every route that a client has."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import stat
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bom.builder import BUILDERS, DockerBuilder
from bom.builder.protocol import Artifact, BuildRequest, Collected, PreparedBuild
from bom.config import Config
from bom.errors import BomError, EnvironmentLacks
from bom.model import Gap, Hash, Material, RunDetail, Setting, Tool
from bom.process import STDERR, run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.e2e

ROUTES = ("buildx", "no plugin", "no buildkit", "old client", "old client, no buildkit", "mixed")
DOCKERFILE = """\
ARG BASE=none
FROM scratch AS files
COPY src /src
FROM scratch AS final
ARG GREETING=hello
ENV GREETING=$GREETING
COPY --from=files /src /app
FROM scratch AS after
COPY Dockerfile /only-after
"""


class Bar:
    """Notes what a progress bar is told."""

    def __init__(self) -> None:
        self.advanced = 0
        self.running = False

    def start(self, label: str, total: int) -> None:
        self.running = True

    def advance(self, amount: int) -> None:
        self.advanced += amount

    def done(self) -> None:
        self.running = False


@pytest.fixture(params=ROUTES)
def route(request: pytest.FixtureRequest) -> tuple[str, dict[str, str]]:
    return request.param, request.getfixturevalue("routes")(request.param)


@pytest.fixture
def routes(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], dict[str, str]]:
    """The environment in which `docker build` goes by a route."""

    def environment(name: str) -> dict[str, str]:
        if name in ("old client", "old client, no buildkit"):
            old: dict[str, str] = request.getfixturevalue("classic")
            return {**old, "DOCKER_BUILDKIT": "1" if name == "old client" else "0"}
        modern: dict[str, str] = request.getfixturevalue("modern")
        if name == "no buildkit":
            return {**modern, "DOCKER_BUILDKIT": "0"}
        if name == "no plugin":
            (tmp_path / "config").mkdir(exist_ok=True)
            return {**modern, "DOCKER_CONFIG": str(tmp_path / "config")}
        if name == "mixed":  # the new client and buildx with the old engine
            host = request.getfixturevalue("classic")["DOCKER_HOST"]
            return {**modern, "DOCKER_HOST": host}
        return modern

    return environment


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / "src").mkdir(parents=True)
    (root / "src" / "app.txt").write_text("app\n")
    (root / "Dockerfile").write_text(DOCKERFILE)
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


def request_for(root: Path, environment: dict[str, str], *words: str) -> BuildRequest:
    out = root.parent / "out"
    out.mkdir(exist_ok=True)
    return BuildRequest(
        command=("docker", *words),
        cwd=root,
        root=root,
        environment=environment,
        config=Config(),
        output=out / "app.tar",
    )


def start(prepared: PreparedBuild, request: BuildRequest) -> None:
    code = run(
        prepared.invocation.argv,
        environment=prepared.invocation.environment,
        cwd=request.cwd,
        stdout=STDERR,
    )
    assert code == 0


def wrap(
    root: Path, environment: dict[str, str], *words: str
) -> tuple[PreparedBuild, Collected, bytes]:
    """Run the build, and give what it left with the export's bytes."""
    request = request_for(root, environment, *words)
    bar = Bar()
    with DockerBuilder().prepare(request) as prepared:
        start(prepared, request)
        collected = prepared.collect(bar)
        (artifact,) = collected.artifacts
        assert stat.S_IMODE(artifact.built.stat().st_mode) == 0o600
        assert artifact.built.parent == request.output.parent if request.output else False
        data = artifact.built.read_bytes()
    assert bar.advanced == len(data)
    assert not bar.running
    assert not artifact.built.exists()
    assert artifact.subject.size == len(data)
    assert artifact.subject.sha256 == hashlib.sha256(data).hexdigest()
    return prepared, collected, data


def docker(environment: dict[str, str], *words: str) -> bytes:
    return subprocess.run(
        ["docker", *words], env=environment, check=True, capture_output=True
    ).stdout


def config_of(data: bytes) -> dict[str, Any]:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        manifest = archive.extractfile("manifest.json")
        assert manifest is not None
        config = archive.extractfile(json.load(manifest)[0]["Config"])
        assert config is not None
        found: dict[str, Any] = json.load(config)
        return found


def names_in_layers(data: bytes) -> list[str]:
    names: list[str] = []
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        manifest = archive.extractfile("manifest.json")
        assert manifest is not None
        for path in json.load(manifest)[0]["Layers"]:
            layer = archive.extractfile(path)
            assert layer is not None
            with tarfile.open(fileobj=layer) as content:
                names += content.getnames()
    return names


def the(collected: Collected) -> Artifact:
    (artifact,) = collected.artifacts
    return artifact


# --- every route --------------------------------------------------------------------------------


def test_several_tags_are_exported_as_docker_save_exports_them(
    route: tuple[str, dict[str, str]], project: Path
) -> None:
    name, environment = route
    words = ("build", "-q", "-t", "bom-docker/b:2", "-t", "bom-docker/a", "--target=final", ".")
    prepared, collected, data = wrap(project, environment, *words)
    assert data == docker(environment, "save", "bom-docker/b:2", "bom-docker/a:latest")
    subject = the(collected).subject
    assert subject.image is not None
    assert sorted(subject.image.tags) == ["bom-docker/a:latest", "bom-docker/b:2"]
    assert (subject.package_name, subject.package_version) == ("bom-docker/b", "2")
    containerd = name in ("buildx", "no plugin", "no buildkit")
    assert bool(subject.image.manifest) == containerd
    assert subject.purl == (
        f"pkg:oci/b@{subject.image.manifest}?tag=2"
        if containerd
        else f"pkg:docker/bom-docker/b@{subject.image.config}?tag=2"
    )
    added = [word for word in prepared.invocation.argv if word not in ("docker", *words)]
    options = [word for word in added if word.startswith("--")]
    has_buildx = name in ("buildx", "mixed")
    assert options == (["--iidfile", "--metadata-file"] if has_buildx else ["--iidfile"])
    assert prepared.invocation.argv[-len(words) + 1 :] == words[1:]


def test_an_image_without_a_tag_is_exported_by_its_id(
    route: tuple[str, dict[str, str]], project: Path
) -> None:
    _, environment = route
    _, collected, data = wrap(project, environment, "build", "-q", "--target", "files", ".")
    subject = the(collected).subject
    assert subject.image is not None
    assert (subject.image.tags, subject.purl, subject.package_name) == ((), "", "")
    assert config_of(data)["rootfs"]["diff_ids"] == [x.diff_id for x in subject.image.layers]


def test_target_and_build_args_reach_the_image_and_the_facts(
    route: tuple[str, dict[str, str]], project: Path
) -> None:
    _, environment = route
    environment = {**environment, "GREETING": "moin"}
    words = (
        "image",
        "build",
        "-q",
        "-t",
        "bom-docker/t:1",
        "--target=final",
        "--build-arg=GREETING",
    )
    prepared, _, data = wrap(project, environment, *words, ".")
    assert "GREETING=moin" in config_of(data)["config"]["Env"]
    facts = prepared.observations
    assert Setting("build-arg", "GREETING", "moin") in facts
    assert Setting("option", "target", "final") in facts
    # the command line is the environment observer's to record: stated twice it might differ
    assert not [fact for fact in facts if isinstance(fact, Setting) and fact.kind == "command"]


def test_a_dockerfile_elsewhere_and_a_subfolder_as_context(
    route: tuple[str, dict[str, str]], project: Path
) -> None:
    _, environment = route
    (project / "src" / "Other").write_text("FROM scratch\nCOPY app.txt /\n")
    words = ("build", "-q", "-t", "bom-docker/f:1", f"-f{project}/src/Other", "src")
    prepared, collected, _ = wrap(project, environment, *words)
    materials = {m.kind: m for m in the(collected).observations if isinstance(m, Material)}
    assert materials["dockerfile"].name == "src/Other"
    content = (project / "src" / "Other").read_bytes()
    assert materials["dockerfile"].digests == (
        Hash("SHA-256", hashlib.sha256(content).hexdigest()),
    )
    assert materials["context"].name == "src"
    assert Setting("option", "file", "src/Other") in prepared.observations
    assert str(project) not in repr((prepared.observations, the(collected).observations))


def test_the_users_own_id_file_is_read_and_left_there(
    route: tuple[str, dict[str, str]], project: Path
) -> None:
    _, environment = route
    words = ("build", "-q", "--iidfile", "../my.id", "-t", "bom-docker/i:1", "--target=final", ".")
    prepared, _, _ = wrap(project, environment, *words)
    assert prepared.invocation.argv.count("--iidfile") == 1
    assert (project.parent / "my.id").read_text().startswith("sha256:")


def test_a_tag_that_moved_meanwhile_is_refused(
    route: tuple[str, dict[str, str]], project: Path
) -> None:
    _, environment = route
    request = request_for(
        project, environment, "build", "-q", "-t", "bom-docker/m:1", "-t", "bom-docker/m:2", "."
    )
    docker(environment, "build", "-q", "-t", "bom-docker/m:other", "--target=files", str(project))
    with DockerBuilder().prepare(request) as prepared:
        start(prepared, request)
        docker(environment, "tag", "bom-docker/m:other", "bom-docker/m:2")
        with pytest.raises(BomError, match="bom-docker/m:2 moved while the build ran"):
            prepared.collect(Bar())
    with DockerBuilder().prepare(request) as prepared:
        start(prepared, request)
        for tag in ("bom-docker/m:1", "bom-docker/m:2"):
            docker(environment, "tag", "bom-docker/m:other", tag)
        with pytest.raises(BomError, match="moved while the build ran"):
            prepared.collect(Bar())
    with DockerBuilder().prepare(request) as prepared:
        start(prepared, request)
        docker(environment, "rmi", "bom-docker/m:1")
        with pytest.raises(BomError, match="holds no image bom-docker/m:1"):
            prepared.collect(Bar())
    assert list((project.parent / "out").iterdir()) == []


def test_a_second_build_gives_the_same_facts_and_bytes(
    route: tuple[str, dict[str, str]], project: Path, tmp_path: Path
) -> None:
    _, environment = route
    words = ("build", "-q", "-t", "bom-docker/d:1", "--target=final", ".")
    first, one, data = wrap(project, environment, *words)
    other = tmp_path / "elsewhere" / "clone"
    shutil.copytree(project, other)
    second, two, again = wrap(other, environment, *words)
    assert again == data
    assert second.observations == first.observations

    def lasting(collected: Collected) -> list[object]:
        facts = (*collected.observations, *the(collected).observations)
        return [fact for fact in facts if not isinstance(fact, RunDetail)]

    assert lasting(one) == lasting(two)
    assert the(one).subject == the(two).subject


def test_the_engines_parts_are_stated_and_what_runs_here_is_hashed(
    route: tuple[str, dict[str, str]], project: Path
) -> None:
    name, environment = route
    request = request_for(project, environment, "build", ".")
    with DockerBuilder().prepare(request) as prepared:
        tools = {(t.kind, t.name): t for t in prepared.observations if isinstance(t, Tool)}
        gaps = {(g.what, g.where) for g in prepared.observations if isinstance(g, Gap)}
    stated = json.loads(docker(environment, "version", "--format", "{{json .Server.Components}}"))
    for part in stated:
        is_engine = part["Name"] == "Engine"
        tool = tools["engine", "docker-engine"] if is_engine else tools["runtime", part["Name"]]
        assert (tool.version, tool.evidence, tool.hashes) == (part["Version"], "stated", ())
    client = shutil.which("docker", path=environment["PATH"])
    assert client is not None
    digest = hashlib.sha256(Path(client).read_bytes()).hexdigest()
    assert tools["client", "docker"].hashes == (Hash("SHA-256", digest),)
    assert tools["client", "docker"].version in docker(environment, "--version").decode()
    assert (("client", "docker-buildx") in tools) == (name in ("buildx", "mixed"))
    buildkit = tools.get(("builder", "buildkit"))
    assert (buildkit is not None) == (name in ("buildx", "mixed", "old client"))
    for tool in tools.values():
        assert tool.version or ("tool.version", tool.name) in gaps
    kinds = {tool.name: tool.kind for tool in tools.values()}
    assert all(
        gap.ref == f"tool:{kinds[gap.where]}:{gap.where}"
        for gap in prepared.observations
        if isinstance(gap, Gap) and gap.what == "tool.version"
    )


def test_a_base_image_has_its_digest_from_the_provenance_or_is_a_gap(
    route: tuple[str, dict[str, str]], project: Path
) -> None:
    name, environment = route
    docker(environment, "build", "-q", "-t", "bom-docker/base:7", "--target=files", str(project))
    (project / "Dockerfile").write_text(
        "ARG V=6\nFROM bom-docker/base:$V AS unused\nFROM bom-docker/base:$V\nCOPY src /more\n"
    )
    words = ("build", "-q", "--build-arg", "V=7", "-t", "bom-docker/on-base:1", ".")
    _, collected, _ = wrap(project, environment, *words)
    facts = the(collected).observations
    (base,) = [f for f in facts if isinstance(f, Material) and f.kind == "base-image"]
    gaps = [f.what for f in facts if isinstance(f, Gap) and f.what.startswith(("base-", "build."))]
    assert (base.kind, base.name) == ("base-image", "bom-docker/base:7")
    if name == "buildx":
        found = docker(environment, "image", "inspect", "--format={{.Id}}", "bom-docker/base:7")
        assert base.digests == (Hash("SHA-256", found.decode().strip().removeprefix("sha256:")),)
        assert gaps == []
    else:
        assert base.digests == ()
        assert "base-image.digest" in gaps
        assert "build.provenance" in gaps


def test_an_image_without_layers_is_exported_where_the_engine_can(
    route: tuple[str, dict[str, str]], project: Path
) -> None:
    name, environment = route
    (project / "Dockerfile").write_text("FROM scratch\nLABEL a=b\n")
    words = ("build", "-q", "-t", "bom-docker/no-layers:1", ".")
    if name in ("old client", "old client, no buildkit", "mixed"):
        with pytest.raises(BomError, match="the engine refuses: empty export"):
            wrap(project, environment, *words)
    else:
        wrap(project, environment, *words)


def test_the_ignore_file_that_counts_is_the_one_the_builder_takes(
    route: tuple[str, dict[str, str]], project: Path
) -> None:
    _, environment = route
    (project / "Dockerfile").write_text("FROM scratch\nCOPY src /src\n")
    for name in ("one", "two"):
        (project / "src" / name).write_text(name)
    (project / "Dockerfile.dockerignore").write_text("src/one\n")
    (project / ".dockerignore").write_text("src/two\n")
    words = ("build", "-q", "-t", "bom-docker/own-ignore:1", ".")
    request = request_for(project, environment, *words)
    with DockerBuilder().prepare(request) as prepared:
        seen = {name for name in ("one", "two") if prepared.packs(project / "src" / name)}
    _, _, data = wrap(project, environment, *words)
    packed = {name for name in ("one", "two") if name in "".join(names_in_layers(data))}
    assert seen == packed
    assert len(seen) == 1


# --- the newest engine --------------------------------------------------------------------------


def test_attestations_are_left_out_unless_asked_for_and_never_exported(
    modern: dict[str, str], project: Path
) -> None:
    words = ("-q", "-t", "bom-docker/attested:1", "--target=final", ".")
    prepared, _, data = wrap(project, modern, "buildx", "build", *words)
    assert prepared.invocation.environment["BUILDX_NO_DEFAULT_ATTESTATIONS"] == "1"
    asked = ("buildx", "build", "--provenance=mode=max", *words)
    prepared, collected, attested = wrap(project, modern, *asked)
    assert "BUILDX_NO_DEFAULT_ATTESTATIONS" not in prepared.invocation.environment
    assert any("attestations" in text for text in prepared.warnings)
    assert config_of(attested) == config_of(data)
    assert b"in-toto" not in attested
    index = docker(modern, "image", "inspect", "--format={{.Id}}", "bom-docker/attested:1")
    assert RunDetail("image.id", index.decode().strip()) in the(collected).observations
    assert index.decode().strip() not in repr(the(collected).subject)


def test_the_users_own_metadata_file_is_read_and_left_there(
    modern: dict[str, str], project: Path
) -> None:
    words = ("build", "-q", "--metadata-file=../m.json", "-t", "bom-docker/meta:1", ".")
    prepared, collected, _ = wrap(project, modern, *words)
    assert not any(word == "--metadata-file" for word in prepared.invocation.argv)
    reference = json.loads((project.parent / "m.json").read_text())["buildx.build.ref"]
    assert RunDetail("build.ref", reference) in the(collected).observations


def test_the_engine_is_found_by_host_option_and_by_context(
    modern: dict[str, str], project: Path
) -> None:
    host = modern["DOCKER_HOST"]
    config = project.parent / "config"
    shutil.copytree(modern["DOCKER_CONFIG"], config, symlinks=True)
    environment = {k: v for k, v in modern.items() if k != "DOCKER_HOST"}
    environment["DOCKER_CONFIG"] = str(config)
    docker(environment, "context", "create", "mine", "--docker", f"host={host}")
    build = ("build", "-q", "-t", "bom-docker/context:1", ".")
    wrap(project, environment, "-H", host, *build)
    wrap(project, environment, "--context=mine", *build)
    wrap(project, {**environment, "DOCKER_CONTEXT": "mine"}, *build)
    away = {**environment, "DOCKER_CONFIG": "/nowhere", "DOCKER_CONTEXT": "other"}
    wrap(project, away, "--config", str(config), "--context", "mine", *build)
    docker(environment, "context", "use", "mine")
    wrap(project, environment, *build)


def test_secrets_in_the_images_configuration_are_warned_of_and_not_repeated(
    modern: dict[str, str], project: Path
) -> None:
    token = "ghp_" + "a1B2c3D4e5" * 4
    (project / "Dockerfile").write_text(
        "FROM scratch\nARG TOKEN\nENV API_TOKEN=$TOKEN\nENV FINE=yes\n"
        f"LABEL note={token}\nCOPY src /{token}\n"
    )
    words = ("build", "-q", "-t", "bom-docker/secret:1", f"--build-arg=TOKEN={token}", ".")
    prepared, collected, data = wrap(project, modern, *words)
    assert token.encode() in data
    warnings = " ".join(the(collected).warnings)
    assert "API_TOKEN" in warnings
    assert "label note" in warnings
    assert "history" in warnings
    assert "FINE" not in warnings
    written = repr(
        (
            prepared.observations,
            prepared.warnings,
            the(collected).observations,
            the(collected).subject,
        )
    )
    assert token not in written + warnings


def test_a_key_inside_the_context_is_found_before_and_in_the_image_after(
    modern: dict[str, str], project: Path
) -> None:
    key = project / "src" / "release.key"
    key.write_text("-----BEGIN PRIVATE KEY-----\n")
    request = request_for(
        project, modern, "build", "-q", "-t", "bom-docker/key:1", "--target=files", "."
    )
    digest = hashlib.sha256(key.read_bytes()).hexdigest()
    request = BuildRequest(
        command=request.command,
        cwd=request.cwd,
        root=request.root,
        environment=request.environment,
        config=request.config,
        output=request.output,
        forbidden=frozenset({digest}),
    )
    with DockerBuilder().prepare(request) as prepared:
        assert prepared.packs(key)
        assert not prepared.packs(project.parent / "other.key")
        start(prepared, request)
        assert the(prepared.collect(Bar())).forbidden == ("src/release.key",)
    (project / ".dockerignore").write_text("**/*.key\n")
    with DockerBuilder().prepare(request) as prepared:
        assert not prepared.packs(key)


# --- refused before the build -------------------------------------------------------------------


def test_without_an_output_nothing_is_built(modern: dict[str, str], project: Path) -> None:
    request = BuildRequest(("docker", "build", "."), project, project, modern, Config())
    with pytest.raises(BomError) as caught:
        DockerBuilder().prepare(request)
    assert "-o app.tar" in caught.value.hint


def test_an_output_in_the_context_is_warned_of_unless_it_is_ignored(
    modern: dict[str, str], project: Path
) -> None:
    request = BuildRequest(
        ("docker", "build", "."), project, project, modern, Config(), output=project / "app.tar"
    )
    with DockerBuilder().prepare(request) as prepared:
        (warning,) = prepared.warnings
        assert "app.tar lies in the build context" in warning
    (project / ".dockerignore").write_text("*.tar\n")
    with DockerBuilder().prepare(request) as prepared:
        assert prepared.warnings == ()


def test_no_engine_and_no_client_are_said_so(modern: dict[str, str], project: Path) -> None:
    nobody = {**modern, "DOCKER_HOST": f"unix://{project}/none.sock"}
    with pytest.raises(EnvironmentLacks, match="no Docker engine answers"):
        DockerBuilder().prepare(request_for(project, nobody, "build", "."))
    with pytest.raises(EnvironmentLacks, match="docker client"):
        DockerBuilder().prepare(request_for(project, {"PATH": str(project)}, "build", "."))


def test_a_failed_build_leaves_nothing(modern: dict[str, str], project: Path) -> None:
    (project / "Dockerfile").write_text("FROM scratch\nCOPY none /\n")
    request = request_for(project, modern, "build", "-q", "-t", "bom-docker/fail:1", ".")
    with DockerBuilder().prepare(request) as prepared:
        code = run(
            prepared.invocation.argv,
            environment=prepared.invocation.environment,
            cwd=project,
            stdout=STDERR,
        )
    assert code == 1
    assert list((project.parent / "out").iterdir()) == []


def test_an_interrupted_export_leaves_nothing(modern: dict[str, str], project: Path) -> None:
    class Interrupted(Bar):
        def advance(self, amount: int) -> None:
            raise KeyboardInterrupt

    request = request_for(project, modern, "build", "-q", "-t", "bom-docker/int:1", ".")
    with pytest.raises(KeyboardInterrupt), DockerBuilder().prepare(request) as prepared:
        start(prepared, request)
        prepared.collect(Interrupted())
    assert list((project.parent / "out").iterdir()) == []


def test_docker_builds_come_before_builds_that_write_files() -> None:
    command = ("docker", "build", ".")
    assert next(b for b in BUILDERS if b.recognises(command)).name == "docker"
    assert next(b for b in BUILDERS if b.recognises(("make",))).name != "docker"


def test_temporary_files_are_for_the_user_alone(
    modern: dict[str, str], project: Path, temporary_folder: Path
) -> None:
    with DockerBuilder().prepare(request_for(project, modern, "build", ".")):
        (folder,) = temporary_folder.iterdir()
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
