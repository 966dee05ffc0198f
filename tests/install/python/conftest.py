"""A sealed wheel and sdist of one project, and all that it needs."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.conftest import _missing as missing
from tests.e2e.builds import Bom, git
from tests.install.python.packages import index, sdist, sha256, uv_lock, wheel

from bom.cli import _run

PYPROJECT = """\
[build-system]
requires = ["tinyback==1.0"]
build-backend = "tinyback"
[project]
name = "app"
version = "1.0"
dependencies = ["alpha-lib>=1"]
[project.optional-dependencies]
fast = ["alpha-lib[fast]"]
[dependency-groups]
dev = ["devtool", "tinyback"]
"""
# A build backend (PEP 517) in a wheel of its own: writes the wheel that the project's tree holds.
BACKEND = """\
import pathlib, shutil
def build_wheel(folder, config_settings=None, metadata_directory=None):
    made = next(pathlib.Path("made").glob("*.whl"))
    shutil.copy(made, folder)
    return made.name
"""
OWN = """\
dependencies = [{ name = "alpha-lib" }]
[package.optional-dependencies]
fast = [{ name = "alpha-lib", extra = ["fast"] }]
[package.dev-dependencies]
dev = [{ name = "devtool" }, { name = "tinyback" }]
"""
ALPHA = """\
dependencies = [
    { name = "beta-lib" },
    { name = "winny", marker = "sys_platform == 'win32'" },
]
[package.optional-dependencies]
fast = [{ name = "gamma" }]
"""


class Said(NamedTuple):
    code: int
    out: str
    err: str


def called(*words: str | Path) -> Said:
    """A call of `bom` in this process."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = _run([str(word) for word in words])
    return Said(code, out.getvalue(), err.getvalue())


@dataclass(frozen=True)
class World:
    """`wheels`: everything that is locked, as files; `index`: the same as a simple index."""

    folder: Path
    wheels: Path
    index: Path
    bom: Bom
    key: Path
    wheel: Path
    sdist: Path
    digests: dict[str, str]

    def install(self, artifact: Path, *words: str | Path) -> Said:
        return called("install", artifact, "--key", self.key, *words)

    def offline(self, artifact: Path, *words: str | Path) -> Said:
        return self.install(artifact, "--no-index", "--find-links", self.wheels, *words)

    def sealed(self, root: Path, files: list[Path], pyproject: str, lock: str) -> Path:
        """A build of another project that leaves these files, sealed; the folder with them."""
        return seal(self.bom, self.folder, root, files, pyproject, lock)

    def verify(self, artifact: Path, place: Path) -> Said:
        return called("verify", artifact, "--key", self.key, "--installed", place)


def environment(folder: Path, python: str = sys.executable) -> Path:
    """A virtual environment without pip: the one beside `bom` works for it."""
    subprocess.run([python, "-m", "venv", "--without-pip", folder], check=True, capture_output=True)
    return folder


@pytest.fixture(scope="session")
def other_python() -> tuple[str, str]:
    """A CPython of another version than this one: its path, and the version as in `3.12`."""
    here = f"{sys.version_info[0]}.{sys.version_info[1]}"
    candidates = [shutil.which(f"python3.{minor}") or "" for minor in range(9, 20)]
    candidates += map(str, (Path.home() / ".pyenv" / "versions").glob("3.*/bin/python3"))
    ask = "import sys, venv; print('%d.%d' % sys.version_info[:2])"
    for candidate in filter(None, candidates):
        done = subprocess.run([candidate, "-I", "-c", ask], capture_output=True, text=True)
        version = done.stdout.strip()
        if done.returncode == 0 and version != here and int(version.split(".")[1]) >= 9:
            return candidate, version
    missing(f"there is no Python but {here}, on PATH or of pyenv")
    raise AssertionError


def site(place: Path) -> Path:
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    return place / "lib" / version / "site-packages"


def tree(folder: Path) -> dict[str, bytes]:
    """All that is below a folder, byte code aside: what two looks at it are compared by."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if "__pycache__" in path.parts or path.is_dir():
            continue
        found[str(path.relative_to(folder))] = (
            os.fsencode(path.readlink()) if path.is_symlink() else path.read_bytes()
        )
    return found


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("world")
    wheels = folder / "wheels"
    alpha = wheel(
        wheels,
        "alpha-lib",
        "1.0",
        {"alpha_lib/__init__.py": "A = 1\n", "alpha_lib/data.txt": "data\n"},
        ["beta-lib>=2", "winny; sys_platform == 'win32'", "gamma; extra == 'fast'"],
        ["fast"],
    )
    script = "#!python\nprint('beta script')\n"
    beta = wheel(
        wheels,
        "beta-lib",
        "2.0",
        {
            "beta_lib.py": "def main() -> None:\n    print('beta')\n",
            "INFO/entry_points.txt": "[console_scripts]\nbeta = beta_lib:main\n",
            "beta_lib-2.0.data/scripts/beta-run": script,
            "beta_lib-2.0.data/data/share/beta/data.txt": "data\n",
        },
    )
    gamma = wheel(wheels, "gamma", "3.0", {"gamma.py": "G = 3\n"})
    winny = wheel(wheels, "winny", "1.0", {"winny.py": ""}, tag="py3-none-win_amd64")
    devtool = wheel(wheels, "devtool", "1.0", {"devtool.py": "D = 1\n"})
    backend = wheel(wheels, "tinyback", "1.0", {"tinyback.py": BACKEND})
    every = [alpha, beta, gamma, winny, devtool, backend]
    lock = uv_lock(
        [
            ("alpha-lib", "1.0", [alpha], ALPHA),
            ("beta-lib", "2.0", [beta], ""),
            ("gamma", "3.0", [gamma], ""),
            ("winny", "1.0", [winny], ""),
            ("devtool", "1.0", [devtool], ""),
            ("tinyback", "1.0", [backend], ""),
        ],
        OWN,
    )
    bom = Bom(tmp_path_factory.mktemp("home"))
    bom("key", "generate", "--out", folder / "release", cwd=folder)
    made = app(folder / "made", ["alpha-lib>=1", "alpha-lib[fast]; extra == 'fast'"], ["fast"])
    source = sdist(
        folder / "made",
        "app",
        "1.0",
        {"pyproject.toml": PYPROJECT.encode(), f"made/{made.name}": made.read_bytes()},
    )
    sealed = seal(bom, folder, folder / "project", [made, source], PYPROJECT, lock)
    return World(
        folder,
        wheels,
        index(folder / "index", every),
        bom,
        folder / "release.pub",
        sealed / made.name,
        sealed / source.name,
        {file.name: sha256(file) for file in every},
    )


def app(folder: Path, requires: list[str], extras: list[str]) -> Path:
    files = {
        "app/__init__.py": "def main() -> None:\n    print('app is well')\n",
        "INFO/entry_points.txt": "[console_scripts]\napp = app:main\n",
    }
    return wheel(folder, "app", "1.0", files, requires, extras)


def seal(bom: Bom, keys: Path, root: Path, files: list[Path], pyproject: str, lock: str) -> Path:
    """Let a build leave these files, and seal them; the folder that holds them."""
    root.mkdir()
    (root / "pyproject.toml").write_text(pyproject)
    (root / "uv.lock").write_text(lock)
    (root / ".gitignore").write_text("dist/\n")
    git(root, "init", "-q")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "app")
    copy = " ".join(map(str, files))
    command = ["sh", "-c", f"mkdir dist && cp {copy} dist/"]
    bom("build", "--key", keys / "release.key", "--artifact", "dist/*", "--", *command, cwd=root)
    return root / "dist"
