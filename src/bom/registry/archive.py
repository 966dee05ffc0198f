"""An image in a registry as an archive: a tar that is an OCI image layout, with the `manifest.json`
by which older engines load it (Docker Image Specification v1.2).

The bytes are the same whenever the image is: members in one order, no times, no owners. Every
blob is held against its digest as it comes.
"""

from __future__ import annotations

import json
import tarfile
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from bom.errors import BadArtifact
from bom.registry.blobs import IMAGE_NAME, INDEX_TYPES, REF_NAME, BlobFile, place

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from bom.registry.blobs import ImageBlobs
    from bom.registry.name import RegistryImage

_BLOCK: Final = 512
_RECORD: Final = 20 * _BLOCK  # what tar pads an archive to
_OLDER_ENGINES: Final = "linux/amd64"  # they load one platform's image: mostly they run on this
_LAYOUT: Final = b'{"imageLayoutVersion":"1.0.0"}'


def archive(
    image: ImageBlobs, digest: str, names: Sequence[RegistryImage]
) -> Generator[bytes, None, None]:
    """The archive of a manifest, or of an index with all that it names, in pieces.

    `names`: what an engine that loads it shall call it. Raises BomError, BadArtifact (`damaged`)
    for a blob that is not what its digest says.
    """
    blobs = image.below(digest)
    documents = {
        "oci-layout": _LAYOUT,
        "index.json": _index(image, digest, blobs[0].size, names),
        "manifest.json": _manifest(image, digest, names),
    }
    written = 0
    for name, data in documents.items():
        for piece in (_header(name, len(data)), data, _padding(len(data))):
            written += len(piece)
            yield piece
    for blob in sorted(blobs, key=lambda item: item.name):
        yield _header(blob.name, blob.size)
        yield from _checked(image, blob)
        yield _padding(blob.size)
        written += _BLOCK + blob.size + len(_padding(blob.size))
    yield bytes(-(written + 2 * _BLOCK) % _RECORD + 2 * _BLOCK)


def _checked(image: ImageBlobs, blob: BlobFile) -> Generator[bytes, None, None]:
    digest = sha256()
    for piece in blob.pieces():
        digest.update(piece)
        yield piece
    stated = blob.name.rpartition("/")[2]
    if digest.hexdigest() != stated:
        raise BadArtifact(
            "damaged",
            f"{image.where}: the registry sends another blob than the digest names",
            expected=f"sha256:{stated}",
            found=f"sha256:{digest.hexdigest()}",
        )


def _index(image: ImageBlobs, digest: str, size: int, names: Sequence[RegistryImage]) -> bytes:
    """`index.json`: the image once for each name, as containerd writes and reads it."""
    descriptor: dict[str, Any] = {
        "mediaType": image.type_of(digest),
        "digest": digest,
        "size": size,
    }
    named = [
        {**descriptor, "annotations": {IMAGE_NAME: f"{name.name}:{name.tag}", REF_NAME: name.tag}}
        for name in names
    ]
    return _json(
        {"schemaVersion": 2, "mediaType": INDEX_TYPES[0], "manifests": named or [descriptor]}
    )


def _manifest(image: ImageBlobs, digest: str, names: Sequence[RegistryImage]) -> bytes:
    """`manifest.json`. Of several platforms it names one, as docker's own archives do."""
    images = image.images(digest)
    named = next((item for item in images if item.platform == _OLDER_ENGINES), images[0])
    config, layers = image.parts(named.digest)
    return _json(
        [
            {
                "Config": place(config),
                "RepoTags": [f"{name.familiar}:{name.tag}" for name in names] or None,
                "Layers": [place(layer) for layer in layers],
            }
        ]
    )


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _header(name: str, size: int) -> bytes:
    member = tarfile.TarInfo(name)
    member.size = size
    member.mode = 0o644
    return member.tobuf(tarfile.GNU_FORMAT)


def _padding(size: int) -> bytes:
    return bytes(-size % _BLOCK)
