"""Images: what `docker save`, podman, buildah and BuildKit's exporters write, made stable.

The same image comes out, in the same kind of archive: every layer is looked through, and one that
holds nothing as late as the epoch stays byte for byte what it is (a base image's, mostly: shared
with the base then as before); every other is written anew, and the documents name what was written.
"""

from __future__ import annotations

import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from bom.archive.tar_header import BLOCK, is_header
from bom.errors import BadArtifact, CannotNormalise
from bom.normalise.images import documents
from bom.normalise.images.documents import object_of, objects_of, text_of, texts_of
from bom.normalise.images.layer import Layer
from bom.normalise.images.outer import (
    Archive,
    Writer,
    blob_name,
    canonical,
    parsed,
    require_digest,
)
from bom.normalise.images.python_files import PythonFiles
from bom.normalise.protocol import Aspect, Change
from bom.normalise.tar import TarNormaliser

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from bom.normalise.images.python_files import Stamp

_INDEX: Final = "index.json"
_MANIFEST: Final = "manifest.json"
_LAYOUT: Final = "oci-layout"
_DEPTH: Final = 4  # of indexes in indexes
# What such an archive's first entry is called.
_FIRST: Final = re.compile(
    rb"(?:\./)?(?:blobs/(?:sha256/.*)?|oci-layout|index\.json|manifest\.json|repositories"
    rb"|[0-9a-f]{64}(?:/.*|\.json|\.tar|\.tar\.gz)|(?:sha256:)[0-9a-f]{64}(?:\.json)?)?\Z",
    re.DOTALL,
)


class ImageNormaliser:
    """An image's archive: Docker's, an OCI layout in a tar, or both in one. Stateless."""

    name: str = "image"
    aspects: tuple[Aspect, ...] = (
        "bytecode",
        "compression",
        "configuration",
        "headers",
        "order",
        "owners",
        "times",
    )

    def recognises(self, head: bytes, name: str) -> bool:
        """By the name of the first file in the tar; the archive's own name doesn't matter."""
        return is_header(head[:BLOCK]) and bool(_FIRST.match(head[:100].split(b"\0", 1)[0]))

    def normalise(self, path: Path, out: Path, epoch: int) -> tuple[Change, ...]:
        with path.open("rb", buffering=0) as file:
            archive = Archive(file.fileno(), path.stat().st_size)
            if _INDEX not in archive and _MANIFEST not in archive:
                return TarNormaliser().normalise(path, out, epoch)
            with out.open("w+b", buffering=0) as target:
                rewriting = _Rewriting(archive, Writer(target), epoch, out.parent)
                try:
                    rewriting.run()
                finally:
                    rewriting.close()
        return tuple(rewriting.changes())


class _Image(NamedTuple):
    """One image: its configuration, and the names of its layers' files with their diff IDs."""

    config: Mapping[str, Any]
    layers: tuple[str, ...]
    diff_ids: tuple[str, ...]


class _Layer(NamedTuple):
    """A layer of the result: hex digests of blob and plain tar, the blob's size, its form."""

    digest: str
    diff_id: str
    size: int
    form: str


