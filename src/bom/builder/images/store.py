"""Where a builder keeps its images: what is asked of it, and what it says."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class StoredManifest:
    """One platform's manifest in an image index: its digest, and its platform (os/arch[/v])."""

    digest: str
    platform: str


@dataclass(frozen=True, slots=True)
class StoredImage:
    """An image as the engine describes it.

    `id`: of the index or manifest on the containerd store, of the config on the classic one.
    `size`: bytes, an estimate. `layers`: diff IDs. `manifests`: of the images in the index,
    attestations left out; empty where the engine lists none.

    Where the store says so: `digest` is the manifest's. `history`: one text for each step of the
    image's history, equal for equal steps, times included. `base_name` and `base_digest`: what
    the builder wrote down as the image's base (OCI annotations). `served`: what a registry serves
    under the name that was asked for. `tags`: all names of the image.
    """

    id: str
    size: int
    layers: tuple[str, ...]
    manifests: tuple[StoredManifest, ...]
    is_index: bool
    digest: str = ""
    history: tuple[str, ...] = ()
    base_name: str = ""
    base_digest: str = ""
    served: tuple[str, ...] = ()
    tags: tuple[str, ...] = field(default=(), compare=False)


class ImageStore(Protocol):
    """An engine, or a program's own storage. Raises BomError for what it refuses."""

    def inspect(self, name: str, /) -> StoredImage | None:
        """The image of this name, tag, ID or digest; None where there is none."""

    def export(self, names: Sequence[str], platform: str = "", /) -> Generator[bytes, None, None]:
        """The archive of these names of one image, in pieces. `platform` (os/arch[/variant])
        leaves out everything else of an index."""

    def load(self, path: Path, /) -> None:
        """Take in the image in the archive at `path`, under the names that stand in it."""

    def tag(self, image: str, name: str, /) -> None:
        """Let `name` mean the image of this ID."""

    def close(self) -> None: ...
