"""One image on every way that `bom scan` takes, with real engines, skopeo and a real registry."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from tests.e2e.token_server import ISSUER, SERVICE, TokenServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Need
    from tests.e2e.builds import Bom, Image, Key, Package

pytestmark = pytest.mark.e2e

USER, PASSWORD = "ann", "correct-horse"
REPOSITORY = "team/app"


@dataclass(frozen=True)
class Scanned:
    """What a BOM says of an image."""

    subject: dict[str, Any]
    components: list[dict[str, Any]]
    config: str


def scanned(bom: Bom, folder: Path, target: str | Path, **more: str) -> Scanned:
    out = bom("scan", target, cwd=folder, more={"SOURCE_DATE_EPOCH": "1", **more}).stdout
    document = json.loads(out)
    subject = document["metadata"]["component"]
    config = [p["value"] for p in subject["properties"] if p["name"] == "bom-seal:image:config"]
    return Scanned(subject, document["components"], config[0] if config else "")


def run(*arguments: str | Path, cwd: Path) -> str:
    done = subprocess.run(
        [str(item) for item in arguments], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def save(image: Image, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp(f"save-{image.kind}") / "save.tar"
    image.docker("save", "-o", str(path), image.tag)
    return path


@pytest.fixture(scope="module")
def expected(image: Image, save: Path) -> Scanned:
    found = scanned(image.bom, save.parent, save)
    assert len(found.components) > 50
    return found


# --- files and the engine -----------------------------------------------------------------------


def test_archives_sealed_or_compressed_and_the_engine_give_the_same(
    image: Image, save: Path, expected: Scanned, need: Need, key: Key
) -> None:
    folder = save.parent
    run(need("zstd"), "-q", "-3", save, "-o", folder / "save.tar.zst", cwd=folder)
    wrapped = image.bom
    wrapped(
        *("build", "--key", key.private, "--artifact", "save.tar.gz", "--"),
        *("gzip", "-1", "-k", "save.tar"),
        cwd=folder,
    )
    identity = image.docker("image", "inspect", "--format", "{{.Id}}", image.tag).strip()
    targets = ("save.tar.zst", "save.tar.gz", image.tar, f"docker:{image.tag}")
    for target in (*targets, f"docker:{identity}"):
        found = scanned(wrapped, folder, target)
        assert (found.components, found.config) == (expected.components, expected.config), target


def test_an_engine_that_lacks_the_image_or_does_not_answer_is_said(
    image: Image, tmp_path: Path
) -> None:
    done = image.bom("scan", "docker:bom-e2e/never:1", cwd=tmp_path, code=2)
    assert done.stderr.startswith("error: the engine has no image bom-e2e/never:1\nhint: ")
    nobody = {"DOCKER_HOST": f"unix://{tmp_path}/gone.sock", "DOCKER_CONTEXT": ""}
    done = image.bom("scan", f"docker:{image.tag}", cwd=tmp_path, code=3, more=nobody)
    assert "no Docker engine answers" in done.stderr


# --- layouts ------------------------------------------------------------------------------------


def test_layouts_by_skopeo_give_the_same_whatever_compresses_their_layers(
    image: Image, save: Path, expected: Scanned, need: Need, tmp_path: Path
) -> None:
    skopeo = need("skopeo")
    kind = "oci-archive" if image.kind == "modern" else "docker-archive"
    for form in ("gzip", "zstd"):
        compress = ("--dest-compress", "--dest-compress-format", form)
        layout = tmp_path / form
        run(skopeo, "copy", "-q", *compress, f"{kind}:{save}", f"oci:{layout}:1", cwd=tmp_path)
        run("tar", "-C", layout, "-cf", f"{form}.tar", ".", cwd=tmp_path)
        digests = {item["digest"] for item in _layers(layout)}
        magic = b"\x28\xb5\x2f\xfd" if form == "zstd" else b"\x1f\x8b"
        for digest in digests:
            blob = layout / "blobs" / digest.replace(":", "/")
            assert blob.read_bytes()[: len(magic)] == magic
        for target in (layout, f"{form}.tar"):
            found = scanned(image.bom, tmp_path, target)
            assert found.components == expected.components
            # not the engine's: skopeo writes a configuration of its own for other layers
            assert found.config == _manifest(layout)["config"]["digest"]
    if image.kind == "modern":  # what this engine saves is a layout
        layout = tmp_path / "saved"
        layout.mkdir()
        run("tar", "-xf", save, "-C", layout, cwd=tmp_path)
        found = scanned(image.bom, tmp_path, layout)
        assert (found.components, found.config) == (expected.components, expected.config)


def _manifest(layout: Path) -> dict[str, Any]:
    index = json.loads((layout / "index.json").read_text())
    digest = index["manifests"][0]["digest"].replace(":", "/")
    manifest: dict[str, Any] = json.loads((layout / "blobs" / digest).read_text())
    return manifest


def _layers(layout: Path) -> list[dict[str, Any]]:
    layers: list[dict[str, Any]] = _manifest(layout)["layers"]
    return layers


# --- registries ---------------------------------------------------------------------------------


@contextlib.contextmanager
def serving(need: Need, folder: Path, auth: str = "") -> Iterator[str]:
    """Debian's registry on loopback; its host and port."""
    program = need("docker-registry")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (folder / "registry.yml").write_text(
        f"version: 0.1\nstorage:\n  filesystem: {{rootdirectory: {folder}/data}}\n"
        f"http: {{addr: '127.0.0.1:{port}'}}\n{auth}"
    )
    with (folder / "registry.log").open("wb") as log:
        server = subprocess.Popen(
            [program, "serve", folder / "registry.yml"], stdout=log, stderr=log
        )
    try:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield f"127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


