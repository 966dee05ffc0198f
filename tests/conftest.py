"""What every test may ask for: the tools it needs, and engines where they answer."""

from __future__ import annotations

import os
import shutil
import sys
import urllib.parse
from pathlib import Path

import hypothesis
import pytest

# No test here is about time, and a busy machine is slow; in CI the same examples every time.
hypothesis.settings.register_profile(
    "bom",
    deadline=None,
    derandomize=bool(os.environ.get("CI")),
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("bom")


def _missing(reason: str) -> None:
    """On a user's machine a missing tool skips the test; in CI it fails it."""
    if os.environ.get("BOM_REQUIRE_TOOLS") == "1":
        pytest.fail(f"BOM_REQUIRE_TOOLS=1, but {reason}")
    pytest.skip(reason)


class Need:
    """`need("uv")` gives the path of an executable; `need.engine("modern")` an environment."""

    def __call__(self, tool: str) -> str:
        beside = Path(sys.executable).parent / tool
        found = str(beside) if beside.is_file() else shutil.which(tool, path=self._path())
        if found is None:
            _missing(f"{tool} is not on PATH")
        assert found is not None
        return found

    @staticmethod
    def missing(reason: str) -> None:
        """For what a test needs and is no executable."""
        _missing(reason)

    @staticmethod
    def _path() -> str:
        extra = os.environ.get("BOM_TEST_MODERN_BIN", "")
        return os.pathsep.join(filter(None, [os.environ.get("PATH", ""), extra]))

    def engine(self, kind: str) -> dict[str, str]:
        """The environment in which the docker client reaches the engine of this kind.

        BOM_TEST_MODERN_HOST / _BIN / _CONFIG and BOM_TEST_CLASSIC_HOST / _BIN name the engines:
        `.ci/engines` starts both and prints the lines to evaluate.
        """
        prefix = f"BOM_TEST_{kind.upper()}_"
        host = os.environ.get(prefix + "HOST", "")
        if not host:
            _missing(f"no {kind} engine: {prefix}HOST is not set (see .ci/engines)")
        socket = urllib.parse.urlsplit(host).path
        if not Path(socket).exists():
            _missing(f"the {kind} engine does not answer at {host}")
        drop = ("DOCKER_", "BUILDX_", "BUILDKIT_", "BOM_", "SOURCE_DATE_EPOCH")
        environment = {k: v for k, v in os.environ.items() if not k.startswith(drop)}
        environment["DOCKER_HOST"] = host
        environment["PATH"] = os.pathsep.join(
            [os.environ.get(prefix + "BIN", ""), environment.get("PATH", "")]
        ).strip(os.pathsep)
        if config := os.environ.get(prefix + "CONFIG"):
            environment["DOCKER_CONFIG"] = config
        if kind == "classic":
            environment["DOCKER_BUILDKIT"] = "1"
        return environment

    def vectors(self, name: str) -> Path:
        """A folder of the conformance vectors from outside (BOM_VECTORS, ../shared/vectors)."""
        root = Path(__file__).resolve().parents[1]
        base = Path(os.environ.get("BOM_VECTORS", root.parent / "shared" / "vectors"))
        if not (base / name).is_dir():
            _missing(f"no conformance vectors at {base.name}/{name} (set BOM_VECTORS)")
        return base / name

    def go_module(self, name: str, version: str) -> Path:
        """A Go module's folder in the module cache, where `go mod download NAME@VERSION` put it."""
        gopath = os.environ.get("GOPATH", "").split(os.pathsep)[0] or Path.home() / "go"
        cache = Path(os.environ.get("GOMODCACHE") or Path(gopath, "pkg", "mod"))
        folder = cache / f"{name}@{version}"
        if not folder.is_dir():
            _missing(f"{name} is not in Go's module cache (go mod download {name}@{version})")
        return folder

    def base_image(self, engine: dict[str, str]) -> str:
        """The name of a Debian image with Python in the engine (BOM_TEST_BASE_IMAGE)."""
        name = os.environ.get("BOM_TEST_BASE_IMAGE", "python:3.11-slim")
        import subprocess

        probe = subprocess.run(
            ["docker", "image", "inspect", name], env=engine, capture_output=True, check=False
        )
        if probe.returncode:
            _missing(f"the engine has no image {name}")
        return name


@pytest.fixture(scope="session")
def need() -> Need:
    return Need()
