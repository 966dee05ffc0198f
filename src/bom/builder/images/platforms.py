"""An image for several platforms: one BOM, each platform's packages apart.

Every platform's image is a component of its own, with the digest of its manifest; what is in it
hangs below it. A package that two platforms have stands there twice, each under a ref that begins
with the platform: other bytes on another platform are nothing wrong.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from bom.builder.images import image
from bom.catalog.images.reference import oci_purl
from bom.compose.bom import image_properties
from bom.compose.graph import graph
from bom.model import (
    BuildStep,
    BuildSteps,
    Component,
    Dependency,
    Finding,
    Gap,
    Hash,
    ImageIdentity,
    Property,
    Subject,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bom.builder.images.image import Export
    from bom.catalog.image import ImageContents
    from bom.model import Observation

PLATFORM: Final = "bom-seal:platform"
_LAYER: Final = "bom-seal:step:layer"


def subject(name: str, export: Export, tags: tuple[str, ...]) -> Subject:
    """The image in an archive as a BOM's subject; for several platforms its purl is by the digest
    of its index."""
    if not export.others:
        return image.subject(name, export.contents, tags, export.sha256, export.size)
    parts = tuple(item.identity for item in export.every)
    indexes = {part.index for part in parts}
    index = indexes.pop() if len(indexes) == 1 else ""
    package, version = image.named(tags)
    environment = {entry for item in export.every for entry in image.environment(item)}
    return Subject(
        name=name,
        kind="image",
        sha256=export.sha256,
        size=export.size,
        package_name=package,
        package_version=version,
        purl=oci_purl(package, version, index) if index and package else "",
        image=ImageIdentity(index=index, tags=parts[0].tags, platforms=parts),
        properties=tuple(sorted(environment)),
    )


def inside(export: Export, tags: tuple[str, ...]) -> tuple[Dependency | Finding | Gap, ...]:
    """What is in the archive's image, and what was found wrong there; apart for each platform
    where there are several."""
    if not export.others:
        return export.contents.observations
    return tuple(fact for item in export.every for fact in apart(item, tags))


def apart(contents: ImageContents, tags: tuple[str, ...]) -> Iterator[Dependency | Finding | Gap]:
    """One platform's image as a component, and what was found in it, under refs of its own."""
    platform = contents.identity.platform
    found = contents.observations
    packages = [item for item in found if isinstance(item, Dependency)]
    names = {ref: f"{platform}:{ref}" for item in packages for ref in _refs(item.component)}
    shipped = [item for item in packages if item.role == "shipped"]
    tops = graph("", shipped)[0]["dependsOn"]
    yield Dependency(_image(contents, tags, tuple(names[ref] for ref in tops)), direct=True)
    for item in found:
        match item:
            case Dependency():
                # what the platform's image asks for directly, the artifact asks for through it
                yield replace(
                    item, component=_renamed(item.component, names, platform), direct=False
                )
            case Gap():
                yield _gap(item, names, platform)
            case Finding():
                yield _finding(item, names, platform)


def told_apart(facts: Iterable[Observation], platform: str) -> Iterator[Observation]:
    """What an image was made from: of one platform's the steps say so. `platform`: "" for an
    image for one.

    Which layer a step added is left out of several platforms' steps: of one that they share
    BuildKit states it for a single platform when it is new, for all when it comes from the cache.
    """
    for fact in facts:
        if isinstance(fact, BuildSteps) and platform:
            steps = tuple(map(_without_layer, fact.steps))
            properties = (*fact.properties, Property(PLATFORM, platform))
            yield replace(fact, steps=steps, properties=properties)
        else:
            yield fact


def _without_layer(step: BuildStep) -> BuildStep:
    kept = tuple(item for item in step.properties if item.name != _LAYER)
    return replace(step, properties=kept)


def _image(contents: ImageContents, tags: tuple[str, ...], requires: tuple[str, ...]) -> Component:
    identity = contents.identity
    described = image.subject(identity.platform, contents, tags)
    digest = identity.manifest.removeprefix("sha256:")
    return Component(
        type="container",
        name=described.package_name or "image",
        version=described.package_version,
        purl=described.purl,
        ref=f"image:{identity.platform}",
        hashes=(Hash("SHA-256", digest),) if digest else (),
        hash_of="file" if digest else "",
        properties=(
            *(item for item in described.properties if item.name != image.ENVIRONMENT),
            *image_properties(replace(identity, tags=())),
            Property(PLATFORM, identity.platform),
        ),
        requires=requires,
    )


def _refs(component: Component) -> Iterator[str]:
    yield component.bom_ref
    for inner in component.components:
        yield from _refs(inner)


def _renamed(component: Component, names: dict[str, str], platform: str) -> Component:
    """Under its new ref, with all that it says of others' refs."""
    return replace(
        component,
        ref=names[component.bom_ref],
        requires=tuple(names.get(ref, ref) for ref in component.requires),
        properties=(
            *(
                replace(item, value=names.get(item.value, item.value))
                for item in component.properties
            ),
            Property(PLATFORM, platform),
        ),
        components=tuple(_renamed(inner, names, platform) for inner in component.components),
    )


def _gap(gap: Gap, names: dict[str, str], platform: str) -> Gap:
    """What is about nothing in the document says on which platform it is."""
    if gap.ref in names:
        return replace(gap, ref=names[gap.ref])
    return replace(gap, where=f"{platform}: {gap.where}")


def _finding(finding: Finding, names: dict[str, str], platform: str) -> Finding:
    where = f"{finding.where} on {platform}" if finding.where else f"on {platform}"
    return replace(finding, where=where, ref=names.get(finding.ref, finding.ref))
