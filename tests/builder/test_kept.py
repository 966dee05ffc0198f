"""The names of images while a build that `bom` runs by itself moves them: each stands for what it
stood for afterwards, and nothing else is touched."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from bom.builder.kept import HELD, Images, kept
from bom.errors import BomError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Need

STORES = ("modern", "classic", "podman", "buildah")


class Store:
    """A store with tiny images, each of one file."""

    def __init__(self, program: str, environment: dict[str, str], folder: Path) -> None:
        self.program = program
        self.environment = environment
        self.folder = folder
        self.prefix = f"localhost/bom-test/kept-{os.getpid()}"
        self.images = Images(
            (program,), program, (self.name("a"), self.name("b")), environment, folder
        )

    def name(self, label: str) -> str:
        return f"{self.prefix}:{label}"

    def build(self, content: str, *labels: str) -> str:
        (self.folder / "Dockerfile").write_text("FROM scratch\nCOPY file /\n")
        (self.folder / "file").write_text(content)
        self._run(self.program, "build", "-q", "-t", self.name(labels[0]), ".")
        for label in labels[1:]:
            self.images.tag(self.name(labels[0]), self.name(label))
        return self.images.find(self.name(labels[0]))

    def has(self, image: str) -> bool:
        return bool(self.images.find(image))

    def clear(self) -> None:
        for label in ("a", "b", "mine"):
            self.images.remove(self.name(label))

    def _run(self, *words: str) -> None:
        subprocess.run(
            words, cwd=self.folder, env=self.environment, check=True, capture_output=True
        )


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, need: Need, tmp_path: Path) -> Iterator[Store]:
    kind = request.param
    if kind in ("modern", "classic"):
        made = Store("docker", need.engine(kind), tmp_path)
    else:
        need(kind)
        made = Store(kind, dict(os.environ), tmp_path)
    yield made
    made.clear()


def test_names_are_given_back_and_what_took_them_is_gone(store: Store) -> None:
    old = store.build("old", "a")
    with kept(store.images):
        new = store.build("new", "a", "b")
        assert new != old
    assert store.images.find(store.name("a")) == old
    assert store.images.find(store.name("b")) == ""
    assert not store.has(new)


def test_an_image_that_somebody_else_names_stays(store: Store) -> None:
    old = store.build("old", "a")
    other = store.build("other", "mine")
    with kept(store.images):
        store.images.tag(store.name("mine"), store.name("a"))
        store.images.tag(store.name("mine"), store.name("b"))
    assert store.images.find(store.name("a")) == old
    assert store.images.find(store.name("b")) == ""
    assert store.images.find(store.name("mine")) == other


def test_names_are_given_back_where_the_build_fails(store: Store) -> None:
    old = store.build("old", "a")
    with pytest.raises(BomError, match="broken"), kept(store.images):
        store.build("new", "a")
        raise BomError("broken")
    assert store.images.find(store.name("a")) == old


def test_names_that_did_not_move_stay(store: Store) -> None:
    old = store.build("old", "a", "b")
    with kept(store.images):
        held = store.images.find(store.name("a"))
    assert held == old == store.images.find(store.name("a")) == store.images.find(store.name("b"))
    assert not HELD.startswith("bom-test")
