"""`bom rebuild --investigate`: what stays unknown is built with one factor changed at a time.

Of an image only what comes by the build context is changed: nothing else reaches its steps.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bom.builder.kept import images_of, kept
from bom.compose import reading
from bom.model import Revision
from bom.place import place_of
from bom.rebuild.settings import makes_images
from bom.vary import FACTORS, FIXED, images
from bom.vary.clone import tracked
from bom.vary.investigate import STILLS, investigate
from bom.vary.protocol import Circumstance, Host, Place
from bom.vary.source import scratch_folder
from bom.vary.trial import Builds

if TYPE_CHECKING:
    from bom.build import Reporter
    from bom.difference import Comparison
    from bom.rebuild import Built


def investigated(found: Comparison, built: Built, reporter: Reporter) -> Comparison:
    """The comparison, with causes for what content alone doesn't decide. Tells what was tried.

    Raises BomError where nothing can be built.
    """
    open_ = [item for item in found.differences if item.cause == "unknown"]
    if not open_:
        return found
    options = built.options
    place = place_of(options)
    request = place.request(options)
    of_image = makes_images(options.command, options.images)
    fixed = set() if options.as_is else set(FIXED)
    if of_image:
        fixed |= {factor.name for factor in FACTORS} - images.IN_CONTEXT
    source = built.recipe.source
    names = tuple(reading.subject_properties(built.original.document, "bom-seal:image:tag"))
    store = images_of(options.command, names, options.environment, options.cwd)
    with scratch_folder() as scratch, kept(store if of_image else None):
        files = tracked(place.root, request.environment)
        folder = scratch / "built"
        folder.mkdir()
        builds = Builds(
            request=request,
            revision=Revision(source.commit, submodules=source.submodules),
            umask=place.around.umask,
            name=built.remade.sealed.name,
            epoch=built.recipe.epoch,
            files=files,
            folder=folder,
            progress=reporter,
        )
        result = investigate(
            found.differences,
            builds,
            Circumstance(scratch / "place", place.root.name, request.environment),
            Host(scratch, Place(place.root, request.environment, files=files)),
            fixed,
            () if of_image else STILLS,
        )
    reporter.warn(
        f"investigated with {result.builds} builds;"
        f" changed one at a time: {', '.join(result.tried) or 'nothing'}"
    )
    for name, why in result.kept:
        reporter.warn(f"not changed: {name}: {why}")
    return replace(found, differences=result.differences)
