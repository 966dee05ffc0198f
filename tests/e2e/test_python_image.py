"""An image with several Python environments: what `pip list` says in each, and whose files are."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from tests.catalog.test_python_environments import below, pairs, wheel

from bom.catalog.image import ImageCataloguer, ImageContents

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Need

pytestmark = pytest.mark.e2e

TAG = "bom-test/python-environments:1"
DOCKERFILE = """\
FROM {base}
COPY wheels /wheels
ENV PIP_NO_INDEX=1 PIP_FIND_LINKS=/wheels PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python3 -m venv /opt/a && /opt/a/bin/pip install one two==1.5
RUN python3 -m venv --system-site-packages /opt/b && /opt/b/bin/pip install two==2.0
RUN /opt/a/bin/pip install --target /srv/lib three && /opt/a/bin/pip install two==2.0
RUN mkdir -p /data && for n in 1 2 3 4 5; do echo "$n" > "/data/$n"; done && rm -r /wheels
"""
# Where each environment's own distributions are, and what lists them.
ENVIRONMENTS = {
    "opt/a/": "/opt/a/bin/pip list --format json",
    "opt/b/": "/opt/b/bin/pip list --local --format json",
    "srv/lib/": "/opt/a/bin/pip list --path /srv/lib --format json",
}


@pytest.fixture(scope="module")
def engine(need: Need) -> dict[str, str]:
    return need.engine("modern")


@pytest.fixture(scope="module")
def contents(
    engine: dict[str, str], need: Need, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ImageContents]:
    context = tmp_path_factory.mktemp("context")
    wheels = context / "wheels"
    wheels.mkdir()
    wheel(wheels, "one", "1.0", "two>=1")
    wheel(wheels, "two", "1.5")
    wheel(wheels, "two", "2.0")
    wheel(wheels, "three", "3.0")
    dockerfile = DOCKERFILE.format(base=need.base_image(engine))
    (context / "Dockerfile").write_text(dockerfile, encoding="utf-8")
    docker(engine, "build", "--network=none", "-q", "-t", TAG, str(context))
    saved = context / "image.tar"
    docker(engine, "save", "-o", str(saved), TAG)
    with ImageCataloguer() as cataloguer:
        _feed(cataloguer, saved)
        yield cataloguer.finish()
    docker(engine, "image", "rm", "--force", TAG)
    shutil.rmtree(context)


def _feed(cataloguer: ImageCataloguer, path: Path) -> None:
    with path.open("rb") as file:
        while piece := file.read(4 << 20):
            cataloguer.feed(piece)


def docker(engine: dict[str, str], *arguments: str) -> str:
    command = ["docker", *arguments]
    return subprocess.run(command, env=engine, check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize("folder", sorted(ENVIRONMENTS))
def test_each_environment_is_what_pip_lists_in_it(
    engine: dict[str, str], contents: ImageContents, folder: str
) -> None:
    run = ("run", "--rm", "--network=none", TAG, *ENVIRONMENTS[folder].split())
    assert below(contents.inside, folder) == pairs(docker(engine, *run))


def test_nothing_that_pip_installed_differs_from_its_record(contents: ImageContents) -> None:
    # pip in the base image is the distribution's own, which has other files than ensurepip's.
    assert [item for item in contents.inside.findings if item.code != "copies"] == []


def test_all_that_pip_and_venv_wrote_is_accounted_for_and_a_made_up_file_is_not(
    contents: ImageContents,
) -> None:
    unowned = {item.path for item in contents.files.files if not item.owner}
    assert {path for path in unowned if path.startswith(("opt/", "srv/"))} == set()
    assert {path for path in unowned if path.startswith("data/")} == {
        f"data/{n}" for n in range(1, 6)
    }
    assert len(unowned) / len(contents.files.files) < 0.01


def test_a_copy_that_a_later_layer_upgraded_is_gone(contents: ImageContents) -> None:
    versions = {version for name, version in below(contents.inside, "opt/a/") if name == "two"}
    assert versions == {"2.0"}
    (two,) = [i.component for i in contents.inside.installed if i.component.name == "two"]
    assert len(two.occurrences) == 2
