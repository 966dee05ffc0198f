"""What a finished build says of itself: its ID file and buildx' metadata file.

The metadata file holds the image's digests and, asked for by BUILDX_METADATA_PROVENANCE,
BuildKit's SLSA provenance (v0.2 `materials`, v1 `resolvedDependencies`): every image and URL
that the build took its bytes from, with digests. Read as foreign data, by pydantic.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from pydantic import (
    TypeAdapter,
    ValidationError,
)

from bom.archive.image_identity import fits
from bom.builder.images import slsa
from bom.builder.images.steps import Definition
from bom.catalog.images.reference import familiar
from bom.errors import BomError
from bom.input import read_bounded
from bom.model import Hash, Property

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


# What the client itself sends (a tar from standard input): its name differs from run to run, and
# its content is known here.
_SESSION: Final = "http://buildkit-session/"
_LIMIT: Final = 64 * 1024 * 1024  # bytes of a metadata file
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
_ALGORITHMS: Final = {
    "sha1": "SHA-1",
    "sha256": "SHA-256",
    "sha384": "SHA-384",
    "sha512": "SHA-512",
}
_HEX: Final = re.compile(r"[0-9a-f]{32,128}")
_IMAGE: Final = re.compile(r"pkg:(?:docker|oci)/")
# distribution/reference: [domain[:port]/]path[:tag][@digest]
_REFERENCE: Final = re.compile(
    r"(?:[A-Za-z0-9.-]+(?::\d+)?/)?[a-z0-9]+(?:[._/-]+[a-z0-9]+)*(?::\w[\w.-]{0,127})?"
    r"(?:@sha256:[0-9a-f]{64})?",
    re.ASCII,
)


_PLATFORM: Final = "buildx.build.provenance/"
_TARGETS: Final = TypeAdapter(dict[slsa.Text, object])


@dataclass(frozen=True, slots=True)
class Source:
    """Something the build took bytes from: an image (`image` its familiar name with tag) or a
    URL. `platform` is os/arch[/variant], "" where it isn't said. `proof`: what proves it, "" where
    the builder states it."""

    uri: str
    digests: tuple[Hash, ...]
    image: str = ""
    platform: str = ""
    proof: str = ""


@dataclass(frozen=True, slots=True)
class Reported:
    """What the build reported. `image_id`: the ID file's digest; `digest`: of the manifest or
    the index; `config`: of the image's configuration. Each `sha256:HEX` or "". `names`: what
    the image was called, empty where that isn't stated.

    `sources` None: the builder gave no provenance; `lacking`: why, "" where it just gives none.
    `dockerfile`: the Dockerfile's bytes as the builder read them, None where it doesn't state
    them. `platform`: the builder's own.
    `definition`: the steps as it defines them, None without provenance. `arguments`: the build
    arguments that it states. `platforms`: of an image
    for several what was reported of each, by os/arch[/variant].
    """

    image_id: str = ""
    digest: str = ""
    config: str = ""
    names: tuple[str, ...] = ()
    build_ref: str = ""
    invocation: str = ""
    started: str = ""
    finished: str = ""
    sources: tuple[Source, ...] | None = None
    lacking: str = ""
    dockerfile: bytes | None = None
    platform: str = ""
    definition: Definition | None = None
    arguments: tuple[tuple[str, str], ...] = ()
    platforms: tuple[tuple[str, Reported], ...] = ()

    def on(self, platform: str) -> Reported:
        """With what was reported of one platform's image, where that is told apart."""
        found = next((item for name, item in self.platforms if fits(platform, name)), None)
        if found is None:
            return self
        return replace(
            self,
            sources=found.sources,
            dockerfile=found.dockerfile,
            platform=found.platform,
            definition=found.definition,
        )

    @property
    def digests(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(filter(None, (self.digest, self.image_id, self.config))))


