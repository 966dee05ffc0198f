"""SHA-256 on another core: hashing leaves the interpreter to others, so a thread of its own takes
the bytes while they are read on."""

from __future__ import annotations

import threading
from hashlib import sha256
from queue import Queue
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

_WAITING: Final = 8  # pieces that wait for the thread; each holds the memory it was cut from


class Digest(Protocol):
    """Of hashlib, or several of them in one."""

    def update(self, piece: bytes | memoryview, /) -> None: ...
    def digest(self) -> bytes: ...


class HashingThread:
    """Hashes what its digests are given, in that order; `close` ends it."""

    def __init__(self) -> None:
        self._waiting: Queue[tuple[Callable[..., object], object] | None] = Queue(_WAITING)
        self.submit: Final = self._waiting.put
        self._thread = threading.Thread(target=self._work, name="hash", daemon=True)
        self._over = False
        self._other: HashingThread | None = None
        self._thread.start()

    @property
    def other(self) -> HashingThread:
        """A second thread, for what would keep this one from its own work; started on first use,
        settled and ended with this one."""
        if self._other is None:
            self._other = HashingThread()
        return self._other

    def digest(self, algorithm: Callable[[], Digest] = sha256) -> AsideDigest:
        """A new digest, of nothing yet."""
        return AsideDigest(self, algorithm)

    def settle(self) -> None:
        """Wait until everything that was given is hashed."""
        if self._other is not None:
            self._other.settle()
        if not self._over:
            done = threading.Event()
            self.submit((lambda _: done.set(), b""))
            done.wait()

    def close(self) -> None:
        """Hash what still waits, and end the thread; nothing happens when it has ended."""
        if self._other is not None:
            self._other.close()
        if not self._over:
            self._over = True
            self._waiting.put(None)
            self._thread.join()

    def _work(self) -> None:
        while (item := self._waiting.get()) is not None:
            take, piece = item
            take(piece)


class AsideDigest:
    """A digest that the thread works out, over pieces that don't change."""

    __slots__ = ("_hash", "_thread")

    def __init__(self, thread: HashingThread, algorithm: Callable[[], Digest]) -> None:
        self._thread = thread
        self._hash = algorithm()

    def update(self, piece: bytes | memoryview) -> None:
        self._thread.submit((self._hash.update, piece))

    def digest(self) -> bytes:
        """The digest of what the thread has taken: complete once it has settled."""
        return self._hash.digest()

    def hexdigest(self) -> str:
        """The digest of everything that it was given."""
        self._thread.settle()
        return self._hash.digest().hex()
