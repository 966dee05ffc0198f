"""Real builds for the end-to-end tests: a project in git, an image on each engine, both sealed."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.e2e.builds import DOCKERFILE, ENGINES, Bom, Image, Key, Package, git, project
from tests.e2e.rebuilds import TAR, Rebuilder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Need


@pytest.fixture(scope="module")
def bom(tmp_path_factory: pytest.TempPathFactory) -> Bom:
    return Bom(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def key(bom: Bom) -> Key:
    bom("key", "generate", "--out", bom.home / "release", cwd=bom.home)
    return Key(bom.home / "release.key", bom.home / "release.pub")


@pytest.fixture(scope="module")
def package(bom: Bom, key: Key, tmp_path_factory: pytest.TempPathFactory, need: Need) -> Package:
    root = project("python-package", tmp_path_factory.mktemp("package") / "newest")
    command = [need("python"), "-m", "build", "--no-isolation"]
    built = tmp_path_factory.mktemp("built")
    epoch = git(root, "log", "-1", "--format=%ct")
    subprocess.run(
        [*command, "-o", built],
        cwd=root,
        check=True,
        capture_output=True,
        env=bom.variables(SOURCE_DATE_EPOCH=epoch),
    )
    bom("build", "--key", key.private, "--", *command, cwd=root)
    wheel, sdist = next(root.glob("dist/*.whl")), next(root.glob("dist/*.tar.gz"))
    return Package(root, wheel, sdist, built)


@pytest.fixture(scope="module", params=ENGINES)
def image(
    request: pytest.FixtureRequest,
    bom: Bom,
    key: Key,
    need: Need,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Image]:
    kind = request.param
    engine = need.engine(kind)
    base = need.base_image(engine)
    context = tmp_path_factory.mktemp(f"image-{kind}") / "app"
    context.mkdir()
    (context / "Dockerfile").write_text(DOCKERFILE.format(base=base))
    (context / "message.txt").write_text("hello\n")
    (context / ".dockerignore").write_text("*.tar\n")
    git(context, "init", "-q")
    git(context, "add", "-A")
    git(context, "commit", "-q", "-m", "app")
    # one for each module: they run beside each other, and each removes its own
    tag = f"bom-e2e/{Path(request.node.name).stem}-{kind}:1"
    sealed = context.parent / "app.tar"
    wrapped = bom.on(engine)
    wrapped(
        *("build", "-o", sealed, "--key", key.private, "--"),
        *("docker", "build", "--network=host", "--build-arg", "MODE=fast", "-t", tag, "."),
        cwd=context,
    )
    made = Image(kind, engine, wrapped, context, sealed, tag)
    yield made
    made.docker("image", "rm", "--force", tag)


@pytest.fixture
def rebuild(bom: Bom, key: Key, tmp_path: Path) -> Rebuilder:
    room = tmp_path / "tmp"
    room.mkdir()
    return Rebuilder(bom, key, room)


@pytest.fixture
def tars(tmp_path: Path, need: Need) -> Path:
    """A project whose script packs a tar, in git."""
    need("tar"), need("git")
    root = tmp_path / "tars"
    root.mkdir()
    (root / "README").write_text("hello\n")
    (root / "build.sh").write_text(TAR)
    (root / ".gitignore").write_text("*.tar\n*.sigstore.jsonl\n")
    git(root, "init", "-q")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "project")
    return root
