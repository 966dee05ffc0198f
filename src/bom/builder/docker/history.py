"""BuildKit's record of a build (`buildx history`, buildx 0.20 on), asked for by its reference.

Records are never listed. BuildKit from 0.20 to 0.28 ends, and the engine with it, when records are
listed while one is marked as removed (github.com/moby/buildkit, pull requests 6598 and 6614), and
that mark stays where a record was once asked for by its reference and is removed later. A question
for one reference sorts nothing, so it can't end that way. But only those records are asked for that
buildx itself has asked for, to write the metadata file of its build, and none is removed unless the
builder is known to be newer.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from bom.builder.docker import client as clients
from bom.builder.docker.added import METADATA_PROVENANCE
from bom.builder.images import provenance
from bom.builder.pflag import FALSE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bom.builder.docker.client import Question
    from bom.builder.images.provenance import Reported
    from bom.builder.images.store import StoredImage

_PREDICATES: Final = ("https://slsa.dev/provenance/v0.2", "https://slsa.dev/provenance/v1")
# of a builder or node (buildx takes those of docker contexts too); an ID is base 36
NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,254}")
_ID: Final = re.compile(r"[a-z0-9]{1,64}")
_VERSION: Final = re.compile(r"v?(\d{1,6})\.(\d{1,6})\.(\d{1,6})(?:[-+].*)?")
_ASKABLE: Final = (0, 12, 5)  # before it, a record that is removed meanwhile ends BuildKit
_MENDED: Final = (0, 29, 0)
_MOST: Final = 8  # records that are looked into for one image

_SWITCHED_OFF: Final = f"{METADATA_PROVENANCE} switches it off"
_TOO_OLD: Final = "its BuildKit is older than 0.12.5, which is not asked for records of builds"
_NO_RECORD: Final = "it has no record of the build that made this image"


@dataclass(frozen=True, slots=True)
class BuildRef:
    """A build, by the builder and node that have its record."""

    builder: str
    node: str
    id: str

    @classmethod
    def of(cls, text: str) -> BuildRef | None:
        """As buildx writes it (`BUILDER/NODE/ID`). None for anything else: a question without a
        reference, or with `^1` for one, lists the records."""
        builder, _, rest = text.partition("/")
        node, _, name = rest.partition("/")
        if NAME.fullmatch(builder) and NAME.fullmatch(node) and _ID.fullmatch(name):
            return cls(builder, node, name)
        return None


@dataclass(frozen=True, slots=True)
class Left:
    """What a record says that its build left, by digests: `image` is the manifest or index itself,
    "" where that can't be told; `every` has what an index names, too."""

    image: str
    every: frozenset[str]


class History:
    """The records of builders. `ask` runs `docker buildx`, in the environment of the build."""

    def __init__(self, ask: Question) -> None:
        self._ask = ask
        self._inspected: dict[str, tuple[str, tuple[str, ...]]] = {}

    def refusal(self, build: BuildRef) -> str:
        """Why this record is not asked for, "" where it is."""
        if is_switched_off(self._ask.environment):
            return _SWITCHED_OFF
        stated = (_version(text) for text in self._builder(build.builder)[1])
        return _TOO_OLD if any(one and one < _ASKABLE for one in stated) else ""

    def left(self, build: BuildRef) -> Left:
        """What the build left; nothing where the builder has no such record."""
        told = self._ask("history", "inspect", *_at(build), "--format", "json", build.id)
        listed = _objects(_object(told).get("Attachments"))
        every = {str(item.get("Digest") or ""): item for item in listed if not _is_predicate(item)}
        every.pop("", None)
        # what an index names stands with its platform; what stands without one was exported whole
        whole = [digest for digest, item in every.items() if not item.get("Platform")]
        return Left(whole[0] if len(whole) == 1 else "", frozenset(every))

    def provenance(self, build: BuildRef, platform: str = "") -> bytes:
        """BuildKit's provenance of the build (JSON), b"" where it can't be had. `platform`: of a
        build for several."""
        chosen = ("--platform", platform) if platform else ()
        for predicate in _PREDICATES:
            words = ("history", "inspect", "attachment", *_at(build), *chosen, "--type", predicate)
            if told := self._ask(*words, build.id):
                return told.encode()
        return b""

    def remove(self, builds: Iterable[BuildRef]) -> None:
        """Take the records out of the builders' lists, where that is known to do no harm."""
        for build in builds:
            if is_mended(self._builder(build.builder)[1]):
                self._ask("history", "rm", *_at(build), build.id)

    def driver(self, build: BuildRef) -> str:
        """How buildx reaches the builder (`docker`: the engine itself), "" where it doesn't say."""
        return self._builder(build.builder)[0]

    def _builder(self, name: str) -> tuple[str, tuple[str, ...]]:
        if name not in self._inspected:
            self._inspected[name] = clients.stated_builder(self._ask("inspect", name))
        return self._inspected[name]


