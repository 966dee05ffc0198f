"""Killed at any moment: the old artifact or the new one, nothing half, nothing left behind."""

from __future__ import annotations

import hashlib
import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.builds import Bom, Key

MOMENTS = 30


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A tree that takes a moment to pack and to seal."""
    tree = tmp_path / "tree"
    tree.mkdir()
    chance = random.Random(1)
    for number in range(40):
        (tree / f"f{number}").write_bytes(chance.randbytes(1 << 20))
    return tmp_path


PACK = "tar -cf new.tar --sort=name --mtime=@0 --owner=0 --group=0 tree && mv new.tar app.tar"


def test_kill_9_at_random_moments_leaves_the_old_or_the_new(
    bom: Bom, key: Key, folder: Path
) -> None:
    command = ["build", "--key", str(key.private), "--artifact", "app.tar", "--", "sh", "-c", PACK]
    started = time.monotonic()
    bom(*command, cwd=folder)
    length = time.monotonic() - started
    sealed = folder / "app.tar"
    new = sha256(sealed)
    bom("strip", sealed, "-o", folder / "built.tar", cwd=folder)
    allowed = {new, sha256(folder / "built.tar")}  # as the command left it, or sealed
    (folder / "built.tar").unlink()
    chance = random.Random(2)
    seen = set()
    for _ in range(MOMENTS):
        child = subprocess.Popen(
            [sys.executable, "-m", "bom", *command],
            cwd=folder,
            env=bom.variables(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(chance.uniform(0, length))
        child.kill()
        child.wait()
        time.sleep(0.15)  # what the command itself was doing when its parent died
        digest = sha256(sealed)
        assert digest in allowed
        seen.add(digest)
        if digest == new:
            bom("verify", sealed, "--key", key.public, cwd=folder)
    bom(*command, cwd=folder)
    assert sha256(sealed) == new


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_stopped_build_leaves_no_temporary_file(
    bom: Bom, key: Key, folder: Path, number: signal.Signals
) -> None:
    command = ["build", "--key", str(key.private), "-o", "out.tar", "--artifact", "app.tar", "--"]
    chance = random.Random(int(number))
    for _ in range(8):
        child = subprocess.Popen(
            [sys.executable, "-m", "bom", *command, "sh", "-c", PACK],
            cwd=folder,
            env=bom.variables(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        time.sleep(chance.uniform(0.3, 1.2))
        child.send_signal(number)
        _, errors = child.communicate()
        assert b"Traceback" not in errors, errors
        assert child.returncode in (0, 128 + number, -number, 125), errors
        time.sleep(0.15)
        assert not list(folder.rglob(".bom-tmp-*"))


def test_a_disk_that_is_full_while_it_seals_leaves_the_artifact_as_built(
    bom: Bom, key: Key, folder: Path
) -> None:
    subprocess.run(["sh", "-c", PACK], cwd=folder, check=True)
    before = sha256(folder / "app.tar")
    room = (folder / "app.tar").stat().st_size + 1000  # less than an envelope needs
    command = ["build", "--key", str(key.private), "--artifact", "app.tar", "--"]
    done = subprocess.run(
        [sys.executable, "-m", "bom", *command, "sh", "-c", PACK],
        cwd=folder,
        env=bom.variables(),
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (room, room)),
    )
    assert done.returncode == 125, done.stderr
    assert "error: app.tar can't be sealed: File too large\n" in done.stderr
    assert sha256(folder / "app.tar") == before
    assert sorted(path.name for path in folder.iterdir()) == ["app.tar", "tree"]


def test_a_bom_that_is_stopped_at_its_own_work_says_so_in_its_result(
    bom: Bom, key: Key, folder: Path
) -> None:
    # a key that is a pipe, so that `bom` waits for it on any machine
    result = folder / "result.json"
    os.mkfifo(folder / "slow.key")
    command = ["build", "--key", "slow.key", "--result", "result.json", "--", "true"]
    child = subprocess.Popen(
        [sys.executable, "-m", "bom", *command],
        cwd=folder,
        env=bom.variables(),
        stderr=subprocess.PIPE,
    )
    time.sleep(1.5)
    child.send_signal(signal.SIGHUP)
    _, errors = child.communicate()
    assert child.returncode == 128 + signal.SIGHUP, errors
    record = json.loads(result.read_text(encoding="utf-8"))
    assert (record["exit_code"], record["command_exit_code"]) == (128 + signal.SIGHUP, None)
    assert record["failure"]["reason"] == "stopped by a signal"