def push(need: Need, save: Path, host: str, folder: Path, *options: str) -> None:
    to = f"docker://{host}/{REPOSITORY}:1"
    insecure = "--dest-tls-verify=false"
    run(
        *(need("skopeo"), "copy", "-q", insecure, *options, f"docker-archive:{save}", to),
        cwd=folder,
    )


def test_a_registry_gives_the_same_by_tag_and_by_digest(
    image: Image, save: Path, expected: Scanned, need: Need, tmp_path: Path
) -> None:
    with serving(need, tmp_path) as host:
        push(need, save, host, tmp_path)
        before = {path.name for path in tmp_path.iterdir()}
        found = scanned(image.bom, tmp_path, f"oci://{host}/{REPOSITORY}:1", TMPDIR=str(tmp_path))
        assert found.components == expected.components
        assert found.config == expected.config
        assert (found.subject["name"], found.subject["version"]) == (f"{host}/{REPOSITORY}", "1")
        digest = found.subject["purl"].partition("@")[2].partition("?")[0]
        same = scanned(image.bom, tmp_path, f"oci://{host}/{REPOSITORY}@{digest}")
        assert same.components == expected.components
        assert {path.name for path in tmp_path.iterdir()} == before
        done = image.bom("scan", f"oci://{host}/{REPOSITORY}:2", cwd=tmp_path, code=2)
        assert done.stderr.startswith(f"error: there is no {host}/{REPOSITORY}:2\nhint: ")


@pytest.mark.parametrize("way", ["htpasswd", "token"])
def test_a_registry_with_authentication_takes_what_a_login_left(
    image: Image, save: Path, expected: Scanned, need: Need, tmp_path: Path, way: str
) -> None:
    with contextlib.ExitStack() as stack:
        if way == "htpasswd":
            line = run(need("htpasswd"), "-Bbn", USER, PASSWORD, cwd=tmp_path)
            (tmp_path / "users").write_text(line)
            auth = f"auth: {{htpasswd: {{realm: test, path: {tmp_path}/users}}}}\n"
        else:
            tokens = stack.enter_context(TokenServer(USER, PASSWORD))
            tokens.write_certificate(tmp_path / "root.pem")
            auth = (
                f"auth:\n  token:\n    realm: {tokens.realm}\n    service: {SERVICE}\n"
                f"    issuer: {ISSUER}\n    rootcertbundle: {tmp_path}/root.pem\n"
            )
        host = stack.enter_context(serving(need, tmp_path, auth))
        push(need, save, host, tmp_path, f"--dest-creds={USER}:{PASSWORD}")
        config = tmp_path / "docker"
        config.mkdir()
        login = ("login", "--tls-verify=false", "--authfile", config / "config.json")
        run(need("skopeo"), *login, "-u", USER, "-p", PASSWORD, host, cwd=tmp_path)
        target = f"oci://{host}/{REPOSITORY}:1"
        found = scanned(image.bom, tmp_path, target, DOCKER_CONFIG=str(config))
        assert (found.components, found.config) == (expected.components, expected.config)
        assert PASSWORD not in json.dumps([found.subject, found.components])
        if way == "token":
            assert f"repository:{REPOSITORY}:pull" in tokens.given
        nothing = str(tmp_path / "nothing")
        done = image.bom("scan", target, cwd=tmp_path, code=2, more={"DOCKER_CONFIG": nothing})
        assert f"docker login {host}" in done.stderr


# --- packages -----------------------------------------------------------------------------------


def test_sealed_packages_are_described_as_they_were_built(
    bom: Bom, package: Package, tmp_path: Path
) -> None:
    for sealed in (package.wheel, package.sdist):
        stripped = tmp_path / sealed.name
        bom("strip", sealed, "-o", stripped, cwd=tmp_path)
        ours, plain = scanned(bom, tmp_path, sealed), scanned(bom, tmp_path, stripped)
        assert ours == plain
        assert ours.subject["purl"].startswith("pkg:pypi/")
        hashes = [item["content"] for item in ours.subject["hashes"]]
        assert hashes == [run("sha256sum", stripped, cwd=tmp_path).split()[0]]


def test_a_virtual_environment_is_scanned_for_what_pip_lists(
    bom: Bom, need: Need, tmp_path: Path
) -> None:
    run(need("python"), "-m", "venv", tmp_path / "env", cwd=tmp_path)
    listed = json.loads(
        run(tmp_path / "env/bin/python", "-m", "pip", "list", "--format=json", cwd=tmp_path)
    )
    found = scanned(bom, tmp_path, "env")
    purls = {part["purl"] for part in found.components if part.get("purl", "").startswith("pkg:")}
    assert {f"pkg:pypi/{item['name']}@{item['version']}" for item in listed} <= purls
