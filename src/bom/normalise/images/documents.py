"""An image's configuration, manifests and indexes, with what differs from build to build taken out
or clamped (OCI image specification, "Image Configuration", "Image Manifest", "Image Index";
"Docker Image Specification v1.2").
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from bom.errors import BadArtifact, CannotNormalise

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

INDEX_TYPES: Final = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
CONFIG_TYPES: Final = (
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.container.image.v1+json",
)
CREATED: Final = "org.opencontainers.image.created"
_BASE_DIGEST: Final = "org.opencontainers.image.base.digest"
_BASE_NAME: Final = "org.opencontainers.image.base.name"
_REFERENCE_TYPE: Final = "vnd.docker.reference.type"

# What the builder without BuildKit writes down of the container in which it ran the last step, of
# itself; buildah of the image before the last step; and BuildKit of its cache, whose digests would
# be of layers that are no more.
_DROPPED: Final = (
    "container",
    "container_config",
    "docker_version",
    "moby.buildkit.cache.v0",
    "parent",
)
_PARENT: Final = "Image"  # the ID of the image before the last step
# What buildah says of an image that it made on the way: its ID, for it has no name.
_BEFORE: Final = re.compile(r"FROM [0-9a-f]{12}\s*\Z")
_CONTAINER_ID: Final = re.compile(r"[0-9a-f]{12}\Z")
# Annotations of layers that say where in the stored bytes a file is.
_INDEXED: Final = re.compile(r"stargz|zstd-chunked|\btoc\b", re.IGNORECASE)


def configuration(config: Mapping[str, Any], diff_ids: Sequence[str], epoch: int) -> dict[str, Any]:
    """The configuration for layers with these diff IDs."""
    made = {key: value for key, value in config.items() if key not in _DROPPED}
    if "created" in made:
        made["created"] = clamped_text(made["created"], epoch)
    if isinstance(history := made.get("history"), list):
        made["history"] = [_step(step, epoch) for step in history]
    if isinstance(inner := made.get("config"), dict):
        inner = {key: value for key, value in inner.items() if key != _PARENT}
        if _CONTAINER_ID.match(str(inner.get("Hostname", ""))):
            del inner["Hostname"]
        made["config"] = inner
    made["rootfs"] = {**made["rootfs"], "diff_ids": list(diff_ids)}
    return made


def diff_ids(config: Mapping[str, Any], where: str) -> list[str]:
    """The diff IDs that a configuration states. Raises BadArtifact."""
    rootfs = config.get("rootfs")
    stated = rootfs.get("diff_ids") if isinstance(rootfs, dict) else None
    if stated is None:
        stated = []
    if (
        not isinstance(rootfs, dict)
        or not isinstance(stated, list)
        or not all(isinstance(item, str) for item in stated)
    ):
        raise BadArtifact("damaged", "a configuration lists no layers", where=where)
    return stated


def _step(step: Any, epoch: int) -> Any:
    if not isinstance(step, dict):
        return step
    made = dict(step)
    if "created" in made:
        made["created"] = clamped_text(made["created"], epoch)
    if _BEFORE.match(str(made.get("comment", ""))):
        del made["comment"]
    return made


def clamped_text(text: Any, epoch: int) -> Any:
    """A time as RFC 3339 has it, never later than the epoch; an earlier one stays as it is."""
    if not isinstance(text, str) or not text:
        return text
    try:
        moment = datetime.fromisoformat(text)
        stated = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        stated = float("inf")
    if stated < epoch:
        return text
    try:
        return datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError) as error:
        raise CannotNormalise(f"{epoch} is no time that a document could state") from error


def annotated(holder: Mapping[str, Any], epoch: int) -> dict[str, Any]:
    """A descriptor or manifest whose annotations state no time after the epoch, and no base that
    has no name: buildah's is the image before the last stage, of the hour of the build."""
    made = dict(holder)
    if not isinstance(stated := made.get("annotations"), dict):
        return made
    notes = dict(stated)
    if CREATED in notes:
        notes[CREATED] = clamped_text(notes[CREATED], epoch)
    if _BASE_DIGEST in notes and not notes.get(_BASE_NAME):
        del notes[_BASE_DIGEST]
        notes.pop(_BASE_NAME, None)
    made["annotations"] = notes
    return made


def is_attestation(descriptor: Mapping[str, Any]) -> bool:
    """Whether it is a statement about an image. One about the image as it was built says nothing
    of this one."""
    notes, platform = descriptor.get("annotations"), descriptor.get("platform")
    marked = isinstance(notes, dict) and _REFERENCE_TYPE in notes
    return marked or (isinstance(platform, dict) and platform.get("os") == "unknown")


def require_plain(descriptor: Mapping[str, Any]) -> None:
    """Raise CannotNormalise for a layer that has an index of its own bytes."""
    notes = descriptor.get("annotations")
    for key in notes if isinstance(notes, dict) else ():
        if _INDEXED.search(str(key)):
            raise CannotNormalise(f"a layer has an index of its bytes ({key:.80})")


def object_of(value: Any, where: str) -> dict[str, Any]:
    """A JSON object. Raises BadArtifact."""
    if not isinstance(value, dict):
        raise BadArtifact("damaged", "a document of the image has no object there", where=where)
    return value


def objects_of(holder: Mapping[str, Any], key: str, where: str) -> list[dict[str, Any]]:
    """A list of JSON objects, empty where there is none. Raises BadArtifact."""
    value = holder.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise BadArtifact("damaged", f"{key} is no list", where=where)
    return [object_of(item, where) for item in value]


def texts_of(holder: Mapping[str, Any], key: str, where: str) -> list[str]:
    """A list of texts, empty where there is none. Raises BadArtifact."""
    value = holder.get(key)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise BadArtifact("damaged", f"{key} is no list of texts", where=where)
    return value


def text_of(holder: Mapping[str, Any], key: str, where: str) -> str:
    """A text. Raises BadArtifact."""
    value = holder.get(key)
    if not isinstance(value, str):
        raise BadArtifact("damaged", f"{key} is no text", where=where)
    return value
