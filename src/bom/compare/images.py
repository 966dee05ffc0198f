"""Which files of an archive are an image's configuration, manifest and layers.

Docker's archive says it in manifest.json ("Docker Image Specification v1.2"), an OCI layout in
index.json (OCI image specification, "Image Layout"). Digests are not checked: the two archives
are compared with each other.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from posixpath import dirname
from typing import TYPE_CHECKING, Any, Final

from bom.archive.layer import clean_path
from bom.archive.tar_header import HARDLINK, SYMLINK
from bom.compare.content import Window, small
from bom.compare.in_step import Members
from bom.errors import BadArtifact

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bom.archive.positioned import Positioned
    from bom.archive.tar_header import TarMember

_FILES: Final = 5_000  # entries of an image archive
_DOCUMENT: Final = 8 * 1024 * 1024  # bytes
_INDEXES: Final = 1000  # descriptors looked at
_ABOUT: Final = "vnd.docker.reference.digest"  # BuildKit's, on an attestation's descriptor


@dataclass(frozen=True, slots=True)
class LayerFile:
    """`name`: of the archive's entry. `created_by`: what the history says of it."""

    name: str
    created_by: str = ""


@dataclass(frozen=True, slots=True)
class StoredImage:
    """One image. `descriptor`: of its manifest in the index, `manifest` itself: empty where the
    archive has none. `attestations`: documents about it, in the archive's order."""

    platform: str
    config_name: str
    config: Mapping[str, Any]
    layers: tuple[LayerFile, ...]
    tags: tuple[str, ...] = ()
    manifest_name: str = ""
    manifest: Mapping[str, Any] = field(default_factory=dict)
    descriptor: Mapping[str, Any] = field(default_factory=dict)
    attestations: tuple[Mapping[str, Any], ...] = ()


class ImageFiles:
    """The entries of one archive, and the images that they are."""

    def __init__(self, file: Positioned) -> None:
        self._file = file
        self._members: dict[str, TarMember] = {}
        members = Members(file)
        while (member := members.peek()) is not None:
            name = clean_path(member.name)
            if name in self._members or len(self._members) >= _FILES:
                raise BadArtifact("not-an-image", "it has too many entries, or one twice")
            self._members[name] = member
            members.advance()
        self.images: tuple[StoredImage, ...] = ()

    def __contains__(self, name: str) -> bool:
        return name in self._members

    def names(self) -> set[str]:
        return set(self._members)

    def content(self, name: str) -> Window:
        """Of a file, links followed. Raises BadArtifact."""
        for _ in range(8):
            member = self._members.get(name)
            if member is None:
                break
            if member.is_file:
                return Window(self._file, member.data, member.size)
            if member.type == SYMLINK:
                name = clean_path(f"{dirname(name)}/{member.linkname}")
            elif member.type == HARDLINK:
                name = clean_path(member.linkname)
            else:
                break
        raise BadArtifact("not-an-image", f"the archive has no file {name!r:.200}")

    def header(self, name: str) -> bytes:
        member = self._members[name]
        return self._file.read_at(member.offset, member.data - member.offset)

    def document(self, name: str) -> Any:
        """A JSON document. Raises BadArtifact."""
        try:
            return json.loads(small(self.content(name), _DOCUMENT))
        except (ValueError, RecursionError) as error:
            raise BadArtifact("not-an-image", f"{name!r:.200} is no JSON") from error

    def roles(self) -> dict[str, str]:
        """What a file is for -> its name, where that can be told."""
        found = {
            name: name
            for name in ("manifest.json", "index.json", "oci-layout", "repositories")
            if name in self
        }
        for image in self.images:
            start = f"{image.platform} " if len(self.images) > 1 else ""
            found[f"{start}configuration"] = image.config_name
            if image.manifest_name:
                found[f"{start}manifest"] = image.manifest_name
            for number, layer in enumerate(image.layers, 1):
                found[f"{start}layer {number}"] = layer.name
        return {role: name for role, name in found.items() if name in self}


def image_files(file: Positioned) -> ImageFiles:
    """The image or images in an archive. Raises BadArtifact where it holds none."""
    files = ImageFiles(file)
    if "manifest.json" not in files and "index.json" not in files:
        raise BadArtifact("not-an-image", "it has neither manifest.json nor index.json")
    images = list(_of_index(files)) if "index.json" in files else []
    if not images and "manifest.json" in files:
        images = list(_of_manifest_json(files))
    if not images or len({image.platform for image in images}) < len(images):
        raise BadArtifact("not-an-image", "it names no image, or several for one platform")
    files.images = tuple(images)
    return files


