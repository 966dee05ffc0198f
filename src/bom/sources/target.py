"""What `bom scan` is pointed at: a path, `docker:NAME`, or `oci://HOST/NAME[:TAG][@sha256:…]`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bom.errors import BomError
from bom.registry import name
from bom.registry.name import RegistryImage

ENGINE: Final = "docker:"
REGISTRY: Final = "oci://"
_EXAMPLE: Final = "oci://registry.example.org/team/app:1.4"


@dataclass(frozen=True, slots=True)
class EngineImage:
    """An image in the engine, by the name, tag, ID or digest that the engine knows it by."""

    name: str


Target = Path | EngineImage | RegistryImage


def parse(given: Path | str) -> Target:
    """What is meant; a Path is always a path. Raises BomError for what names nothing."""
    if isinstance(given, Path):
        return given
    if given.startswith(REGISTRY):
        return _registry(given.removeprefix(REGISTRY))
    if given.startswith(ENGINE):
        image = given.removeprefix(ENGINE)
        if not image.strip() or not image.isprintable():
            raise BomError("docker: is followed by no image", hint="bom scan docker:app:1.4")
        return EngineImage(image)
    return Path(given)


def _registry(text: str) -> RegistryImage:
    found = name.parse(text)
    if found is None:
        raise BomError(
            f"{REGISTRY}{text:.300} names no image in a registry", hint=f"bom scan {_EXAMPLE}"
        )
    return found
