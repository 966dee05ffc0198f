"""JSON that has exactly one spelling (RFC 8785), and a reader that trusts nothing.

What is signed are bytes, so every signed document is its own canonical form. Writing takes the
C encoder of the standard library, whose output differs from RFC 8785 only for some floats and
for keys beyond the Basic Multilingual Plane; a survey of the value says whether it has any.
"""

from __future__ import annotations

import gc
import json
import re
from collections import Counter
from contextlib import contextmanager
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, cast

from bom.common_start import common_start
from bom.errors import BadArtifact, BomError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

INTEGER_LIMIT: Final = 2**53 - 1  # beyond it a JSON number is not exact (RFC 8785 3.2.2.3)
DEPTH_LIMIT: Final = 200  # nesting; CycloneDX documents stay far below
VALUES_LIMIT: Final = 8_000_000  # a 50,000-component document has about 2 million values
SIZE_LIMIT: Final = 64 * 1024 * 1024

_ENCODER: Final = json.JSONEncoder(
    sort_keys=True,
    separators=(",", ":"),
    ensure_ascii=False,
    check_circular=False,
    allow_nan=False,
)
_EXACT: Final = frozenset({dict, list, tuple, str, int, bool, type(None)})
# An escape that may spell half of a surrogate pair: only then the strings are looked at.
_SURROGATE_ESCAPE: Final = re.compile(rb"\\u[dD][89a-fA-F]")


def dumps(value: object) -> bytes:
    """The RFC 8785 serialisation of `value`: UTF-8, no white space, keys in UTF-16 order.

    Takes dict (with str keys), list, tuple, str, int, float, bool, None and their subclasses.
    Raises BomError for what JSON can't say exactly: NaN and infinities, integers beyond
    2^53 - 1, lone surrogates, other types, nesting deeper than DEPTH_LIMIT.
    """
    plain = _survey(value)
    try:
        if plain:
            return _ENCODER.encode(value).encode("utf-8")
        import rfc8785  # only documents with uncommon numbers or keys pay for it

        return rfc8785.dumps(cast("Any", value))
    except ValueError as error:  # from either encoder: the survey left nothing else to refuse
        raise BomError("a string holds half of a surrogate pair, which UTF-8 can't say") from error


def members(value: Mapping[str, object]) -> dict[str, bytes]:
    """The RFC 8785 serialisation of each member of an object: see `join`."""
    return {name: dumps(item) for name, item in value.items()}


def join(members: Mapping[str, bytes]) -> bytes:
    """`dumps` of the object that has these members: `join(members(value)) == dumps(value)`.

    A document that gets a serial number and a signature is spelled three times but for a few
    bytes; its members are not.
    """
    return b"".join(pieces(members))


def pieces(members: Mapping[str, bytes]) -> Iterator[bytes]:
    """What `join` joins, for whoever needs it only once and in order: hashing, writing."""
    names = sorted(members, key=lambda name: name.encode("utf-16-be", "surrogatepass"))
    yield b"{"
    for number, name in enumerate(names):
        yield (b"," if number else b"") + dumps(name) + b":"
        yield members[name]
    yield b"}"


def loads(data: bytes, *, limit: int = SIZE_LIMIT) -> object:
    """The value that `data` (UTF-8 JSON of at most `limit` bytes) spells.

    Raises BadArtifact: `oversized` over the limits; `damaged` for bytes that are not UTF-8 or
    not JSON, for a key that stands twice, lone surrogates, NaN, integers beyond 2^53 - 1,
    numbers beyond a double and nesting deeper than DEPTH_LIMIT.
    """
    value = _parse(data, limit, _unique)
    _check_nesting(value)
    if _SURROGATE_ESCAPE.search(data):
        try:
            dumps(value)
        except BomError as error:
            raise BadArtifact("damaged", f"not JSON that can be trusted: {error.reason}") from error
    return value


def loads_unchecked(data: bytes, *, limit: int = SIZE_LIMIT) -> object:
    """The value that `data` spells, where somebody else checks how it is spelled and nested.

    Raises BadArtifact as `loads` does for what is no JSON or takes too much memory.
    """
    return _parse(data, limit, None)


def loads_canonical(data: bytes, *, limit: int = SIZE_LIMIT) -> dict[str, object]:
    """The object whose RFC 8785 serialisation is exactly `data`.

    Raises BadArtifact as `loads` does, and `not-canonical` where the bytes spell the value in
    another way than RFC 8785, with the offset of the first difference.
    """
    value = _parse(data, limit, None)
    try:
        again = dumps(value)
    except BomError as error:
        raise BadArtifact("damaged", f"not JSON that can be trusted: {error.reason}") from error
    if again != data:
        loads(data, limit=limit)  # a key that stands twice is damage, and says so
        at = common_start(data, again)
        raise BadArtifact(
            "not-canonical",
            "the JSON is not its own canonical form (RFC 8785)",
            expected=_excerpt(again, at),
            found=_excerpt(data, at),
            where=f"byte {at}",
        )
    if not isinstance(value, dict):
        raise BadArtifact("damaged", "the JSON is not an object", found=type(value).__name__)
    return cast("dict[str, object]", value)


# --- writing -----------------------------------------------------------------------------------


