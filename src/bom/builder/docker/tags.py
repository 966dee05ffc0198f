"""Whether an image got its name while a command ran, and kept it.

For builds that write no ID of their image. The engine's own events say so; they reach back 256
entries of any kind. Further back only the time of the last tag is left, which the image states.
Builds that reach an old engine by BuildKit's own protocol leave neither: then there is a gap.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from bom.catalog.images.reference import familiar
from bom.errors import BomError
from bom.model import Gap

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bom.builder.docker.engine import Engine
    from bom.builder.images.store import StoredImage

_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)")
_SECOND: Final = 1_000_000_000


def nanoseconds(text: str) -> int:
    """A time as Go writes it (RFC 3339), since 1970; 0 for one that isn't."""
    match = _TIME.fullmatch(text)
    if match is None:
        return 0
    zone = "+00:00" if match[3] == "Z" else match[3]
    try:
        seconds = int(datetime.fromisoformat(match[1] + zone).timestamp())
    except (ValueError, OverflowError):
        return 0
    return max(seconds * _SECOND + int((match[2] or "0").ljust(9, "0")), 0)


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment by the engine's clock, in nanoseconds since 1970."""

    time: int

    def __str__(self) -> str:
        return f"{self.time // _SECOND}.{self.time % _SECOND:09d}"


@dataclass(frozen=True, slots=True)
class Before:
    """The engine before the command: its time, and which image each name stood for (its ID)."""

    moment: Moment
    images: Mapping[str, str]


def before(engine: Engine, names: Sequence[str]) -> Before:
    """What to note before the command runs."""
    found = ((name, engine.inspect(name)) for name in names)
    images = {name: image.id for name, image in found if image is not None}
    return Before(now(engine), images)


def now(engine: Engine) -> Moment:
    """The engine's time. Raises BomError where it states none."""
    time = nanoseconds(engine.clock())
    if not time:
        raise BomError("the engine does not state its time", hint="see `docker info`")
    return Moment(time)


@dataclass(frozen=True, slots=True)
class Tagged:
    """An image under its names. `is_new`: the engine shows that the command gave it a name.
    `gaps`: what of that it doesn't show."""

    image: StoredImage
    is_new: bool
    gaps: tuple[Gap, ...] = ()


def after(engine: Engine, names: Sequence[str], earlier: Before) -> Tagged | None:
    """The image that bears these names now; None where none of them is there. Raises BomError
    where they stand for several images, or where one was given to another image meanwhile."""
    found = {name: engine.inspect(name) for name in names}
    images = {name: image for name, image in found.items() if image is not None}
    if not images:
        return None
    first = next(iter(images.values()))
    events = [
        (name, image)
        for name, image in engine.tag_events(str(earlier.moment), str(now(engine)))
        if familiar(name) in {familiar(one) for one in names}
    ]
    for name in names:
        if name not in images:
            raise BomError(
                f"the engine holds no image {name} after the build",
                hint="did something take the tag away while the build ran?",
            )
    others = [image.id for image in images.values() if image.id != first.id]
    others += [image for _, image in events if image != first.id]
    if others:
        raise BomError(
            f"the tag {names[0]} moved while the build ran: it was given to several images",
            hint="build again, and let nothing else use the tag meanwhile",
        )
    times = [nanoseconds(engine.tagged_at(name)) for name in names]
    is_new = (
        bool(events)
        or any(time >= earlier.moment.time for time in times)
        or any(earlier.images.get(name) != first.id for name in names)
    )
    return Tagged(first, is_new, () if events or any(times) else (_unproven(names[0]),))


def _unproven(name: str) -> Gap:
    return Gap(
        "image.tagged",
        familiar(name),
        "this engine does not say when an image got its name: another build may have moved it"
        " before it was looked at",
    )