def is_switched_off(environment: Mapping[str, str]) -> bool:
    """Whether the user has buildx write no provenance: it then asks for no record itself."""
    asked = environment.get(METADATA_PROVENANCE, "")
    return asked == "disabled" or (asked != "" and asked in FALSE)


def is_mended(versions: Iterable[str]) -> bool:
    """Whether BuildKit of these versions (one for each node) is known to list records that are
    marked as removed without ending."""
    found = [_version(text) for text in versions]
    return bool(found) and all(one is not None and one >= _MENDED for one in found)


def reported(
    image: StoredImage,
    builds: Iterable[BuildRef],
    history: History,
    platforms: Sequence[str] = (),
) -> Reported:
    """What is known of an image that the store names: with provenance where the record of one of
    these builds names it too. `platforms`: that it was built for. Raises as
    `provenance.of_image`."""
    own = {image.id, image.digest, *(item.digest for item in image.manifests)} - {""}
    lacking = _NO_RECORD
    for build in tuple(builds)[:_MOST]:
        if why := history.refusal(build):
            lacking = why
        elif own & history.left(build).every:
            return recorded(provenance.of_image(image.id), build, history, platforms)
    return replace(provenance.of_image(image.id), lacking=lacking)


def pushed(
    kept: StoredImage | None,
    builds: Iterable[BuildRef],
    history: History,
    platforms: Sequence[str] = (),
) -> Reported | None:
    """The same for an image that was pushed. `kept`: what the engine has under its name, which may
    be another's. None where no record says which image it is, or several do."""
    askable = [build for build in tuple(builds)[:_MOST] if not history.refusal(build)]
    left = {build: history.left(build) for build in askable}
    if kept is not None:
        own = {kept.id, kept.digest, *(item.digest for item in kept.manifests)} - {""}
        for build, found in left.items():
            if own & found.every:
                return recorded(provenance.of_image(kept.id), build, history, platforms)
    images = {found.image: build for build, found in left.items() if found.image}
    if len(images) != 1:
        return None
    ((digest, build),) = images.items()
    return recorded(provenance.of_image(digest), build, history, platforms)


def recorded(
    image: Reported, build: BuildRef, history: History, platforms: Sequence[str]
) -> Reported:
    """With the provenance in the record of the build that made it."""
    if len(platforms) > 1:
        found = {name: history.provenance(build, name) for name in platforms}
        image = replace(image, build_ref=build.id)
        return provenance.with_platforms(image, found)
    one = provenance.of_image(image.image_id, history.provenance(build), build.id)
    return one if one.sources is not None else replace(one, lacking=_NO_RECORD)


def _at(build: BuildRef) -> tuple[str, str]:
    return ("--builder", build.builder)


def _version(text: str) -> tuple[int, int, int] | None:
    """None for what says nothing: distributions build BuildKit as `v0.0.0+unknown`."""
    match = _VERSION.fullmatch(text)
    found = (int(match[1]), int(match[2]), int(match[3])) if match else (0, 0, 0)
    return found if any(found) else None


def _is_predicate(item: dict[str, Any]) -> bool:
    return item.get("Type") in _PREDICATES


def _objects(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