def read(id_file: Path | None, metadata_file: Path | None) -> Reported:
    """What the finished build left. Raises BomError where nothing says which image it made."""
    reported = stated(id_file, metadata_file)
    if not reported.digests:
        raise BomError(
            "the build ended well but did not say which image it made",
            hint="does it leave an image in the engine? `docker buildx build` may need --load",
        )
    return reported


def stated(id_file: Path | None, metadata_file: Path | None) -> Reported:
    """What a build says of itself that need not make an image. None: there is no such file.
    Raises BomError for a file that is not as docker writes it."""
    try:
        text = id_file.read_text(encoding="ascii", errors="replace") if id_file else ""
    except OSError:
        text = ""
    image_id = text.strip()
    if image_id and not _DIGEST.fullmatch(image_id):
        raise BomError(f"the image ID file holds no image ID: {image_id!r:.80}")
    found = _metadata(metadata_file) if metadata_file is not None else slsa.Metadata()
    return _reported(found, image_id)


def read_targets(metadata_file: Path) -> dict[str, Reported]:
    """What a finished `buildx bake` left, by target: its metadata file holds an object for each.
    Raises BomError for a file that is not as buildx writes it."""
    data = _content(metadata_file)
    if data is None:
        return {}
    try:
        found = _TARGETS.validate_json(data)
        targets = {
            name: slsa.Metadata.model_validate(item)
            for name, item in found.items()
            if isinstance(item, dict)
        }
    except ValidationError as error:
        raise _unlike(error) from error
    return {name: _reported(item) for name, item in targets.items()}


def with_platforms(reported: Reported, predicates: Mapping[str, bytes]) -> Reported:
    """With BuildKit's provenance (JSON) for each platform, b"" where there is none. Raises as
    `of_image`."""
    found = {name: of_image("", data) for name, data in predicates.items() if data}
    return replace(reported, platforms=tuple(sorted(found.items(), key=lambda item: item[0])))


def of_image(image_id: str, predicate: bytes = b"", build_ref: str = "") -> Reported:
    """What is known of an image whose build wrote no metadata file. `image_id`: as its store has
    it. `predicate`: BuildKit's provenance of that build (JSON), b"" where there is none.
    Raises BomError for a predicate that is not as BuildKit writes it."""
    try:
        provenance = slsa.Provenance.model_validate_json(predicate) if predicate else None
    except ValidationError as error:
        raise _unlike(error, "the provenance of a build") from error
    found = slsa.Metadata.model_construct(
        digest="", config="", build_ref=build_ref, provenance=provenance, names=""
    )
    return _reported(found, image_id)


def _reported(found: slsa.Metadata, image_id: str = "") -> Reported:
    provenance = found.provenance
    times = provenance.times if provenance else slsa.Times()
    return Reported(
        image_id=image_id,
        digest=_digest(found.digest),
        config=_digest(found.config),
        # an image without a tag is called `moby-dangling@sha256:...` by the containerd store
        names=tuple(name for name in found.names.split(",") if name and "@" not in name),
        build_ref=found.build_ref,
        invocation=times.invocation,
        started=times.started,
        finished=times.finished,
        sources=_sources(provenance) if provenance else None,
        dockerfile=_dockerfile(provenance) if provenance else None,
        arguments=_arguments(provenance) if provenance else (),
        platform=_platform(provenance) if provenance else "",
        definition=_definition(provenance) if provenance else None,
        platforms=tuple(_by_platform(found)),
    )


def _by_platform(found: slsa.Metadata) -> Iterator[tuple[str, Reported]]:
    for name, value in sorted((found.model_extra or {}).items()):
        if name.startswith(_PLATFORM) and isinstance(value, dict):
            one = slsa.Metadata.model_validate({"buildx.build.provenance": value})
            yield name.removeprefix(_PLATFORM), _reported(one)


def _content(path: Path) -> bytes | None:
    """The metadata file, None where the build wrote none."""
    try:
        return read_bounded(path, _LIMIT)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BomError(f"the metadata file can't be read: {error.strerror}") from error


