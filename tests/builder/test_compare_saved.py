"""Images that both engines, podman and buildah save, built twice: what differs is found in them."""

from __future__ import annotations

import os
import subprocess
import time
from typing import TYPE_CHECKING, Final

import pytest
from tests.compare.archives import EPOCH
from tests.containers import Containers

from bom.compare import compare

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tests.conftest import Need

    from bom.difference import Comparison

BASE: Final = os.environ.get("BOM_TEST_BASE_IMAGE", "python:3.11-slim")
TIMES: Final = ("2024-01-01T10:00:00Z", "2024-02-03T11:12:13Z")


def context(folder: Path, *, content: str, mtime: int) -> Path:
    """Without RUN, so that nothing but what is copied and the builder's own clock differs."""
    folder.mkdir()
    (folder / "Dockerfile").write_text("FROM scratch\nCOPY kept /kept\nCOPY built /srv/built\n")
    (folder / "kept").write_text("kept\n")
    (folder / "built").write_text(f"built {content}\n")
    for name in ("kept", "built"):
        os.utime(folder / name, (mtime, mtime))
    return folder


def saved(environment: Mapping[str, str], folder: Path, tag: str) -> Path:
    """Built without cache, as `docker save` writes it."""
    out = folder / "image.tar"
    for words in (
        ("build", "--no-cache", "-q", "-t", tag, str(folder)),
        ("save", "-o", str(out), tag),
        ("image", "rm", "--force", tag),
    ):
        subprocess.run(["docker", *words], env=dict(environment), check=True, capture_output=True)
    return out


def twice(tmp_path: Path, save: Callable[[Path], Path], contents: tuple[str, str]) -> Comparison:
    """Two builds some time apart, of files that have another time."""
    images = []
    for number, content in enumerate(contents):
        # BuildKit keeps what it was sent by the folder's name, and asks again by size and time
        folder = tmp_path / f"{tmp_path.name}-{number}"
        place = context(folder, content=content, mtime=EPOCH + number)
        images.append(save(place))
        time.sleep(1.1 * (1 - number))  # a second, which is what a tar's times are counted in
    return compare(images[0], images[1], epoch=EPOCH, name="image.tar")


@pytest.mark.parametrize("engine", ["modern", "classic"])
@pytest.mark.parametrize("buildkit", ["1", "0"])
def test_a_saved_image_is_walked_down_to_the_file(
    request: pytest.FixtureRequest, tmp_path: Path, engine: str, buildkit: str
) -> None:
    environment = {**request.getfixturevalue(engine), "DOCKER_BUILDKIT": buildkit}
    tag = f"bom-test/compare:{engine}{buildkit}"
    found = twice(tmp_path, lambda folder: saved(environment, folder, tag), TIMES)
    assert found.verdict == "different"
    contents = {item.path for item in found.differences if TIMES[0] in item.evidence}
    assert contents == {"layer 2 > srv/built"}
    others = {item.cause for item in found.differences if item.path != "layer 2 > srv/built"}
    # the classic builder's container, by which it also calls its host
    assert others <= {"timestamp", "hostname"}
    assert "configuration > created" in {item.path for item in found.differences}


@pytest.mark.parametrize("engine", ["modern", "classic"])
def test_times_alone_are_normalised_away(
    request: pytest.FixtureRequest, tmp_path: Path, engine: str
) -> None:
    environment = request.getfixturevalue(engine)
    tag = f"bom-test/compare:{engine}-times"
    same = (TIMES[0], TIMES[0])
    found = twice(tmp_path, lambda folder: saved(environment, folder, tag), same)
    assert {item.cause for item in found.differences} == {"timestamp"}
    assert found.verdict == "normalised"


@pytest.mark.parametrize("form", ["docker-archive", "oci-archive"])
def test_what_podman_saves_is_walked_too(need: Need, tmp_path: Path, form: str) -> None:
    need("podman")
    containers = Containers.at(tmp_path / "storage")
    try:

        def save(folder: Path) -> Path:
            out = folder / "image.tar"
            containers("podman", "build", "--no-cache", "-q", "-t", "compare:1", str(folder))
            containers("podman", "save", "-q", "--format", form, "-o", str(out), "compare:1")
            containers("podman", "rmi", "--force", "compare:1")
            return out

        found = twice(tmp_path, save, TIMES)
    finally:
        containers.remove()
    contents = {item.path for item in found.differences if TIMES[0] in item.evidence}
    assert {path.rpartition(" > ")[2] for path in contents} == {"srv/built"}
    assert {item.cause for item in found.differences} == {"timestamp"}
