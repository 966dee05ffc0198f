"""Builds that push, builders that keep the image to themselves, and images for several platforms:
sealed, verified, loaded again, and held against what the registry serves.

The builder of another driver is the modern engine's BuildKit, reached as any remote one, for a
client of the classic engine: that one never sees the image. With BOM_TEST_BUILDKITD, the path of a
`buildkitd`, the same is done by one of its own. CI has none: to build it takes minutes.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import socket
import subprocess
import tarfile
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.e2e.builds import Bom, Key, git
from tests.e2e.test_scan_sources import serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Need

pytestmark = pytest.mark.e2e

PLATFORMS = "linux/amd64,linux/arm64"
DOCKERFILE = """\
FROM scratch
ARG TARGETARCH
COPY message.txt /srv/message.txt
COPY $TARGETARCH /srv/native
"""


class Site:
    """A project in git, an engine, and `bom` on it."""

    def __init__(self, bom: Bom, key: Key, engine: dict[str, str], folder: Path) -> None:
        self.bom, self.key, self.engine, self.folder = bom.on(engine), key, engine, folder
        self.context = folder / "app"
        self.context.mkdir()
        (self.context / "Dockerfile").write_text(DOCKERFILE)
        for name in ("message.txt", "amd64", "arm64"):
            (self.context / name).write_text(f"{name}\n" * 20)  # too long to be equal by chance
        git(self.context, "init", "-q")
        git(self.context, "add", "-A")
        git(self.context, "commit", "-q", "-m", "app")
        self.tags: list[str] = []

    def build(
        self, name: str, *command: str, code: int = 0, **more: str
    ) -> subprocess.CompletedProcess[str]:
        out = self.folder / name
        done = self.bom(
            *("build", "-o", out, "--key", self.key.private),
            *("--", *command, "."),
            cwd=self.context,
            code=code,
            more=more,
        )
        assert out.exists() is (code == 0)
        return done

    def verified(self, name: str) -> str:
        return self.bom("verify", name, "--key", self.key.public, cwd=self.folder).stdout

    def document(self, name: str) -> dict[str, Any]:
        value: dict[str, Any] = json.loads(self.bom("show", "--json", name, cwd=self.folder).stdout)
        return value

    def docker(self, *arguments: str | Path) -> str:
        done = subprocess.run(
            ["docker", *map(str, arguments)],
            env=self.engine,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def loaded(self, name: str, tag: str) -> str:
        """The ID of what the sealed file is, loaded anew."""
        subprocess.run(
            ["docker", "image", "rm", "--force", tag],
            env=self.engine,
            capture_output=True,
            check=False,
        )
        self.docker("load", "-q", "-i", self.folder / name)
        try:
            return self.docker("image", "inspect", "--format", "{{.Id}}", tag)
        finally:
            self.docker("image", "rm", "--force", tag)


@pytest.fixture
def site(bom: Bom, key: Key, modern: dict[str, str], tmp_path: Path) -> Site:
    return Site(bom, key, modern, tmp_path)


@pytest.fixture
def modern(need: Need) -> dict[str, str]:
    return need.engine("modern")


@pytest.fixture
def registry(need: Need, modern: dict[str, str], tmp_path: Path) -> Iterator[str]:
    folder = tmp_path / "registry"
    folder.mkdir()
    with serving(need, folder) as host:
        yield host
    # what its BuildKit pushed stays in this engine, by digest where it had no tag
    forget(modern, host)


def forget(engine: dict[str, str], host: str) -> None:
    """Remove the images of a registry from an engine."""
    shown = "{{.Repository}}:{{.Tag}}\n{{.Repository}}@{{.Digest}}"
    listed = ["docker", "image", "ls", "--digests", "--format", shown]
    names = subprocess.run(listed, env=engine, check=True, capture_output=True, text=True).stdout
    left = {name for name in names.split() if name.startswith(f"{host}/")}
    left = {name for name in left if not name.endswith("<none>")}
    if left:
        remove = ["docker", "image", "rm", "--force", *sorted(left)]
        subprocess.run(remove, env=engine, check=True, capture_output=True)


def served(need: Need, name: str) -> tuple[str, dict[str, Any]]:
    """The digest of what a registry serves under a name, and the document."""
    command = [need("skopeo"), "inspect", "--raw", "--tls-verify=false", f"docker://{name}"]
    raw = subprocess.run(command, check=True, capture_output=True).stdout
    return f"sha256:{hashlib.sha256(raw).hexdigest()}", json.loads(raw)


def images(document: dict[str, Any]) -> dict[str, str]:
    """Platform and manifest of each platform's component."""
    found = {}
    for part in document["components"]:
        facts = {item["name"]: item["value"] for item in part.get("properties", ())}
        if part["type"] == "container" and "bom-seal:platform" in facts:
            found[facts["bom-seal:platform"]] = facts["bom-seal:image:manifest"]
    return found


