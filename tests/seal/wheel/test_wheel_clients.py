"""Sealed wheels in the hands of the tools that people use."""

from __future__ import annotations

import base64
import csv
import hashlib
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest
from tests.loopback import folder_served

from bom.seal.wheel import WheelFormat

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from bom.model import Property

pytestmark = pytest.mark.e2e

HATCHLING = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "sealed-demo"
version = "1.2"
[project.scripts]
sealed-demo = "sealed_demo:main"
"""
SETUPTOOLS = """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
[project]
name = "sealed-demo"
version = "1.2"
[project.scripts]
sealed-demo = "sealed_demo:main"
[tool.setuptools]
packages = ["sealed_demo"]
"""


class Need(Protocol):
    def __call__(self, tool: str) -> str: ...


class Lab(Protocol):
    """The fixture of conftest.py, as its users see it."""

    folder: Path
    format: WheelFormat

    def document(self, properties: Sequence[Property], name: str = ...) -> bytes: ...
    def seal(self, path: Path, bundle: bytes = ...) -> Path: ...
    def strip(self, sealed: Path) -> bytes: ...


def run(*command: str | Path, **environment: str) -> str:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PIP_", "UV_", "PYTHON"))}
    done = subprocess.run(
        list(map(str, command)),
        env=clean | {"PIP_DISABLE_PIP_VERSION_CHECK": "1"} | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _project(folder: Path, pyproject: str) -> Path:
    package = folder / "project" / "sealed_demo"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text('def main() -> None:\n    print("sealed and well")\n')
    (package / "data.txt").write_text("data\n" * 500)
    (folder / "project" / "pyproject.toml").write_text(pyproject)
    return folder / "project"


@pytest.fixture(scope="session", params=["hatchling", "setuptools"])
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real wheel, as `python -m build` makes it with each backend."""
    folder = tmp_path_factory.mktemp(request.param)
    project = _project(folder, HATCHLING if request.param == "hatchling" else SETUPTOOLS)
    options: list[str | Path] = ["--wheel", "--outdir", folder / "dist", project]
    if request.param == "hatchling":
        options.insert(0, "--no-isolation")
    run(sys.executable, "-m", "build", *options, **_certificates())
    (wheel,) = (folder / "dist").glob("*.whl")
    return wheel


def _certificates() -> dict[str, str]:
    """What a build that fetches its backend may need of our own settings."""
    names = ("PIP_CERT", "PIP_INDEX_URL", "PIP_CONFIG_FILE", "SSL_CERT_FILE")
    return {name: os.environ[name] for name in names if name in os.environ}


@pytest.fixture
def sealed(lab: Lab, built: Path) -> Path:
    copy = lab.folder / built.name
    copy.write_bytes(built.read_bytes())
    return lab.seal(copy)


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    """Makes an environment with pip, and gives its python."""

    def make() -> Path:
        folder = tmp_path_factory.mktemp("venv")
        run(sys.executable, "-m", "venv", folder)
        return folder / "bin" / "python"

    return make


def _check_installed(python: Path) -> None:
    """The program runs, the seal is installed, and RECORD is right about every file."""
    assert run(python.parent / "sealed-demo") == "sealed and well\n"
    where = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = Path(run(python, "-c", where).strip())
    info = site / "sealed_demo-1.2.dist-info"
    assert (info / "sboms" / "bom-seal.cdx.json").is_file()
    assert (info / "bom-seal.sigstore.json").is_file()
    listed = set()
    for path, digest, size in csv.reader((info / "RECORD").read_text().splitlines()):
        file = site / path
        listed.add(file.resolve())
        if not digest:
            continue
        kind, _, value = digest.partition("=")
        content = file.read_bytes()
        found = hashlib.new(kind, content).digest()
        assert base64.urlsafe_b64encode(found).rstrip(b"=").decode() == value
        assert len(content) == int(size)
    for file in (*info.rglob("*"), *(site / "sealed_demo").glob("*.py")):
        assert file.is_dir() or file.resolve() in listed


