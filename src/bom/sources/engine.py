"""An image in the engine: `docker:NAME`, exported as a stream and read while it comes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bom.archive import platforms
from bom.archive.image_identity import fits
from bom.builder.docker.endpoint import NoOptions
from bom.builder.docker.engine import reach
from bom.errors import BomError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bom.builder.images.store import StoredImage
    from bom.builder.protocol import Progress
    from bom.catalog.image import ImageContents
    from bom.sources.target import EngineImage


def contents(
    image: EngineImage, platform: str, progress: Progress, environment: Mapping[str, str]
) -> ImageContents:
    """The image as it stands in the engine.

    Raises EnvironmentLacks where no engine answers, BomError where it has no such image.
    """
    from bom.catalog.image import ImageCataloguer

    engine = reach(NoOptions(), environment, Path.cwd())
    try:
        stored = engine.inspect(image.name)
        if stored is None:
            raise BomError(
                f"the engine has no image {image.name:.300}",
                hint="`docker image ls` lists what is there, `docker pull` fetches one",
            )
        chosen = _platform(image, stored, platform)
        progress.start(f"scan {image.name}", stored.size)
        try:
            with ImageCataloguer() as cataloguer:
                for piece in engine.export((image.name,), chosen):
                    progress.advance(len(piece))
                    cataloguer.feed(piece)
                return cataloguer.finish(chosen or platform)
        finally:
            progress.done()
    finally:
        engine.close()


def _platform(image: EngineImage, stored: StoredImage, wanted: str) -> str:
    """The platform to export; "" where the engine has nothing to choose from."""
    names = [item.platform for item in stored.manifests]
    if not names:
        return ""
    wish = wanted or (platforms.of_this_machine() if len(names) > 1 else "")
    fitting = [name for name in names if not wish or fits(name, wish)]
    if len(fitting) != 1:
        raise platforms.several(f"the image {image.name}", names, wish)
    return fitting[0]
