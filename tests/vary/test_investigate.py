"""What content alone doesn't decide is settled by building: real scripts, one habit each."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.vary.test_factors import environment, git

from bom.builder.protocol import BuildRequest, Silent
from bom.config import Config
from bom.difference import Cause, Difference
from bom.model import Revision
from bom.vary import FACTORS, FIXED
from bom.vary.clone import tracked
from bom.vary.investigate import Investigated, investigate
from bom.vary.protocol import Circumstance, Host, Place
from bom.vary.source import scratch_folder
from bom.vary.trial import Builds

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from tests.conftest import Need

_ALL: tuple[Cause, ...] = ("hash-seed", "locale", "order", "parallelism")
_NAMES = ("zeta", "alpha", "gamma", "delta", "beta", "one", "two", "three")
_TAR = "tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX -cf"


@pytest.fixture(autouse=True)
def means(need: Need) -> None:
    for tool in ("faketime", "taskset", "unshare"):
        need(tool)


def found(
    tmp_path: Path, habits: Mapping[str, str], fixed: Collection[str] = ()
) -> tuple[Investigated, dict[str, Difference]]:
    """What an investigation makes of files that are written so, each by one shell command, and all
    differ for a reason that nobody knows."""
    root = tmp_path / "source"
    (root / "src").mkdir(parents=True)
    for name in _NAMES:
        (root / "src" / name).write_text(name)
    lines = [f"({command}) > out/{name} || exit" for name, command in habits.items()]
    script = ["#!/bin/sh", "mkdir out", *lines, f"{_TAR} dist.tar out", ""]
    (root / "build.sh").write_text("\n".join(script))
    (root / "build.sh").chmod(0o755)
    git(root, "init", "-q")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "all")
    variables = environment()
    files = tracked(root, variables)
    known = Difference("out/known", "timestamp", "known before", "remedy")
    unknown = [Difference(f"out/{name}", "unknown", "seen", "remedy", _ALL) for name in habits]
    with scratch_folder() as scratch:
        (scratch / "built").mkdir()
        builds = Builds(
            BuildRequest(("./build.sh",), root, root, variables, Config()),
            Revision(git(root, "rev-parse", "HEAD")),
            0o022 if fixed else None,
            "dist.tar",
            0,
            files,
            scratch / "built",
            Silent(),
        )
        result = investigate(
            [known, *unknown],
            builds,
            Circumstance(scratch / "place", "source", variables),
            Host(scratch, Place(root, variables, files=files)),
            fixed,
        )
        memory = list(Path("/dev/shm").glob(f"{scratch.name}-*"))
    assert not any(path.exists() for path in memory)
    assert git(root, "status", "--porcelain") == ""
    assert known in result.differences
    assert len(result.differences) == 1 + len(unknown)
    return result, {item.path.removeprefix("out/"): item for item in result.differences}


# What is written, and what decides it.
_HABITS = {
    "order": "ls -U src",
    "hash-seed": "python3 -c 'print(sorted(\"abcdefgh\", key=hash))'",
    "parallelism": "nproc",
    "locale": "locale charmap",
    "path": "pwd | cksum",
    "hostname": "uname -n | cksum",
    "environment": "env | grep -c BUILD_NOISE; true",
    "mode": "umask | cksum",
    "owner": "id -u | cksum",
    "timestamp": "date +%s%N | cksum",  # differs from build to build, as the next two
    "unknown": "cksum < /proc/sys/kernel/random/uuid",
    "two": "(nproc; locale charmap) | cksum",
}


def test_what_one_factor_alone_flips_is_its_doing_and_the_rest_stays_unknown(
    tmp_path: Path,
) -> None:
    result, settled = found(tmp_path, _HABITS)
    causes = {name: item.cause for name, item in settled.items() if name not in ("known", "two")}
    assert causes == {name: name for name in _HABITS if name != "two"}
    order = settled["order"]
    assert order.evidence == "seen (built again, it changes with the order alone)"
    assert (order.remedy != "remedy", order.candidates) == (True, ())
    for name in ("unknown", "two"):
        assert settled[name] == Difference(f"out/{name}", "unknown", "seen", "remedy", _ALL)
    assert set(result.tried) == {factor.name for factor in FACTORS}


def test_what_is_the_same_on_one_processor_alone_is_parallelism(tmp_path: Path) -> None:
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("one processor: nothing runs in parallel")
    racing = "test $(nproc) = 1 && echo one || head -c9 /dev/urandom | cksum"
    _, settled = found(tmp_path, {"file": racing, "same": "locale charmap"}, fixed=FIXED)
    assert settled["file"].cause == "parallelism"
    # fixed in every build, so nothing that was tried decides it
    assert settled["same"].cause == "unknown"


def test_a_build_that_fails_settles_nothing(tmp_path: Path) -> None:
    result, settled = found(tmp_path, {"file": "exit 3"})
    assert settled["file"].cause == "unknown"
    assert result.builds == 1