class _Rewriting:
    """One archive being written anew."""

    def __init__(self, archive: Archive, writer: Writer, epoch: int, folder: Path) -> None:
        self._archive = archive
        self._writer = writer
        self._epoch = epoch
        self._folder = folder
        self._layers: dict[str, Layer] = {}  # by file name
        self._written: dict[tuple[str, frozenset[tuple[str, Stamp]]], _Layer] = {}
        self._new: dict[str, str] = {}  # configurations and layers by their old names
        self._digests: dict[str, str] = {}  # of configurations, manifests, indexes
        self._changes: list[Change] = []
        self._is_layout = _INDEX in archive
        # one layer after the other: the other core belongs to what is written
        self._aside = ThreadPoolExecutor(1, "hash")

    def close(self) -> None:
        self._aside.shutdown(cancel_futures=True)
        for layer in self._layers.values():
            layer.close()

    def changes(self) -> list[Change]:
        return list(dict.fromkeys(self._changes))

    def run(self) -> None:
        writer = self._writer
        if self._is_layout:
            writer.folder("blobs")
            writer.folder("blobs/sha256")
            index = object_of(self._archive.document(_INDEX), _INDEX)
            index = self._index(index, _INDEX, 0)
            if not index["manifests"]:
                raise BadArtifact(
                    "damaged", "index.json names no image that is in the archive", where=_INDEX
                )
            writer.document(_INDEX, canonical(index))
            writer.document(_LAYOUT, canonical({"imageLayoutVersion": "1.0.0"}))
        if _MANIFEST in self._archive:
            stated = self._archive.document(_MANIFEST)
            if not isinstance(stated, list) or not stated:
                raise BadArtifact("damaged", "manifest.json names no image", where=_MANIFEST)
            made = [self._docker(object_of(item, _MANIFEST)) for item in stated]
            writer.document(_MANIFEST, canonical(made))
        writer.finish()

    # --- documents -------------------------------------------------------------------------------

    def _index(self, index: Mapping[str, Any], where: str, depth: int) -> dict[str, Any]:
        """The index, of what is in the archive."""
        if depth > _DEPTH:
            raise BadArtifact("damaged", "indexes are nested too deeply", where=where)
        kept: list[dict[str, Any]] = []
        for descriptor in objects_of(index, "manifests", where):
            if documents.is_attestation(descriptor):
                self._changes.append(Change("configuration", "attestations"))
                continue
            if blob_name(text_of(descriptor, "digest", where)) in self._archive:
                made = self._descriptor(descriptor, where, depth)
                if made is not None:
                    kept.append(documents.annotated(made, self._epoch))
        return {**documents.annotated(index, self._epoch), "manifests": kept}

    def _descriptor(
        self, descriptor: dict[str, Any], where: str, depth: int
    ) -> dict[str, Any] | None:
        """What names an image or an index, naming the new one; None where nothing is below."""
        digest = text_of(descriptor, "digest", where)
        document = self._archive.blob(digest)
        if descriptor.get("mediaType") in documents.INDEX_TYPES:
            document = self._index(document, digest, depth + 1)
            if not document["manifests"]:
                return None
        else:
            document = self._manifest(document, digest)
        new, size = self._writer.blob(document)
        if new != digest:
            self._changes.append(Change("configuration"))
        self._digests[digest] = new
        made = {**descriptor, "digest": new, "size": size}
        if isinstance(notes := made.get("annotations"), dict):  # BuildKit's `config.digest`
            made["annotations"] = {
                key: self._digests.get(value, value) if isinstance(value, str) else value
                for key, value in notes.items()
            }
        return made

    def _manifest(self, manifest: Mapping[str, Any], where: str) -> dict[str, Any]:
        stated = object_of(manifest.get("config"), where)
        if stated.get("mediaType") not in documents.CONFIG_TYPES or "subject" in manifest:
            raise CannotNormalise("it holds something that is no image")
        name = blob_name(text_of(stated, "digest", where))
        config = self._archive.blob(text_of(stated, "digest", where))
        descriptors = objects_of(manifest, "layers", where)
        names = tuple(blob_name(text_of(item, "digest", where)) for item in descriptors)
        image = _Image(config, names, tuple(documents.diff_ids(config, where)))
        layers = self._image(image, name)
        made = []
        for descriptor, old, new in zip(descriptors, names, layers, strict=True):
            if blob_name(f"sha256:{new.digest}") != old:
                documents.require_plain(descriptor)
            made.append({**descriptor, "digest": f"sha256:{new.digest}", "size": new.size})
        digest, size = self._writer.blob(self._configuration(config, layers))
        self._new[name] = blob_name(digest)
        self._digests[stated["digest"]] = digest
        return {
            **documents.annotated(manifest, self._epoch),
            "config": {**stated, "digest": digest, "size": size},
            "layers": made,
        }

    def _configuration(self, config: Mapping[str, Any], layers: Sequence[_Layer]) -> dict[str, Any]:
        made = [f"sha256:{layer.diff_id}" for layer in layers]
        return documents.configuration(config, made, self._epoch)

    def _docker(self, entry: Mapping[str, Any]) -> dict[str, Any]:
        """An image as Docker's manifest.json names it."""
        archive = self._archive
        config_name = archive.followed(text_of(entry, "Config", _MANIFEST))
        names = tuple(archive.followed(name) for name in texts_of(entry, "Layers", _MANIFEST))
        made: dict[str, Any] = {}
        if "RepoTags" in entry:
            made["RepoTags"] = sorted(texts_of(entry, "RepoTags", _MANIFEST))
        if self._is_layout:
            if config_name not in self._new or not all(name in self._new for name in names):
                raise CannotNormalise("manifest.json names an image that index.json doesn't")
            renamed = [self._new[name] for name in names]
            return {**made, "Config": self._new[config_name], "Layers": renamed}
        raw = archive.raw(config_name)
        digits = config_name.rpartition("/")[2].rpartition(":")[2].removesuffix(".json")
        require_digest(sha256(raw).hexdigest(), f"sha256:{digits}", config_name)
        config = object_of(parsed(raw, config_name), config_name)
        image = _Image(config, names, tuple(documents.diff_ids(config, config_name)))
        layers = self._image(image, config_name)
        data = canonical(self._configuration(config, layers))
        name = f"{sha256(data).hexdigest()}.json"
        self._writer.document(name, data)
        if name != config_name:
            self._changes.append(Change("configuration"))
        renamed = [_layer_file(old, layer) for old, layer in zip(names, layers, strict=True)]
        return {**made, "Config": name, "Layers": renamed}

    # --- layers ----------------------------------------------------------------------------------

    def _image(self, image: _Image, where: str) -> list[_Layer]:
        """The image's layers, written."""
        if len(image.layers) != len(image.diff_ids):
            raise BadArtifact(
                "damaged",
                "the image's configuration has another number of layers than its manifest",
                where=where,
            )
        python = PythonFiles()
        looked: list[Layer] = []
        for number, name in enumerate(image.layers):
            layer = self._looked(name)
            python.add(number, layer.files)
            looked.append(layer)
        stamps = python.stamps(self._epoch)
        made = []
        for number, (name, layer) in enumerate(zip(image.layers, looked, strict=True)):
            made.append(self._layer((name, number), layer, stamps.get(number, {})))
            require_digest(layer.diff_id, image.diff_ids[number], name)
            if name.startswith("blobs/"):
                require_digest(layer.digest, f"sha256:{name.rpartition('/')[2]}", name)
        return made

    def _looked(self, name: str) -> Layer:
        found = self._layers.get(name)
        if found is None:
            part = self._archive.part(name)
            found = self._layers[name] = Layer.look(part, self._folder, self._epoch, self._aside)
        return found

    def _layer(self, place: tuple[str, int], layer: Layer, stamps: Mapping[str, Stamp]) -> _Layer:
        """`place`: the file's name, and the layer's number in its image."""
        name, number = place
        key = (name, frozenset(stamps.items()))
        done = self._written.get(key)
        if done is not None:
            return done
        writer = self._writer
        if layer.latest < self._epoch and not any(item.needed for item in stamps.values()):
            made = _Layer(layer.digest, layer.diff_id, layer.blob.size, layer.form)
            writer.begin()
            layer.copy(writer.descriptor)
        else:
            changed: Counter[Aspect] = Counter()
            writer.begin()
            written = layer.write(writer.descriptor, self._epoch, stamps, changed)
            made = _Layer(*written, layer.form)
            self._tell(number + 1, layer, made, changed)
        new = _layer_file(name, made) if not self._is_layout else blob_name(f"sha256:{made.digest}")
        writer.end(new, made.size)
        self._new[name] = new
        self._written[key] = made
        return made

    def _tell(self, number: int, old: Layer, new: _Layer, changed: Counter[Aspect]) -> None:
        where = f"layer {number}"
        self._changes += [Change(a, where, count) for a, count in changed.items() if count]
        if old.diff_id == new.diff_id and old.digest != new.digest:
            self._changes.append(Change("compression", where))


def _layer_file(name: str, layer: _Layer) -> str:
    """What a layer's file is called in Docker's own archive; the forms are those of its engine
    (HEX/layer.tar) and of podman (HEX.tar)."""
    if name.endswith("/layer.tar"):
        return f"{layer.digest}/layer.tar"
    return f"{layer.digest}.tar.gz" if layer.form else f"{layer.digest}.tar"
