"""Image archives: do their two tables of contents agree, and which layer is damaged.

`docker load` (containerd store) reads an archive's index.json, skopeo and the classic store its
manifest.json. Formats: OCI image layout, OCI image index and manifest, and `docker save`.
"""

from __future__ import annotations

import json
import re
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from bom.archive.positioned import CHUNK
from bom.archive.tar import TarWalk
from bom.errors import BadArtifact, CannotSeal
from bom.model import Finding
from bom.seal.protocol import property_values

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from typing import BinaryIO

    from bom.archive.tar import TarMember

DOCUMENT_LIMIT: Final = 8 * 1024 * 1024  # bytes of an index or manifest
DEPTH_LIMIT: Final = 4  # indexes inside indexes
MANIFESTS_LIMIT: Final = 4096
_LISTED: Final = 1000  # findings about one image
LAYER_PROPERTY: Final = "bom-seal:image:layer"  # "INDEX DIFF_ID DIGEST SIZE"
_PLATFORM_PROPERTY: Final = "bom-seal:platform"  # of a component: in which platform's image it is

_BLOB: Final = re.compile(r"(?:\./)?(blobs/sha256/([0-9a-f]{64}))")
_CONFIG: Final = re.compile(r"(?:\./)?(([0-9a-f]{64})\.json)")
_CLASSIC_LAYER: Final = re.compile(r"(?:\./)?([^/]+/layer\.tar|[0-9a-f]{64}\.tar)")
_SHA256: Final = re.compile(r"sha256:([0-9a-f]{64})")

_Image = tuple[str, tuple[str, ...]]  # config and layers, as names in blobs/


def looks_like_image(path: Path) -> bool:
    """Whether a tar is an image archive by its documents. Raises BadArtifact if it's no tar."""
    with path.open("rb") as file:
        archive = _Archive(file)
        if {"index.json", "oci-layout"} <= archive.files.keys():
            return True
        try:
            return bool(_listed(archive.document("manifest.json")))
        except (CannotSeal, KeyError):
            return False


def check_agreement(file: BinaryIO) -> None:
    """Raises CannotSeal where index.json and manifest.json name different images."""
    archive = _Archive(file)
    if not {"index.json", "manifest.json"} <= archive.files.keys():
        return
    listed = _listed(archive.document("manifest.json"))
    index = _entries(archive.document("index.json"), "manifests")
    budget = [MANIFESTS_LIMIT]
    groups = [set(_images(archive, descriptor, budget, DEPTH_LIMIT)) for descriptor in index]
    everywhere = set().union(*groups)
    if not listed or not listed <= everywhere or any(not group & listed for group in groups):
        raise CannotSeal("its index.json and manifest.json name different images")


def image_damage(path: Path, document: Mapping[str, object]) -> tuple[Finding, ...]:
    """Which blobs of a sealed image archive are not what their names or the BOM say."""
    layers = _SignedLayers(document)
    if not layers.diff_ids:
        return ()
    findings: list[Finding] = []
    with path.open("rb") as file:
        walk = TarWalk(file)
        seen: set[str] = set()
        classic: dict[str, str] = {}
        table: list[str] = []
        try:
            for member in walk:
                if not member.is_file:
                    continue
                if blob := _BLOB.fullmatch(member.name) or _CONFIG.fullmatch(member.name):
                    found = _digest(file, member)
                    if blob[2] in layers.digests:
                        seen.add(blob[2])
                    if found != blob[2]:
                        findings.append(layers.damaged(blob[2], blob[1], found))
                elif layer := _CLASSIC_LAYER.fullmatch(member.name):
                    classic[layer[1]] = _digest(file, member)
                elif member.name.removeprefix("./") == "manifest.json":
                    table = _classic_table(file, member)
                if max(len(findings), len(classic) - len(layers.diff_ids)) > _LISTED:
                    raise BadArtifact("oversized", f"over {_LISTED} blobs were never sealed")
        except BadArtifact as error:
            findings.append(Finding(error.code, error.reason, where=error.where))
        else:
            findings += layers.classic_damage(classic, table)
            if not classic:
                findings += layers.missing(seen)
    return tuple(findings)


