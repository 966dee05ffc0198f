"""The wheels of a capsule as pip gets them, and how a build's steps are told where."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pytest
from tests.catalog.test_python_environments import wheel

from bom.capsule import mirror, step_settings
from bom.capsule.step_environment import registry_settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Need


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


@pytest.mark.parametrize("resolved", ["https://npm.example/api/@s/tiny/-/tiny-1.0.0.tgz", ""])
def test_npm_gets_a_package_wherever_its_lock_says_it_is(
    resolved: str, tmp_path: Path, need: Need
) -> None:
    """Also where the lock says nothing of it (npm's omit-lockfile-registry-resolved)."""
    npm = need("npm")
    data = io.BytesIO()
    text = b'{"name": "@s/tiny", "version": "1.0.0"}'
    with tarfile.open(fileobj=data, mode="w:gz") as tar:
        entry = tarfile.TarInfo("package/package.json")
        entry.size = len(text)
        tar.addfile(entry, io.BytesIO(text))
    file = tmp_path / "packages/npm/@s/tiny/-/tiny-1.0.0.tgz"
    file.parent.mkdir(parents=True)
    file.write_bytes(data.getvalue())
    digest = base64.b64encode(hashlib.sha512(data.getvalue()).digest()).decode()
    locked = {"version": "1.0.0", "integrity": f"sha512-{digest}"}
    root = {"name": "app", "dependencies": {"@s/tiny": "^1.0.0"}}
    packages = {
        "": root,
        "node_modules/@s/tiny": {**locked, **({"resolved": resolved} if resolved else {})},
    }
    app = tmp_path / "app"
    app.mkdir()
    (app / "package.json").write_text(json.dumps(root))
    (app / "package-lock.json").write_text(
        json.dumps({"name": "app", "lockfileVersion": 3, "packages": packages})
    )
    with served(tmp_path / "packages") as url:
        host = url.removeprefix("http://")
        settings = {
            name: value.replace("127.0.0.1:3141", host)
            for name, value in registry_settings("127.0.0.1").items()
        }
        environment = {**os.environ, **settings, "npm_config_cache": str(tmp_path / "cache")}
        subprocess.run([npm, "ci"], cwd=app, env=environment, check=True, capture_output=True)
    assert (app / "node_modules/@s/tiny/package.json").read_bytes() == text


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("tiny", "tiny"),
        ("@s%2ftiny", "@s/tiny"),
        ("@s/tiny", "@s/tiny"),
        ("tiny/-/tiny-1.0.0.tgz", "tiny"),
        ("api/npm/@s/tiny/-/tiny-1.0.0.tgz", "@s/tiny"),
        ("api/npm/tiny/-/tiny-1.0.0.tgz", "tiny"),
    ],
)
def test_a_path_is_of_a_package_whatever_stands_before_it(path: str, name: str) -> None:
    assert mirror.npm_name([unquote(part) for part in path.split("/")]) == name
