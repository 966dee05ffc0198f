"""`bom capsule` of images, and building them again out of it by an engine without a network."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.capsule.test_mirror import served
from tests.catalog.test_python_environments import wheel
from tests.e2e.builds import ENGINES, Bom, Key, git
from tests.loopback import folder_served

from bom.capsule.apt import Apt
from bom.capsule.reading import unpacked
from bom.capsule.steps import AptStep, Requirements
from bom.capsule.wheels import downloaded
from bom.capsule.writing import Contents
from bom.capsule_record import CapsuleRecord

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Need

pytestmark = pytest.mark.e2e


class Engine:
    """The user's own engine, with a base image that nobody else has."""

    def __init__(self, kind: str, environment: dict[str, str], bom: Bom) -> None:
        self.environment = environment
        self.bom = bom.on(environment)
        self.base = f"bom-test/capsule-base-{kind}-{os.getpid()}:1"
        self.tag = f"bom-test/capsule-{kind}-{os.getpid()}:1"

    def docker(self, *arguments: str | Path) -> str:
        return subprocess.run(
            ["docker", *map(str, arguments)],
            env=self.environment,
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    def docker_builds(self, dockerfile: str) -> None:
        """Make the base image of this."""
        subprocess.run(
            ["docker", "build", "--quiet", "--network=host", "-t", self.base, "-"],
            env=self.environment,
            input=dockerfile.encode(),
            capture_output=True,
            check=True,
        )

    def images(self) -> list[str]:
        return [
            name
            for name in (self.base, self.tag)
            if self.docker("image", "ls", "-q", "--no-trunc", name).strip()
        ]

    def forget(self) -> None:
        for name in self.images():
            self.docker("image", "rm", "--force", name)


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest, bom: Bom, need: Need) -> Iterator[Engine]:
    if os.geteuid() != 0:
        pytest.skip("an engine of its own takes root")
    made = Engine(request.param, need.engine(request.param), bom)
    yield made
    made.forget()


@pytest.fixture
def app(engine: Engine, tmp_path: Path) -> Path:
    """A project on that base image, in git."""
    base = tmp_path / "base"
    base.mkdir()
    (base / "Dockerfile").write_text("FROM scratch\nCOPY Dockerfile /base\n")
    engine.docker("build", "--quiet", "-t", engine.base, base)
    root = tmp_path / "app"
    root.mkdir()
    (root / "Dockerfile").write_text(f"FROM {engine.base}\nCOPY message.txt /\n")
    (root / "message.txt").write_text("hello\n")
    git(root, "init", "-q")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "app")
    return root


@pytest.fixture
def capsule(engine: Engine, app: Path, key: Key, tmp_path: Path) -> Path:
    """The capsule of that project's image, with nothing left of what it was made of."""
    sealed, out = tmp_path / "app.tar", tmp_path / "app.capsule.tar"
    engine.bom(
        *("build", "-o", sealed, "--key", key.private, "--normalize", "--"),
        *("docker", "build", "-t", engine.tag, "."),
        cwd=app,
    )
    engine.bom(*("capsule", sealed, "-o", out, "--key", key.public, "--source", app), cwd=tmp_path)
    engine.forget()
    app.rename(tmp_path / "app.gone")
    sealed.unlink()
    return out


def test_an_image_is_built_again_out_of_its_capsule_by_an_engine_of_its_own(
    engine: Engine, capsule: Path, key: Key, tmp_path: Path
) -> None:
    nowhere = {"DOCKER_HOST": "unix:///nowhere", "DOCKER_CONTEXT": "nothing"}
    done = engine.bom(
        *("rebuild", capsule, "--offline", "--key", key.public, "--json"),
        cwd=tmp_path,
        more={**nowhere, "BUILDX_BUILDER": "nothing"},
    )
    assert json.loads(done.stdout)["verdict"] == "same"
    assert "warning" not in done.stderr
    assert engine.images() == []