def _metadata(path: Path) -> slsa.Metadata:
    data = _content(path)
    if data is None:
        return slsa.Metadata()
    try:
        return slsa.Metadata.model_validate_json(data)
    except ValidationError as error:
        raise _unlike(error) from error


def _unlike(error: ValidationError, what: str = "the metadata file") -> BomError:
    where = ".".join(str(part) for part in error.errors()[0]["loc"])
    return BomError(f"{what} is not as buildx writes it: {where}")


def _digest(text: str) -> str:
    return text if _DIGEST.fullmatch(text) else ""


def _arguments(provenance: slsa.Provenance) -> tuple[tuple[str, str], ...]:
    """BuildKit's frontend has them as `build-arg:NAME`."""
    stated = {**provenance.invoked.parameters.args, **provenance.definition.external.request.args}
    named = ((name.partition("build-arg:"), value) for name, value in stated.items())
    return tuple(
        sorted(
            (name, value)
            for (before, mark, name), value in named
            if mark and not before and isinstance(value, str)
        )
    )


def _platform(provenance: slsa.Provenance) -> str:
    return provenance.invoked.environment.platform or provenance.definition.internal.platform


def _definition(provenance: slsa.Provenance) -> Definition:
    """The steps as they are stated, unread: in v0.2, or in either place where v1 had them."""
    stated = provenance.definition
    config = provenance.config or stated.external.config or stated.internal.config
    metadata: slsa.Times | slsa.RunMetadata = provenance.run.metadata
    if config is None or provenance.config is not None:
        metadata = provenance.times
    return Definition(
        steps=config.steps if config is not None else (),
        locations=metadata.buildkit.source.locations,
        layers=metadata.buildkit.layers,
        statements=(
            *(
                Property("bom-seal:provenance:complete", kind)
                for kind, is_complete in sorted(metadata.complete.model_dump().items())
                if is_complete
            ),
            Property("bom-seal:provenance:reproducible", str(metadata.reproducible).lower()),
        ),
    )


def _dockerfile(provenance: slsa.Provenance) -> bytes | None:
    """The one Dockerfile among the sources that the frontend read; None where none or more are
    stated."""
    read = (*provenance.times.buildkit.source.infos, *provenance.run.metadata.buildkit.source.infos)
    stated = {item.data for item in read if item.language == "Dockerfile" and item.data}
    if len(stated) != 1:
        return None
    try:
        return base64.b64decode(stated.pop(), validate=True)
    except ValueError:
        return None


def _sources(provenance: slsa.Provenance) -> tuple[Source, ...]:
    found = {}
    for item in (*provenance.materials, *provenance.definition.resolved):
        if item.uri.startswith(_SESSION):
            continue
        digests = tuple(
            sorted(
                Hash(_ALGORITHMS[name], value)
                for name, value in item.digest.items()
                if name in _ALGORITHMS and _HEX.fullmatch(value)
            )
        )
        image, platform = _image_name(item.uri) if _IMAGE.match(item.uri) else ("", "")
        if _REFERENCE.fullmatch(image):
            found[item.uri] = Source(item.uri, digests, image, platform)
        elif item.uri:
            found[item.uri] = Source(item.uri, digests)
    return tuple(found[uri] for uri in sorted(found))


def _image_name(uri: str) -> tuple[str, str]:
    """The familiar name and the platform in BuildKit's purl: `pkg:docker/NAME@TAG?platform=..`.

    Split by hand, not as a strict purl: BuildKit leaves a port's colon in the name.
    """
    body, _, query = uri.split("/", 1)[1].partition("?")
    pairs = dict(part.partition("=")[::2] for part in query.split("&") if part)
    name, _, version = body.rpartition("@") if "@" in body else (body, "", "")
    name, version = unquote(name), unquote(version)
    digest = unquote(pairs.get("digest", ""))
    full = f"{name}:{version}" if version and not version.startswith("sha256:") else name
    digest = digest or (version if version.startswith("sha256:") else "")
    full = f"{full}@{digest}" if digest else full
    return familiar(full), unquote(pairs.get("platform", ""))
