"""Which image a name stands for after a build that writes no ID of what it made.

The engine's events say which images got the name meanwhile: one, or it moved. Builds that reach an
old engine by BuildKit's own protocol leave no event: then there is a gap.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bom.builder.docker.events import ImageEvents
from bom.catalog.images.reference import familiar
from bom.errors import BomError
from bom.model import Gap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bom.builder.docker.engine import Engine
    from bom.builder.images.store import StoredImage


@dataclass(frozen=True, slots=True)
class Tagged:
    """An image under its names. `is_new`: the engine shows that the command gave it a name.
    `gaps`: what of that it doesn't show."""

    image: StoredImage
    is_new: bool
    gaps: tuple[Gap, ...] = ()


class TagWatch:
    """Watches names from now on until `close`."""

    def __init__(self, engine: Engine, names: Sequence[str]) -> None:
        self._engine = engine
        found = ((name, engine.inspect(name)) for name in names)
        self._before = {name: image.id for name, image in found if image is not None}
        self._events = ImageEvents(engine)

    def close(self) -> None:
        self._events.close()

    def image(self, names: Sequence[str]) -> Tagged | None:
        """The image that bears these names now; None where none of them is there. Raises BomError
        where one is wanting, or was given to another image too."""
        found = {name: self._engine.inspect(name) for name in names}
        images = {name: image for name, image in found.items() if image is not None}
        if not images:
            return None
        for name in names:
            if name not in images:
                raise BomError(
                    f"the engine holds no image {name} after the build",
                    hint="did something take the tag away while the build ran?",
                )
        first = next(iter(images.values()))
        tagged = self._events.tagged(names)
        if {first.id} != {*tagged, *(image.id for image in images.values())}:
            raise BomError(
                f"the tag {names[0]} moved while the build ran: it was given to several images",
                hint="build again, and let nothing else use the tag meanwhile",
            )
        # a builder of another driver loads what it made: that names the image by its ID alone
        seen = bool(tagged) or self._events.made(names[0], first.id)
        is_new = seen or any(self._before.get(name) != first.id for name in names)
        return Tagged(first, is_new, () if seen else (_unproven(names[0]),))


def _unproven(name: str) -> Gap:
    return Gap(
        "image.tagged",
        familiar(name),
        "this engine does not say when the image got its name: another build may have moved it"
        " before it was looked at",
    )
