"""`bom install` of a sealed npm package from a registry on this machine, with the real npm."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from tests.e2e.builds import git
from tests.e2e.npm_registry import NpmRegistry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Need
    from tests.e2e.builds import Bom, Key

pytestmark = pytest.mark.e2e

SCRIPT = "node -e \"require('fs').writeFileSync(process.env.RAN, 'x')\""


@dataclass(frozen=True)
class Place:
    bom: Bom
    key: Key
    registry: NpmRegistry
    root: Path

    def variables(self) -> dict[str, str]:
        return {
            "npm_config_registry": self.registry.url,
            "npm_config_cache": str(self.root / "cache"),
            "npm_config_fetch_retries": "0",
            "RAN": str(self.root / "ran"),
        }

    def built(self, name: str, lock: bool = True, **manifest: object) -> Path:
        app = self.root / name
        app.mkdir()
        document = {"name": "app", "version": "1.0.0", "bin": {"app": "cli.js"}, **manifest}
        (app / "package.json").write_text(json.dumps(document))
        (app / "cli.js").write_text(
            "#!/usr/bin/env node\nconsole.log(require('left/package.json').version)\n"
        )
        (app / ".gitignore").write_text("node_modules\n*.tgz\n*.jsonl\n")
        environment = {**self.bom.variables(), **self.variables()}
        if lock:
            words = ["npm", "install", "--ignore-scripts", "--package-lock-only"]
            subprocess.run(words, cwd=app, env=environment, check=True, capture_output=True)
        git(app, "init", "-q")
        git(app, "add", "-A")
        git(app, "commit", "-q", "-m", "app")
        words = ["build", "--key", str(self.key.private), "--", "npm", "pack"]
        self.bom(*words, cwd=app, more=self.variables())
        return app / "app-1.0.0.tgz"

    def install(
        self, artifact: Path, *words: str | Path, code: int = 0, **more: str
    ) -> subprocess.CompletedProcess[str]:
        return self.bom(
            *("install", artifact, "--key", self.key.public, *words),
            cwd=self.root,
            code=code,
            more={**self.variables(), **more},
        )

    def drift(self, artifact: Path, prefix: Path) -> list[str]:
        words = ("verify", artifact, "--key", self.key.public, "--installed", prefix, "--json")
        done = self.bom(*words, cwd=self.root, code=None)
        found = json.loads(done.stdout)["findings"]
        return [f"{item['code'].removeprefix('installed-')} {item['where']}" for item in found]


@pytest.fixture(scope="module")
def place(
    bom: Bom, key: Key, need: Need, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    need("npm"), need("node")
    with NpmRegistry() as registry:
        registry.add("left", "1.0.0", dependencies={"deep": "^1.0.0"})
        registry.add("deep", "1.2.0")
        registry.add("deep", "2.0.0")
        registry.add(
            "@scope/right", "3.1.0", dependencies={"deep": "^2.0.0"}, bin={"right": "index.js"},
            scripts={"postinstall": SCRIPT},
        )  # fmt: skip
        registry.add("opt", "1.0.0")
        registry.add("bundler", "1.0.0", {"inner": "5.0.0"}, dependencies={"inner": "5.0.0"},
                     bundleDependencies=["inner"])  # fmt: skip
        registry.add("tester", "1.0.0")
        yield Place(bom, key, registry, tmp_path_factory.mktemp("npm"))


@pytest.fixture(scope="module")
def artifact(place: Place) -> Path:
    return place.built(
        "app",
        dependencies={"left": "^1.0.0", "@scope/right": "^3.0.0", "bundler": "1.0.0"},
        devDependencies={"tester": "1.0.0"},
        optionalDependencies={"opt": "1.0.0"},
    )


def test_what_the_bom_lists_is_installed_and_nothing_has_drifted(
    place: Place, artifact: Path
) -> None:
    prefix = place.root / "srv"
    planned = place.install(artifact, "--prefix", prefix, "--dry-run")
    assert not prefix.exists()
    place.install(artifact, "--prefix", prefix)
    names = [line.split()[1:3] for line in planned.stdout.splitlines()[1:-1]]
    assert names == [
        ["app", "1.0.0"],
        ["@scope/right", "3.1.0"],
        ["bundler", "1.0.0"],
        ["deep", "1.2.0"],
        ["deep", "2.0.0"],
        ["left", "1.0.0"],
        ["opt", "1.0.0"],
    ]
    modules = prefix / "node_modules"
    assert sorted(path.name for path in (modules / ".bin").iterdir()) == ["app", "right"]
    assert not (place.root / "ran").exists()  # @scope/right has an install script
    ran = subprocess.run([modules / ".bin/app"], check=True, capture_output=True, text=True)
    assert ran.stdout == "1.0.0\n"
    listed = subprocess.run(
        ["npm", "ls", "--all", "--parseable"], cwd=prefix, capture_output=True, text=True,
        check=False, env={**place.bom.variables(), **place.variables()},
    )  # fmt: skip
    assert listed.returncode == 0, listed.stderr
    assert place.drift(artifact, prefix) == []
    assert [path.name for path in place.root.iterdir() if path.name.startswith(".bom")] == []

    (modules / "left/index.js").write_text("evil()\n")
    (modules / "app/cli.js").write_text("evil()\n")
    (modules / "evil").mkdir()
    (modules / ".bin/right").unlink()
    (modules / ".bin/right").symlink_to("/bin/sh")
    assert place.drift(artifact, prefix) == [
        "changed node_modules/.bin/right",
        "changed node_modules/app/cli.js",
        "additional node_modules/evil",
        "changed node_modules/left",
    ]
    (prefix / ".bom/bom-install.json").unlink()
    shutil.rmtree(modules / "opt")
    words = ("verify", artifact, "--key", place.key.public, "--installed", prefix, "--json")
    warnings = json.loads(place.bom(*words, cwd=place.root, code=1).stdout)["warnings"]
    assert warnings == [
        "no receipt of `bom install` is there: of other packages only names and versions are"
        " compared",
        "1 packages of the BOM are not there, optional ones perhaps: opt 1.0.0",
    ]
    place.install(artifact, "--prefix", prefix, "--allow-scripts")
    assert (place.root / "ran").read_text() == "x"
    assert place.drift(artifact, prefix) == []


def test_another_file_of_the_same_version_is_refused(place: Place, artifact: Path) -> None:
    prefix, empty = place.root / "swapped", place.root / "empty"
    state = dict(place.registry._files)
    place.registry.add("deep", "2.0.0", description="another", scripts={"postinstall": SCRIPT})
    try:
        words = ("--prefix", prefix, "--allow-scripts", "--json")
        (place.root / "ran").unlink(missing_ok=True)
        done = place.install(artifact, *words, code=1, npm_config_cache=str(empty))
    finally:
        place.registry._files.update(state)
    assert done.stderr.splitlines()[0] == (
        "error: nothing is installed: node_modules/deep is another file than the BOM lists"
    )
    (finding,) = json.loads(done.stdout)["findings"]
    assert finding["code"] == "dependency-digest"
    assert finding["expected"].startswith("sha512-")
    assert not prefix.exists()
    assert not (place.root / "ran").exists()


def test_what_no_lock_has_pinned_is_refused(place: Place) -> None:
    unlocked = place.built("unlocked", lock=False, dependencies={"left": "^1.0.0"})
    prefix = place.root / "unlocked-srv"
    done = place.install(unlocked, "--prefix", prefix, code=1)
    assert done.stderr == (
        "error: nothing is installed: left has no version in the BOM\n"
        "hint: lock the project's dependencies with their integrity, and seal it anew\n"
    )
    assert not prefix.exists()


def test_a_registry_that_is_gone_leaves_the_old_install(place: Place, artifact: Path) -> None:
    prefix = place.root / "kept"
    place.install(artifact, "--prefix", prefix)
    before = sorted(str(path) for path in prefix.rglob("*"))
    kept = dict(place.registry._files)
    place.registry._files.clear()
    try:
        none = str(place.root / "none")
        done = place.install(artifact, "--prefix", prefix, code=3, npm_config_cache=none)
    finally:
        place.registry._files.update(kept)
    assert done.stderr.startswith("error: npm ci: ")
    assert sorted(str(path) for path in prefix.rglob("*")) == before
    assert place.drift(artifact, prefix) == []
    assert not (place.root / ".bom-install-kept").exists()


def test_a_full_disk_is_called_one_whatever_npm_makes_of_it(place: Place, artifact: Path) -> None:
    disk = place.root / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(disk)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"a tmpfs can't be mounted here: {mounted.stderr.strip()}")
    try:
        done = place.install(artifact, "--prefix", disk / "app", code=3)
        assert done.stderr == (
            "error: npm ci: No space left on device\n"
            "hint: make room on its disk; what was there before is still there\n"
        )
        assert list(disk.iterdir()) == []
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def test_killed_while_npm_works_the_old_install_stays_and_nobody_else_is_let_in(
    place: Place, artifact: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prefix = place.root / "killed"
    place.install(artifact, "--prefix", prefix)
    reached, over = threading.Event(), threading.Event()
    real = place.registry.answer

    def waiting(path: str) -> bytes | None:
        reached.set()
        over.wait(60)
        return real(path)

    monkeypatch.setattr(place.registry, "answer", waiting)
    words = ("install", artifact, "--key", place.key.public, "--prefix", prefix)
    variables = {**place.variables(), "npm_config_cache": str(place.root / "none2")}
    process = subprocess.Popen(
        [sys.executable, "-m", "bom", *map(str, words)],
        env=place.bom.variables(**variables, TMPDIR=str(place.root)),
    )
    assert reached.wait(60)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert place.drift(artifact, prefix) == []
    # npm has not noticed: nobody may come between
    refused = place.install(artifact, "--prefix", prefix, code=2)
    assert refused.stderr.startswith(f"error: another install into {prefix} is running\n")
    over.set()
    lock = os.open(place.root / ".bom-install-killed", os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)  # until npm is over
    os.close(lock)
    place.install(artifact, "--prefix", prefix)
    assert place.drift(artifact, prefix) == []
    assert not (place.root / ".bom-install-killed").exists()


def test_npm_is_needed(place: Place, artifact: Path) -> None:
    done = place.install(artifact, "--prefix", place.root / "x", code=3, PATH="/nowhere")
    assert done.stderr == "error: `npm` is not there\nhint: install Node.js with npm\n"