def test_a_real_wheel_comes_back_bit_for_bit(lab: Lab, built: Path, sealed: Path) -> None:
    assert lab.strip(sealed) == built.read_bytes()


def test_zip_tools_find_nothing_wrong(need: Need, sealed: Path) -> None:
    assert "Done testing" in run(sys.executable, "-m", "zipfile", "-t", sealed)
    assert "No errors detected" in run(need("unzip"), "-t", sealed)


def test_pip_installs_it_from_disk(sealed: Path, environment: Callable[[], Path]) -> None:
    python = environment()
    run(python, "-m", "pip", "install", "--no-index", sealed)
    assert "No broken requirements" in run(python, "-m", "pip", "check")
    _check_installed(python)
    run(python, "-m", "pip", "uninstall", "-y", "sealed-demo")
    site = python.parents[1] / "lib"
    assert list(site.rglob("sealed_demo*")) == []


def test_uv_installs_it_from_disk(
    need: Need, sealed: Path, environment: Callable[[], Path]
) -> None:
    python = environment()
    run(need("uv"), "pip", "install", "--no-cache", "--no-index", "--python", python, sealed)
    run(need("uv"), "pip", "check", "--python", python)
    _check_installed(python)


@pytest.fixture
def index(tmp_path: Path, sealed: Path) -> Iterator[str]:
    """The URL of a simple index with the sealed wheel, its digest in the link."""
    root = tmp_path / "index"
    page = root / "simple" / "sealed-demo"
    page.mkdir(parents=True)
    (root / sealed.name).write_bytes(sealed.read_bytes())
    digest = hashlib.sha256(sealed.read_bytes()).hexdigest()
    link = f'<a href="../../{sealed.name}#sha256={digest}">{sealed.name}</a>'
    (page / "index.html").write_text(f"<!DOCTYPE html><html><body>{link}</body></html>")
    with folder_served(root) as url:
        yield f"{url}simple/"


def test_pip_installs_it_from_an_index(index: str, environment: Callable[[], Path]) -> None:
    python = environment()
    options = ["--no-cache-dir", "--index-url", index, "sealed-demo==1.2"]
    run(python, "-m", "pip", "install", *options, NO_PROXY="127.0.0.1")
    _check_installed(python)


def test_uv_installs_it_from_an_index(
    need: Need, index: str, environment: Callable[[], Path]
) -> None:
    python = environment()
    options: list[str | Path] = [
        "--no-cache",
        "--index-url",
        index,
        "--python",
        python,
        "sealed-demo==1.2",
    ]
    run(need("uv"), "pip", "install", *options, NO_PROXY="127.0.0.1")
    _check_installed(python)


def test_pip_accepts_it_by_hash(sealed: Path, index: str, environment: Callable[[], Path]) -> None:
    digest = hashlib.sha256(sealed.read_bytes()).hexdigest()
    requirements = sealed.with_name("requirements.txt")
    requirements.write_text(f"sealed-demo==1.2 --hash=sha256:{digest}\n")
    python = environment()
    options: list[str | Path] = [
        "--no-cache-dir",
        "--require-hashes",
        "--index-url",
        index,
        "-r",
        requirements,
    ]
    run(python, "-m", "pip", "install", *options, NO_PROXY="127.0.0.1")
    _check_installed(python)


def test_a_wheel_repacked_by_another_tool_is_found(sealed: Path) -> None:
    repacked = sealed.with_name("repacked.whl")
    with zipfile.ZipFile(sealed) as archive, zipfile.ZipFile(repacked, "w") as target:
        for info in archive.infolist():
            target.writestr(info.filename, archive.read(info), zipfile.ZIP_DEFLATED)
    with repacked.open("rb") as source:
        findings = WheelFormat().unseal(source, lambda _: None).findings
    assert findings