@pytest.mark.parametrize("engine", ["modern"], indirect=True)
def test_another_base_image_in_a_capsule_is_found_before_the_build(
    engine: Engine, capsule: Path, key: Key, tmp_path: Path
) -> None:
    (tmp_path / "base" / "Dockerfile").write_text("FROM scratch\nCOPY Dockerfile /other\n")
    engine.docker("build", "--quiet", "-t", engine.base, tmp_path / "base")
    engine.docker("save", "-o", tmp_path / "other.tar", engine.base)
    forged = tmp_path / "forged.tar"
    changed(capsule, forged, "base-image", tmp_path / "other.tar")
    done = engine.bom("rebuild", forged, "--offline", "--key", key.public, cwd=tmp_path, code=1)
    assert done.stderr.startswith(f"error: the capsule's {engine.base} is not what was built on")


@pytest.mark.parametrize("name", ["../x", "..", "a/b", "a\0b", "/etc/x"])
def test_no_name_in_a_capsule_leads_out_of_its_folder(
    name: str, bom: Bom, key: Key, tmp_path: Path
) -> None:
    file = tmp_path / "file"
    file.write_text("x")
    contents = Contents()
    contents.add("artifact", name, file)
    record = CapsuleRecord(commit="0" * 40, command=["true"], items=contents.items)
    contents.write(record, {}, 0, tmp_path / "forged.tar")
    call = ("rebuild", "forged.tar", "--offline", "--key", key.public)
    done = bom(*call, cwd=tmp_path, code=1)
    assert done.stderr.startswith("error: the capsule names a file ")


def changed(capsule: Path, out: Path, role: str, file: Path) -> None:
    """The capsule with another file in this role, by its own digest."""
    blobs = capsule.with_name("blobs")
    blobs.mkdir()
    held = unpacked(capsule, blobs)
    contents = Contents()
    for item in held.record.items:
        place = file if item.role == role else blobs / item.sha256
        contents.add(item.role, item.name, place, purl=item.purl, known=item.known)
    record = held.record.model_copy(update={"items": contents.items})
    contents.write(record, {}, 0, out)


INSTALL = "apt-get update -qq && apt-get install -yqq --no-install-recommends bom-capsule-thing"


@pytest.mark.parametrize("engine", ["modern"], indirect=True)
def test_what_pip_and_apt_install_by_hash_comes_out_of_the_capsule(
    engine: Engine, key: Key, need: Need, tmp_path: Path
) -> None:
    wheels, debs, root = tmp_path / "wheels", tmp_path / "debs", tmp_path / "app"
    for folder in (wheels, debs, root):
        folder.mkdir()
    wheel(wheels, "one", "1.0", "two>=1")
    wheel(wheels, "two", "1.5")
    repository(debs, debian(debs, "bom-capsule-thing", "1:1.0", "bom-capsule-part"), debian(debs))
    (root / "requirements.txt").write_text(
        "".join(
            f"{path.name.partition('-')[0]}=={path.name.split('-')[1]}"
            f" --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"
            for path in sorted(wheels.iterdir())
        )
    )
    sealed, capsule = tmp_path / "app.tar", tmp_path / "app.capsule.tar"
    call = (
        "capsule",
        sealed,
        "-o",
        capsule,
        "--key",
        key.public,
        "--source",
        root,
        "--without-tools",
    )
    alone = {"PIP_NO_INDEX": "1"}
    with served(wheels) as url, folder_served(debs) as packages:
        engine.docker_builds(
            f"FROM {need.base_image(engine.environment)}\nRUN rm -r /etc/apt/sources.list.d &&"
            f" echo 'deb [trusted=yes] {packages} ./' > /etc/apt/sources.list\n"
        )
        (root / "Dockerfile").write_text(
            f"FROM {engine.base} AS build\nRUN {INSTALL}\nARG PIP_INDEX_URL\n"
            "COPY requirements.txt /\n"
            "RUN pip install --no-cache-dir --no-compile --target /opt -r /requirements.txt\n"
            "FROM scratch\nCOPY --from=build /opt /opt\n"
        )
        git(root, "init", "-q")
        found = unlocked(engine, root, tmp_path / "unlocked")
        build = (
            *("docker", "build", "--network=host", "-t", engine.tag),
            *("--build-arg", f"PIP_INDEX_URL={url}/simple", "."),
        )
        engine.bom("lock", "--", *build, cwd=root)
        git(root, "add", "-A")
        git(root, "commit", "-q", "-m", "app")
        engine.bom(
            *("build", "-o", sealed, "--key", key.private, "--normalize", "--locked", "--", *build),
            cwd=root,
        )
    assert found == ["bom-capsule-part_2.0_all.deb", "bom-capsule-thing_1%3a1.0_all.deb"]
    gone(engine, root, debs, tmp_path)
    engine.bom(*call, "--from", wheels, "--from", debs, cwd=tmp_path, more=alone)
    engine.forget()
    done = engine.bom("rebuild", capsule, "--offline", "--key", key.public, cwd=tmp_path)
    assert done.stdout == "same: app.tar\n"