def _of_manifest_json(files: ImageFiles) -> Iterator[StoredImage]:
    for entry in _list(files.document("manifest.json")):
        if not isinstance(entry, dict):
            raise BadArtifact("not-an-image", "manifest.json is none of an image")
        names = [clean_path(str(name)) for name in _list(entry.get("Layers"))]
        tags = tuple(sorted(str(tag) for tag in _list(entry.get("RepoTags"))))
        yield _image(files, clean_path(str(entry.get("Config") or "")), names, tags=tags)


def _of_index(files: ImageFiles) -> Iterator[StoredImage]:
    found: dict[str, tuple[Mapping[str, Any], set[str]]] = {}
    about: dict[str, list[Mapping[str, Any]]] = {}
    for descriptor, tag in _descriptors(files):
        annotations = _dict(descriptor.get("annotations"))
        digest = str(descriptor.get("digest") or "")
        if _blob(digest) not in files:
            continue  # another platform's, which this archive leaves out
        if _ABOUT in annotations:
            about.setdefault(str(annotations[_ABOUT]), []).append(descriptor)
        else:
            found.setdefault(digest, (descriptor, set()))[1].add(tag)
    tags = _docker_tags(files)
    for digest, (descriptor, named) in found.items():
        manifest = _dict(files.document(_blob(digest)))
        config = _blob(str(_dict(manifest.get("config")).get("digest") or ""))
        if config not in files:
            continue
        layers = [
            _blob(str(_dict(item).get("digest") or "")) for item in _list(manifest.get("layers"))
        ]
        yield _image(
            files,
            config,
            layers,
            tags=tags or tuple(sorted(named - {""})),
            manifest_name=_blob(digest),
            manifest=manifest,
            descriptor=descriptor,
            attestations=tuple(_attestations(files, about.get(digest, []))),
        )


def _docker_tags(files: ImageFiles) -> tuple[str, ...]:
    if "manifest.json" not in files:
        return ()
    entries = _list(files.document("manifest.json"))
    return tuple(
        sorted({str(tag) for item in entries for tag in _list(_dict(item).get("RepoTags"))})
    )


def _descriptors(files: ImageFiles) -> Iterator[tuple[Mapping[str, Any], str]]:
    """The descriptors of manifests, in order, each with the tag of the index around it."""
    pending = [(item, "") for item in _list(_dict(files.document("index.json")).get("manifests"))]
    looked = 0
    while pending:
        item, tag = pending.pop(0)
        descriptor = _dict(item)
        looked += 1
        if looked > _INDEXES:
            raise BadArtifact("not-an-image", "index.json names too many manifests")
        annotations = _dict(descriptor.get("annotations"))
        tag = tag or str(annotations.get("org.opencontainers.image.ref.name") or "")
        name = _blob(str(descriptor.get("digest") or ""))
        if str(descriptor.get("mediaType")).endswith(("index.v1+json", "manifest.list.v2+json")):
            if name in files:
                nested = _dict(files.document(name)).get("manifests")
                pending += [(inner, tag) for inner in _list(nested)]
            continue
        yield descriptor, tag


def _attestations(
    files: ImageFiles, descriptors: list[Mapping[str, Any]]
) -> Iterator[Mapping[str, Any]]:
    """The statements that attestations' manifests hold as layers."""
    for descriptor in descriptors:
        manifest = _dict(files.document(_blob(str(descriptor.get("digest")))))
        for layer in _list(manifest.get("layers")):
            name = _blob(str(_dict(layer).get("digest") or ""))
            if name in files:
                yield _dict(files.document(name))


def _image(files: ImageFiles, config_name: str, layers: list[str], **more: Any) -> StoredImage:
    config = _dict(files.document(config_name))
    steps = [
        str(step.get("created_by") or "")
        for step in _list(config.get("history"))
        if isinstance(step, dict) and not step.get("empty_layer")
    ]
    if len(steps) != len(layers):
        steps = [""] * len(layers)
    parts = (config.get("os"), config.get("architecture"), config.get("variant"))
    return StoredImage(
        "/".join(part for part in parts if isinstance(part, str) and part),
        config_name,
        config,
        tuple(LayerFile(name, step) for name, step in zip(layers, steps, strict=True)),
        **more,
    )


def _blob(digest: str) -> str:
    return "blobs/" + digest.replace(":", "/", 1)


def _dict(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