def check_single(site: Site, need: Need, file: str, tag: str) -> None:
    """The sealed file's manifest is one that the registry serves under the tag."""
    digest, document = served(need, tag)
    manifests = {item["digest"] for item in document.get("manifests", ())} or {digest}
    (line,) = [text for text in site.verified(file).splitlines() if text.startswith("  image ")]
    assert line.split()[1] in manifests
    assert "seal.pushed" in json.dumps(site.document(file)["annotations"])
    site.loaded(file, tag)


def check_several(site: Site, need: Need, file: str, tag: str) -> None:
    """The sealed file holds the index that the registry serves, with all that it names."""
    digest, index = served(need, tag)
    document = site.document(file)
    wanted = {
        f"{item['platform']['os']}/{item['platform']['architecture']}": item["digest"]
        for item in index["manifests"]
        if item["platform"]["os"] != "unknown"
    }
    assert images(document) == wanted
    assert f"@{digest}?" in document["metadata"]["component"]["purl"]
    assert site.verified(file).count("\n  image      sha256:") == 2
    assert site.loaded(file, tag) == digest


def test_an_image_for_two_platforms_is_one_sealed_file(site: Site, need: Need) -> None:
    tag = "bom-test/p-several:1"
    site.build("app.tar", "docker", "buildx", "build", "--platform", PLATFORMS, "-t", tag)
    document = site.document("app.tar")
    assert set(images(document)) == set(PLATFORMS.split(","))
    assert site.verified("app.tar").startswith("good: app.tar\n")
    steps = [
        {item["name"]: item["value"] for item in task.get("properties", ())}
        for task in document["formulation"][0]["workflows"][0]["tasks"]
    ]
    assert {task.get("bom-seal:platform") for task in steps} == set(PLATFORMS.split(","))
    identifier = site.docker("image", "inspect", "--format", "{{.Id}}", tag)
    assert site.loaded("app.tar", tag) == identifier
    again = site.build("again.tar", "docker", "buildx", "build", "--platform", PLATFORMS, "-t", tag)
    assert "gaps" in again.stderr
    first, second = (site.folder / name for name in ("app.tar", "again.tar"))
    assert first.read_bytes() == second.read_bytes()
    site.docker("image", "rm", "--force", tag)
    # whoever reads one platform out of it has to say which
    done = site.bom("scan", "app.tar", cwd=site.folder, code=2)
    assert "--platform linux/amd64" in done.stderr
    done = site.bom("show", "--files", "app.tar", cwd=site.folder, code=2)
    assert "--platform linux/amd64" in done.stderr
    arm = ("--platform", "linux/arm64")
    scanned = json.loads(site.bom("scan", *arm, "app.tar", cwd=site.folder).stdout)
    facts = scanned["metadata"]["component"]["properties"]
    assert {"name": "bom-seal:image:platform", "value": "linux/arm64"} in facts
    shown = site.bom("show", "--files", *arm, "--json", "app.tar", cwd=site.folder).stdout
    owners = {item["path"]: item["owner"] for item in map(json.loads, shown.splitlines())}
    assert owners == {"srv/message.txt": "subject", "srv/native": "subject"}


