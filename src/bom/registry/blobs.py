"""One image out of a store of blobs (a registry, a folder that is an OCI layout), without a tar.

Only what belongs to the image that is meant is read: OCI image specification, "Image Index" and
"Image Manifest"; Docker's "Image Manifest V 2, Schema 2" has the same shape.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, Protocol

from bom.archive import platforms
from bom.archive.image import DOCUMENT_LIMIT, DOCUMENTS_LIMIT
from bom.archive.image_identity import fits
from bom.errors import BadArtifact, BomError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence


INDEX_TYPES: Final = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
MANIFEST_TYPES: Final = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_CONFIG_TYPES: Final = (
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.container.image.v1+json",
)
REFERENCE_TYPE: Final = "vnd.docker.reference.type"  # what BuildKit marks attestations with
IMAGE_NAME: Final = "io.containerd.image.name"
REF_NAME: Final = "org.opencontainers.image.ref.name"
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
_DEPTH: Final = 4  # indexes inside indexes
_DESCRIPTORS: Final = 1000
_LAYERS: Final = 1000
_BLOB_LIMIT: Final = 128 << 30  # bytes of one layer


class Blobs(Protocol):
    """A store of blobs. `where` names it in messages."""

    where: str

    def document(self, digest: str, limit: int) -> bytes:
        """A manifest or index, at most `limit` bytes. Raises BomError where it is not there."""

    def blob(self, digest: str, size: int) -> Iterator[bytes]:
        """Any blob, exactly `size` bytes in pieces. Raises BomError; the digest is the caller's
        to check."""


@dataclass(frozen=True, slots=True)
class Descriptor:
    """A manifest as an index names it. `platform`: "" where the index doesn't say."""

    digest: str
    type: str
    tag: str = ""
    platform: str = ""


@dataclass(frozen=True, slots=True)
class BlobFile:
    """A file of an OCI layout: its name and size in bytes, and its content in pieces."""

    name: str
    size: int
    pieces: Callable[[], Iterable[bytes]]


