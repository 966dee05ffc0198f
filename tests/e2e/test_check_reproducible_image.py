"""`bom build --check-reproducible` of images: what a step sees is claimed, and nothing stays."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from tests.e2e.builds import ENGINES, Bom, Key, git

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Need

# No client's clock, user or variable reaches a step; what a copied file's mode is does.
_NEVER = {"clock", "environment", "file-order", "locale", "path", "timezone", "umask", "user"}


class _Engine:
    """One engine, with the names that the tests give there."""

    def __init__(self, kind: str, environment: dict[str, str], bom: Bom, base: str) -> None:
        self.bom = bom.on(environment)
        self.base = base
        self.tag = f"bom-test/v-{kind}:1"
        self._environment = environment

    def docker(self, *words: str) -> str:
        done = subprocess.run(
            ["docker", *words], env=self._environment, capture_output=True, text=True, check=False
        )
        return done.stdout

    def layers(self) -> list[str]:
        """Diff IDs of the image that the tag stands for."""
        told = self.docker("image", "inspect", "--format", "{{json .RootFS.Layers}}", self.tag)
        found: list[str] = json.loads(told)
        return found

    def ours(self) -> list[str]:
        """Names that only second builds and their probes give."""
        listed = self.docker("image", "ls", "--format", "{{.Repository}}:{{.Tag}}").split()
        return [name for name in listed if name.startswith("bom-probe:")]


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest, bom: Bom, need: Need) -> Iterator[_Engine]:
    environment = need.engine(request.param)
    made = _Engine(request.param, environment, bom, need.base_image(environment))
    yield made
    made.docker("image", "rm", "--force", made.tag)


def _project(folder: Path, dockerfile: str) -> Path:
    (folder / "src").mkdir(parents=True)
    (folder / "src/file").write_text("content\n")
    (folder / "src/file").chmod(0o644)
    (folder / "Dockerfile").write_text(dockerfile)
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "all")
    return folder


def _built(engine: _Engine, key: Key, root: Path, *options: str) -> tuple[Any, Path]:
    out = root.parent / "app.tar"
    command = ("docker", "build", "--network=host", "-t", engine.tag, ".")
    done = engine.bom(
        *("build", "--json", "--key", str(key.private), "--check-reproducible", *options),
        *("-o", str(out), "--", *command),
        cwd=root,
    )
    return json.loads(done.stdout)["artifacts"][0]["reproducible"], out


def test_a_step_that_writes_the_clock_is_found_and_the_users_image_stays(
    engine: _Engine, key: Key, tmp_path: Path
) -> None:
    text = f"FROM {engine.base}\nCOPY src /src\nRUN date +%s > /when\n"
    root = _project(tmp_path / "clock", text)
    said, out = _built(engine, key, root, "--normalize")
    assert said["outcome"] == "different"
    found = "\n".join(said["first"])
    assert "timestamp" in found and "when" in found
    assert "mode" in found and "src/file" in found
    assert {"file-modes", "time"} <= set(said["varied"])
    assert not set(said["varied"]) & _NEVER
    assert set(said["not_varied"]) >= _NEVER
    verdict = engine.bom("verify", "--json", str(out), "--key", str(key.public), cwd=root)
    assert json.loads(verdict.stdout)["reproducible"] == "different"
    # the name stands for the image that was sealed, not for the second one
    subject = json.loads(engine.bom("show", "--json", str(out), cwd=root).stdout)["metadata"]
    sealed = [
        entry["value"].split()[1]
        for entry in subject["component"]["properties"]
        if entry["name"] == "bom-seal:image:layer"
    ]
    assert engine.layers() == sealed
    assert not engine.ours()


def test_an_image_that_depends_on_nothing_is_the_same_normalised(
    engine: _Engine, key: Key, tmp_path: Path
) -> None:
    root = _project(tmp_path / "clean", "FROM scratch\nCOPY --chmod=644 src/file /file\n")
    said, _ = _built(engine, key, root, "--normalize")
    assert (said["outcome"], said["first"]) == ("same", [])
    assert said["varied"] == ["file-modes"]
    assert not engine.ours()