def test_damage_is_told_by_layer_and_platform(site: Site) -> None:
    tag = "bom-test/p-damaged:1"
    site.build("app.tar", "docker", "buildx", "build", "--platform", PLATFORMS, "-t", tag)
    site.docker("image", "rm", "--force", tag)
    (layer,) = [
        item["value"].split()[2].removeprefix("sha256:")
        for part in site.document("app.tar")["components"]
        if part["bom-ref"] == "image:linux/arm64"
        for item in part["properties"]
        if item["name"] == "bom-seal:image:layer" and item["value"].startswith("001 ")
    ]
    path = site.folder / "app.tar"
    with tarfile.open(path) as archive:
        member = archive.getmember(f"blobs/sha256/{layer}")
    with path.open("r+b") as file:
        file.seek(member.offset_data + member.size - 1)
        last = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([last[0] ^ 1]))
    done = site.bom("verify", "app.tar", "--key", site.key.public, cwd=site.folder, code=1)
    assert "damaged: layer 1 of linux/arm64 (blobs/sha256/" in done.stdout


def test_what_the_engine_keeps_of_a_push_is_its_own_export(
    site: Site, need: Need, registry: str
) -> None:
    tag = f"{registry}/bom-test/p:1"
    site.build("app.tar", "docker", "buildx", "build", "--push", "-t", tag)
    check_single(site, need, "app.tar", tag)
    tag = f"{registry}/bom-test/p:2"
    command = ("docker", "buildx", "build", "--platform", PLATFORMS, "-o", "type=registry")
    site.build("several.tar", *command, "-t", tag)
    check_several(site, need, "several.tar", tag)


def test_one_foreign_platform_is_sealed_as_what_it_is(site: Site) -> None:
    tag = "bom-test/p-foreign:1"
    site.build("option.tar", "docker", "build", "--platform", "linux/arm64", "-t", tag)
    site.build("variable.tar", "docker", "build", "-t", tag, DOCKER_DEFAULT_PLATFORM="linux/arm64")
    for name in ("option.tar", "variable.tar"):
        assert "(linux/arm64)\n" in site.verified(name)
    site.loaded("option.tar", tag)


def test_one_foreign_platform_is_sealed_as_what_it_is_by_an_old_engine(
    bom: Bom, key: Key, need: Need, tmp_path: Path
) -> None:
    site = Site(bom, key, need.engine("classic"), tmp_path)
    tag = "bom-test/p-old:1"
    site.build("option.tar", "docker", "build", "--platform", "linux/arm64", "-t", tag)
    site.build("variable.tar", "docker", "build", "-t", tag, DOCKER_DEFAULT_PLATFORM="linux/arm64")
    for name in ("option.tar", "variable.tar"):
        assert "(linux/arm64)\n" in site.verified(name)
    site.loaded("option.tar", tag)


# --- a builder of another driver ----------------------------------------------------------------


class Piped:
    """BuildKit inside an engine, on a socket of its own: `docker buildx dial-stdio`."""

    def __init__(self, engine: dict[str, str], socket_file: Path) -> None:
        self.engine = engine
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(socket_file))
        self._socket.listen()
        self._pipes: list[subprocess.Popen[bytes]] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        command = ["docker", "buildx", "dial-stdio"]
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection:
                ends = connection.fileno()
                self._pipes.append(
                    subprocess.Popen(command, env=self.engine, stdin=ends, stdout=ends)
                )

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()
        for pipe in self._pipes:
            pipe.terminate()
            pipe.wait()


@contextlib.contextmanager
def buildkitd(program: str, folder: Path) -> Iterator[None]:
    """A buildkitd of its own, at `folder`/socket."""
    address = f"unix://{folder}/socket"
    options = ("--oci-worker-snapshotter=native", "--oci-worker-net=host")
    command = [program, "--root", str(folder / "root"), "--addr", address, *options]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        for _ in range(200):
            if (folder / "socket").exists():
                break
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait()


# One more builder where there is one to be tried; nothing is left out where there isn't.
BUILDERS = ("engine", "buildkitd") if os.environ.get("BOM_TEST_BUILDKITD") else ("engine",)


