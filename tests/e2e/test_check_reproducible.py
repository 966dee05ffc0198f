"""`bom build --check-reproducible` on real builds of files: what is claimed was seen, and found."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.e2e.builds import Bom, Key, git

if TYPE_CHECKING:
    from tests.conftest import Need

_TAR = "tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX -cf"
_FILES = ("zeta", "alpha", "gamma", "delta", "beta", "one", "two", "three")
_HABITS = f"""\
#!/bin/sh
mkdir -p out
date > out/clock
uname -n > out/hostname
pwd > out/path
nproc > out/processors
echo "$HOME" > out/home
id -u > out/user
env | grep -c BUILD_NOISE > out/environment
ls -U src > out/file-order
ls -l src | cut -c1-10 > out/file-modes
(umask; date +%z; locale charmap; python3 -c 'print(set("abcdefgh"))') > out/fixed
{_TAR} dist.tar out
"""
_CLEAN = f"#!/bin/sh\n{_TAR} dist.tar src\n"
# All that the machine of the tests offers, and what bom sets itself.
_VARIED = [
    *("clock", "environment", "file-modes", "file-order", "home"),
    *("hostname", "path", "processors", "user"),
]
_FIXED = ["hash-seed", "locale", "timezone", "umask"]


@pytest.fixture
def means(need: Need) -> None:
    for tool in ("faketime", "unshare", "taskset"):
        need(tool)


def source(folder: Path, script: str) -> Path:
    (folder / "src").mkdir(parents=True)
    for name in _FILES:
        (folder / "src" / name).write_text(name)
    (folder / "build.sh").write_text(script)
    (folder / "build.sh").chmod(0o755)
    (folder / ".gitignore").write_text("out/\ndist.tar*\nignored\n")
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "all")
    return folder


def built(bom: Bom, key: Key, root: Path, *options: str, code: int = 0) -> tuple[Any, str]:
    """What `--json` says of the one artifact's second build, and standard error."""
    arguments = ("--json", "--key", str(key.private), *options, "--", "./build.sh")
    done = bom("build", *arguments, cwd=root, code=code)
    artifacts = json.loads(done.stdout)["artifacts"]
    return (artifacts[0]["reproducible"] if artifacts else None), done.stderr


def claimed(bom: Bom, root: Path) -> list[tuple[str, str]]:
    """The claim in the BOM of dist.tar."""
    document = json.loads(bom("show", "--json", root / "dist.tar", cwd=root).stdout)
    tasks = document["formulation"][0]["workflows"][0]["tasks"]
    task = next(task for task in tasks if task["bom-ref"] == "reproducible")
    assert task["taskTypes"] == ["test"]
    return [(entry["name"], entry["value"]) for entry in task["properties"]]


def left(root: Path) -> list[str]:
    """What second builds left behind of their own."""
    places = [Path(os.environ.get("TMPDIR", "/tmp")), Path("/dev/shm")]
    depths = ("*/*", "*/*/*")
    return [
        str(path)
        for place in places
        for depth in depths
        for path in place.glob(f"bom-{depth}")
        if path.name == root.name
    ]


@pytest.mark.usefixtures("means")
def test_what_a_build_takes_from_its_circumstances_is_found_and_claimed(
    bom: Bom, key: Key, tmp_path: Path
) -> None:
    root = source(tmp_path / "habits-of-a-build", _HABITS)
    said, _ = built(bom, key, root, "--check-reproducible")
    assert said["outcome"] == "different"
    assert (said["varied"], said["fixed"], said["not_varied"]) == (_VARIED, _FIXED, {})
    # every habit is found, in its own file, and what bom sets makes no difference
    assert sorted(text.rpartition("/")[2] for text in said["first"]) == sorted(_VARIED)
    assert said["differences"] == len(said["first"])
    facts = claimed(bom, root)
    assert ("bom-seal:reproducible:outcome", "different") in facts
    assert [v for n, v in facts if n.endswith(":varied")] == _VARIED
    assert str(root) not in str(facts)
    assert bom("verify", root / "dist.tar", "--key", key.public, cwd=root).returncode == 0
    assert not left(root)


