"""A workspace with a project in it, and a machine that has the action installed once."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from tests.action.github_api import GitHub
from tests.action.runner import Runner

from bom.sign.keys import PrivateKey

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT: Final = Path(__file__).resolve().parents[2]
LOCK = """{
  "name": "app", "version": "1.0.0", "lockfileVersion": 3, "requires": true,
  "packages": {
    "": {"name": "app", "version": "1.0.0", "dependencies": {"left": "^1.0.0"}},
    "node_modules/left": {
      "version": "%s",
      "resolved": "https://registry.example/left/-/left-%s.tgz",
      "integrity": "sha512-%s=="
    }
  }
}
"""


def lock(version: str = "1.0.0", letter: str = "A") -> str:
    """A package-lock.json with one dependency, whose digest is of `letter`s."""
    return LOCK % (version, version, letter * 86)


@pytest.fixture(scope="session")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The action as a runner unpacks it, and a RUNNER_TEMP: what the first call of the action
    installs, the others take."""
    folder = tmp_path_factory.mktemp("machine")
    (folder / "temp").mkdir()
    for name in ("action", "src", "verify"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, folder / "action" / name, ignore=ignored)
    for path in (ROOT / "action.yml", *ROOT.glob("requirements*.lock")):
        shutil.copy(path, folder / "action" / path.name)
    return folder


@pytest.fixture
def variables(tmp_path: Path, machine: Path) -> dict[str, str]:
    """Of the machine, without what the developer's own shell says."""
    keep = ("PIP_", "SSL_", "REQUESTS_", "CURL_", "HTTP", "NO_PROXY", "http", "https", "no_proxy")
    home = tmp_path / "home"
    home.mkdir()
    found = {name: value for name, value in os.environ.items() if name.startswith(keep)}
    return found | {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "PIP_CACHE_DIR": str(machine / "cache"),  # what one job downloads, the next one has
        "LANG": "C.UTF-8",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "dev",
        "GIT_AUTHOR_EMAIL": "dev@example.invalid",
        "GIT_COMMITTER_NAME": "dev",
        "GIT_COMMITTER_EMAIL": "dev@example.invalid",
        "GIT_AUTHOR_DATE": "2024-01-01T00:00:00Z",
        "GIT_COMMITTER_DATE": "2024-01-01T00:00:00Z",
    }


@pytest.fixture
def project(tmp_path: Path, variables: dict[str, str]) -> Path:
    """A checkout: `sh build.sh` makes out/app.tar, `sh unit.sh` is a test that passes."""
    folder = tmp_path / "workspace"
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "app.txt").write_text("app\n", encoding="utf-8")
    (folder / "package-lock.json").write_text(lock(), encoding="utf-8")
    (folder / "package.json").write_text('{"name": "app", "version": "1.0.0"}', encoding="utf-8")
    (folder / "build.sh").write_text(
        "mkdir -p out\n"
        "tar --format=gnu --sort=name --owner=0 --group=0 --numeric-owner --mtime=@0"
        " -cf out/app.tar src\n",
        encoding="utf-8",
    )
    (folder / "unit.sh").write_text("echo fine\n", encoding="utf-8")
    (folder / ".gitignore").write_text("out/\n", encoding="utf-8")
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "a project"]):
        subprocess.run(["git", *words], cwd=folder, env=variables, check=True)
    return folder


@pytest.fixture
def runner(project: Path, machine: Path, tmp_path: Path, variables: dict[str, str]) -> Runner:
    return Runner(project, machine, tmp_path / "store", variables)


@pytest.fixture
def github(runner: Runner) -> Iterator[GitHub]:
    """The API that the runner's jobs are told of."""
    with GitHub() as server:
        runner.api = server.url
        yield server


@pytest.fixture(scope="session")
def key() -> PrivateKey:
    return PrivateKey.generate()


@pytest.fixture
def secret(key: PrivateKey) -> str:
    """The private key as a secret holds it."""
    return key.pem().decode()


@pytest.fixture
def left(machine: Path) -> Callable[[], list[Path]]:
    """Private keys that lie on the machine."""

    def look() -> list[Path]:
        return [path for path in (machine / "temp").rglob("key") if path.is_file()]

    return look
