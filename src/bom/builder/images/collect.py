"""One finished image: brought out of its store, checked, looked into, described.

Every builder of images ends here. What went in is a `Recipe`, known before the build; what the
build said of itself is a `Reported`; the outcome is an `Artifact`, ready to be sealed.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from bom import redact
from bom.builder.images import (
    bases,
    image,
    materials,
    platforms,
    remote,
    stages,
    steps,
    taken,
    written,
)
from bom.builder.images.exported import catalogued, identified
from bom.builder.images.stable import as_built, load, normalised
from bom.builder.protocol import Artifact
from bom.compose.bom import ROOT
from bom.errors import BadArtifact, BomError
from bom.model import Gap, Material, Property, RunDetail
from bom.output import temporary_beside

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bom.builder.images.exported import Reader
    from bom.builder.images.image import Target
    from bom.builder.images.provenance import Reported, Source
    from bom.builder.images.recipe import Recipe
    from bom.builder.images.stable import Brought
    from bom.builder.images.store import ImageStore, StoredImage
    from bom.builder.protocol import BuildRequest, Progress
    from bom.catalog.image import ImageContents
    from bom.catalog.protocol import Declared
    from bom.model import ImageIdentity, Layer, Observation

_Made = TypeVar("_Made")

# What looking into an image and describing it load, for nearly every image: a builder has it
# loaded while its command runs.
NEEDS: Final = (
    "bom.catalog.image",
    "bom.catalog.debian.installed",
    "bom.catalog.python.installed",
    "bom.catalog.python.owners",
    "bom.catalog.compare",
    "cyclonedx.spdx",
    "jsonschema_rs",
)


class _Image(NamedTuple):
    """One platform's image: what is in it, what identified it when it was built, and its ID in the
    store where it was loaded back, else ""."""

    contents: ImageContents
    built: ImageIdentity
    loaded: str

    def layers(self) -> Iterator[tuple[Layer, Layer]]:
        """Each layer as it was built, and as it is."""
        return zip(self.built.layers, self.contents.identity.layers, strict=True)


class Collector:
    """Brings the images of one build out of a store. `close` removes what was exported and isn't
    sealed, and closes the store."""

    def __init__(self, store: ImageStore, request: BuildRequest) -> None:
        self._store = store
        self._request = request
        self._exports: list[Path] = []

    def close(self) -> None:
        for path in self._exports:
            path.unlink(missing_ok=True)
        self._store.close()

    def image(
        self, recipe: Recipe, reported: Reported, output: Path, progress: Progress, commit: str
    ) -> Artifact:
        """The image's archive, exported beside `output`, with what is in it. `commit`: the
        source's revision, "" where it has none. Raises BomError (a tag that moved, no image)."""
        target = image.locate(self._store, recipe.tags, reported)
        epoch = self._request.normalise
        if epoch is None:
            brought = as_built(self._export(target, output, catalogued, progress))
            image.check(brought.built, target, reported, recipe.tags)
        else:
            plain = self._export(target, output, identified, progress)
            image.check(plain.identities, target, reported, recipe.tags)
            brought = normalised(plain, self._beside(output), epoch, progress)
        stored = target.image
        if brought.is_rewritten:
            progress.start("load the image back", brought.export.size)
            try:
                names = (*recipe.tags, *recipe.more_tags)
                brought = replace(brought, loaded=load(self._store, stored, names, brought).id)
            finally:
                progress.done()
        return self._artifact(recipe, reported, stored, brought, output, progress, commit)

    def archive(
        self,
        recipe: Recipe,
        reported: Reported,
        places: tuple[Path, Path],
        progress: Progress,
        commit: str,
    ) -> Artifact:
        """The image in an archive that the build itself wrote. `places`: where it is, and where it
        is to stand sealed. Raises BomError where it isn't the image that the build reported."""
        path, target = places
        epoch = self._request.normalise
        if epoch is None:
            brought = as_built(written.archive(path, catalogued, progress))
            written.check(brought.built, path.name, reported)
        else:
            plain = written.archive(path, identified, progress)
            written.check(plain.identities, path.name, reported)
            brought = normalised(plain, self._beside(target), epoch, progress)
        return self._artifact(recipe, reported, None, brought, target, progress, commit)

    def made_from(
        self, recipe: Recipe, reported: Reported, progress: Progress
    ) -> tuple[Observation, ...]:
        """What files are made of that a build leaves without an image."""
        return (
            *recipe.observations,
            *recipe.inputs.observations,
            *self._facts(recipe, reported, None, None, progress),
        )

    def _artifact(
        self,
        recipe: Recipe,
        reported: Reported,
        stored: StoredImage | None,
        brought: Brought,
        output: Path,
        progress: Progress,
        commit: str,
    ) -> Artifact:
        every = [self._with_project(item, recipe, commit) for item in brought.export.every]
        export = replace(brought.export, contents=every[0], others=tuple(every[1:]))
        made_from = [
            fact
            for item, built in zip(every, brought.built, strict=True)
            for fact in platforms.told_apart(
                self._facts(
                    recipe,
                    reported.on(item.identity.platform),
                    _Image(item, built, brought.loaded),
                    stored,
                    progress,
                ),
                item.identity.platform if export.others else "",
            )
        ]
        warnings = [text for item in every for text in image.shipped_secrets(item.config)]
        found = [path for item in every for path in image.forbidden(item, self._request.forbidden)]
        return Artifact(
            built=export.path,
            target=output,
            subject=platforms.subject(output.name, export, recipe.tags),
            observations=(
                *recipe.observations,
                *recipe.inputs.observations,
                *platforms.inside(export, recipe.tags),
                *dict.fromkeys(made_from),
                *brought.gaps,
            ),
            warnings=tuple(dict.fromkeys(warnings)),
            forbidden=tuple(dict.fromkeys(found)),
            changes=brought.changes,
            original_sha256=brought.original_sha256,
        )

    def _beside(self, output: Path) -> Path:
        """A temporary file beside the output, which `close` removes."""
        try:
            path = temporary_beside(output)
        except OSError as error:
            raise _unwritable(error) from error
        self._exports.append(path)
        return path

    def _export(
        self, target: Target, output: Path, read: Reader[_Made], progress: Progress
    ) -> _Made:
        progress.start("export the image", target.image.size)
        try:
            path = self._beside(output)
            with (
                path.open("wb") as file,
                closing(self._store.export(target.names, target.platform)) as pieces,
            ):
                return read(path, pieces, (file.write,), progress)
        except OSError as error:
            raise _unwritable(error) from error
        except BadArtifact as error:
            raise BomError(
                f"what was exported as {target.names[0]} can't be read: {error.reason}",
                hint="build again; if that doesn't help, see the engine's log",
            ) from error
        finally:
            progress.done()

    def _with_project(self, contents: ImageContents, recipe: Recipe, commit: str) -> ImageContents:
        """The image, with the files that are the project's own source told as such, and with
        what the project locks, to be held against what is installed."""
        from bom.builder.images.locks import declared_in
        from bom.catalog.attribution import with_source
        from bom.observe.source_files import committed

        root = self._request.root
        source = committed(root, commit, contents.files.unowned_sizes())
        files = with_source(contents.files, source, ROOT)
        known = {_content(lock) for lock in contents.declared}
        declared, gaps = declared_in(recipe.inputs, root)
        added = [lock for lock in declared if _content(lock) not in known]
        inside = replace(contents.inside, gaps=(*contents.inside.gaps, *gaps))
        return replace(contents, files=files, inside=inside, declared=(*contents.declared, *added))

    def _facts(
        self,
        recipe: Recipe,
        reported: Reported,
        made: _Image | None,
        stored: StoredImage | None,
        progress: Progress,
    ) -> Iterator[Observation]:
        """What the image was made from, as the build reported it. `made` None: there is no image.
        `stored`: as it was built; None: it is in no store."""
        contents = made.contents if made else None
        platform = taken.platform_of(contents.config) if contents else recipe.platform
        taking = recipe.taking(reported, platform)
        references = None if taking is None else taking.images
        proven: tuple[Source, ...] = ()
        if references and reported.sources is None and stored is not None:
            proven = bases.proven(references, recipe.held, stored, self._store)
        fetched, sources = remote.settle(recipe.inputs.remotes, reported.sources)
        yield from fetched
        yield from taken.dockerfile_facts(recipe.inputs, reported)
        if taking is not None:
            yield from taken.facts(taking, reported)
        for fact in materials.image_materials(references, sources, proven):
            if made and isinstance(fact, Material) and fact.kind == "base-image":
                yield self._with_os_release(fact, made)
            else:
                yield fact
        if reported.sources is None:
            why = reported.lacking or "it gives no provenance of the build's steps"
            yield Gap("build.provenance", "the builder", why)
        yield from self._steps(recipe, reported, made)
        if taking is not None:
            yield from stages.observations(
                recipe.exporter, taking.stages, reported, recipe.inputs, progress
            )
        details = {
            "image.id": (made.loaded if made else "") or (stored.id if stored else ""),
            "image.index": contents.identity.index if contents else "",
            "build.ref": reported.build_ref,
            "build.invocation": reported.invocation,
            "build.started": reported.started,
            "build.finished": reported.finished,
        }
        yield from (RunDetail(name, value) for name, value in details.items() if value)

    def _steps(
        self, recipe: Recipe, reported: Reported, made: _Image | None
    ) -> Iterator[Observation]:
        if reported.definition is None:
            return
        secret = {
            value
            for name, value in recipe.arguments.items()
            if len(value) > 3 and redact.value(name, value) == redact.REDACTED
        }
        yield from steps.observations(
            reported.definition,
            {old.digest: new.digest for old, new in made.layers()} if made else {},
            {*redact.secrets_of(self._request.environment), *secret},
        )

    def _with_os_release(self, base: Material, made: _Image) -> Material:
        """The base image with its OS release, where the image's os-release came with its layers."""
        contents = made.contents
        if contents.os_release is None or not base.digests:
            return base
        from bom.catalog import os_release  # loaded long since, by the cataloguer

        digest = f"sha256:{base.digests[0].value}"
        stored = self._store.inspect(digest)
        if stored is None:  # a store that finds images by ID and name only
            named = self._store.inspect(base.name)
            stored = named if named is not None and named.digest == digest else None
        entries = [contents.view.entry(path) for path in os_release.PATHS]
        layers = {entry.layer for entry in entries if entry is not None and entry.type == "file"}
        if stored is None or not layers:
            return base
        its = {new.diff_id for old, new in made.layers() if old.diff_id in stored.layers}
        if not layers <= its:
            return base
        release = f"{contents.os_release.name} {contents.os_release.version}".strip()
        return replace(base, properties=(*base.properties, Property("bom-seal:image:os", release)))


def _unwritable(error: OSError) -> BomError:
    return BomError(
        f"the export can't be written: {error.strerror}",
        hint="it goes beside the output: is that folder there, with room in it?",
    )


def _content(lock: Declared) -> tuple[str, frozenset[tuple[str, str]]]:
    """What a lock says, wherever it lies: a copy of it in the image is the same lock."""
    items = frozenset((item.role, item.component.bom_ref) for item in lock.dependencies)
    return lock.ecosystem, items