def _survey(value: object) -> bool:
    """Whether the C encoder spells `value` as RFC 8785 does; refuses what JSON can't say.

    It goes level by level, so that the loops run in C: documents have millions of values.
    """
    level: Sequence[object] = (value,)
    keys: set[object] = set()
    plain = True
    for _ in range(DEPTH_LIMIT + 1):
        kinds = set(map(type, level))
        if int in kinds:
            _check_integers(item for item in level if type(item) is int)
        if not kinds <= _EXACT:
            plain &= _check_others([item for item in level if type(item) not in _EXACT])
        objects = [item for item in level if isinstance(item, dict)]
        arrays = [item for item in level if isinstance(item, (list, tuple))]
        if not objects and not arrays:
            break
        keys.update(chain.from_iterable(objects))
        level = [
            *chain.from_iterable(map(dict.values, objects)),
            *chain.from_iterable(arrays),
        ]
    else:
        raise BomError(f"nested deeper than {DEPTH_LIMIT} levels")
    for key in keys:
        if not isinstance(key, str):
            raise BomError(f"an object's keys are strings, not {type(key).__name__}")
    # UTF-16 order is code point order, unless a key has characters beyond U+FFFF.
    return plain and not any(max(key, default="") > "\uffff" for key in cast("set[str]", keys))


def _check_integers(numbers: Iterable[int]) -> None:
    for number in numbers:
        if not -INTEGER_LIMIT <= number <= INTEGER_LIMIT:
            raise BomError("an integer beyond 2^53 - 1 is not exact in JSON")


def _check_others(items: Sequence[object]) -> bool:
    """Whether the C encoder spells these floats and instances of subclasses as RFC 8785 does."""
    plain = True
    for item in items:
        if isinstance(item, float):
            if item - item != 0:  # true for NaN and the infinities only
                raise BomError("NaN and infinity are not JSON numbers")
            # Python and ECMAScript both write the shortest digits that read back; in this range
            # both write them without an exponent, and a fraction ends in no `.0`.
            plain &= 1e-4 <= abs(item) < 1e16 and not item.is_integer()
        elif isinstance(item, int):
            _check_integers((item,))
        elif not isinstance(item, (str, dict, list, tuple)):
            raise BomError(f"JSON has no {type(item).__name__}")
    return plain


# --- reading -----------------------------------------------------------------------------------


def _parse(
    data: bytes,
    limit: int,
    pairs: Callable[[list[tuple[str, object]]], dict[str, object]] | None,
) -> object:
    if len(data) > limit:
        raise BadArtifact(
            "oversized", "the JSON is too large", expected=f"{limit}", found=f"{len(data)}"
        )
    # Objects cost some 60 bytes each in memory, so 64 MiB of `[],` would take gigabytes.
    if data.count(b",") + data.count(b"[") + data.count(b"{") > VALUES_LIMIT:
        raise BadArtifact("oversized", "the JSON holds too many values", expected=f"{VALUES_LIMIT}")
    try:
        # Decoded here: json.loads would take UTF-16 and UTF-32 too.
        text = data.decode("utf-8")
        with _no_collection():
            return json.loads(
                text,
                object_pairs_hook=pairs,
                parse_int=_integer,
                parse_float=_fraction,
                parse_constant=_constant,
            )
    except RecursionError as error:
        raise BadArtifact("damaged", f"nested deeper than {DEPTH_LIMIT} levels") from error
    except UnicodeDecodeError as error:
        raise BadArtifact("damaged", "not UTF-8", where=f"byte {error.start}") from error
    except json.JSONDecodeError as error:
        raise BadArtifact(
            "damaged", f"not JSON: {error.msg}", where=f"character {error.pos}"
        ) from error


@contextmanager
def _no_collection() -> Iterator[None]:
    """Parsing makes no cycles, and collecting while it runs doubles its time (measured)."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    result = dict(pairs)
    if len(result) != len(pairs):
        counts = Counter(key for key, _ in pairs)
        twice = counts.most_common(1)[0][0]
        raise BadArtifact("damaged", "a key stands twice in a JSON object", found=twice[:80])
    return result


def _integer(digits: str) -> int:
    # The length first: converting a million digits takes long (and Python refuses over 4,300).
    number = int(digits) if len(digits) <= 17 else INTEGER_LIMIT + 1
    if not -INTEGER_LIMIT <= number <= INTEGER_LIMIT:
        raise BadArtifact("damaged", "an integer beyond 2^53 - 1", found=digits[:40])
    return number


def _fraction(digits: str) -> float:
    number = float(digits)
    if number - number != 0:
        raise BadArtifact("damaged", "a number beyond a double's range", found=digits[:40])
    return number


def _constant(name: str) -> object:
    raise BadArtifact("damaged", "not a JSON number", found=name)


def _check_nesting(value: object) -> None:
    level: Sequence[object] = (value,)
    for _ in range(DEPTH_LIMIT + 1):
        containers = [item for item in level if isinstance(item, (dict, list))]
        if not containers:
            return
        level = [
            *chain.from_iterable(
                item.values() if isinstance(item, dict) else item for item in containers
            )
        ]
    raise BadArtifact("damaged", f"nested deeper than {DEPTH_LIMIT} levels")


def _excerpt(data: bytes, at: int) -> str:
    return ascii(data[at : at + 40].decode("utf-8", "replace"))