@pytest.fixture(params=BUILDERS)
def builder(
    request: pytest.FixtureRequest, bom: Bom, key: Key, need: Need, tmp_path: Path
) -> Iterator[tuple[Site, str]]:
    """A site on an engine, and the name of a builder there whose driver is `remote`."""
    modern = need.engine("modern")
    client = {
        **modern,
        "DOCKER_HOST": need.engine("classic")["DOCKER_HOST"],
        # `buildx create` locks it while it asks the builder, which is another client here
        "BUILDX_CONFIG": str(tmp_path / "buildx"),
    }
    site = Site(bom, key, client, tmp_path)
    name = f"bom-test-p-{os.getpid()}"
    # not below tmp_path: a socket's path may have 107 bytes
    with tempfile.TemporaryDirectory(prefix="bom-test-") as text, contextlib.ExitStack() as stack:
        folder = Path(text)
        if request.param == "engine":
            stack.callback(Piped(modern, folder / "socket").close)
        else:
            stack.enter_context(buildkitd(os.environ["BOM_TEST_BUILDKITD"], folder))
        address = f"unix://{folder}/socket"
        site.docker("buildx", "create", "--name", name, "--driver", "remote", address)
        yield site, name


def test_a_builder_of_another_driver_is_told_to_load_or_to_push(builder: tuple[Site, str]) -> None:
    site, name = builder
    tag = "bom-test/p-remote:1"
    command = ("docker", "buildx", "build", "--builder", name, "-t", tag)
    done = site.build("refused.tar", *command, code=125)
    assert "keep the image to itself\nhint: add --load" in done.stderr
    site.build("app.tar", *command, "--load")
    assert site.verified("app.tar").startswith("good: app.tar\n")
    site.loaded("app.tar", tag)


def test_what_a_builder_of_another_driver_pushed_is_read_back(
    builder: tuple[Site, str], need: Need, registry: str
) -> None:
    site, name = builder
    command = ("docker", "buildx", "build", "--builder", name)
    tag = f"{registry}/bom-test/p:5"
    site.build("app.tar", *command, "--push", "-t", tag)
    check_single(site, need, "app.tar", tag)
    with tarfile.open(site.folder / "app.tar") as archive:
        assert archive.getnames()[2:5] == ["oci-layout", "index.json", "manifest.json"]
    # no engine is needed for that, and it takes no part
    site.build("alone.tar", *command, "--push", "-t", tag, DOCKER_HOST="unix:///nonexistent")
    for file in ("app.tar", "alone.tar"):
        kinds = [
            item["value"]
            for part in site.document(file)["formulation"][0]["components"]
            for item in part["properties"]
            if item["name"] == "bom-seal:tool:kind"
        ]
        assert sorted(set(kinds)) == ["builder", "client"]
    output = f"type=image,name={registry}/bom-test/p,push-by-digest=true,push=true"
    site.build("digest.tar", *command, "-o", output)
    assert site.verified("digest.tar").startswith("good: digest.tar\n")


def test_what_it_pushed_for_two_platforms_is_read_back_with_its_index(
    builder: tuple[Site, str], need: Need, registry: str, modern: dict[str, str]
) -> None:
    site, name = builder
    tag = f"{registry}/bom-test/p:6"
    command = ("docker", "buildx", "build", "--builder", name, "--push", "-t", tag)
    site.build("several.tar", *command, "--platform", PLATFORMS)
    site.loaded("several.tar", tag)  # the classic engine takes the one for its own platform
    site.engine = modern
    check_several(site, need, "several.tar", tag)


# --- compose and bake ---------------------------------------------------------------------------

SERVICES = """\
name: bom-test-p-compose
services:
  web:
    build: {context: ., tags: ["HOST/bom-test/p-extra:1"]}
    image: HOST/bom-test/p-web:1
  # it has no `image`, so compose does not push it
  own: {build: {context: ., target: ""}, depends_on: [web]}
"""
TARGETS = """\
group "default" { targets = ["web"] }
target "web" {
  context = "."
  tags = ["HOST/bom-test/p-web:1", "HOST/bom-test/p-extra:1"]
}
"""


