"""`bom build -- podman build` and `buildah bud`, to a client that loads what came out."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from tests.containers import Containers
from tests.e2e.builds import Bom, git

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Need
    from tests.e2e.builds import Key

pytestmark = pytest.mark.e2e

# As root on any machine, in a container too: no network of its own for a step.
COMMANDS = {
    "podman": ("podman", "build", "--network=host"),
    "buildah": ("buildah", "bud", "--layers", "--isolation=chroot", "--network=host"),
}
BASE = "bom-e2e-base:1"
PROGRAM = """\
#include <stdio.h>
#include <stdlib.h>
int main(int count, char **words) {
  FILE *file = fopen(words[1], "w");
  return fputs(getenv("MODE"), file) < 0 || fclose(file);
}
"""
CONTAINERFILE = f"""\
FROM {BASE} AS start
ARG MODE=slow
LABEL mode=$MODE
COPY message.txt /srv/message.txt
RUN ["/bin/note", "/srv/mode"]
FROM start
CMD ["/bin/note", "/dev/stdout"]
"""
STATUS = """\
Package: note
Status: install ok installed
Architecture: amd64
Version: 1.2-3
Maintainer: t <t@example.invalid>
Description: writes a file

"""


@dataclass(frozen=True)
class Sealed:
    """An image built and sealed by `program`. `tag`: what it is called in the storage."""

    program: str
    bom: Bom
    containers: Containers
    context: Path
    command: tuple[str, ...]
    tar: Path
    tag: str

    def document(self) -> dict[str, Any]:
        shown = self.bom("show", "--json", self.tar, cwd=self.context)
        value: dict[str, Any] = json.loads(shown.stdout)
        return value


@pytest.fixture(scope="module")
def containers(tmp_path_factory: pytest.TempPathFactory, need: Need) -> Iterator[Containers]:
    """A storage with a base image that has one program and one package."""
    for program in ("podman", "buildah"):
        need(program)
    root = tmp_path_factory.mktemp("base") / "root"
    for folder in ("bin", "etc", "srv", "var/lib/dpkg"):
        (root / folder).mkdir(parents=True)
    (root / "etc" / "os-release").write_text('ID=debian\nNAME="Debian"\nVERSION_ID="12"\n')
    (root / "var" / "lib" / "dpkg" / "status").write_text(STATUS)
    subprocess.run(
        [need("gcc"), "-static", "-x", "c", "-o", root / "bin" / "note", "-"],
        input=PROGRAM.encode(),
        check=True,
    )
    (root.parent / "Containerfile").write_text("FROM scratch\nCOPY root /\n")
    made = Containers.at(tmp_path_factory.mktemp("containers"))
    made("podman", "build", "-q", "-t", BASE, root.parent)
    yield made
    made.remove()


@pytest.fixture(scope="module")
def wrapped(bom: Bom, containers: Containers) -> Bom:
    settings = {"CONTAINERS_STORAGE_CONF": containers.environment["CONTAINERS_STORAGE_CONF"]}
    return Bom(bom.home, {**bom.environment, **settings})


@pytest.fixture(scope="module", params=COMMANDS)
def sealed(
    request: pytest.FixtureRequest,
    wrapped: Bom,
    key: Key,
    containers: Containers,
    tmp_path_factory: pytest.TempPathFactory,
) -> Sealed:
    program = request.param
    context = tmp_path_factory.mktemp(program) / "app"
    context.mkdir()
    (context / "Containerfile").write_text(CONTAINERFILE)
    (context / "message.txt").write_text("hello\n")
    git(context, "init", "-q")
    git(context, "add", "-A")
    git(context, "commit", "-q", "-m", "app")
    tag = f"bom-e2e-{program}:1"
    command = (*COMMANDS[program], "--build-arg", "MODE=fast", "-t", tag, ".")
    out = context.parent / "app.tar"
    wrapped("build", "-o", out, "--key", key.private, "--", *command, cwd=context)
    return Sealed(program, wrapped, containers, context, command, out, tag)


def properties(part: dict[str, Any]) -> dict[str, str]:
    return {entry["name"]: entry["value"] for entry in part.get("properties", [])}


def test_the_sealed_image_verifies_and_a_tampered_copy_does_not(
    sealed: Sealed, key: Key, tmp_path: Path
) -> None:
    done = sealed.bom("verify", sealed.tar, "--key", key.public, cwd=sealed.context)
    assert done.stdout.startswith("good: app.tar\n")
    data = bytearray(sealed.tar.read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / "app.tar").write_bytes(data)
    done = sealed.bom("verify", tmp_path / "app.tar", "--key", key.public, cwd=tmp_path, code=1)
    assert done.stdout.startswith("BAD: app.tar")


def test_it_is_loaded_again_as_the_same_image(sealed: Sealed, tmp_path: Path) -> None:
    wanted = sealed.containers.image_id(sealed.tag)
    elsewhere = Containers.at(tmp_path / "elsewhere")
    try:
        elsewhere("podman", "load", "-q", "-i", sealed.tar)
        assert elsewhere.image_id(f"localhost/{sealed.tag}") == wanted
        pulled = elsewhere("buildah", "pull", "-q", f"docker-archive:{sealed.tar}")
        assert pulled == wanted
    finally:
        elsewhere.remove()


def test_strip_gives_what_podman_saves(sealed: Sealed, tmp_path: Path) -> None:
    out, saved = tmp_path / "stripped.tar", tmp_path / "saved.tar"
    sealed.bom("strip", sealed.tar, "-o", out, cwd=tmp_path)
    sealed.containers("podman", "save", "-q", "-o", saved, sealed.tag)
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in (out, saved)]
    assert digests[0] == digests[1]


def test_the_bom_names_what_ships_and_what_it_was_built_from(sealed: Sealed) -> None:
    document = sealed.document()
    assert {part["name"] for part in document["components"]} >= {"note"}
    formula = document["formulation"][0]
    parts = {part["bom-ref"]: part for part in formula["components"]}
    (base,) = (part for ref, part in parts.items() if ref.startswith("material:base-image:"))
    assert "bom-seal:image:proven-by" in properties(base)
    assert properties(base)["bom-seal:image:os"].startswith("debian 12")
    digest = sealed.containers("podman", "image", "inspect", "--format", "{{.Digest}}", BASE)
    assert base["hashes"][0]["content"] == digest.removeprefix("sha256:")
    assert "material:dockerfile:Containerfile" in parts
    assert parts[f"tool:client:{sealed.program}"]["hashes"]
    parameters = [
        item for entry in formula["workflows"][0]["inputs"] for item in entry.get("parameters", [])
    ]
    assert {"name": "MODE", "value": "fast", "dataType": "build-arg"} in parameters


def test_a_step_of_the_build_ran_in_the_image(sealed: Sealed) -> None:
    with tarfile.open(sealed.tar) as archive:
        manifest = json.load(archive.extractfile("manifest.json") or io.BytesIO())
        config = json.load(archive.extractfile(manifest[0]["Config"]) or io.BytesIO())
        with tarfile.open(fileobj=archive.extractfile(manifest[0]["Layers"][-1])) as layer:
            note = layer.extractfile("srv/mode")
            assert note is not None
            assert note.read() == b"fast"
    assert config["config"]["Labels"]["mode"] == "fast"


def test_an_equal_build_gives_an_equal_sealed_image(
    sealed: Sealed, key: Key, tmp_path: Path
) -> None:
    """Both programs have the image in their cache; another hour would be in it otherwise."""
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", sealed.context, clone], check=True)
    subprocess.run(["git", "remote", "remove", "origin"], cwd=clone, check=True)
    again = tmp_path / "again.tar"
    sealed.bom("build", "-o", again, "--key", key.private, "--", *sealed.command, cwd=clone)
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in (again, sealed.tar)]
    assert digests[0] == digests[1]


@pytest.mark.parametrize("program", COMMANDS)
def test_a_failing_build_leaves_nothing_and_passes_its_code_on(
    program: str, wrapped: Bom, containers: Containers, key: Key, tmp_path: Path
) -> None:
    (tmp_path / "Containerfile").write_text("FROM scratch\nCOPY missing /\n")
    (tmp_path / "out").mkdir()
    command = (*COMMANDS[program], ".")
    plain = subprocess.run(
        list(command), cwd=tmp_path, env=containers.environment, capture_output=True, check=False
    )
    own: list[str | Path] = ["build", "-o", "out/app.tar", "--key", key.private, "--"]
    done = wrapped(*own, *command, cwd=tmp_path, code=None)
    assert done.returncode == plain.returncode != 0
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("program", COMMANDS)
def test_a_private_key_in_the_context_stops_the_build(
    program: str, wrapped: Bom, key: Key, tmp_path: Path
) -> None:
    context = tmp_path / "context"
    context.mkdir()
    (context / "Containerfile").write_text("FROM scratch\nCOPY . /\n")
    (context / "release.key").write_bytes(key.private.read_bytes())
    (context / "release.key").chmod(0o600)
    own: list[str | Path] = ["build", "-o", tmp_path / "app.tar", "--key", "release.key", "--"]
    command = (*COMMANDS[program], "-t", f"bom-e2e-key-{program}", ".")
    done = wrapped(*own, *command, cwd=context, code=125)
    assert "private key" in done.stderr
    assert not (tmp_path / "app.tar").exists()
    (context / ".containerignore").write_text("*.key\n")
    wrapped(*own, *command, cwd=context)
    assert (tmp_path / "app.tar").exists()
