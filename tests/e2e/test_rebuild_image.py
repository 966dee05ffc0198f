"""`bom rebuild` of images, on both engines and by podman: never from the cache, and the user's own
names stand for what they stood for."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING

import pytest
from tests.e2e.builds import ENGINES, Bom, Key, git

from bom.builder.kept import HELD

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Need

pytestmark = pytest.mark.e2e


class Engine:
    """One engine, `bom` on it, and a name of the test's own."""

    def __init__(self, kind: str, environment: dict[str, str], bom: Bom) -> None:
        self.kind = kind
        self.environment = environment
        self.bom = bom.on(environment)
        self.tag = f"bom-test/rebuild-{kind}-{os.getpid()}:1"

    def docker(self, *arguments: str) -> str:
        return subprocess.run(
            ["docker", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    def id_of(self, name: str) -> str:
        return self.docker("image", "ls", "-q", "--no-trunc", name).strip()

    def holds(self, image: str) -> bool:
        """Whether it is still held; others on this engine may hold theirs."""
        held = self.docker("image", "ls", "-q", "--no-trunc", HELD)
        return image in held.split()


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest, bom: Bom, need: Need) -> Iterator[Engine]:
    kind = request.param
    made = Engine(kind, need.engine(kind), bom)
    yield made
    for name in (made.tag, f"{made.tag}-second", f"{made.tag}-web"):
        if made.id_of(name):
            made.docker("image", "rm", "--force", name)


def source(folder: Path, dockerfile: str, **files: str) -> Path:
    folder.mkdir()
    (folder / "Dockerfile").write_text(dockerfile)
    (folder / "message.txt").write_text("hello\n")
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text)
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "app")
    return folder


def test_a_clock_in_a_run_step_is_found_though_the_cache_has_the_step(
    engine: Engine, key: Key, need: Need, tmp_path: Path
) -> None:
    base = need.base_image(engine.environment)
    app = source(
        tmp_path / "app",
        f"FROM {base}\nCOPY message.txt /srv/\nRUN date +%s%N >/srv/stamp\n",
    )
    sealed, room = tmp_path / "app.tar", tmp_path / "tmp"
    room.mkdir()
    second = f"{engine.tag}-second"
    engine.bom(
        *("build", "-o", sealed, "--key", key.private, "--normalize", "--"),
        *("docker", "build", "--network=host", "-t", engine.tag, "-t", second, "."),
        cwd=app,
    )
    before = (engine.id_of(engine.tag), engine.id_of(second))
    assert before[0]
    done = engine.bom(
        *("rebuild", sealed, "--key", key.public, "--source", app, "--json"),
        cwd=tmp_path,
        code=1,
        more={"TMPDIR": str(room)},
    )
    found = json.loads(done.stdout)
    assert found["verdict"] == "different"
    assert ("layer 3 > srv/stamp", "timestamp") in [
        (item["path"], item["cause"]) for item in found["differences"]
    ]
    assert (engine.id_of(engine.tag), engine.id_of(second)) == before
    assert not engine.holds(before[0])
    assert list(room.iterdir()) == []


def test_a_normalised_image_comes_out_the_same_and_a_name_that_was_not_there_is_not_there(
    engine: Engine, key: Key, tmp_path: Path
) -> None:
    app = source(tmp_path / "app", "FROM scratch\nCOPY message.txt /\n")
    sealed = tmp_path / "app.tar"
    engine.bom(
        *("build", "-o", sealed, "--key", key.private, "--normalize", "--"),
        *("docker", "build", "-t", engine.tag, "."),
        cwd=app,
    )
    engine.docker("image", "rm", engine.tag)
    call = ("rebuild", sealed, "--key", key.public, "--source", app)
    assert engine.bom(*call, cwd=tmp_path).stdout == "same: app.tar\n"
    assert engine.id_of(engine.tag) == ""


