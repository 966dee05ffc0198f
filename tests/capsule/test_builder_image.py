"""The image of a builder that buildx runs in a container of its own.

No image with BuildKit is to be had without a registry: a container that buildx would take for the
builder's is there, and was never started.
"""

from __future__ import annotations

import os
import subprocess
import tarfile
from typing import TYPE_CHECKING

import pytest

from bom.capsule.builder_image import collected
from bom.capsule.writing import Contents
from bom.model import Tool
from bom.rebuild.recipe import Recipe, SourceRecord

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Need

    from bom.capsule_record import Item, Missing

NAME = f"bom-test-{os.getpid()}"
IMAGE = f"bom-test/capsule-builder-{os.getpid()}:1"


@pytest.fixture(scope="module")
def engine(need: Need, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The modern engine, with buildx's builders in a folder of ours."""
    found = need.engine("modern")
    found["BUILDX_CONFIG"] = str(tmp_path_factory.mktemp("buildx"))
    docker(found, "build", "-q", "-t", IMAGE, "-", given="FROM scratch\nLABEL bom=test\n")
    yield found
    docker(found, "image", "rm", "--force", IMAGE)


def docker(engine: dict[str, str], *arguments: str, given: str = "") -> None:
    subprocess.run(
        ["docker", *arguments], env=engine, input=given, check=True, capture_output=True, text=True
    )


def had(
    engine: dict[str, str], folder: Path, version: str = "v0.17.3"
) -> tuple[list[Item], list[Missing]]:
    tools = (Tool("builder", "buildkit", version, "stated"),)
    planned = Recipe(SourceRecord("0" * 40), ("docker", "build", "."), tools=tools)
    contents = Contents()
    missing = list(collected(contents, planned, folder, folder, engine))
    return contents.items, missing


def test_the_image_of_the_builders_container_is_taken(
    engine: dict[str, str], tmp_path: Path
) -> None:
    docker(engine, "buildx", "create", "--name", NAME, "--driver", "docker-container")
    chosen = {**engine, "BUILDX_BUILDER": NAME}
    items, (lack,) = had(chosen, tmp_path)
    assert items == []
    assert (lack.where, lack.why) == (f"builder {NAME}0", "it has no container in this engine")
    docker(engine, "create", "--name", f"buildx_buildkit_{NAME}0", IMAGE, "none")
    try:
        ((item,), missing) = had(chosen, tmp_path)
    finally:
        docker(engine, "rm", f"buildx_buildkit_{NAME}0")
    assert (item.role, item.name, missing) == ("builder-image", IMAGE, [])
    with tarfile.open(tmp_path / f"{NAME}0.tar") as tar:
        assert "manifest.json" in tar.getnames()


def test_a_builder_that_is_elsewhere_is_told(engine: dict[str, str], tmp_path: Path) -> None:
    name = f"{NAME}-far"
    docker(engine, "buildx", "create", "--name", name, "--driver", "remote", "tcp://127.0.0.1:1")
    items, (lack,) = had({**engine, "BUILDX_BUILDER": name}, tmp_path)
    assert items == []
    assert (lack.where, lack.why) == ("builder of the driver remote", "it runs elsewhere")


@pytest.mark.parametrize("version", ["v0.17.3", ""])
def test_a_builder_inside_of_the_engine_has_no_image(
    version: str, engine: dict[str, str], tmp_path: Path
) -> None:
    """Whether it states its version or not."""
    assert had(engine, tmp_path, version) == ([], [])
