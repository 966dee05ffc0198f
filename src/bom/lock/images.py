"""What the images that Dockerfiles name are here and now: in the store of the build, else in
their registry."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from bom.errors import BomError, EnvironmentLacks
from bom.lock_record import LockedImage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bom.builder.images.store import ImageStore


def resolved(name: str, store: ImageStore | None, environment: Mapping[str, str]) -> LockedImage:
    """The image of this name. `store` None: there is none that could hold it. A name with a digest
    in it stands for that. Raises BomError, EnvironmentLacks where nobody knows it."""
    bare, at, digest = name.partition("@")
    if at:
        return LockedImage(name=name, digest=digest, of="name")
    found = store.inspect(name) if store is not None else None
    if found is not None:
        for served in found.served:
            return LockedImage(name=name, digest=served, of="name")
        return LockedImage(name=name, digest=found.id, of="id")
    from bom.registry.name import of_reference
    from bom.registry.repository import Registry

    image = of_reference(bare)
    if image is None:
        raise BomError(f"{name} is no name of an image", hint="mend the Dockerfile")
    try:
        with closing(Registry(image, environment)) as registry:
            known = registry.resolve(image.reference)
    except BomError as error:
        raise EnvironmentLacks(
            f"{name} is not in the engine, and its registry does not answer: {error.reason}",
            hint=f"pull it first (docker pull {bare}), or lock where it is",
        ) from error
    if not known:
        raise BomError(f"there is no image {name}", hint="is the name in the Dockerfile right?")
    return LockedImage(name=name, digest=known, of="name")
