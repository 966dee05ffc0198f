"""What an image's documents say: its configuration and history, annotations, attestations."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bom.compare.images import StoredImage
    from bom.compare.walk import Walk

_VALUES: Final = 10_000  # that are compared one by one
_TIMES: Final = re.compile(r"created\Z|history\[\d+\]\.created\Z")
# They name layers and earlier images by digest.
_DERIVED: Final = re.compile(
    r"(?:rootfs|id|parent|parent_id|layer_id|Size|moby\.buildkit\.cache\.v0)(?:\.|\[|\Z)"
    r"|(?:config|container_config)\.Image\Z"
)
# The classic builder's container: its ID, and the host name made of that.
_CONTAINER: Final = re.compile(r"(?:config|container_config)\.Hostname\Z|container\Z")
# A step of the classic builder or of buildah names what it copies, and the image before it.
_NAMED: Final = re.compile(r"(?<![0-9a-f])(?:[0-9a-f]{64}|[0-9a-f]{12})(?![0-9a-f])")
_STEP: Final = re.compile(
    r"history\[\d+\]\.(?:created_by|comment)\Z|container_config\.Cmd(?:\[|\Z)"
)
_HEX_ID: Final = re.compile(r"(?:[0-9a-f]{12}|[0-9a-f]{64})\Z")
_CREATED: Final = (
    "Give the build SOURCE_DATE_EPOCH (--build-arg SOURCE_DATE_EPOCH=N, which `bom build` does by "
    "itself), or build with `--normalize`."
)
_HOSTNAME: Final = (
    "Build with BuildKit, which leaves the container's host name out, or with `--normalize`."
)
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")


def compare_documents(
    path: str, walk: Walk, one: StoredImage, two: StoredImage, *, layers_differ: bool
) -> None:
    """All that the two say in other words; not what follows from layers, which is told."""
    _configuration(path, walk, one, two)
    for title, first, second in (
        ("manifest", one.manifest, two.manifest),
        ("index.json", one.descriptor, two.descriptor),
    ):
        # of the manifest's and the descriptor's fields all others follow from the content
        annotations = first.get("annotations"), second.get("annotations")
        for key, ours, theirs in _differing(*annotations):
            if _DIGEST.search(str(ours)) and _DIGEST.search(str(theirs)):
                continue
            name = f"annotations.{key}"
            if key.endswith(".created"):
                _time(path, walk, f"{title} > {name}", ours, theirs)
            else:
                _text(path, walk, f"{title} > {name}", ours, theirs)
    if one.attestations != two.attestations and not layers_differ:
        compare_texts(
            path,
            walk,
            "attestation",
            json.dumps(one.attestations, indent=1, sort_keys=True),
            json.dumps(two.attestations, indent=1, sort_keys=True),
            firm=False,
        )


def _configuration(path: str, walk: Walk, one: StoredImage, two: StoredImage) -> None:
    hostname = False
    derived: list[tuple[str, object, object]] = []
    for key, ours, theirs in _differing(one.config, two.config):
        name = f"configuration > {key}"
        if _DERIVED.match(key):
            continue
        if _TIMES.match(key):
            _time(path, walk, name, ours, theirs)
        elif _CONTAINER.match(key) and all(_HEX_ID.match(str(value)) for value in (ours, theirs)):
            # one container has one ID, and stands in up to three places
            if not hostname:
                told = f"the build's container {str(ours)[:12]} -> {str(theirs)[:12]}"
                walk.say(path, name, "hostname", told, _HOSTNAME)
            hostname = True
        elif key == "docker_version":
            told = f"docker {ours} -> {theirs}"
            remedy = "Build with the same version of the engine."
            walk.say(path, name, "tool-version", told, remedy)
        elif _STEP.match(key) and _without_digests(ours) == _without_digests(theirs):
            derived.append((name, ours, theirs))
        else:
            # normalising leaves out what the classic builder says of its last container
            firm = not key.startswith("container_config")
            compare_texts(path, walk, name, _shown(ours), _shown(theirs), firm=firm)
    if derived and not walk.found:
        # of what, doesn't show
        name, ours, theirs = derived[0]
        compare_texts(path, walk, name, _shown(ours), _shown(theirs), firm=False)


def _without_digests(step: object) -> str:
    return _NAMED.sub("", str(step))


def _time(path: str, walk: Walk, name: str, one: object, two: object) -> None:
    walk.say(path, name, "timestamp", f"{_shown(one)} -> {_shown(two)}", _CREATED)


def _text(path: str, walk: Walk, name: str, one: object, two: object) -> None:
    compare_texts(path, walk, name, _shown(one), _shown(two))


def compare_texts(
    path: str, walk: Walk, name: str, one: str, two: str, *, firm: bool = True
) -> None:
    """Two values of a document. `firm`: whether no normaliser takes the difference away."""
    before = walk.found.firm
    walk.text(path, name, one, two)
    walk.found.firm = before or firm


def _shown(value: object) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return "none"
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False)


def _differing(one: Any, two: Any, key: str = "") -> Iterator[tuple[str, Any, Any]]:
    """(where, value in one, value in the other) of the smallest values that differ; None: not
    there. Lists of another length are one value, objects are not."""
    pending = [(key, one, two)]
    looked = 0
    while pending:
        key, one, two = pending.pop()
        looked += 1
        if one == two:
            continue
        inner: list[tuple[str, Any, Any]] = []
        if isinstance(one, dict) and isinstance(two, dict):
            inner = [
                (f"{key}.{name}" if key else name, one.get(name), two.get(name))
                for name in sorted({*one, *two})
            ]
        elif isinstance(one, list) and isinstance(two, list) and len(one) == len(two):
            pairs = enumerate(zip(one, two, strict=True))
            inner = [(f"{key}[{place}]", *values) for place, values in pairs]
        if not inner or looked > _VALUES:
            yield key, one, two
        else:
            pending += reversed(inner)
