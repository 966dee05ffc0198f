"""The image that a build pushed and kept nowhere else, read back from its registry.

It is asked for by the digest that the build reported. A tag is asked only whether it still names
this very image.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bom.builder.images.store import StoredImage, StoredManifest
from bom.errors import BomError
from bom.registry import name as names_of
from bom.registry.archive import archive
from bom.registry.blobs import ImageBlobs
from bom.registry.repository import Registry, is_digest

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence
    from pathlib import Path

    from bom.builder.images.store import ImageStore
    from bom.registry.name import RegistryImage


class PushedImages:
    """The repositories that a build pushed to, as a store of images.

    `names`: what the build pushed, as the command spells it; no other repository is asked.
    `environment`: where docker's configuration with its credentials is.
    """

    def __init__(self, names: Sequence[str], environment: Mapping[str, str]) -> None:
        found = {name: names_of.of_reference(name) for name in names}
        self._pushed = {name: image for name, image in found.items() if image is not None}
        self._environment = environment
        self._open: dict[str, Registry] = {}
        self._blobs: dict[str, ImageBlobs] = {}  # by the digest of what they were asked for

    def close(self) -> None:
        for registry in self._open.values():
            registry.close()

    def inspect(self, name: str) -> StoredImage | None:
        """The image of this tag or digest; None where no repository that was pushed to has it."""
        if not is_digest(name):
            pushed = self._pushed.get(name)
            return self._stored(pushed) if pushed is not None else None
        for repository in {(item.host, item.repository): item for item in self._pushed.values()}:
            found = self._stored(names_of.RegistryImage(*repository, digest=name))
            if found is not None:
                return found
        return None

    def export(self, names: Sequence[str], platform: str = "") -> Generator[bytes, None, None]:
        """The archive of one image under these names. `platform` takes the one image for it out
        of an index, without the attestations; "" takes the index with everything in it."""
        stored = self.inspect(names[0])
        if stored is None:
            raise BomError(f"the registry no longer holds {names[0]}", hint="build again")
        blobs = self._blobs[stored.id]
        digest = stored.id
        if platform:
            digest = next(item.digest for item in stored.manifests if item.platform == platform)
        tagged = [self._pushed[name] for name in names if name in self._pushed]
        yield from archive(blobs, digest, tagged)

    def load(self, path: Path) -> None:
        """Raises BomError: what was pushed is the user's."""
        raise BomError(f"what was pushed can't become what is in {path.name}")

    def tag(self, image: str, name: str) -> None:
        """Raises BomError: what was pushed is the user's."""
        raise BomError(f"what was pushed as {name} can't become {image}")

    def _stored(self, image: RegistryImage) -> StoredImage | None:
        registry = self._registry(image)
        digest = registry.resolve(image.reference)
        if not digest:
            return None
        blobs = self._blobs.get(digest)
        if blobs is None:
            blobs = self._blobs[digest] = ImageBlobs(registry)
        images = blobs.images(digest)
        single = images[0].digest == digest
        return StoredImage(
            id=digest,
            size=sum(file.size for file in blobs.below(digest)),
            layers=(),
            manifests=() if single else tuple(StoredManifest(i.digest, i.platform) for i in images),
            is_index=not single,
            digest=digest,
        )

    def _registry(self, image: RegistryImage) -> Registry:
        known = self._open.get(image.name)
        if known is None:
            known = self._open[image.name] = Registry(
                replace(image, tag="", digest=""), self._environment
            )
        return known


class KeptOrPushed:
    """Images of a build that pushes: the engine's where it keeps them, else the registry's.

    It keeps one only if it has the very image that the build reported, under all its tags: a
    builder of another driver leaves in the engine whatever an earlier build had put there.
    """

    def __init__(self, engine: ImageStore, pushed: PushedImages, tags: Sequence[str]) -> None:
        self._engine = engine
        self._pushed = pushed
        self._tags = frozenset(tags)
        self._chosen: ImageStore | None = None

    def close(self) -> None:
        self._pushed.close()
        self._engine.close()

    def inspect(self, name: str) -> StoredImage | None:
        """As the store has it that was found to hold the reported image: the first digest that is
        asked for decides."""
        if self._chosen is None and is_digest(name):
            return self._first(name)
        if self._chosen is self._pushed and name in self._tags:
            return self._pushed.inspect(name)
        return self._engine.inspect(name)

    def export(self, names: Sequence[str], platform: str = "") -> Generator[bytes, None, None]:
        """The archive, from the same store."""
        return (self._chosen or self._engine).export(names, platform)

    def load(self, path: Path) -> None:
        """As the store does it that was chosen."""
        (self._chosen or self._engine).load(path)

    def tag(self, image: str, name: str) -> None:
        """As the store does it that was chosen."""
        (self._chosen or self._engine).tag(image, name)

    def _first(self, digest: str) -> StoredImage | None:
        kept = self._engine.inspect(digest)
        if kept is not None:
            tagged = [self._engine.inspect(tag) for tag in self._tags]
            if all(item is not None and item.id == kept.id for item in tagged):
                self._chosen = self._engine
                return kept
        found = self._pushed.inspect(digest)
        if found is not None:
            self._chosen = self._pushed
        return found
