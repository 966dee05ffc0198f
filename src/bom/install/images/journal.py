"""What an install into an image store is about to change, so that the next one can put it back.

A killed install may leave an image without a name, or some of several tags moved. The file that is
written before anything changes says what the tags meant and which images there were; whoever comes
next, for whatever artifact, restores that first. One install at a time: the file's lock says so.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from bom.errors import BomError
from bom.input import read_bounded
from bom.output import write_whole
from bom.state import state_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from bom.install.images.stores import Store

_LIMIT: Final = 64 * 1024 * 1024  # bytes
_Text = Annotated[str, StringConstraints(max_length=4096)]


class Change(BaseModel):
    """`names`: by which the store may know what is loaded, `others`: or by others. `before`: IDs of
    those of its images that were there. `tags`: what each meant, "" for nothing. `layers`: the
    diff IDs of the images that are loaded."""

    model_config = ConfigDict(frozen=True)

    names: frozenset[_Text]
    others: bool
    before: frozenset[_Text]
    tags: dict[_Text, _Text]
    layers: frozenset[tuple[_Text, ...]]


class Journal:
    """Of one store, while it is locked."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def begin(self, change: Change) -> None:
        """From here on it is to be restored. Raises OSError."""
        write_whole(self._path, change.model_dump_json().encode(), mode=0o600)

    def end(self) -> None:
        """All is as it should be."""
        self._path.unlink(missing_ok=True)

    def restore(self, store: Store) -> bool:
        """Put back what an install that was cut off had changed; whether there was one."""
        try:
            change = Change.model_validate_json(read_bounded(self._path, _LIMIT))
        except FileNotFoundError:
            return False
        except (OSError, ValidationError):
            self.end()  # it was never written whole by us
            return False
        undo(store, change)
        self.end()
        return True


def undo(store: Store, change: Change, loaded: frozenset[str] = frozenset()) -> None:
    """Let the tags mean what they meant, and take away images without a name that came since and
    are those that were loaded: `loaded`, or of the same layers. Raises BomError."""
    there = change.names | loaded | (store.ids() if change.others else frozenset())
    came = {}
    for name in there - change.before:
        image = store.inspect(name)
        if image is None or image.id in change.before:
            continue
        if image.id in loaded or image.layers in change.layers:
            came[image.id] = image
    for name, meant in change.tags.items():
        now = store.inspect(name)
        if now is None or now.id == meant:
            continue
        if now.id not in loaded and now.layers not in change.layers:
            continue  # somebody else has moved it meanwhile
        if meant and store.inspect(meant) is not None:
            store.tag(meant, name)
        elif now.id in came:
            store.remove(name)
    for name in sorted(came):
        image = store.inspect(name)
        if image is not None and not image.tags:
            store.remove(name)


@contextmanager
def journal_of(store: Store, environment: Mapping[str, str]) -> Iterator[Journal]:
    """The journal of this store, locked. Raises BomError where another install is at it."""
    folder = state_folder(environment) / "install"
    name = hashlib.sha256(store.shown.encode()).hexdigest()[:16]
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(folder / f"{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise BomError(
            f"{folder} can't be written: {error.strerror}",
            hint="it holds what restores an install that is cut off (XDG_STATE_HOME)",
        ) from error
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BomError(
                f"another install into {store.shown} is running", hint="wait for it, then try again"
            ) from None
        yield Journal(folder / f"{name}.json")
    finally:
        os.close(lock)
