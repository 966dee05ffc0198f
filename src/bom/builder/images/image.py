"""The image that a build made: found in the engine, checked against what the build reported,
and described as the BOM's subject."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bom import purl, redact
from bom.catalog.images.reference import familiar, oci_purl
from bom.errors import BomError
from bom.model import Property, Subject

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from bom.builder.images.provenance import Reported
    from bom.builder.images.store import ImageStore, StoredImage
    from bom.catalog.image import ImageContents
    from bom.model import ImageIdentity

ENVIRONMENT: Final = "bom-seal:image:env"


@dataclass(frozen=True, slots=True)
class Target:
    """The image to export: what the engine calls it, and what the archive must hold.

    `manifests`: the archive has to hold just these; empty where the engine lists none. `platform`:
    the one to take out of an index, "" for all.
    """

    image: StoredImage
    names: tuple[str, ...]
    platform: str = ""
    manifests: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Export:
    """An archive on disk. `contents`: of the image in it; of one for several platforms the first,
    and `others` those of the others, sorted by platform."""

    path: Path
    sha256: str
    size: int
    contents: ImageContents
    others: tuple[ImageContents, ...] = ()

    @property
    def every(self) -> tuple[ImageContents, ...]:
        """What is in it, one for each platform."""
        return (self.contents, *self.others)


def _moved(name: str) -> BomError:
    return BomError(
        f"the tag {name} moved while the build ran: it names another image than this one made",
        hint="build again, and let nothing else use the tag meanwhile",
    )


def locate(store: ImageStore, tags: tuple[str, ...], reported: Reported) -> Target:
    """The reported image in the engine, under all its tags."""
    found = (store.inspect(digest) for digest in reported.digests)
    image = next((item for item in found if item is not None), None)
    for tag in tags:
        tagged = store.inspect(tag)
        if tagged is None:
            raise BomError(
                f"the engine holds no image {tag} after the build",
                hint="does the build leave it there? `docker buildx build` may need --load",
            )
        image = image or tagged
        if tagged.id != image.id:
            raise _moved(tag)
    if image is None:
        raise BomError(
            "the engine does not hold the image that the build reported",
            hint="give it a tag (-t), and let the build leave it in the engine (--load)",
        )
    names = tags or (image.id,)
    if not image.is_index:
        return Target(image, names)
    manifests = tuple(item.digest for item in image.manifests)
    platform = image.manifests[0].platform if len(manifests) == 1 else ""
    return Target(image, names, platform, manifests)


def check(
    identities: Sequence[ImageIdentity], target: Target, reported: Reported, tags: tuple[str, ...]
) -> None:
    """Raise BomError unless the archive holds the very image that the build reported, for every
    platform that it was built for."""
    name = target.names[0]
    first = identities[0]
    if reported.config and first.config != reported.config:
        raise _moved(name)
    if target.manifests:
        found = {item.manifest for item in identities}
        if found != set(target.manifests) or target.image.id not in reported.digests:
            raise _moved(name)
    elif not {first.config, first.manifest, first.index} & set(reported.digests):
        raise _moved(name)
    exported = {familiar(tag) for tag in first.tags}
    for tag in tags:
        if familiar(tag) not in exported:
            raise _moved(tag)


def subject(
    name: str, contents: ImageContents, tags: tuple[str, ...], sha256: str = "", size: int = -1
) -> Subject:
    """The image as a BOM's subject. `sha256` (hex) and `size`: of the archive that is sealed,
    where there is one."""
    identity = contents.identity
    package, version = named(tags)
    return Subject(
        name=name,
        kind="image",
        sha256=sha256,
        size=size,
        package_name=package,
        package_version=version,
        purl=_purl(identity, package, version),
        image=identity,
        properties=(
            *environment(contents),
            *(contents.files.properties() if contents.complete else ()),
        ),
    )


def named(tags: tuple[str, ...]) -> tuple[str, str]:
    """Name and tag that an image goes by: the first that it has."""
    if not tags:
        return "", ""
    package, _, version = familiar(tags[0]).rpartition(":")
    return package, version


def environment(contents: ImageContents) -> tuple[Property, ...]:
    """The names of the variables in the image's own configuration."""
    names = sorted({pair[0] for pair in _environment(contents.config)})
    return tuple(Property(ENVIRONMENT, name) for name in names)


def _purl(identity: ImageIdentity, package: str, tag: str) -> str:
    """`pkg:oci` by manifest digest; `pkg:docker` by image ID where the store has no manifest
    (package-url type definition for docker); "" for an image without a name."""
    if not package:
        return ""
    if identity.manifest:
        return oci_purl(package, tag, identity.manifest)
    folder, _, last = package.rpartition("/")
    try:
        return purl.build(
            "docker", last, namespace=folder, version=identity.config, qualifiers={"tag": tag}
        )
    except BomError:
        return ""


def forbidden(contents: ImageContents, digests: frozenset[str]) -> tuple[str, ...]:
    if not digests:
        return ()
    return contents.view.holding(frozenset(map(bytes.fromhex, digests)))


# --- what ships in the image's own configuration ------------------------------------------------


def _section(config: object, key: str) -> object:
    return config.get(key) if isinstance(config, dict) else None


def _environment(config: object) -> list[tuple[str, str]]:
    listed = _section(_section(config, "config"), "Env")
    texts = [item for item in listed if isinstance(item, str)] if isinstance(listed, list) else []
    return [(name, value) for name, _, value in (text.partition("=") for text in texts)]


def shipped_secrets(config: object) -> Iterator[str]:
    """A warning for each place in the image's configuration that holds a secret: it ships."""
    for name, value in _environment(config):
        if value and redact.value(name, value) == redact.REDACTED:
            yield f"the image's environment variable {name} looks like a secret: it ships"
    labels = _section(_section(config, "config"), "Labels")
    for name, value in sorted(labels.items()) if isinstance(labels, dict) else ():
        if isinstance(value, str) and redact.value(str(name), value) == redact.REDACTED:
            yield f"the image's label {name} looks like a secret: it ships"
    history = _section(config, "history")
    for number, step in enumerate(history if isinstance(history, list) else (), start=1):
        text = _section(step, "created_by")
        if isinstance(text, str) and (kinds := redact.kinds(text)):
            found = ", ".join(kinds)
            yield f"step {number} of the image's history holds a secret ({found}): it ships"