@pytest.mark.usefixtures("means")
def test_a_clean_build_is_the_same_and_its_bom_says_so_in_the_same_bytes(
    bom: Bom, key: Key, tmp_path: Path
) -> None:
    root = source(tmp_path / "clean", _CLEAN)
    done = bom("build", "--key", key.private, "--check-reproducible", "--", "./build.sh", cwd=root)
    assert done.stderr.splitlines()[-2:] == [
        "  built again: the same bytes",
        f"  varied: {', '.join(_VARIED)}; fixed by bom: {', '.join(_FIXED)}",
    ]
    first = (root / "dist.tar").read_bytes()
    (root / "dist.tar").unlink()
    built(bom, key, root, "--check-reproducible")
    assert (root / "dist.tar").read_bytes() == first
    assert git(root, "status", "--porcelain") == ""


@pytest.mark.usefixtures("means")
def test_as_is_everything_varies(bom: Bom, key: Key, tmp_path: Path) -> None:
    root = source(tmp_path / "as-is", _HABITS)
    said, _ = built(bom, key, root, "--check-reproducible", "--as-is")
    assert said["varied"] == sorted([*_VARIED, *_FIXED])
    assert said["fixed"] == []
    assert "out/fixed" in str(said["first"])


@pytest.mark.usefixtures("means")
def test_what_the_command_does_not_take_is_left_out_and_said(
    bom: Bom, key: Key, tmp_path: Path
) -> None:
    root = source(tmp_path / "root-only", f"{_CLEAN}test $(id -u) = {os.getuid()} || exit 3\n")
    said, _ = built(bom, key, root, "--check-reproducible")
    assert said["outcome"] == "same"
    assert set(said["not_varied"]) == {"clock", "hostname", "user"}
    assert set(said["not_varied"].values()) == {"the command failed when it was changed"}


def test_a_second_build_that_fails_is_told_and_the_artifact_sealed(
    bom: Bom, key: Key, tmp_path: Path
) -> None:
    root = source(tmp_path / "once", f"{_CLEAN}test -e ignored || exit 7\n")
    (root / "ignored").touch()
    said, stderr = built(bom, key, root, "--check-reproducible")
    assert said["outcome"] == "failed"
    assert "the second build failed: it ended with 7; it starts from a clean clone" in stderr
    assert claimed(bom, root) == [("bom-seal:reproducible:outcome", "failed")]
    assert not left(root)


def test_where_it_is_required_nothing_is_sealed_that_is_not_the_same(
    bom: Bom, key: Key, tmp_path: Path
) -> None:
    root = source(tmp_path / "required", f"#!/bin/sh\npwd > src/here\n{_TAR} dist.tar src\n")
    said, stderr = built(bom, key, root, "--require-reproducible", code=125)
    assert said is None
    assert "error: --require-reproducible: dist.tar built again is different: path in" in stderr
    assert bom("verify", root / "dist.tar", "--key", key.public, cwd=root, code=1)


def test_a_tree_that_differs_from_its_commit_is_refused_before_the_build(
    bom: Bom, key: Key, tmp_path: Path
) -> None:
    root = source(tmp_path / "dirty", _CLEAN)
    (root / "src/new").touch()
    _, stderr = built(bom, key, root, "--check-reproducible", code=125)
    assert "builds the commit again, and this differs from it: src/new" in stderr
    assert "hint: commit first" in stderr
    assert not (root / "dist.tar").exists()


def test_a_project_without_a_commit_is_refused_before_the_build(
    bom: Bom, key: Key, tmp_path: Path
) -> None:
    (tmp_path / "build.sh").write_text(_CLEAN)
    (tmp_path / "build.sh").chmod(0o755)
    _, stderr = built(bom, key, tmp_path, "--check-reproducible", code=125)
    assert "builds the commit again, and there is none" in stderr
    assert not (tmp_path / "dist.tar").exists()


def test_a_build_is_stopped_by_a_signal_in_its_second_run_and_leaves_nothing(
    bom: Bom, key: Key, tmp_path: Path
) -> None:
    script = f"{_CLEAN}test -e ignored || {{ touch {tmp_path}/began; sleep 60; }}\n"
    root = source(tmp_path / "stopped-in-its-second-run", script)
    (root / "ignored").touch()
    child = subprocess.Popen(
        [
            *(sys.executable, "-m", "bom", "build", "--key", key.private),
            *("--check-reproducible", "--", "./build.sh"),
        ],
        cwd=root,
        env=bom.variables(),
        stderr=subprocess.PIPE,
    )
    end = time.monotonic() + 60
    while not (tmp_path / "began").exists() and time.monotonic() < end:
        time.sleep(0.05)
    assert (tmp_path / "began").exists()
    child.send_signal(signal.SIGTERM)
    child.communicate(timeout=60)
    assert child.returncode == 128 + signal.SIGTERM
    assert not left(root)
