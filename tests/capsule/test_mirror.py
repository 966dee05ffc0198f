"""The wheels of a capsule as pip gets them, and how a build's steps are told where."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from tests.catalog.test_python_environments import wheel

from bom.capsule import mirror, step_settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def served(folder: Path) -> Iterator[str]:
    found = mirror.server(folder, ("127.0.0.1", 0))
    thread = threading.Thread(target=found.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{found.server_address[1]}"
    finally:
        found.shutdown()
        thread.join()
        found.server_close()


def pip(url: str, out: Path, *wanted: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "pip", "--isolated", "--disable-pip-version-check", "download"]
    argv += ["--index-url", f"{url}/simple", "--trusted-host", "127.0.0.1", "--dest", str(out)]
    return subprocess.run([*argv, *wanted], capture_output=True, text=True, check=False)


def test_pip_gets_a_wheel_and_what_it_needs(tmp_path: Path) -> None:
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    wheel(wheels, "one_and", "1.0", "two>=1")
    wheel(wheels, "two", "1.5")
    with served(wheels) as url:
        done = pip(url, tmp_path / "out", "One.and")
    assert done.returncode == 0, done.stderr
    names = [path.name for path in sorted((tmp_path / "out").iterdir())]
    assert names == [path.name for path in sorted(wheels.iterdir())]


def test_pip_takes_no_wheel_that_is_another_than_when_the_mirror_began(tmp_path: Path) -> None:
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    wheel(wheels, "one", "1.0")
    with served(wheels) as url:
        (found,) = wheels.iterdir()
        found.write_bytes(found.read_bytes() + b"\0")
        done = pip(url, tmp_path / "out", "one")
    assert done.returncode != 0
    assert "DO NOT MATCH THE HASHES" in done.stderr


def test_there_is_nothing_but_the_wheels(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    with served(tmp_path) as url:
        done = pip(url, tmp_path / "out", "secret")
    assert "No matching distribution found for secret" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "folder"),
    [
        (["--log", "x", "run", "--bundle", "/b", "--keep", "id"], "/b"),
        (["create", "-b", "/b", "id"], "/b"),
        (["create", "--bundle=/b", "id"], "/b"),
        (["--version"], ""),
        (["kill", "id", "KILL"], ""),
    ],
)
def test_only_calls_that_begin_a_container_have_a_bundle(arguments: list[str], folder: str) -> None:
    assert str(step_settings.bundle(arguments) or "") == folder


def test_a_container_gets_variables_and_files_and_then_begins(tmp_path: Path) -> None:
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    config = bundle / "config.json"
    config.write_text(json.dumps({"process": {"env": ["PATH=/bin", "A=old"], "cwd": "/"}}))
    settings = tmp_path / "settings.json"
    given = {"variables": {"A": "new", "B": "b=c"}, "files": {"bom-list": "/host/list"}}
    settings.write_text(json.dumps(given))
    done = subprocess.run(
        [
            *(sys.executable, "-I", step_settings.__file__, "/bin/echo", str(settings)),
            *("run", "--bundle", str(bundle), "id"),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"run --bundle {bundle} id\n"
    assert json.loads(config.read_text()) == {
        "process": {"env": ["PATH=/bin", "A=new", "B=b=c"], "cwd": "/"},
        "mounts": [
            {
                "destination": "/dev/bom-list",
                "type": "bind",
                "source": "/host/list",
                "options": ["bind", "ro"],
            }
        ],
    }
