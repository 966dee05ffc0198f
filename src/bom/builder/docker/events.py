"""What an engine says of its images while a command runs: which were tagged or loaded.

A build that takes all from the cache leaves an image with the ID that it had before; that it was
made all the same is seen by the event alone. The engine keeps its last 256 events, of containers
too, so they are listened to as they come, and asked for once more at the end.
"""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any, Final

from bom.builder.docker.connection import FAILURES
from bom.catalog.images.reference import familiar
from bom.errors import BomError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from bom.builder.docker.engine import Engine, Stream

_NAMING: Final = frozenset({"tag"})  # names the image by what it is called
_PATIENCE: Final = 5.0  # seconds that the listener may take to see the end
_MAKING: Final = frozenset({"import", "load"})  # names the image by its ID alone


class ImageEvents:
    """Listens from now on until `close`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._since = engine.time()
        self._seen: list[tuple[str, str, str]] = []  # action, ID, name
        self._stream: Stream | None = engine.events(self._since)
        self._thread = threading.Thread(target=self._listen, args=(self._stream,), daemon=True)
        self._thread.start()

    @property
    def since(self) -> str:
        """When listening began, by the engine's clock: seconds since 1970, with a fraction."""
        return self._since

    def made(self, name: str, image: str) -> bool:
        """Whether the image of this ID was tagged so, or loaded, since we listen. Raises BomError
        where the engine gives no events."""
        return any(
            found == image
            and (action in _MAKING or (action in _NAMING and familiar(named) == familiar(name)))
            for action, found, named in self._all()
        )

    def tagged(self, names: Collection[str]) -> tuple[str, ...]:
        """The IDs of all images that were tagged with one of these names since we listen, each
        once. Raises BomError where the engine gives no events."""
        wanted = {familiar(name) for name in names}
        found = (
            image
            for action, image, named in self._all()
            if action in _NAMING and familiar(named) in wanted
        )
        return tuple(dict.fromkeys(found))

    def _all(self) -> Iterator[tuple[str, str, str]]:
        """Action, ID and name of every event: those that came, and those the engine remembers."""
        try:
            with self._engine.events(self._since, self._engine.time()) as stream:
                late = [_event(line) for line in stream]
        except FAILURES as error:
            raise BomError(
                "the engine broke off what it says of its images", hint="see the engine's log"
            ) from error
        yield from (*self._seen, *late)

    def close(self) -> None:
        if self._stream is not None:
            self._stream.end()
            self._thread.join(_PATIENCE)
            if not self._thread.is_alive():
                self._stream.close()
            self._stream = None

    def _listen(self, stream: Stream) -> None:
        try:
            for line in stream:
                self._seen.append(_event(line))
        except FAILURES:
            return  # broken off, or closed: what is missed is asked for at the end


def _event(line: bytes) -> tuple[str, str, str]:
    """The event's action, image ID and name; empty where it is no event of an image."""
    try:
        found: Any = json.loads(line)
        actor = found["Actor"]
        attributes = actor.get("Attributes") or {}
        return str(found["Action"]), str(actor["ID"]), str(attributes.get("name", ""))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return "", "", ""