class ImageBlobs:
    """Finds the image in a store, and what it consists of."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs
        self.where = blobs.where
        self._documents: dict[str, bytes] = {}
        self._size = 0

    def choose(self, top: bytes, wanted: str, preferred: str = "") -> Descriptor:
        """The one image of an index (its bytes) for the platform that is wanted.

        `preferred`: the platform to take where none is wanted and there are several. Raises
        BomError where several are left, with what can be chosen.
        """
        found = self._images(top)
        if not found:
            raise BomError(f"{self._blobs.where} holds no image")
        if len(found) == 1 and not wanted:
            return found[0]
        stated = [(item.platform or self._platform(item.digest), item) for item in found]
        wish = wanted or preferred
        fitting = [item for platform, item in stated if not wish or fits(platform, wish)]
        if len(fitting) == 1:
            return fitting[0]
        if len(fitting) > 1 and (wish or len({platform for platform, _ in stated}) == 1):
            named = ", ".join(item.tag or item.digest for item in fitting[:10])
            raise BomError(
                f"{self._blobs.where} holds several images: {named}",
                hint="copy one out of it, as `skopeo copy` does, and scan that",
            )
        raise platforms.several(self._blobs.where, (name for name, _ in stated), wish)

    def files(self, chosen: Descriptor) -> list[BlobFile]:
        """What an OCI layout of this one image consists of, by name: its `index.json`, manifest,
        configuration and layers, each once. Raises BomError."""
        manifest = self._json(chosen.digest)
        config, layers = self._parts(chosen, manifest)
        held = self._documents[chosen.digest]
        index = {
            "schemaVersion": 2,
            "manifests": [
                {
                    "mediaType": chosen.type,
                    "digest": chosen.digest,
                    "size": len(held),
                    "annotations": {IMAGE_NAME: chosen.tag} if chosen.tag else {},
                }
            ],
        }
        raw = json.dumps(index).encode()
        found = {chosen.digest: BlobFile(place(chosen.digest), len(held), partial(_whole, held))}
        for digest, size in (config, *layers):
            if digest not in found:
                found[digest] = BlobFile(
                    place(digest), size, partial(self._blobs.blob, digest, size)
                )
        return [BlobFile("index.json", len(raw), partial(_whole, raw)), *found.values()]

    def images(self, digest: str) -> list[Descriptor]:
        """The images that a manifest or an index (by its digest) stands for, with platforms.
        Raises BomError."""
        top = self._json(digest)
        if "manifests" not in top:
            return [Descriptor(digest, self.type_of(digest), "", self._platform(digest))]
        found = self._images(self._documents[digest])
        return [
            replace(item, platform=item.platform or self._platform(item.digest)) for item in found
        ]

    def type_of(self, digest: str) -> str:
        """The media type of a manifest or an index: what it states, else by its shape."""
        document = self._json(digest)
        stated = document.get("mediaType")
        if isinstance(stated, str) and stated in (*INDEX_TYPES, *MANIFEST_TYPES):
            return stated
        return INDEX_TYPES[0] if "manifests" in document else MANIFEST_TYPES[0]

    def parts(self, digest: str) -> tuple[str, list[str]]:
        """The digests of a manifest's configuration and layers, lowest first."""
        config, layers = self._parts(Descriptor(digest, ""), self._json(digest))
        return config[0], [layer for layer, _ in layers]

    def below(self, digest: str) -> list[BlobFile]:
        """All blobs that a manifest or an index needs, itself first, each once: of an index the
        attestations too. Raises BomError."""
        found: dict[str, BlobFile] = {}
        pending = [(digest, 0)]
        while pending:
            name, depth = pending.pop(0)
            if name in found:
                continue
            if depth > _DEPTH or len(found) > _DESCRIPTORS:
                raise self._wrong("an index that names too much, or indexes inside indexes")
            document = self._json(name)
            held = self._documents[name]
            found[name] = BlobFile(place(name), len(held), partial(_whole, held))
            if "manifests" in document:
                inner = self._entries(document)
                pending.extend((self._digest(item), depth + 1) for item in inner)
                continue
            config, layers = self._parts(Descriptor(name, ""), document)
            for blob, size in (config, *layers):
                if blob not in found:
                    found[blob] = BlobFile(place(blob), size, partial(self._blobs.blob, blob, size))
        return list(found.values())

    def _parts(
        self, chosen: Descriptor, manifest: Mapping[str, Any]
    ) -> tuple[tuple[str, int], list[tuple[str, int]]]:
        """Digest and size of the configuration and of each layer, lowest first."""
        config = manifest.get("config")
        layers = manifest.get("layers")
        if not isinstance(config, dict) or not isinstance(layers, list):
            raise BomError(
                f"{self._blobs.where}: {chosen.digest} is no image manifest",
                hint="manifests of schema version 1 are not read: push the image again",
            )
        kind = config.get("mediaType")
        if kind not in _CONFIG_TYPES:
            raise BomError(f"{self._blobs.where} is no image of a container but {kind!s:.100}")
        if len(layers) > _LAYERS:
            raise self._wrong(f"a manifest of {len(layers)} layers")
        size = self._sized(config, DOCUMENT_LIMIT)
        return (self._digest(config), size), [
            (self._digest(layer), self._sized(layer, _BLOB_LIMIT)) for layer in layers
        ]

    # --- the index -----------------------------------------------------------------------------

    def _images(self, top: bytes) -> list[Descriptor]:
        """The images in an index and in those inside it, each once."""
        pending = [(item, "", 0) for item in self._entries(self._parsed(top, "the index"))]
        found: dict[str, Descriptor] = {}
        looked = 0
        while pending:
            item, tag, depth = pending.pop(0)
            looked += 1
            if looked > _DESCRIPTORS or depth > _DEPTH:
                raise self._wrong("an index that names too much, or indexes inside indexes")
            notes = item.get("annotations")
            notes = notes if isinstance(notes, dict) else {}
            platform = item.get("platform")
            platform = platform if isinstance(platform, dict) else {}
            if REFERENCE_TYPE in notes or platform.get("os") == "unknown":
                continue  # an attestation about an image, no image
            digest = self._digest(item)
            named = tag or str(notes.get(IMAGE_NAME) or notes.get(REF_NAME) or "")
            kind = str(item.get("mediaType") or "")
            if kind in INDEX_TYPES:
                inner = self._entries(self._json(digest))
                pending.extend((entry, named, depth + 1) for entry in inner)
            elif digest not in found:
                parts = (platform.get(key) for key in ("os", "architecture", "variant"))
                spelled = "/".join(part for part in parts if isinstance(part, str) and part)
                found[digest] = Descriptor(digest, kind, named, spelled)
        return list(found.values())

    def _platform(self, digest: str) -> str:
        """The platform of an image whose index doesn't say it, by its configuration."""
        config = self._json(digest).get("config")
        if not isinstance(config, dict):
            return "unknown"
        raw = b"".join(self._blobs.blob(self._digest(config), self._sized(config, DOCUMENT_LIMIT)))
        stated = self._parsed(raw, "a configuration")
        parts = (stated.get(key) for key in ("os", "architecture", "variant"))
        return "/".join(part for part in parts if isinstance(part, str) and part) or "unknown"

    # --- foreign data --------------------------------------------------------------------------

    def _json(self, digest: str) -> dict[str, Any]:
        if digest not in self._documents:
            raw = self._blobs.document(digest, DOCUMENT_LIMIT)
            found = f"sha256:{sha256(raw).hexdigest()}"
            if found != digest:
                raise BadArtifact(
                    "damaged",
                    f"{self._blobs.where}: a manifest is not what its digest says",
                    expected=digest,
                    found=found,
                )
            self._size += len(raw)
            if self._size > DOCUMENTS_LIMIT:
                raise self._wrong("manifests that are too large")
            self._documents[digest] = raw
        return self._parsed(self._documents[digest], digest)

    def _parsed(self, raw: bytes, what: str) -> dict[str, Any]:
        try:
            value = json.loads(raw)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            raise BomError(f"{self._blobs.where}: {what} is no JSON that can be read")
        return value

    def _entries(self, index: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        items = index.get("manifests")
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise self._wrong("an index without a list of manifests")
        return items

    def _digest(self, descriptor: Any) -> str:
        value = descriptor.get("digest") if isinstance(descriptor, dict) else None
        if not isinstance(value, str) or not _DIGEST.fullmatch(value):
            raise self._wrong("a descriptor without a SHA-256 digest")
        return value

    def _sized(self, descriptor: Mapping[str, Any], limit: int) -> int:
        size = descriptor.get("size")
        if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= limit:
            raise self._wrong(f"a descriptor with the size {size!s:.40}")
        return size

    def _wrong(self, what: str) -> BomError:
        return BomError(f"{self._blobs.where} holds {what}", hint="this is no sound image")


def place(digest: str) -> str:
    return "blobs/" + digest.replace(":", "/", 1)


def _whole(data: bytes) -> list[bytes]:
    return [data]