def all_of(
    site: Site, command: tuple[str, ...], code: int = 0, more: dict[str, str] | None = None
) -> str:
    """Seals what a command of several images leaves, into folder `out`; its standard error."""
    out = site.folder / "out"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    given = ("-o", out, "--key", site.key.private)
    done = site.bom("build", *given, "--", *command, cwd=site.context, code=code, more=more)
    return done.stderr


def pushing(site: Site, host: str, name: str, text: str) -> None:
    (site.context / name).write_text(text.replace("HOST", host))
    git(site.context, "add", "-A")
    git(site.context, "commit", "-q", "-m", name)


@pytest.mark.parametrize(
    "more",
    [{}, {"COMPOSE_BAKE": "false"}, {"DOCKER_BUILDKIT": "0"}],
    ids=["bake", "own", "classic"],
)
def test_what_compose_pushes_is_the_engines_export(
    site: Site, need: Need, registry: str, more: dict[str, str]
) -> None:
    pushing(site, registry, "compose.yaml", SERVICES)
    try:
        all_of(site, ("docker", "compose", "build", "--push"), more=more)
        check_pushed(site, need, registry)
        document = site.document("out/own.tar")
        assert "seal.pushed" not in json.dumps(document["annotations"])
        assert ("build.provenance" in json.dumps(document["annotations"])) == (
            "DOCKER_BUILDKIT" in more
        )
    finally:
        site.docker("image", "rm", "--force", "bom-test-p-compose-own")


def test_what_bake_pushes_is_the_engines_export(site: Site, need: Need, registry: str) -> None:
    pushing(site, registry, "docker-bake.hcl", TARGETS)
    all_of(site, ("docker", "buildx", "bake", "--push"))
    check_pushed(site, need, registry)


def check_pushed(site: Site, need: Need, registry: str) -> None:
    extra = f"{registry}/bom-test/p-extra:1"
    assert served(need, extra)[0] == served(need, f"{registry}/bom-test/p-web:1")[0]
    check_single(site, need, "out/web.tar", f"{registry}/bom-test/p-web:1")


@pytest.mark.parametrize(
    ("command", "platforms"),
    [(("compose", "build"), ""), (("compose", "build"), PLATFORMS), (("buildx", "bake"), "")],
    ids=["compose", "several", "bake"],
)
def test_what_they_push_by_a_builder_of_another_driver_is_read_back(
    builder: tuple[Site, str],
    need: Need,
    registry: str,
    modern: dict[str, str],
    command: tuple[str, ...],
    platforms: str,
) -> None:
    site, name = builder
    classic = site.engine
    web = f"{registry}/bom-test/p-web:1"
    # what the engine has under that name is another image, and stays it
    (site.folder / "old").mkdir()
    (site.folder / "old" / "Dockerfile").write_text("FROM scratch\nLABEL old=1\n")
    site.docker("build", "-q", "-t", web, site.folder / "old")
    old = site.docker("image", "inspect", "--format", "{{.Id}}", web)
    every = json.dumps(platforms.split(",") if platforms else [])
    services = SERVICES.partition("  # it has")[0].replace("tags:", f"platforms: {every}, tags:")
    pushing(site, registry, "compose.yaml", services)
    targets = TARGETS.replace("context =", f"platforms = {every}\n  context =")
    pushing(site, registry, "docker-bake.hcl", targets)
    all_of(site, ("docker", *command, "--push"), more={"BUILDX_BUILDER": name})
    assert site.docker("image", "inspect", "--format", "{{.Id}}", web) == old
    gaps = json.dumps(site.document("out/web.tar")["annotations"])
    assert "build.provenance" not in gaps
    if platforms:
        site.engine = modern
        check_several(site, need, "out/web.tar", web)
    else:
        check_single(site, need, "out/web.tar", web)
    if command == ("compose", "build"):
        words = ("docker", "compose", "build", "--push")
        more = {"BUILDX_BUILDER": name, "BUILDX_METADATA_PROVENANCE": "disabled"}
        told = all_of(site, words, code=125, more=more)
        assert "web: the engine doesn't keep the image that was pushed" in told
        assert list((site.folder / "out").iterdir()) == []
    forget(classic, registry)
