"""Which image an archive holds, by its own documents, each checked against its digest.

Docker's archive says it in `manifest.json` ("Docker Image Specification v1.2", "Combined Image
JSON + Filesystem Changeset Format"), an OCI layout in `index.json` (OCI image specification,
"Image Layout"); where both stand there they must tell of the same image.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from bom.archive.layer import clean_path
from bom.archive.platforms import is_platform
from bom.errors import BadArtifact
from bom.model import Gap, ImageIdentity, Layer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bom.archive.image import ImageArchive, LayerBlob

_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}\Z")
_INDEX_TYPES: Final = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
# What BuildKit marks attestations with, and by what it says which manifest they are about.
_REFERENCE_TYPE: Final = "vnd.docker.reference.type"
_REFERENCE_DIGEST: Final = "vnd.docker.reference.digest"
_IMAGE_NAME: Final = "io.containerd.image.name"
_REF_NAME: Final = "org.opencontainers.image.ref.name"
_INDEX_DEPTH: Final = 4
_MANIFESTS: Final = 1000  # descriptors looked at


@dataclass(frozen=True, slots=True)
class Identified:
    """The image, its configuration as parsed, its layers lowest first, and what is left out."""

    identity: ImageIdentity
    config: Mapping[str, Any]
    layers: tuple[LayerBlob, ...]
    gaps: tuple[Gap, ...] = ()


@dataclass(frozen=True, slots=True)
class _Candidate:
    """One image as a document names it: archive names of its configuration and layers."""

    config: str
    layers: tuple[str, ...]
    tags: tuple[str, ...] = ()
    manifest: str = ""
    index: str = ""
    attestations: tuple[str, ...] = ()


def identify(archive: ImageArchive, platform: str | None = None) -> Identified:
    """The one image in the archive.

    `platform` (os/arch[/variant]) chooses from an index with several; "": there must be only
    one. None: the image that `manifest.json` names, else the first whose blobs are there; the
    others become gaps. Raises BadArtifact (`ambiguous-image`,
    `several-platforms`, `damaged`, `not-an-image`).
    """
    docker = list(_from_manifest_json(archive))
    oci = list(_from_index_json(archive))
    if platform is not None and oci and (not docker or len({entry.config for entry in oci}) > 1):
        # of several, manifest.json can name but the one that an older engine shall load
        if docker and not any(_same(archive, entry, docker[0]) for entry in oci):
            raise _disagreeing(docker[0], oci[0])
        oci, docker = [_chosen(archive, oci, platform)], []
    if not docker and not oci:
        raise BadArtifact("not-an-image", "the archive holds neither manifest.json nor index.json")
    if len({(entry.config, entry.layers) for entry in docker}) > 1:
        raise BadArtifact("ambiguous-image", f"manifest.json names {len(docker)} images, not one")
    chosen = oci[0] if oci else docker[0]
    if docker and oci:
        same = [entry for entry in oci if _same(archive, entry, docker[0])]
        if not same:
            raise _disagreeing(docker[0], oci[0])
        chosen = same[0]
    tags = {tag for entry in (*docker, *(oci if not docker else ())) for tag in entry.tags}
    others = [entry for entry in oci if entry.config != chosen.config]
    return _identified(archive, chosen, tuple(sorted(tags)), others)


def identify_all(archive: ImageArchive) -> tuple[Identified, ...]:
    """The images for every platform in the archive, sorted by platform; in one of a single image
    just that. What `manifest.json` names must be among those of `index.json`. Raises BadArtifact
    as `identify`."""
    if "index.json" not in archive.documents:
        return (identify(archive),)
    docker = list(_from_manifest_json(archive))
    by_config: dict[str, _Candidate] = {}
    for entry in _from_index_json(archive):
        by_config.setdefault(entry.config, entry)
    images = list(by_config.values())
    for named in docker:
        if not any(_same(archive, entry, named) for entry in images):
            raise BadArtifact(
                "ambiguous-image",
                "manifest.json names an image that index.json does not",
                found=f"configuration {named.config}",
            )
    found = [
        _identified(archive, entry, tuple(sorted(_tags_of(docker or images))), [])
        for entry in images
    ]
    platforms = [item.identity.platform for item in found]
    for item in found if len(found) > 1 else ():
        if not is_platform(item.identity.platform):  # refs begin with it
            where = item.identity.config
            raise BadArtifact("damaged", "an image of several states no platform", where=where)
    if len(set(platforms)) < len(platforms):
        listed = ", ".join(sorted(platforms))
        raise BadArtifact(
            "ambiguous-image", "the archive holds several images for one platform", found=listed
        )
    return tuple(sorted(found, key=lambda item: item.identity.platform))


def _disagreeing(docker: _Candidate, oci: _Candidate) -> BadArtifact:
    return BadArtifact(
        "ambiguous-image",
        "index.json and manifest.json tell of different images",
        expected=f"configuration {docker.config}",
        found=f"configuration {oci.config}",
    )


def _tags_of(images: list[_Candidate]) -> set[str]:
    return {tag for image in images for tag in image.tags}


def _chosen(archive: ImageArchive, images: list[_Candidate], wanted: str) -> _Candidate:
    platforms = [_platform(_parse(archive.documents[i.config], i.config)) for i in images]
    fitting = [
        image
        for image, platform in zip(images, platforms, strict=True)
        if not wanted or fits(platform, wanted)
    ]
    if len({image.config for image in fitting}) == 1:
        return fitting[0]
    raise BadArtifact(
        "several-platforms",
        f"the archive holds images for {len(images)} platforms",
        expected=wanted or "one",
        found=", ".join(sorted(set(platforms))),
    )


def fits(platform: str, wanted: str) -> bool:
    """Whether an image for `platform` is one for the `wanted` one, whose variant may be left out
    (OCI image specification, "Image Index", platform)."""
    return platform == wanted or (platform.startswith(f"{wanted}/") and wanted.count("/") == 1)


# --- the documents ------------------------------------------------------------------------------


def _from_manifest_json(archive: ImageArchive) -> Iterator[_Candidate]:
    raw = archive.documents.get("manifest.json")
    if raw is None:
        return
    entries = _parse(raw, "manifest.json")
    if isinstance(entries, dict) and "index.json" not in archive.documents:
        return  # a web app's manifest, an extension's: Docker's is a list
    if not isinstance(entries, list) or not entries:
        raise BadArtifact("damaged", "manifest.json names no image", where="manifest.json")
    for entry in entries:
        config = _text(entry, "Config", "manifest.json")
        layers = _list(entry, "Layers", "manifest.json")
        tags = _list(entry, "RepoTags", "manifest.json")
        if not all(isinstance(item, str) for item in (*layers, *tags)):
            raise BadArtifact("damaged", "manifest.json holds a name that is no text")
        resolved = tuple(_follow(archive, clean_path(layer)) for layer in layers)
        yield _Candidate(_follow(archive, clean_path(config)), resolved, tuple(tags))


def _from_index_json(archive: ImageArchive) -> Iterator[_Candidate]:
    raw = archive.documents.get("index.json")
    if raw is None:
        return
    seen: dict[str, _Candidate] = {}
    missing = []
    attestations: dict[str, set[str]] = {}
    for descriptor, index, tag, about in _manifests(archive, raw):
        if about:
            attestations.setdefault(about, set()).add(_attestation(archive, descriptor))
            continue
        digest = _digest(descriptor, "index.json")
        if digest in seen:
            seen[digest] = _with_tag(seen[digest], tag)
            continue
        if _blob(digest) not in archive.documents:
            missing.append(digest)
            continue
        manifest = _document(archive, digest)
        config = _digest(manifest.get("config"), digest)
        layers = [_digest(layer, digest) for layer in _list(manifest, "layers", digest)]
        names = tuple(_blob(layer) for layer in layers)
        if _blob(config) not in archive.documents:
            missing.append(digest)
            continue
        seen[digest] = _with_tag(_Candidate(_blob(config), names, (), digest, index), tag)
    if not seen:
        raise BadArtifact(
            "damaged",
            "index.json names no image whose blobs are in the archive",
            found=", ".join(missing[:5]),
            where="index.json",
        )
    for candidate in seen.values():
        stated = sorted(attestations.get(candidate.manifest, set()) - {""})
        yield replace(candidate, attestations=tuple(stated))


def _attestation(archive: ImageArchive, descriptor: Mapping[str, Any]) -> str:
    """The digest of an attestation's manifest, held against its bytes; "" where these are not in
    the archive."""
    digest = _digest(descriptor, "index.json")
    if _blob(digest) not in archive.documents:
        return ""
    _document(archive, digest)
    return digest


def _manifests(
    archive: ImageArchive, raw: bytes
) -> Iterator[tuple[Mapping[str, Any], str, str, str]]:
    """The descriptors of manifests: (descriptor, digest of the index around it, tag, digest of
    the manifest that it is an attestation about, "" for an image's)."""
    pending: list[tuple[Any, str, str, int]] = [
        (item, "", "", 0) for item in _list(_parse(raw, "index.json"), "manifests", "index.json")
    ]
    looked = 0
    while pending:
        item, index, tag, depth = pending.pop(0)
        looked += 1
        if not isinstance(item, dict) or looked > _MANIFESTS or depth > _INDEX_DEPTH:
            raise BadArtifact("damaged", "index.json is no image index", where="index.json")
        annotations = item.get("annotations")
        if not isinstance(annotations, dict):
            annotations = {}
        if _REFERENCE_TYPE in annotations or _unknown_platform(item.get("platform")):
            if about := str(annotations.get(_REFERENCE_DIGEST) or ""):
                yield item, index, "", about
            continue  # an attestation about an image, no image
        if not tag:
            tag = str(annotations.get(_IMAGE_NAME) or annotations.get(_REF_NAME) or "")
        if item.get("mediaType") in _INDEX_TYPES:
            digest = _digest(item, "index.json")
            if _blob(digest) in archive.documents:
                nested = _list(_document(archive, digest), "manifests", digest)
                pending.extend((inner, digest, tag, depth + 1) for inner in nested)
            continue
        yield item, index, tag, ""


def _unknown_platform(platform: Any) -> bool:
    return isinstance(platform, dict) and platform.get("os") == "unknown"


def _with_tag(candidate: _Candidate, tag: str) -> _Candidate:
    tags = tuple(sorted({*candidate.tags, tag} - {""}))
    return replace(candidate, tags=tags)


def _same(archive: ImageArchive, one: _Candidate, other: _Candidate) -> bool:
    """Whether both name one image; the same bytes may stand under two names."""
    if len(one.layers) != len(other.layers):
        return False
    documents = archive.documents
    if documents.get(one.config, b"1") != documents.get(other.config, b"2"):
        return False
    return all(
        _layer(archive, a).digest == _layer(archive, b).digest
        for a, b in zip(one.layers, other.layers, strict=True)
    )


# --- the image ----------------------------------------------------------------------------------


def _identified(
    archive: ImageArchive,
    chosen: _Candidate,
    tags: tuple[str, ...],
    others: list[_Candidate],
) -> Identified:
    raw = archive.documents.get(chosen.config)
    if raw is None:
        raise BadArtifact("damaged", "the image's configuration is missing", where=chosen.config)
    digest = sha256(raw).hexdigest()
    stated = PurePosixPath(chosen.config).name.removesuffix(".json")
    if stated != digest:
        raise BadArtifact(
            "damaged",
            "the image's configuration is not what its name says",
            expected=f"sha256:{stated}",
            found=f"sha256:{digest}",
            where=chosen.config,
        )
    config = _parse(raw, chosen.config)
    rootfs = config.get("rootfs") if isinstance(config, dict) else None
    diff_ids = _list(rootfs, "diff_ids", chosen.config)
    blobs = tuple(_layer(archive, name) for name in chosen.layers)
    if len(diff_ids) != len(blobs):
        raise BadArtifact(
            "damaged",
            "the image's configuration has another number of layers than its manifest",
            expected=str(len(diff_ids)),
            found=str(len(blobs)),
            where=chosen.config,
        )
    checked = zip(chosen.layers, blobs, diff_ids, strict=True)
    for number, (name, blob, diff_id) in enumerate(checked, 1):
        _check_layer(number, name, blob, diff_id)
    created_by = _created_by(config, len(blobs))
    identity = ImageIdentity(
        config=f"sha256:{digest}",
        manifest=chosen.manifest,
        index=chosen.index,
        platform=_platform(config),
        tags=tags,
        layers=tuple(
            Layer(diff_id, blob.digest, blob.size, command)
            for diff_id, blob, command in zip(diff_ids, blobs, created_by, strict=True)
        ),
        attestations=chosen.attestations,
    )
    gaps = tuple(
        Gap(
            "image.platform",
            other.manifest,
            "the archive holds images for several platforms; only the first is described",
        )
        for other in others
    )
    return Identified(identity, config, blobs, gaps)


def _check_layer(number: int, name: str, blob: LayerBlob, diff_id: Any) -> None:
    where = f"layer {number} ({name[:100]})"
    if blob.damage is not None:
        raise BadArtifact(
            blob.damage.code,
            blob.damage.reason,
            expected=blob.damage.expected,
            found=blob.damage.found,
            where=where,
        )
    if not isinstance(diff_id, str) or not _DIGEST.match(diff_id):
        raise BadArtifact("damaged", "a layer's diff ID is no SHA-256 digest", where=where)
    stated = PurePosixPath(name).name
    if name.startswith("blobs/") and blob.digest != f"sha256:{stated}":
        raise BadArtifact(
            "damaged",
            "a layer is not what its name says",
            expected=f"sha256:{stated}",
            found=blob.digest,
            where=where,
        )
    if blob.diff_id and blob.diff_id != diff_id:
        raise BadArtifact(
            "damaged",
            "a layer is not what the image's configuration says",
            expected=diff_id,
            found=blob.diff_id,
            where=where,
        )


def _created_by(config: Mapping[str, Any], count: int) -> tuple[str, ...]:
    """The history's command for each layer; empty texts where the history doesn't add up."""
    history = config.get("history")
    commands = [
        str(step.get("created_by") or "")
        for step in (history if isinstance(history, list) else [])
        if isinstance(step, dict) and not step.get("empty_layer")
    ]
    return tuple(commands) if len(commands) == count else ("",) * count


def _platform(config: Any) -> str:
    if not isinstance(config, dict):
        return ""
    parts = (config.get("os"), config.get("architecture"), config.get("variant"))
    return "/".join(part for part in parts if isinstance(part, str) and part)


# --- foreign data -------------------------------------------------------------------------------


def _layer(archive: ImageArchive, name: str) -> LayerBlob:
    blob = archive.layers.get(name)
    if blob is None:
        raise BadArtifact("damaged", "a layer of the image is missing or no layer", where=name)
    return blob


def _follow(archive: ImageArchive, name: str) -> str:
    """The classic store saves a layer that stands twice as a symbolic link to the first one."""
    for _ in range(8):
        target = archive.links.get(name)
        if target is None:
            return name
        name = clean_path(f"{PurePosixPath(name).parent}/{target}")
    raise BadArtifact("damaged", "the archive's symbolic links lead nowhere", where=name)


def _document(archive: ImageArchive, digest: str) -> dict[str, Any]:
    name = _blob(digest)
    raw = archive.documents[name]
    found = f"sha256:{sha256(raw).hexdigest()}"
    if found != digest:
        raise BadArtifact(
            "damaged", "a blob is not what its name says", expected=digest, found=found, where=name
        )
    document = _parse(raw, name)
    if not isinstance(document, dict):
        raise BadArtifact("damaged", "a manifest is no JSON object", where=name)
    return document


def _blob(digest: str) -> str:
    return "blobs/" + digest.replace(":", "/", 1)


def _digest(descriptor: Any, where: str) -> str:
    digest = _text(descriptor, "digest", where)
    if not _DIGEST.match(digest):
        raise BadArtifact("damaged", f"{digest!r:.100} is no SHA-256 digest", where=where)
    return digest


def _text(holder: Any, key: str, where: str) -> str:
    value = holder.get(key) if isinstance(holder, dict) else None
    if not isinstance(value, str) or not value:
        raise BadArtifact("damaged", f"{key} is missing or no text", where=where)
    return value


def _list(holder: Any, key: str, where: str) -> list[Any]:
    value = holder.get(key) if isinstance(holder, dict) else ""
    if value is None:
        return []
    if not isinstance(value, list):
        raise BadArtifact("damaged", f"{key} is missing or no list", where=where)
    return value


def _parse(raw: bytes, where: str) -> Any:
    try:
        value = json.loads(raw.decode("utf-8"), object_pairs_hook=_unique)
        # Half a surrogate pair, which an escape can write, is text that nobody can pass on.
        json.dumps(value, ensure_ascii=False).encode("utf-8")
        return value
    except (ValueError, RecursionError) as error:
        raise BadArtifact("damaged", f"{where} is no JSON that can be read", where=where) from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key stands twice")  # readers disagree on which one counts
    return made
