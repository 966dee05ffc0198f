"""`bom show --files`: whose each file of an image is, read from the image again.

An image that carries a BOM says itself which of its files are the project's own source; nothing
else is taken from the BOM.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bom import canonical, sources
from bom.compose import reading
from bom.compose.bom import ROOT
from bom.errors import BadArtifact, BomError
from bom.model import SourceFile
from bom.show import embedded

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bom.builder.protocol import Progress
    from bom.catalog.attribution import FileOwner
    from bom.model import Layer

_SOURCE: Final = "bom-seal:files:source"


@dataclass(frozen=True, slots=True)
class FileOwners:
    """The regular files of an image's final file system, sorted by path, and its layers, lowest
    first, with the step that made each."""

    files: Sequence[FileOwner]
    layers: Sequence[Layer]


def file_owners(
    target: Path | str, progress: Progress, environment: Mapping[str, str], platform: str = ""
) -> FileOwners:
    """Whose each file is. `target` and `platform`: as `bom.scan` takes them.

    Raises BomError where it is no image or can't be read.
    """
    from bom.catalog.attribution import by_path, with_stated_source

    found = sources.read(target, progress, environment, platform)
    if found.image is None:
        raise BomError(f"{target} is no image", hint="bom show --files takes images")
    if not found.image.complete:
        (gap, *_) = (gap for gap in found.image.inside.gaps if gap.what == "image.packages")
        raise BomError(f"the files of {target} are not known: {gap.why}")
    identity = found.image.identity
    document = _stated(target)
    apart = reading.platform_image(document, identity.platform)
    stated = _source(apart or reading.subject(document))
    files = by_path(with_stated_source(found.image.files, stated, ROOT).files)
    if apart:  # the BOM is about several platforms: a ref begins with the one that it is of
        files = [_of_platform(item, identity.platform) for item in files]
    return FileOwners(files, identity.layers)


def _of_platform(item: FileOwner, platform: str) -> FileOwner:
    if item.owner in ("", ROOT):
        return item
    return item._replace(owner=f"{platform}:{item.owner}")


def _stated(target: Path | str) -> Mapping[str, object]:
    """The BOM that the image carries; empty where there is none."""
    path = Path(target)
    if not path.is_file():
        return {}
    try:
        return canonical.loads_canonical(embedded(path))
    except (BadArtifact, BomError):
        return {}  # it carries none, or none that can be read: `bom verify` says so


def _source(component: Mapping[str, object]) -> Mapping[str, SourceFile]:
    """The project's own source by its path in the image, as the image's BOM states it."""
    pairs = (value.partition(" ") for value in reading.properties(component, _SOURCE))
    return {path: SourceFile(blob, path) for blob, _, path in pairs if path}
