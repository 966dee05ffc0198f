"""The one compressor: equal content becomes equal deflate data, on every machine.

What a zlib writes depends on its version and on who built it, so that a fixed one is used, and
asked before each use whether it is the one that is meant (docs/adr/0010-one-compressor.md).
"""

from __future__ import annotations

import functools
import hashlib
from typing import TYPE_CHECKING, Final

from zlib_ng import zlib_ng

from bom.errors import CannotNormalise

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LEVEL: Final = 6
# The output may depend on how much input comes at a time: always this much.
_PIECE: Final = 256 * 1024
_MEMORY: Final = 8
_KNOWN: Final = "5f0ad777598437ffed6129a0dd13f5baf51211ce09debb07e5c5a5a10ea490b0"


class Deflate:
    """Raw deflate data (RFC 1951) of what is fed in pieces of any size.

    Raises CannotNormalise where this machine's compressor is another than the one meant.
    """

    def __init__(self) -> None:
        _require_known()
        self._engine = _engine()
        self._held = bytearray()

    def feed(self, piece: bytes | memoryview) -> Iterator[bytes]:
        """What comes out for these bytes and those held back before. Has to be exhausted."""
        view = memoryview(piece)
        if self._held:
            missing = _PIECE - len(self._held)
            self._held += view[:missing]
            view = view[missing:]
            if len(self._held) < _PIECE:
                return
            if data := self._engine.compress(bytes(self._held)):
                yield data
            self._held.clear()
        while len(view) >= _PIECE:
            if data := self._engine.compress(view[:_PIECE]):
                yield data
            view = view[_PIECE:]
        self._held += view

    def finish(self) -> bytes:
        """The rest of it."""
        return self._engine.compress(bytes(self._held)) + self._engine.flush()


def deflated(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """All of `pieces`, compressed."""
    engine = Deflate()
    for piece in pieces:
        yield from engine.feed(piece)
    yield engine.finish()


def _engine() -> zlib_ng._Compress:
    return zlib_ng.compressobj(
        LEVEL, zlib_ng.DEFLATED, -zlib_ng.MAX_WBITS, _MEMORY, zlib_ng.Z_DEFAULT_STRATEGY
    )


@functools.cache
def _require_known() -> None:
    if _answer() != _KNOWN:
        raise CannotNormalise(
            "this machine's zlib-ng compresses otherwise than the one that bom is released with",
            hint="install bom with the versions of its requirements.lock",
        )


def _answer() -> str:
    """The SHA-256 of what becomes of a fixed text: literals, near and far matches, a run, and
    more than the window and one piece."""
    words = [
        hashlib.sha256(b"%d" % number).hexdigest()[: number % 23].encode() for number in range(700)
    ]
    state, parts = 1, []
    for number in range(60_000):
        state = (state * 1_103_515_245 + 12_345) & 0x7FFFFFFF
        parts.append(words[(state >> 16) % (7 + number % 693)])
        if not number % 5_000:
            parts.append(bytes(3_000) + hashlib.sha512(parts[-1]).digest() * 3)
    text = b" ".join(parts)
    engine = _engine()
    digest = hashlib.sha256()
    for start in range(0, len(text), _PIECE):
        digest.update(engine.compress(text[start : start + _PIECE]))
    digest.update(engine.flush())
    return digest.hexdigest()
