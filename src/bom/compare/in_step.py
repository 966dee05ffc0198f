"""Two tars member by member, in step: equal stretches are compared as bytes and only counted.

Members are matched by name. While both archives have the same order nothing is kept; of entries
that the other hasn't had yet, name and place are, at most PENDING of them.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from bom.archive.layer import clean_path
from bom.archive.positioned import CHUNK
from bom.archive.tar_header import BLOCK, HeaderDecoder, plain_file
from bom.common_start import common_start
from bom.errors import BadArtifact

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bom.archive.positioned import Positioned
    from bom.archive.tar_header import TarMember

PENDING: Final = 400_000
_STRIDE: Final = 4096  # bytes that are compared at first: where all headers differ, no more are
_AHEAD: Final = 64 * BLOCK  # bytes that are read at a time when headers come in turn
_ZEROS: Final = bytes(BLOCK)
_AGAIN: Final = "\0"  # no name holds it


@dataclass(frozen=True, slots=True)
class Both:
    """A member that both have, equal or not. Its headers begin with pax global headers that stand
    before it."""

    name: str
    one: TarMember
    two: TarMember


@dataclass(frozen=True, slots=True)
class Only:
    name: str
    which: Literal["one", "two"]
    member: TarMember


@dataclass(frozen=True, slots=True)
class Moved:
    """`first` stands before `second` in one archive, after it in the other."""

    first: str
    second: str


Step = Both | Only | Moved


class Members:
    """The members of one tar. `offset`: where the next one's headers begin."""

    def __init__(self, file: Positioned) -> None:
        self.file = file
        self.offset = 0
        self.index = 0  # of the member that `peek` shows
        self._shown: TarMember | None = None
        self._window = b""
        self._window_at = 0
        self._ahead = _AHEAD

    def peek(self) -> TarMember | None:
        """The next member, None at the end. Raises BadArtifact."""
        if self._shown is None:
            self._shown = self._decode(self.offset)
        return self._shown

    def advance(self) -> None:
        """Go on behind the member that `peek` showed."""
        assert self._shown is not None
        self.skip(self._shown.end, 1)

    def skip(self, offset: int, members: int) -> None:
        self.offset = offset
        self.index += members
        self._shown = None

    def member_at(self, offset: int) -> TarMember:
        """Of the one whose headers begin there, out of turn."""
        window = self._window, self._window_at
        self._ahead = BLOCK
        member = self._decode(offset)
        self._ahead = _AHEAD
        self._window, self._window_at = window
        if member is None:
            raise BadArtifact("damaged", f"no tar header at byte {offset}")
        return member

    def _decode(self, offset: int) -> TarMember | None:
        decoder = HeaderDecoder()
        start = offset
        while offset + BLOCK <= self.file.size:
            block = self._at(offset, BLOCK)
            if decoder.wants_sparse_map:
                member = decoder.sparse_map(block, offset)
            elif block == _ZEROS:
                decoder.check_idle(offset)
                return None
            else:
                member = decoder.header(block, offset)
            offset += BLOCK
            if member is not None:
                if member.data + member.size > self.file.size:
                    break
                # a pax global header before it belongs to it as far as comparing goes
                return member._replace(offset=start)
            if size := decoder.extension_size:
                if offset + size > self.file.size:
                    break
                decoder.extension(self._at(offset, size))
                offset += size + -size % BLOCK
        if offset == start and decoder.idle:
            return None  # without an end mark, as Docker takes it
        raise BadArtifact("truncated", f"the tar archive ends early, after {self.file.size} bytes")

    def _at(self, offset: int, size: int) -> bytes:
        here = offset - self._window_at
        if here < 0 or here + size > len(self._window):
            length = min(max(size, self._ahead), self.file.size - offset)
            self._window, self._window_at = self.file.read_at(offset, length), offset
            here = 0
        return self._window[here : here + size]