class _SignedLayers:
    """The layers that the signed document lists, in order from the lowest."""

    def __init__(self, document: Mapping[str, object]) -> None:
        self.diff_ids: list[str] = []
        self._labels: dict[str, str] = {}
        self.digests: list[str] = []
        for platform, value in _layers(document):
            index, *digests = value.split(" ")
            names = [found[1] for text in digests[:2] if (found := _SHA256.fullmatch(text))]
            if len(names) == 2:
                self.diff_ids.append(names[0])
                self.digests.append(names[1])
                label = f"layer {index.lstrip('0') or '0'}"
                label += f" of {platform}" if platform else ""
                for name in names:
                    self._labels.setdefault(name, label)

    def damaged(self, expected: str, name: str, found: str) -> Finding:
        label = self._labels.get(expected)
        what = f"{label} ({_short(name)})" if label else f"the blob {_short(name)}"
        return Finding(
            "damaged",
            f"{what} is not the one that was sealed",
            expected=f"sha256:{expected}",
            found=f"sha256:{found}",
            where=name,
        )

    def classic_damage(self, layers: Mapping[str, str], table: list[str]) -> Iterator[Finding]:
        """`layers`: name to digest; `table`: names in manifest.json's order, where it can be read.

        A layer that several images share stands once and has links elsewhere.
        """
        if len(table) == len(self.diff_ids):
            for name, diff_id in zip(table, self.diff_ids, strict=True):
                if layers.get(name, diff_id) != diff_id:
                    yield self.damaged(diff_id, name, layers[name])
            return
        for name, digest in sorted(layers.items()):
            if digest not in self.diff_ids:
                yield Finding(
                    "damaged",
                    f"the layer in {name} is none of those that were sealed",
                    found=f"sha256:{digest}",
                    where=name,
                )

    def missing(self, seen: set[str]) -> Iterator[Finding]:
        for digest in dict.fromkeys(self.digests):
            if digest not in seen:
                yield Finding(
                    "damaged",
                    f"{self._labels[digest]} is missing",
                    expected=f"sha256:{digest}",
                    where=f"blobs/sha256/{digest}",
                )


def _layers(document: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """The platform ("" for an image for one) and the property of every layer that is listed."""
    for value in property_values(document, LAYER_PROPERTY):
        yield "", value
    for part in _entries(document, "components"):
        facts = [
            (str(entry.get("name")), str(entry.get("value")))
            for entry in _entries(part, "properties")
        ]
        platform = next((value for name, value in facts if name == _PLATFORM_PROPERTY), "")
        if part.get("type") == "container" and platform:
            yield from ((platform, value) for name, value in facts if name == LAYER_PROPERTY)


class _Archive:
    """The documents and blobs of an image archive, by name."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.files: dict[str, TarMember] = {}
        for member in TarWalk(file):
            if member.is_file and not member.sparse:
                self.files[member.name.removeprefix("./")] = member

    def document(self, name: str) -> object:
        """A JSON document. Raises CannotSeal for a bad one, KeyError where there is none."""
        member = self.files[name]
        if member.size > DOCUMENT_LIMIT:
            raise CannotSeal(f"its {_short(name)} is too large to be what it is called")
        self._file.seek(member.data)
        try:
            return json.loads(self._file.read(member.size))
        except (ValueError, RecursionError) as error:
            raise CannotSeal(f"its {_short(name)} is not JSON") from error


def _images(
    archive: _Archive, descriptor: Mapping[str, object], budget: list[int], depth: int
) -> Iterator[_Image]:
    """The images that a descriptor leads to inside this archive."""
    budget[0] -= 1
    name = _blob_name(descriptor)
    if not depth or budget[0] < 0:
        raise CannotSeal("its index is nested too deeply or lists too many images")
    if name not in archive.files:
        return  # another platform's, which was not exported
    document = archive.document(name)
    config = document.get("config") if isinstance(document, dict) else None
    if isinstance(config, dict):
        yield _blob_name(config), tuple(_blob_name(row) for row in _entries(document, "layers"))
        return
    for row in _entries(document, "manifests"):
        yield from _images(archive, row, budget, depth - 1)


def _listed(document: object) -> set[_Image]:
    """The images of a `docker save` manifest.json. Raises CannotSeal where it is none."""
    images = set()
    for row in document if isinstance(document, list) else ():
        config, layers = (
            (row.get("Config"), row.get("Layers")) if isinstance(row, dict) else (None, None)
        )
        if not isinstance(config, str) or not isinstance(layers, list | None):
            raise CannotSeal("its manifest.json is not that of an image archive")
        images.add((config, tuple(str(layer) for layer in layers or ())))
    return images


def _entries(document: object, key: str) -> list[dict[str, object]]:
    rows = document.get(key) if isinstance(document, dict) else None
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _blob_name(descriptor: Mapping[str, object]) -> str:
    algorithm, _, value = str(descriptor.get("digest")).partition(":")
    return f"blobs/{algorithm}/{value}"


def _classic_table(file: BinaryIO, member: TarMember) -> list[str]:
    """The layers' names in manifest.json, empty where it holds no single image."""
    file.seek(member.data)
    try:
        images = list(_listed(json.loads(file.read(min(member.size, DOCUMENT_LIMIT)))))
    except (ValueError, RecursionError, CannotSeal):
        return []
    return list(images[0][1]) if len(images) == 1 else []


def _digest(file: BinaryIO, member: TarMember) -> str:
    state = sha256()
    file.seek(member.data)
    left = member.size
    while left and (piece := file.read(min(left, CHUNK))):
        state.update(piece)
        left -= len(piece)
    return state.hexdigest()


def _short(name: str) -> str:
    """A blob's name with its digest cut, for a sentence."""
    return re.sub(r"([0-9a-f]{12})[0-9a-f]{52}", r"\1…", name)
