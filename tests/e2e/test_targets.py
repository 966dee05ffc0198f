"""`bom build` around bake and compose, to an engine that loads what came out."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from tests.e2e.builds import Bom, Key, git

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Need

pytestmark = pytest.mark.e2e

BAKE = """\
group "default" { targets = ["web", "db"] }
target "web" {
  context = "web"
  tags = ["bom-test/f-e2e-web:1"]
}
target "db" {
  context = "db"
  tags = ["bom-test/f-e2e-db:1"]
}
target "bad" {
  context = "web"
  dockerfile-inline = "FROM scratch\\nCOPY nowhere /\\n"
}
"""
COMPOSE = """\
name: bom-test-f-e2e
services:
  web: {build: web, image: "bom-test/f-e2e-web:1"}
  db: {build: db, image: "bom-test/f-e2e-db:1"}
"""
IMAGES = ("bom-test/f-e2e-web:1", "bom-test/f-e2e-db:1")
FORMS = {
    "bake": ("docker", "buildx", "bake"),
    "compose": ("docker", "compose", "-f", "services.yaml", "build"),
}


@pytest.fixture
def engine(need: Need) -> Iterator[dict[str, str]]:
    environment = need.engine("modern")
    yield environment
    docker(environment, "image", "rm", "-f", *IMAGES)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    for name in ("web", "db"):
        (root / name).mkdir(parents=True)
        (root / name / "Dockerfile").write_text(f"FROM scratch\nCOPY {name}.txt /\n")
        (root / name / f"{name}.txt").write_text(f"{name}\n")
    (root / "docker-bake.hcl").write_text(BAKE)
    (root / "services.yaml").write_text(COMPOSE)
    git(root, "init", "-q")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "project")
    return root


def docker(environment: dict[str, str], *words: str) -> bytes:
    return subprocess.run(
        ["docker", *words], env=environment, check=True, capture_output=True
    ).stdout


def document(bom: Bom, file: Path) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(bom("show", "--json", file, cwd=file.parent).stdout)
    return value


@pytest.mark.parametrize("form", FORMS)
def test_every_image_is_sealed_verifies_and_loads_again(
    form: str, project: Path, engine: dict[str, str], bom: Bom, key: Key, tmp_path: Path
) -> None:
    on = bom.on(engine)
    outputs = (tmp_path / "one", tmp_path / "two")
    for out in outputs:
        out.mkdir()
        on("build", "-o", out, "--key", key.private, "--", *FORMS[form], cwd=project)
    for name, image in zip(("web", "db"), IMAGES, strict=True):
        sealed, again = (out / f"{name}.tar" for out in outputs)
        assert sealed.read_bytes() == again.read_bytes()
        done = on("verify", sealed, "--key", key.public, cwd=tmp_path)
        assert done.stdout.startswith(f"good: {name}.tar\n")
        original = tmp_path / f"{name}-original.tar"
        on("strip", sealed, "-o", original, cwd=tmp_path)
        assert original.read_bytes() == docker(engine, "save", image)
        fields = ("image", "inspect", "--format", "{{.Id}} {{json .RootFS.Layers}}", image)
        before = docker(engine, *fields)
        docker(engine, "image", "rm", "-f", image)
        docker(engine, "load", "-i", str(sealed))
        assert docker(engine, *fields) == before
        found = document(on, sealed)
        assert found["metadata"]["component"]["name"] == image.partition(":")[0]
        assert f'"{"db" if name == "web" else "web"}/Dockerfile"' not in json.dumps(found)


def test_a_target_that_fails_passes_its_code_on_and_nothing_is_sealed(
    project: Path, engine: dict[str, str], bom: Bom, key: Key, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    words = ("docker", "buildx", "bake", "db", "bad")
    done = bom.on(engine)(
        "build", "-o", out, "--key", key.private, "--", *words, cwd=project, code=1
    )
    assert "error: " not in done.stderr.replace("ERROR: ", "")
    assert list(out.iterdir()) == []


def test_several_images_need_a_folder_and_one_does_not(
    project: Path, engine: dict[str, str], bom: Bom, key: Key, tmp_path: Path
) -> None:
    on = bom.on(engine)
    start = ("build", "-o", tmp_path / "app.tar", "--key", key.private, "--")
    done = on(*start, *FORMS["bake"], cwd=project, code=125)
    assert done.stderr == (
        "error: this build makes 2 images, and app.tar is no folder\n"
        "hint: -o names a folder that is there: it gets one file for each image\n"
        "bom: this exit code 125 is bom's own, not the command's\n"
    )
    on(*start, *FORMS["bake"], "db", cwd=project)
    on("verify", tmp_path / "app.tar", "--key", key.public, cwd=tmp_path)
