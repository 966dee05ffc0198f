"""An image made stable after its build: its archive rewritten, and loaded back into its store under
the same names."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from bom.builder.images import exported
from bom.errors import BadArtifact, BomError, CannotNormalise
from bom.model import Gap
from bom.normalise import normalise

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bom.builder.images.exported import Plain
    from bom.builder.images.image import Export
    from bom.builder.images.store import ImageStore, StoredImage
    from bom.builder.protocol import Progress
    from bom.model import ImageIdentity
    from bom.normalise import Change

_GAP: Final = "artifact.normalised"


@dataclass(frozen=True, slots=True)
class Brought:
    """An image's archive, ready to be described. `built`: what identifies the image that the
    builder made, one for each platform in the order of `export.every`. `original_sha256`: of the
    archive before `changes` were made, "" where it is as built. `loaded`: the image's ID in the
    store, where it was loaded back."""

    export: Export
    built: tuple[ImageIdentity, ...]
    changes: tuple[Change, ...] = ()
    original_sha256: str = ""
    gaps: tuple[Gap, ...] = ()
    loaded: str = ""

    @property
    def is_rewritten(self) -> bool:
        return self.original_sha256 not in ("", self.export.sha256)


def as_built(export: Export) -> Brought:
    """The archive as it is."""
    return Brought(export, tuple(item.identity for item in export.every))


def normalised(plain: Plain, out: Path, epoch: int, progress: Progress) -> Brought:
    """The archive rewritten into `out`, an empty file of the caller; as it is, with a gap that says
    why, where that can't be done. Raises BomError where there is no room for it."""
    try:
        progress.start("normalise the image", 0)
        changes = normalise(plain.path, out, epoch)
        if changes is None:
            raise CannotNormalise("its archive is of no form that is known here")
    except (CannotNormalise, BadArtifact) as error:
        gap = Gap(_GAP, "image", f"it is sealed as it was built: {error.reason}")
        made = as_built(exported.from_file(plain.path, exported.catalogued, progress))
        return replace(made, gaps=(gap,))
    except OSError as error:
        raise BomError(
            f"{plain.path.name} can't be normalised: {error.strerror or error}",
            hint="normalising needs room for a second copy of the image beside it",
        ) from error
    finally:
        progress.done()
    export = exported.from_file(out, exported.catalogued, progress)
    made = Brought(export, plain.identities, changes, plain.sha256)
    _require_same(made)
    return made


def _require_same(made: Brought) -> None:
    """Raise BomError unless what was written is the same image but for digests."""
    now = [item.identity for item in made.export.every]
    if [(i.platform, i.tags, len(i.layers)) for i in now] != [
        (i.platform, i.tags, len(i.layers)) for i in made.built
    ]:
        raise BomError(
            "the normalised image is another one than was built",
            hint="this is a defect of bom: please report it, and build with --no-normalize",
        )


def load(
    store: ImageStore, stored: StoredImage, names: Sequence[str], brought: Brought
) -> StoredImage:
    """Put the archive into the store, so that all `names` of `stored` mean its image; the image as
    the store has it. Where that fails they mean `stored`, as before. Raises BomError."""
    _require_unmoved(store, stored, names)
    try:
        store.load(brought.export.path)
        new = _found(store, brought.export.contents.identity)
        for name in names:
            now = store.inspect(name)
            if now is None or now.id != new.id:
                store.tag(new.id, name)
        for name in names:
            now = store.inspect(name)
            if now is None or now.id != new.id:
                raise BomError(f"{name} doesn't name the normalised image after it was loaded")
    except BaseException as error:
        restored = [_restored(store, stored, name) for name in names]  # each, whatever another is
        if isinstance(error, BomError):
            hint = "the names mean the image as it was built; build without --normalize"
            if not all(restored):
                hint = f"the image as it was built is {stored.id}: give it its name again"
            raise BomError(
                f"the normalised image can't be loaded back: {error.reason}", hint=hint
            ) from error
        raise
    return new


def _require_unmoved(store: ImageStore, stored: StoredImage, names: Sequence[str]) -> None:
    for name in names:
        now = store.inspect(name)
        if now is None or now.id != stored.id:
            raise BomError(
                f"the tag {name} moved while the image was normalised",
                hint="build again, and let nothing else use the tag meanwhile",
            )


def _found(store: ImageStore, identity: ImageIdentity) -> StoredImage:
    """By what the store calls an image: its index, its manifest, or its configuration."""
    for digest in (identity.index, identity.manifest, identity.config):
        found = store.inspect(digest) if digest else None
        if found is not None and found.id == digest:
            return found
    raise BomError("the store took it, but doesn't have it")


def _restored(store: ImageStore, stored: StoredImage, name: str) -> bool:
    """Whether the name means what it meant."""
    with suppress(BomError):
        now = store.inspect(name)
        if now is None or now.id != stored.id:
            store.tag(stored.id, name)
        return True
    return False
