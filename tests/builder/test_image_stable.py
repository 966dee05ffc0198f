"""A normalised image goes back into its store, or everything there stays as it was."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from tests.normalise.images import Image, docker, entry, layer

from bom.builder.images.exported import Plain, from_file, identified
from bom.builder.images.image import Export
from bom.builder.images.outcome import Outcome
from bom.builder.images.results import EngineImage, Pushed
from bom.builder.images.stable import Brought, load, normalised
from bom.builder.images.store import StoredImage
from bom.builder.protocol import BuildRequest, Silent
from bom.config import Config
from bom.errors import BomError

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from pathlib import Path

EPOCH = 1_700_000_000
BUILT = "sha256:" + "a" * 64
OTHER = "sha256:" + "b" * 64


@dataclass
class Store:
    """An engine that does what `takes` says with an archive: the names that it moves, and where."""

    names: dict[str, str]
    takes: dict[str, str] = field(default_factory=dict)
    images: set[str] = field(default_factory=set)
    fault: BaseException | None = None

    def inspect(self, name: str) -> StoredImage | None:
        image = self.names.get(name, name if name in self.images else "")
        return StoredImage(image, 1, (), (), is_index=False) if image else None

    def export(self, names: Sequence[str], platform: str = "") -> Generator[bytes, None, None]:
        raise NotImplementedError

    def load(self, path: Path) -> None:
        self.names.update(self.takes)
        if self.fault is not None:
            raise self.fault

    def tag(self, image: str, name: str) -> None:
        assert image in self.images
        self.names[name] = image

    def close(self) -> None:
        raise NotImplementedError


def plain(tmp_path: Path) -> Plain:
    path = docker(tmp_path / "in.tar", Image([layer(entry("a", b"1"))]))
    return from_file(path, identified, Silent())


def brought(tmp_path: Path) -> Brought:
    out = tmp_path / "out.tar"
    out.touch()
    return normalised(plain(tmp_path), out, EPOCH, Silent())


def stored(image: str = BUILT) -> StoredImage:
    return StoredImage(image, 1, (), (), is_index=False)


def new(made: Brought) -> str:
    return made.export.contents.identity.config


def test_all_names_mean_the_normalised_image_even_those_that_no_archive_holds(
    tmp_path: Path,
) -> None:
    made = brought(tmp_path)
    store = Store({"app:1": BUILT, "app:2": BUILT}, {"app:1": new(made)}, {BUILT, new(made)})
    assert made.is_rewritten
    assert load(store, stored(), ("app:1", "app:2"), made).id == new(made)
    assert store.names == {"app:1": new(made), "app:2": new(made)}


def test_an_image_without_a_name_is_loaded_too(tmp_path: Path) -> None:
    made = brought(tmp_path)
    store = Store({}, {}, {BUILT, new(made)})
    assert load(store, stored(), (), made).id == new(made)


@pytest.mark.parametrize(
    "fault", [BomError("the engine refuses: no room"), KeyboardInterrupt(), None]
)
def test_where_loading_fails_the_names_mean_the_image_as_it_was_built(
    fault: BaseException | None, tmp_path: Path
) -> None:
    """Also where the engine had moved a name already, or took something else."""
    made = brought(tmp_path)
    store = Store({"app:1": BUILT, "app:2": BUILT}, {"app:1": OTHER}, {BUILT, OTHER}, fault)
    with pytest.raises(type(fault) if fault else BomError) as caught:
        load(store, stored(), ("app:1", "app:2"), made)
    assert store.names == {"app:1": BUILT, "app:2": BUILT}
    if isinstance(caught.value, BomError):
        assert "can't be loaded back" in caught.value.reason
        assert "--normalize" in caught.value.hint


def test_a_name_that_moved_meanwhile_is_nobodys_to_move(tmp_path: Path) -> None:
    made = brought(tmp_path)
    store = Store({"app:1": OTHER}, {"app:1": new(made)}, {BUILT, OTHER, new(made)})
    with pytest.raises(BomError, match="moved"):
        load(store, stored(), ("app:1",), made)
    assert store.names == {"app:1": OTHER}


def test_what_cannot_be_normalised_stays_as_built_and_says_why(tmp_path: Path) -> None:
    path = docker(tmp_path / "in.tar", Image([layer(entry("a", b"1"), entry("a", b"2"))]))
    out = tmp_path / "out.tar"
    out.touch()
    made = normalised(from_file(path, identified, Silent()), out, EPOCH, Silent())
    assert not made.is_rewritten
    assert made.export.path == path
    assert (made.original_sha256, made.changes) == ("", ())
    assert ["twice" in gap.why for gap in made.gaps] == [True]
    assert isinstance(made.export, Export)


def test_what_the_build_pushes_is_refused_before_it_runs(tmp_path: Path) -> None:
    request = BuildRequest(("docker",), tmp_path, tmp_path, {}, Config(), tmp_path / "app.tar")
    Outcome((Pushed(),), request, ("app:1",))
    request = BuildRequest(
        ("docker",), tmp_path, tmp_path, {}, Config(), tmp_path / "app.tar", normalise=EPOCH
    )
    Outcome((EngineImage(),), request, ("app:1",))
    with pytest.raises(BomError, match="can't be normalised") as caught:
        Outcome((Pushed(),), request, ("app:1",))
    assert "--no-normalize" in caught.value.hint