class InStep:
    """Both archives. `equal`: so many bytes at their beginning are known to be equal."""

    def __init__(self, one: Positioned, two: Positioned, equal: int = 0) -> None:
        self.one = Members(one)
        self.two = Members(two)
        self._equal = equal
        self._stride = CHUNK
        # stretches in which members stand at one distance: index in one, index in two, how
        # many, and where the first of them is in one
        self._stretches = tuple(array("q") for _ in range(4))
        self._pending: tuple[dict[str, tuple[int, int]], dict[str, tuple[int, int]]] = ({}, {})

    def steps(self) -> Iterator[Step]:
        """All that is not the same in both. Raises BadArtifact."""
        one, two = self.one, self.two
        while True:
            self._skip_equal()
            first, second = one.peek(), two.peek()
            if first is None and second is None:
                break
            names = tuple(clean_path(item.name) if item else None for item in (first, second))
            if first and names[0] in self._pending[1]:
                at, index = self._pending[1].pop(str(names[0]))
                yield from self._both(str(names[0]), first, two.member_at(at), one.index, index)
                one.advance()
            elif second and names[1] in self._pending[0]:
                at, index = self._pending[0].pop(str(names[1]))
                yield from self._both(str(names[1]), one.member_at(at), second, index, two.index)
                two.advance()
            elif first and second and names[0] == names[1]:
                yield from self._both(str(names[0]), first, second, one.index, two.index)
                one.advance()
                two.advance()
            else:
                for members, member, pending, name in (
                    (one, first, self._pending[0], names[0]),
                    (two, second, self._pending[1], names[1]),
                ):
                    if member is None:
                        continue
                    if len(pending) >= PENDING:
                        raise BadArtifact("oversized", f"over {PENDING} entries in another order")
                    key = str(name)
                    while key in pending:  # a name that stands twice
                        key += _AGAIN
                    pending[key] = (member.offset, members.index)
                    members.advance()
        yield from self._moved()
        yield from self._left()

    def _both(
        self, name: str, one: TarMember, two: TarMember, index: int, other: int
    ) -> Iterator[Both]:
        self._note(index, other, 1, one.offset)
        yield Both(name, one, two)

    def _note(self, index: int, other: int, count: int, offset: int) -> None:
        ones, twos, counts, offsets = self._stretches
        if ones and index == ones[-1] + counts[-1] and other == twos[-1] + counts[-1]:
            counts[-1] += count
            return
        ones.append(index)
        twos.append(other)
        counts.append(count)
        offsets.append(offset)

    def _moved(self) -> Iterator[Moved]:
        ones, twos, _, offsets = self._stretches
        before = -1
        for place in sorted(range(len(ones)), key=ones.__getitem__):
            if before >= 0 and twos[place] < twos[before]:
                first, second = (
                    clean_path(self.one.member_at(offsets[at]).name) for at in (before, place)
                )
                yield Moved(first, second)
                return
            before = place

    def _left(self) -> Iterator[Only]:
        for which, members, pending in (
            ("one", self.one, self._pending[0]),
            ("two", self.two, self._pending[1]),
        ):
            for name, (offset, _) in pending.items():
                member = members.member_at(offset)
                yield Only(name.rstrip(_AGAIN), "one" if which == "one" else "two", member)

    def _skip_equal(self) -> None:
        """Go on behind all whole members that are equal byte by byte and stand next in both."""
        while (passed := self._equal_members()) is not None:
            size, members = passed
            self._note(self.one.index, self.two.index, members, self.one.offset)
            self.one.skip(self.one.offset + size, members)
            self.two.skip(self.two.offset + size, members)

    def _equal_members(self) -> tuple[int, int] | None:
        """Of the next pieces of both: how many bytes of whole equal members, and how many."""
        one, two = self.one, self.two
        most = min(CHUNK, one.file.size - one.offset, two.file.size - two.offset)
        while True:
            length = min(self._stride, most)
            if length < BLOCK:
                return None
            piece = one.file.read_at(one.offset, length)
            equal = length
            if one.offset != two.offset or one.offset + length > self._equal:
                equal = common_start(piece, two.file.read_at(two.offset, length))
            size, members = _whole_members(piece, equal)
            if equal < length:
                self._stride = _STRIDE
            elif length < most:
                self._stride *= 4
                if not members:
                    continue
            return (size, members) if members else None


def _whole_members(piece: bytes, length: int) -> tuple[int, int]:
    """In the first `length` bytes of a piece that begins with headers: the bytes of members that
    are whole, and how many these are."""
    at = members = 0
    while at + BLOCK <= length:
        plain = plain_file(piece[at : at + BLOCK])
        if plain is not None:
            end = at + BLOCK + plain[1] + -plain[1] % BLOCK
        else:
            end = _end_of(piece, at, length)
        if end > length or end == at:
            break
        at = end
        members += 1
    return at, members


def _end_of(piece: bytes, at: int, length: int) -> int:
    """Where the member whose headers begin at `at` ends; beyond `length` where they are not all
    there, `at` where the archive is over."""
    decoder = HeaderDecoder()
    start = at
    while at + BLOCK <= length:
        block = piece[at : at + BLOCK]
        if decoder.wants_sparse_map:
            member = decoder.sparse_map(block, at)
        elif block == _ZEROS:
            return start
        else:
            member = decoder.header(block, at)
        at += BLOCK
        if member is not None:
            return member.end
        if size := decoder.extension_size:
            if at + size > length:
                break
            decoder.extension(piece[at : at + size])
            at += size + -size % BLOCK
    return length + 1
