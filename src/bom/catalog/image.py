"""What is inside an image, found while its archive flows by.

A thread of its own reads the layers, so that whoever writes the archive is hardly slowed:
hashing and inflating, nearly all of the work, leave the interpreter to others.
"""

from __future__ import annotations

import queue
import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from bom import redact
from bom.archive.image import ImageArchive, ImageReader
from bom.archive.image_identity import Identified, identify, identify_all
from bom.catalog import WANTED, Catalogue, catalogue, declared
from bom.catalog.attribution import Attribution, attribute
from bom.catalog.filesystem import Tree, TreeView
from bom.catalog.os_release import os_component
from bom.model import Gap
from bom.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from bom.archive.image import LayerBlob
    from bom.catalog.protocol import Declared
    from bom.model import Component, Dependency, Finding, ImageIdentity

_QUEUE: Final = 8  # pieces read ahead
_PIECE: Final = 4 * 1024 * 1024  # bytes of one at most, whatever is fed


@dataclass(frozen=True, slots=True)
class ImageContents:
    """An image: what identifies it, its configuration, its final file system, what it holds.

    `config` is the parsed configuration as it stands, secrets included: redact before use.
    `inside`: what is installed; `declared`: what lock files in it, or the project's, say;
    `files`: whose each file is. `os_release`: the operating system as a component, None where no
    os-release is there. `complete`: whether the file system could be put together.
    """

    identity: ImageIdentity
    config: Mapping[str, Any]
    view: TreeView
    inside: Catalogue
    declared: tuple[Declared, ...]
    files: Attribution
    os_release: Component | None
    complete: bool

    @property
    def observations(self) -> tuple[Dependency | Finding | Gap, ...]:
        """What is installed, held against what the locks in `declared` say."""
        if not self.declared:
            return self.inside.observations
        from bom.catalog.compare import compare

        found = compare(self.declared, self.inside.installed)
        return (
            *found.installed,
            *sorted({*self.inside.findings, *found.findings}),
            *sorted({*self.inside.gaps, *found.gaps}),
        )


class ImageCataloguer:
    """Takes an image archive in pieces (`feed`), or its files one by one (`file`), then tells what
    is inside (`finish`).

    All raise BadArtifact (`damaged`, `truncated`, `oversized`, `ambiguous-image`,
    `not-an-image`), `feed` possibly some pieces late. `close` gives up early; as a context
    manager the cataloguer does so on every way out.
    """

    def __init__(self) -> None:
        self._reader = ImageReader(WANTED)
        self._pieces: queue.Queue[tuple[Callable[..., object], object] | None] = queue.Queue(_QUEUE)
        self._error: BaseException | None = None
        self._over = False
        self._thread = threading.Thread(target=self._work, name="catalogue", daemon=True)
        self._thread.start()

    def __enter__(self) -> ImageCataloguer:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the archive; they must not change afterwards."""
        self._give(self._reader.feed, data)

    def file(self, name: str, size: int, pieces: Iterable[bytes]) -> None:
        """Take one file of an image that lies in no tar (`blobs/sha256/…`, `index.json`): exactly
        `size` bytes, which must not change afterwards."""
        self._put(self._reader.begin, (name, size))
        for piece in pieces:
            self._give(self._reader.write, piece)
        self._put(self._reader.end, name)

    def finish(self, platform: str | None = None) -> ImageContents:
        """What the image holds; the archive is over. `platform`: as `identify` has it."""
        self.close()
        if self._error is not None:
            raise self._error
        return contents(self._reader.finish(), platform)

    def finish_all(self) -> tuple[ImageContents, ...]:
        """What the images for all platforms in the archive hold, sorted by platform."""
        self.close()
        if self._error is not None:
            raise self._error
        return all_contents(self._reader.finish())

    def close(self) -> None:
        """Stop the threads; nothing happens when they have stopped already."""
        if not self._over:
            self._over = True
            self._pieces.put(None)
            self._thread.join()
            self._reader.close()

    def _give(self, take: Callable[..., object], data: bytes) -> None:
        if len(data) <= _PIECE:
            self._put(take, data)
            return
        view = memoryview(data)
        for start in range(0, len(view), _PIECE):
            self._put(take, view[start : start + _PIECE])

    def _put(self, take: Callable[..., object], data: object) -> None:
        if self._error is not None:
            raise self._error
        self._pieces.put((take, data))

    def _work(self) -> None:
        while (item := self._pieces.get()) is not None:
            if self._error is not None:
                continue  # what is fed in vain is taken all the same, or `feed` would wait
            take, data = item
            try:
                take(data)
            except BaseException as error:  # noqa: BLE001 - raised in the caller's thread
                self._error = error


def contents(archive: ImageArchive, platform: str | None = None) -> ImageContents:
    """What the one image in the archive holds. Consumes the archive's lists of entries."""
    return _contents(archive, _redacted(identify(archive, platform)))


def all_contents(archive: ImageArchive) -> tuple[ImageContents, ...]:
    """What the images for all platforms in the archive hold. Consumes the lists of entries."""
    found = [_redacted(item) for item in identify_all(archive)]
    return tuple(
        _contents(archive, item, [blob for other in found[number:] for blob in other.layers])
        for number, item in enumerate(found, start=1)
    )


def _contents(
    archive: ImageArchive, found: Identified, wanted: Sequence[LayerBlob] = ()
) -> ImageContents:
    """`wanted`: layers whose entries another platform's image will need."""
    view, gaps = _file_system(archive, found, wanted)
    if view is None:
        lacking = Catalogue(gaps=tuple(sorted({*found.gaps, *gaps})))
        empty = TreeView(Tree(), {})
        nothing = Attribution(())
        return ImageContents(
            found.identity, found.config, empty, lacking, (), nothing, None, complete=False
        )
    inside = catalogue(view)
    files = attribute(view, inside.owned)
    return ImageContents(
        found.identity,
        found.config,
        view,
        replace(inside, gaps=tuple(sorted({*inside.gaps, *found.gaps, *gaps, *files.gaps()}))),
        declared(view),
        files,
        os_component(view),
        complete=True,
    )


def _redacted(found: Identified) -> Identified:
    """Without the secrets that build arguments leave in the history's commands."""
    layers = tuple(
        replace(layer, created_by=redact.text(printable_name(layer.created_by)))
        for layer in found.identity.layers
    )
    return replace(found, identity=replace(found.identity, layers=layers))


def _file_system(
    archive: ImageArchive, found: Identified, wanted: Sequence[LayerBlob]
) -> tuple[TreeView | None, tuple[Gap, ...]]:
    """The layers put together; None where one can't be read, since the rest alone would show
    what it removes and hide what it adds."""
    unreadable = tuple(
        Gap("image.packages", layer.diff_id, f"this layer can't be read: {blob.unreadable}")
        for layer, blob in zip(found.identity.layers, found.layers, strict=True)
        if blob.unreadable
    )
    if unreadable:
        return None, unreadable
    tree = Tree()
    for number, blob in enumerate(found.layers):
        tree.apply(blob.entries, number)
        if not any(blob is later for later in (*found.layers[number + 1 :], *wanted)):
            blob.entries = []  # a hundred thousand entries are not kept twice
    diff_ids = [layer.diff_id for layer in found.identity.layers]
    return TreeView(tree, archive.contents, diff_ids, archive.extracts), tuple(tree.gaps)