def test_a_build_that_fails_gives_the_name_back(
    engine: Engine, key: Key, need: Need, tmp_path: Path
) -> None:
    base = need.base_image(engine.environment)
    app = source(
        tmp_path / "app",
        f'FROM {base}\nARG FAIL\nCOPY message.txt /srv/\nRUN test -z "$FAIL"\n',
    )
    sealed = tmp_path / "app.tar"
    engine.bom(
        *("build", "-o", sealed, "--key", key.private, "--"),
        *("docker", "build", "--network=host", "--build-arg", "FAIL", "-t", engine.tag, "."),
        cwd=app,
    )
    before = engine.id_of(engine.tag)
    done = engine.bom(
        *("rebuild", sealed, "--key", key.public, "--source", app),
        cwd=tmp_path,
        code=1,
        more={"FAIL": "yes"},
    )
    assert "error: it does not build: `docker build" in done.stderr
    assert engine.id_of(engine.tag) == before
    assert not engine.holds(before)


def test_a_base_image_that_has_moved_is_named_before_the_build(
    key: Key, bom: Bom, need: Need, tmp_path: Path
) -> None:
    """On the containerd store, which knows the digest of every image."""
    engine = Engine("modern", need.engine("modern"), bom)
    base = f"{engine.tag}-web"
    folder = source(tmp_path / "base", "FROM scratch\nCOPY message.txt /\n")
    engine.docker("build", "-q", "-t", base, str(folder))
    app = source(tmp_path / "app", f"FROM {base}\nCOPY message.txt /other\n")
    sealed = tmp_path / "app.tar"
    try:
        engine.bom(
            *("build", "-o", sealed, "--key", key.private, "--"),
            *("docker", "build", "-t", engine.tag, "."),
            cwd=app,
        )
        (folder / "message.txt").write_text("another\n")
        engine.docker("build", "-q", "-t", base, str(folder))
        done = engine.bom(
            *("rebuild", sealed, "--key", key.public, "--source", app, "--strict-tools"),
            cwd=tmp_path,
            code=1,
        )
        name = base.removeprefix("docker.io/")
        assert f"warning: another tool than was recorded: base-image {name}: " in done.stderr
        assert done.stderr.splitlines()[-2].startswith("error: --strict-tools: 1 of the recorded")
    finally:
        for name in (engine.tag, base):
            engine.docker("image", "rm", "--force", name)


def test_all_the_names_that_bake_gives_are_given_back(
    key: Key, bom: Bom, need: Need, tmp_path: Path
) -> None:
    engine = Engine("modern", need.engine("modern"), bom)
    web = f"{engine.tag}-web"
    definition = {
        "group": {"default": {"targets": ["app", "web"]}},
        "target": {"app": {"tags": [engine.tag]}, "web": {"tags": [web]}},
    }
    app = source(
        tmp_path / "app",
        "FROM scratch\nCOPY message.txt /\n",
        **{"docker-bake_json": json.dumps(definition)},
    )
    (tmp_path / "out").mkdir()
    try:
        engine.bom(
            *("build", "-o", tmp_path / "out", "--key", key.private, "--normalize", "--"),
            *("docker", "buildx", "bake", "--load"),
            cwd=app,
        )
        before = [engine.id_of(name) for name in (engine.tag, web)]
        assert all(before)
        call = ("rebuild", tmp_path / "out" / "web.tar", "--key", key.public, "--source", app)
        assert engine.bom(*call, cwd=tmp_path).stdout == "same: web.tar\n"
        assert [engine.id_of(name) for name in (engine.tag, web)] == before
    finally:
        for name in (engine.tag, web):
            engine.docker("image", "rm", "--force", name)


def test_an_image_of_podman_comes_out_the_same(
    bom: Bom, key: Key, need: Need, tmp_path: Path
) -> None:
    podman = need("podman")
    app = source(tmp_path / "app", "FROM scratch\nCOPY message.txt /\n")
    sealed, tag = tmp_path / "app.tar", f"localhost/bom-test/rebuild-podman-{os.getpid()}:1"

    def images() -> str:
        asked = [podman, "images", "-a", "-q", "--no-trunc", "bom-test/rebuild-podman*"]
        return subprocess.run(asked, capture_output=True, text=True, check=True).stdout

    try:
        bom(
            *("build", "-o", sealed, "--key", key.private, "--normalize", "--"),
            *("podman", "build", "-t", tag, "."),
            cwd=app,
        )
        before = images()
        done = bom(
            *("rebuild", sealed, "--key", key.public, "--source", app, "--json"), cwd=tmp_path
        )
        assert json.loads(done.stdout)["verdict"] == "same"
        assert images() == before
    finally:
        subprocess.run([podman, "rmi", "--force", tag], capture_output=True, check=False)
