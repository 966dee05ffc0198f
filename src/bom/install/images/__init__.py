"""Images: loaded without any name, held against the BOM, and tagged last."""

from __future__ import annotations

import re
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from bom.builder.images.exported import read_archive
from bom.compose import reading
from bom.errors import BadArtifact, BomError
from bom.install.archive import refusal
from bom.install.images.journal import Change, journal_of, undo
from bom.install.images.stores import opened
from bom.install.images.untagged import Untagged
from bom.install.intake import NotInstalled
from bom.install.protocol import Plan, Step
from bom.model import Finding

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from bom.builder.images.store import StoredImage
    from bom.install.images.journal import Journal
    from bom.install.images.stores import Store
    from bom.install.protocol import Request, Verified

LOADED: Final = "loaded-image"
_LAYER: Final = "bom-seal:image:layer"  # "INDEX DIFF_ID DIGEST SIZE"
# distribution/reference: [domain[:port]/]path[:tag]
_PART: Final = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_NAME: Final = re.compile(
    rf"(?:(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(?::[0-9]+)?/)?{_PART}(?:/{_PART})*"
    r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?"
)


class _Expected(NamedTuple):
    """What the BOM says: digests of configurations, by which and by the others a store may call the
    image, and the diff IDs of each platform's."""

    configs: frozenset[str]
    names: frozenset[str]
    layers: frozenset[tuple[str, ...]]


class Image:
    """Satisfies Installer."""

    name = "image"
    options = frozenset(("--tag", "--engine"))

    def recognises(self, artifact: Verified) -> bool:
        return artifact.kind == "image"

    def plan(self, artifact: Verified, request: Request) -> Plan:
        tags = _tags(artifact, request)
        try:
            archive = Untagged(artifact.file)
        except BadArtifact as error:
            raise refusal(artifact, error) from error
        steps = [
            Step(_shown(platform) or "image", action="load", digest=config)
            for platform, _, config in reading.images(artifact.document)
        ]
        with closing(opened(request.engine, request.environment, artifact.room)) as store:
            for tag in tags:
                now = store.inspect(tag)
                detail = f"it means {now.id} now" if now is not None else ""
                steps.append(Step(tag, action="tag", detail=detail))
            where = store.shown
        warnings = () if tags else ("the image gets no name: its archive has none; see --tag",)
        return Plan(where, tuple(steps), warnings, archive)

    def install(self, artifact: Verified, request: Request, plan: Plan) -> Plan:
        archive: Untagged = plan.prepared
        expected = _expected(artifact.document, archive)
        with (
            closing(opened(request.engine, request.environment, artifact.room)) as store,
            journal_of(store, request.environment) as journal,
        ):
            journal.restore(store)
            change = _change(store, _tags(artifact, request), expected, archive)
            journal.begin(change)
            image = _load(store, archive, expected, change, journal, artifact)
        steps = [
            replace(step, detail=f"as {image}")
            if step.action == "load"
            else replace(step, detail="")
            for step in plan.steps
        ]
        return replace(plan, steps=tuple(steps))


def _load(
    store: Store,
    archive: Untagged,
    expected: _Expected,
    change: Change,
    journal: Journal,
    artifact: Verified,
) -> str:
    """The ID of the image. Whatever it raises, the store is as before, or `journal` still says how
    it was."""
    loaded: frozenset[str] = frozenset()
    try:
        loaded = store.take(archive.pieces(), archive.size)
        image = _checked(store, expected, loaded)
        for name in change.tags:
            store.tag(image, name)
        for name in change.tags:
            now = store.inspect(name)
            if now is None or now.id != image:
                raise _lie(f"{name} does not mean the image that it was given to", image, now)
    except BadArtifact as error:
        undo(store, change, loaded)
        journal.end()
        raise NotInstalled(
            f"{artifact.built_name} is not installed: {error.reason}",
            [Finding(error.code, error.reason, error.expected, error.found, error.where)],
            hint="the tags mean what they meant before",
        ) from error
    except BaseException as error:
        _undo_quietly(store, change, loaded, journal)
        raise error
    journal.end()
    return image


def _undo_quietly(store: Store, change: Change, loaded: frozenset[str], journal: Journal) -> None:
    """An engine that is gone can't be asked: then the next install restores it."""
    try:
        undo(store, change, loaded)
    except BomError:
        return
    journal.end()


def _checked(store: Store, expected: _Expected, loaded: frozenset[str]) -> str:
    """The ID of what was loaded, which is what the BOM says. Raises BadArtifact."""
    found = [image for name in sorted(expected.names | loaded) if (image := store.inspect(name))]
    if loaded - {image.id for image in found}:
        raise _lie("the engine does not have what it says that it loaded", min(loaded), None)
    known = [image for image in found if image.id in expected.names]
    if not known:
        # A containerd store makes a manifest of its own for Docker's old archive, and calls the
        # image by that: which configuration and layers it has, its export says.
        known = [
            image for image in found if image.id in loaded and _is_same(store, image, expected)
        ]
    if not known or (loaded and not loaded & {image.id for image in known}):
        raise _lie(
            "the engine loaded another image than the one in the archive",
            min(expected.configs, default=""),
            found[0] if found else None,
        )
    chosen = next((image for image in known if image.id in loaded), known[0])
    if chosen.layers not in expected.layers:
        raise BadArtifact(
            LOADED,
            "the engine states other layers of the image than the BOM",
            expected=" ".join(min(expected.layers, default=())),
            found=" ".join(chosen.layers),
        )
    return chosen.id


def _is_same(store: Store, image: StoredImage, expected: _Expected) -> bool:
    with closing(store.export((image.id,))) as pieces:
        identities = read_archive(pieces)
    return all(
        item.config in expected.configs
        and tuple(layer.diff_id for layer in item.layers) in expected.layers
        for item in identities
    )


def _lie(reason: str, expected: str, found: StoredImage | None) -> BadArtifact:
    return BadArtifact(LOADED, reason, expected=expected, found=found.id if found else "nothing")


def _change(store: Store, tags: tuple[str, ...], expected: _Expected, archive: Untagged) -> Change:
    meant = {}
    for tag in tags:
        now = store.inspect(tag)
        meant[tag] = now.id if now is not None else ""
    others = not archive.tops and store.calls_otherwise()
    if others:
        before = store.ids()
    else:
        found = [store.inspect(name) for name in sorted(expected.names)]
        before = frozenset(image.id for image in found if image is not None)
    return Change(
        names=expected.names, others=others, before=before, tags=meant, layers=expected.layers
    )


def _expected(document: Mapping[str, Any], archive: Untagged) -> _Expected:
    images = reading.images(document)
    configs = frozenset(config for _, _, config in images)
    names = configs | {manifest for _, manifest, _ in images if manifest} | archive.tops
    layers = set()
    for platform, _, _ in images:
        part = reading.platform_image(document, platform) or reading.subject(document)
        rows = sorted(reading.properties(part, _LAYER))
        layers.add(tuple(row.split(" ")[1] for row in rows if row.count(" ") == 3))
    return _Expected(configs, frozenset(names), frozenset(layers))


def _tags(artifact: Verified, request: Request) -> tuple[str, ...]:
    """Those that were asked for, else the archive's own."""
    for tag in request.tags:
        if not _NAME.fullmatch(tag):
            raise BomError(f"{tag} is no name of an image", hint="--tag registry/name:tag")
    stated = reading.subject_properties(artifact.document, "bom-seal:image:tag")
    return tuple(dict.fromkeys(request.tags or stated))


def _shown(platform: str) -> str:
    return f"image for {platform}" if platform else ""