def gone(engine: Engine, root: Path, debs: Path, folder: Path) -> None:
    """What is told once the servers are away, and no folder has the files."""
    environment = engine.bom.variables(PIP_NO_INDEX="1")
    for name in ("no-debs", "no-wheels"):
        (folder / name).mkdir()
    apt = Apt(root, ("docker",), folder / "no-debs", environment, ())
    (part, _) = apt.collect([AptStep(engine.base, "Dockerfile", "Dockerfile:2")])
    digest = hashlib.sha256((debs / "bom-capsule-part_2.0_all.deb").read_bytes()).hexdigest()
    assert (part.what, part.where) == ("step.download", "Dockerfile:2")
    assert part.why.startswith(
        f"pkg:deb/debian/bom-capsule-part@2.0?arch=all is not to be had with the SHA-256 {digest}: "
    )
    step = Requirements(engine.base, root / "requirements.txt", "Dockerfile:5")
    lack = downloaded(step, ("docker",), folder / "no-wheels", environment, ())
    assert lack is not None
    assert lack.why.startswith("the image's pip does not get requirements.txt as wheels: ")


def unlocked(engine: Engine, root: Path, out: Path) -> list[str]:
    """The files that apt has now for the project, which has no bom.lock yet."""
    out.mkdir()
    apt = Apt(root, ("docker",), out, engine.bom.variables(), ())
    (lack,) = apt.collect([AptStep(engine.base, "Dockerfile", "Dockerfile:2")])
    assert (lack.what, lack.where) == ("package.hash", "Dockerfile:2")
    assert {deb.known for deb in apt.found} == {"resolved"}
    return sorted(path.name for path in out.iterdir())


def debian(
    folder: Path, name: str = "bom-capsule-part", version: str = "2.0", needs: str = ""
) -> str:
    """A Debian package with one file, in the folder; what an index says of it."""
    tree = folder.parent / f"{name}.tree"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "opt").mkdir()
    (tree / "opt" / name).write_text(name)
    control = (
        f"Package: {name}\nVersion: {version}\nArchitecture: all\n"
        "Maintainer: T <t@example.invalid>\nDescription: nothing\n"
        + (f"Depends: {needs}\n" if needs else "")
    )
    (tree / "DEBIAN" / "control").write_text(control)
    file = folder / f"{name}_{version.replace(':', '%3a')}_all.deb"
    subprocess.run(["dpkg-deb", "--build", tree, file], check=True, capture_output=True)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    return f"{control}Filename: ./{file.name}\nSize: {file.stat().st_size}\nSHA256: {digest}\n"


def repository(folder: Path, *stanzas: str) -> None:
    (folder / "Packages").write_text("\n".join(stanzas))


def engines_below(folder: Path) -> list[str]:
    """The command lines of all processes that were told of this folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes()
        except OSError:
            continue
        if os.fsencode(folder) + b"/bom-private-" in line and b"--data-root" in line:
            found.append(line.decode(errors="replace"))
    return found


@pytest.mark.parametrize("engine", ["modern"], indirect=True)
def test_nothing_is_left_of_an_engine_whose_rebuild_is_stopped(
    engine: Engine, capsule: Path, key: Key, tmp_path_factory: pytest.TempPathFactory
) -> None:
    room = tmp_path_factory.mktemp("r")
    process = subprocess.Popen(
        [sys.executable, "-m", "bom", "rebuild", capsule, "--offline", "--key", key.public],
        cwd=room,
        env=engine.bom.variables(TMPDIR=str(room)),
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    until = time.monotonic() + 120
    while not list(room.glob("bom-private-*/e/s")):
        assert process.poll() is None and time.monotonic() < until
        time.sleep(0.02)
    assert engines_below(room)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=120)
    assert process.returncode == 128 + signal.SIGTERM
    assert engines_below(room) == []
    assert list(room.iterdir()) == []
