"""Where `bom scan` reads from: files, folders, the engine, registries. One module for each.

Whatever the way, an image ends up in the same catalogue (catalog/image.py), everything else in a
FileView that the ecosystems read.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bom.archive import platforms
from bom.errors import BadArtifact, BomError
from bom.printable import printable_name
from bom.registry.name import RegistryImage
from bom.sources import target
from bom.sources.target import EngineImage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bom.builder.protocol import Progress
    from bom.catalog.filesystem import TreeView
    from bom.catalog.image import ImageContents
    from bom.model import Observation, Subject
    from bom.sources.files import FileContents

__all__ = ["Found", "read"]

_PYTHON: Final = "pypi"


@dataclass(frozen=True, slots=True)
class Found:
    """What a target is and holds. `view`: its files (of an image, those of its final file
    system). `image`: where it is one."""

    subject: Subject
    observations: tuple[Observation, ...]
    view: TreeView
    image: ImageContents | None = None


def read(
    given: Path | str, progress: Progress, environment: Mapping[str, str], platform: str = ""
) -> Found:
    """What is at `given`: a path, `docker:NAME` or `oci://HOST/NAME[:TAG][@DIGEST]`.

    `platform` (os/arch[/variant]) chooses from an index with several. Raises BomError where it
    can't be read, EnvironmentLacks where no engine or registry answers.
    """
    meant = target.parse(given)
    wanted = platforms.checked(platform)
    shown = str(meant) if isinstance(meant, RegistryImage) else ""
    shown = shown or (meant.name if isinstance(meant, EngineImage | Path) else "")
    try:
        match meant:
            case EngineImage():
                return _engine(meant, wanted, progress, environment)
            case RegistryImage():
                return _registry(meant, wanted, progress, environment)
            case _:
                return _path(meant, wanted, progress)
    except BadArtifact as error:
        raise _unreadable(shown or str(given), error) from error
    except OSError as error:
        raise BomError(f"{given} can't be read: {error.strerror or error}") from error


def _engine(
    image: EngineImage, platform: str, progress: Progress, environment: Mapping[str, str]
) -> Found:
    from bom.sources import engine

    return _image(image.name, engine.contents(image, platform, progress, environment), platform)


def _registry(
    image: RegistryImage, platform: str, progress: Progress, environment: Mapping[str, str]
) -> Found:
    from bom.catalog.images.reference import familiar, oci_purl
    from bom.sources import registry

    contents = registry.contents(image, platform, progress, environment)
    found = _image(str(image), contents, platform)
    named = replace(
        found.subject,
        package_name=familiar(f"{image.name}:{image.tag}").rpartition(":")[0],
        purl=oci_purl(image.name, image.tag, contents.identity.manifest),
    )
    return replace(found, subject=named)


def _path(path: Path, platform: str, progress: Progress) -> Found:
    from bom.sources import layout

    if path.is_dir() and layout.is_layout(path):
        return _image(path.name, layout.contents(path, platform, progress), platform)
    if path.is_dir():
        from bom.sources import directory

        subject, observations, view = directory.contents(path)
        return Found(subject, observations, view)
    from bom.sources import files

    contents = files.contents(path, platform, progress)
    if contents.image is not None:
        return _image(path.name, contents.image, platform)
    return _file(path, contents)


def _image(name: str, contents: ImageContents, platform: str) -> Found:
    """An image, without a digest of what holds it: its own digests say which it is."""
    from bom.archive.image_identity import fits
    from bom.builder.images.image import subject

    if platform and not fits(contents.identity.platform, platform):
        raise platforms.several(name, [contents.identity.platform], platform)
    # A layout may state a tag alone, without the name that it is a tag of.
    tags = tuple(tag for tag in contents.identity.tags if ":" in tag or "/" in tag)
    described = subject(name, contents, tags)
    if not described.package_name:
        described = replace(described, package_name=name)
    return Found(described, contents.observations, contents.view, contents)


def _file(path: Path, contents: FileContents) -> Found:
    from bom.archive.package import identify
    from bom.builder import package_facts
    from bom.catalog.inside import inside
    from bom.catalog.project import Project, resolve
    from bom.model import Gap, Subject

    assert contents.view is not None
    identity = identify(path, contents.kind)
    stated: list[Observation] = []
    if identity.problem:
        stated.append(Gap("package.metadata", identity.kind, identity.problem))
    if identity.kind in package_facts.PYTHON_KINDS:
        own = Project(here=frozenset({_PYTHON}))
        stated.extend(resolve(own, identity.requires))
    found = inside(contents.view, contents.gaps, identity.purl).observations
    subject = Subject(
        path.name,
        identity.kind,
        contents.sha256,
        contents.size,
        identity.name,
        identity.version,
        identity.purl,
        package_facts.licences(identity),
    )
    return Found(subject, (*found, *stated), contents.view)


def _unreadable(name: str, error: BadArtifact) -> BomError:
    if error.code == "not-an-image":
        return BomError(
            f"{name} is no archive, no program whose modules are known, and no directory",
            hint="an image: `docker save -o app.tar NAME`, or name it: bom scan docker:NAME",
        )
    if error.code == "several-platforms":
        wanted = "" if error.expected == "one" else error.expected
        return platforms.several(name, error.found.split(", "), wanted)
    where = f" ({printable_name(error.where)})" if error.where not in error.reason else ""
    told = f"{name} can't be read: {error.reason}{where}"
    if error.expected or error.found:
        expected, found = (
            printable_name(text) or "nothing" for text in (error.expected, error.found)
        )
        told += f": expected {expected}, found {found}"
    return BomError(told)
