"""`bom checksums` on what npm, Go and pip really download, and keep."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from tests.catalog.go_modules import Workshop
from tests.e2e.npm_registry import NpmRegistry

from bom.cli import bom

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result
    from tests.conftest import Need

pytestmark = pytest.mark.e2e


def checksums(verb: str, project: Path, *folders: Path) -> Result:
    sources = [word for folder in folders for word in ("--from", str(folder))]
    return CliRunner().invoke(bom, ["checksums", verb, "--project", str(project), *sources])


def recorded(project: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((project / "checksums.json").read_text())["packages"]
    return found


def run(*command: str | Path, cwd: Path, **more: str) -> None:
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env={**os.environ, **more},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_npm_s_cache_gives_the_sha256_of_what_a_lock_states_by_sha512(
    need: Need, tmp_path: Path
) -> None:
    project, cache = tmp_path / "app", tmp_path / "cache"
    project.mkdir()
    asked = {
        "name": "app",
        "version": "1.0.0",
        "dependencies": {"@a/leaf": "1.0.0", "pad": "2.0.0"},
    }
    (project / "package.json").write_text(json.dumps(asked))
    with NpmRegistry() as registry:
        registry.add("@a/leaf", "1.0.0")
        registry.add("pad", "2.0.0")
        run(
            *(need("npm"), "install", "--no-audit", "--no-fund", "--ignore-scripts"),
            *("--registry", registry.url, "--cache", cache),
            cwd=project,
        )
        files = {
            name: registry.answer(f"/{name}/-/{file}")
            for name, file in (("@a/leaf", "leaf-1.0.0.tgz"), ("pad", "pad-2.0.0.tgz"))
        }
    assert checksums("record", project, cache).exit_code == 0
    lock = json.loads((project / "package-lock.json").read_text())["packages"]
    assert {(item["name"], item["sha256"], item["own"]) for item in recorded(project)} == {
        (name, hashlib.sha256(data or b"").hexdigest(), lock[f"node_modules/{name}"]["integrity"])
        for name, data in files.items()
    }
    assert checksums("verify", project, cache).exit_code == 0
    name = hashlib.sha512(files["pad"] or b"").hexdigest()
    content = cache / f"_cacache/content-v2/sha512/{name[:2]}/{name[2:4]}/{name[4:]}"
    content.write_bytes(content.read_bytes() + b"!")
    assert "\nchecksum: this file of npm's cache" in checksums("verify", project, cache).stdout
    content.unlink()
    assert "\ngone: no file of npm pad 2.0.0" in checksums("verify", project, cache).stdout


def test_go_s_module_cache_gives_the_sha256_of_what_go_sum_states_by_h1(
    need: Need, tmp_path: Path
) -> None:
    workshop = Workshop(need("go"), tmp_path)
    modules = tmp_path / "modules"
    done = checksums("record", workshop.app, modules)
    assert done.exit_code == 0, done.stdout
    sums = {
        tuple(line.split()[:2]): line.split()[2]
        for line in (workshop.app / "go.sum").read_text().splitlines()
        if "/go.mod " not in line
    }
    found = {(item["name"], item["version"]): item["own"] for item in recorded(workshop.app)}
    assert found
    assert found.items() <= sums.items()
    assert ("example.org/Upper/dep", "v1.0.0") in found
    place = modules / "cache/download/example.org/!upper/dep/@v/v1.0.0.zip"
    assert {item["sha256"] for item in recorded(workshop.app)} >= {
        hashlib.sha256(place.read_bytes()).hexdigest()
    }
    assert checksums("verify", workshop.app, modules).exit_code == 0
    with zipfile.ZipFile(place, "a") as archive:
        archive.writestr("example.org/Upper/dep@v1.0.0/evil.go", "package dep\n")
    assert "\nchecksum: this file of golang example.org/Upper/dep v1.0.0" in (
        checksums("verify", workshop.app, modules).stdout
    )


def test_what_pip_downloads_is_what_was_recorded(need: Need, tmp_path: Path) -> None:
    index, downloads, project = (tmp_path / name for name in ("index", "downloads", "app"))
    index.mkdir()
    project.mkdir()
    wheel = index / "small-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("small.py", "")
        info = "small-1.0.dist-info"
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: small\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    sha256 = hashlib.sha256(wheel.read_bytes()).hexdigest()
    (project / "requirements.txt").write_text(f"small==1.0 --hash=sha256:{sha256}\n")
    run(
        *(need("python"), "-m", "pip", "download", "--no-index", "--find-links", index),
        *("--require-hashes", "-r", "requirements.txt", "-d", downloads),
        cwd=project,
        PIP_CONFIG_FILE=os.devnull,
        PIP_FIND_LINKS="",
    )
    assert checksums("record", project, downloads).exit_code == 0
    assert [(item["file"], item["sha256"]) for item in recorded(project)] == [(wheel.name, sha256)]
    assert checksums("verify", project, downloads).exit_code == 0
    (downloads / wheel.name).write_bytes(b"swapped")
    assert checksums("verify", project, downloads).exit_code == 1
