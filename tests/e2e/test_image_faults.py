"""What goes wrong around an image build: a clear error, nothing half, all else as it was."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from tests.e2e.between import Between, chunk, chunked
from tests.e2e.builds import ENGINES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from tests.conftest import Need
    from tests.e2e.between import Answer
    from tests.e2e.builds import Bom, Key

pytestmark = pytest.mark.e2e

NAME = "bom-test/faults"
OLD = b"the sealed file of before"


class Place:
    """A project whose image has 3 MB, with a sealed file from before, on one engine."""

    def __init__(self, root: Path, bom: Bom, engine: dict[str, str]) -> None:
        self.root = root
        self.bom = bom.on(engine)
        self.engine = engine
        self.project = root / "project"
        self.out = root / "out"
        self.temporary = root / "temporary"
        for folder in (self.project, self.out, self.temporary):
            folder.mkdir()
        (self.project / "data").write_bytes(random.Random(1).randbytes(3_000_000))
        (self.project / "Dockerfile").write_text("FROM scratch\nCOPY data /\n")

    def docker(self, *words: str | Path) -> str:
        return subprocess.run(
            ["docker", *map(str, words)],
            env=self.engine,
            check=True,
            capture_output=True,
            text=True,
        ).stdout

    def build(
        self, tag: str, *, then: str = "", engine: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """`bom build` into `out`. `then`: what a shell does right after the docker build, before
        it is over for `bom`."""
        more = {"TMPDIR": str(self.temporary), **(engine or {})}
        if then:
            programs = self.root / "programs"
            programs.mkdir(exist_ok=True)
            docker = shutil.which("docker", path=self.engine["PATH"])
            script = f'"{docker}" "$@" || exit\ncase "$*" in *--iidfile*) {then} >&2;; esac\n'
            (programs / "docker").write_text(f"#!/bin/sh\n{script}")
            (programs / "docker").chmod(0o755)
            more["PATH"] = os.pathsep.join([str(programs), self.bom.environment["PATH"]])
        return self.bom(
            *("build", "--unsigned", "-o", self.out / "app.tar"),
            *("--", "docker", "build", "-q", "-t", tag, "."),
            cwd=self.project,
            code=None,
            more=more,
        )

    def start(self, tag: str, *options: str, cwd: Path, **more: str) -> subprocess.Popen[str]:
        """A `bom build` into `out` that runs beside the test."""
        output = ("-o", str(self.out / "app.tar"))
        command = ("docker", "build", "-q", "-t", tag, ".")
        return subprocess.Popen(
            [sys.executable, "-m", "bom", "build", *output, *options, "--", *command],
            cwd=cwd,
            env=self.bom.variables(TMPDIR=str(self.temporary), **more),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def nothing_left(self) -> bool:
        return not list(self.temporary.iterdir()) and not list(self.root.rglob(".bom-tmp-*"))


@pytest.fixture(params=ENGINES)
def place(request: pytest.FixtureRequest, bom: Bom, need: Need, tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path, bom, need.engine(request.param))
    yield made
    if names := made.docker("image", "ls", "-q", NAME).split():
        made.docker("image", "rm", "--force", *set(names))


@pytest.fixture
def modern(bom: Bom, need: Need, tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path, bom, need.engine("modern"))
    yield made
    if names := made.docker("image", "ls", "-q", NAME).split():
        made.docker("image", "rm", "--force", *set(names))


@contextmanager
def disk(folder: Path, size: str, options: str = "rw") -> Iterator[None]:
    """A small file system at `folder`."""
    command = ["mount", "-t", "tmpfs", "-o", f"size={size},{options}", "none", str(folder)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"a tmpfs can't be mounted here: {mounted.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


# --- disks and folders ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "said"),
    [("1m", "the export can't be written"), ("4m", "app.tar can't be sealed")],
)
def test_a_full_disk_leaves_the_file_of_before(place: Place, size: str, said: str) -> None:
    with disk(place.out, size):
        (place.out / "app.tar").write_bytes(OLD)
        done = place.build(f"{NAME}:disk")
        assert done.returncode == 125
        assert f"error: {said}: No space left on device\nhint: " in done.stderr
        assert [path.name for path in place.out.iterdir()] == ["app.tar"]
        assert (place.out / "app.tar").read_bytes() == OLD
        assert place.nothing_left()
    assert len(place.docker("save", "-o", place.root / "saved.tar", f"{NAME}:disk")) == 0
    assert (place.root / "saved.tar").stat().st_size > 3_000_000


def test_a_disk_that_can_only_be_read_is_found_before_the_build(modern: Place) -> None:
    (modern.project / "Dockerfile").write_text("no Dockerfile\n")
    with disk(modern.out, "1m", "ro"):
        done = modern.build(f"{NAME}:ro")
    assert done.returncode == 125
    assert "can't be written to\nhint: choose another place\n" in done.stderr


def test_a_full_disk_for_temporary_files_does_not_stop_a_build(modern: Place) -> None:
    with disk(modern.temporary, "4k"):
        (modern.temporary / "filler").write_bytes(bytes(4096))
        done = modern.build(f"{NAME}:temporary")
        assert done.returncode == 0, done.stderr
        assert [path.name for path in modern.temporary.iterdir()] == ["filler"]


def test_an_output_folder_that_goes_meanwhile_is_said(modern: Place) -> None:
    done = modern.build(f"{NAME}:gone", then=f"rm -r '{modern.out}'")
    assert done.returncode == 125
    assert "error: the export can't be written: No such file or directory\nhint: " in done.stderr
    assert not modern.out.exists()
    assert modern.nothing_left()


# --- others at the same engine, and at the same file ---------------------------------------------


def test_a_tag_that_another_build_took_meanwhile_is_refused(place: Place) -> None:
    other = place.root / "other"
    other.mkdir()
    (other / "Dockerfile").write_text("FROM scratch\nLABEL other=yes\nCOPY Dockerfile /\n")
    place.docker("build", "-q", "-t", f"{NAME}:other", other)
    (place.out / "app.tar").write_bytes(OLD)
    done = place.build(f"{NAME}:mine", then=f"docker tag {NAME}:other {NAME}:mine")
    assert done.returncode == 125
    assert f"error: the tag {NAME}:mine moved while the build ran: " in done.stderr
    assert "hint: build again, and let nothing else use the tag meanwhile\n" in done.stderr
    assert (place.out / "app.tar").read_bytes() == OLD
    assert place.nothing_left()
    # the tag is where the other build put it
    inspected = ("image", "inspect", "-f", "{{.Id}}")
    mine, others = (place.docker(*inspected, f"{NAME}:{tag}") for tag in ("mine", "other"))
    assert mine == others


def test_two_builds_into_one_file_leave_one_of_them_whole(
    modern: Place, key: Key, tmp_path: Path
) -> None:
    def start(who: str) -> subprocess.Popen[str]:
        folder = tmp_path / who
        shutil.copytree(modern.project, folder)
        with (folder / "Dockerfile").open("a") as file:
            file.write(f"LABEL who={who}\n")
        return modern.start(f"{NAME}:{who}", "--key", str(key.private), cwd=folder)

    for child in (start("one"), start("two")):
        _, errors = child.communicate()
        assert child.returncode == 0, errors
    assert sorted(path.name for path in modern.out.iterdir()) == [
        "app.tar",
        "app.tar.sigstore.jsonl",
    ]
    # the run record is of the very file, too
    verdict = modern.bom(
        "verify", "--json", "--key", key.public, modern.out / "app.tar", cwd=modern.root
    )
    assert json.loads(verdict.stdout)["findings"] == []
    assert modern.nothing_left()


# --- the engine, and signals, while the image is exported ----------------------------------------


def stalling(real: Callable[[str], Answer]) -> Iterable[bytes]:
    body = real("").body
    yield chunked() + chunk(body[: len(body) // 2])
    time.sleep(60)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_during_the_export_leaves_nothing(modern: Place, number: signal.Signals) -> None:
    (modern.out / "app.tar").write_bytes(OLD)
    lies = {r"/images/get\?": stalling}
    with Between(modern.root / "s", modern.engine["DOCKER_HOST"], lies) as between:
        child = modern.start(
            f"{NAME}:signal", "--unsigned", cwd=modern.project, DOCKER_HOST=between.host
        )
        end = time.monotonic() + 60
        while not between.asked or not any(
            path.stat().st_size > 1_000_000 for path in modern.out.glob(".bom-tmp-*")
        ):
            assert time.monotonic() < end
            time.sleep(0.02)
        child.send_signal(number)
        child.send_signal(number)  # pressed twice
        start = time.monotonic()
        _, errors = child.communicate()
    assert time.monotonic() - start < 10
    assert child.returncode == 128 + number, errors
    said = "interrupted" if number == signal.SIGINT else "stopped by a signal"
    assert errors.strip().startswith(f"error: {said}\n")
    assert (modern.out / "app.tar").read_bytes() == OLD
    assert modern.nothing_left()


def test_ctrl_c_ends_the_wait_for_an_engine_that_says_nothing(modern: Place) -> None:
    def silent(real: Callable[[str], Answer]) -> Iterable[bytes]:
        time.sleep(60)
        return ()

    with Between(modern.root / "s", modern.engine["DOCKER_HOST"], {"/version$": silent}) as between:
        child = modern.start(
            f"{NAME}:silent", "--unsigned", cwd=modern.project, DOCKER_HOST=between.host
        )
        end = time.monotonic() + 60
        while not between.asked:
            assert time.monotonic() < end
            time.sleep(0.02)
        time.sleep(0.2)
        child.send_signal(signal.SIGINT)
        start = time.monotonic()
        _, errors = child.communicate()
    assert time.monotonic() - start < 10
    assert child.returncode == 128 + signal.SIGINT, errors
    assert modern.nothing_left()
