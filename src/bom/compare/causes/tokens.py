"""A line as a row of tokens: times, paths, modes, numbers and words, found by their shape, and the
values that are known of the build.

Two lines that say the same of two builds have tokens of the same kinds in the same order; where
two of them differ in their text is a spot.
"""

from __future__ import annotations

import difflib
import re
from collections import Counter
from typing import TYPE_CHECKING, Final

from bom.common_start import common_start
from bom.compare.causes.model import Spot, Token
from bom.compare.causes.times import TIME

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from bom.compare.causes.model import Kind
    from bom.compare.protocol import Circumstances

    Tokeniser = Callable[[str], list[Token]]

_AROUND: Final = 120  # characters of a line that a spot keeps on either side
_LONG: Final = 4000  # characters: more of a line is not looked at as tokens
_ALIGNED: Final = 300  # tokens that are aligned, which takes quadratic time
# By kind; the first that fits, wins. Named groups are the kinds.
_SHAPES: Final = rf"""
  (?P<time>{TIME})
 |(?P<uuid>(?<![0-9A-Fa-f-])[0-9A-Fa-f]{{8}}-(?:[0-9A-Fa-f]{{4}}-){{3}}[0-9A-Fa-f]{{12}}(?![0-9A-Fa-f-]))
 |(?P<access>(?<![\w-])[bcdlps-](?:[r-][w-][xsS-]){{2}}[r-][w-][xtT-][.+]?(?![\w-]))
 |(?P<locale>(?<![\w.])(?:[a-z]{{2,3}}_[A-Z]{{2}}(?:[.@][\w@-]+)*|C\.[Uu][Tt][Ff]-?8|POSIX)(?![\w.]))
 |(?P<path>(?<![\w./:~>=-])(?:/[\w.+~@%,=-]+)+/?|(?:(?<=[:=])|(?<=-[BIL])|(?<=file://))(?:/[\w.+~@%,=-]+)+/?)
 |(?P<number>\d+(?:[.,]\d+)+[\w.+~-]*\w|\d+(?:[.,]\d+)+|(?<![^\W\d_])\d+(?![^\W_]))
 |(?P<word>[^\W\d_]+(?=\d+\.\d)|\w+(?:-(?!\d{{8}}|\d+\.\d)\w+)*)
 |(?P<space>\s+)
 |(?P<mark>.)
"""


def tokeniser(known: Circumstances) -> Tokeniser:
    """What splits the lines of one of the two builds."""
    values: list[tuple[str, str]] = []
    if len(known.folder) > 1:
        values.append(("folder", rf"{re.escape(known.folder.rstrip('/'))}(?![\w-])"))
    if len(known.home) > 1:
        values.append(("home", rf"{re.escape(known.home.rstrip('/'))}(?![\w-])"))
    if known.hostname:
        values.append(("host", rf"(?<![\w-]){re.escape(known.hostname)}(?![\w-])"))
    if known.user:
        values.append(("user", rf"(?<![\w-]){re.escape(known.user)}(?![\w-])"))
    values.sort(key=lambda item: -len(item[1]))  # a home may lie in the folder, or be it
    named = "".join(f"(?P<{kind}>{pattern})|" for kind, pattern in values)
    # In verbose mode a space and # of a value have to be escaped, which re.escape does.
    pattern = re.compile(named + _SHAPES, re.VERBOSE | re.DOTALL)

    def split(line: str) -> list[Token]:
        found: list[Token] = []
        for match in pattern.finditer(line):
            kind: Kind = match.lastgroup  # type: ignore[assignment]  # the groups are the kinds
            found.append(Token(kind, match.group()))
        return found

    return split


def skeleton(tokens: Sequence[Token]) -> tuple[str, ...]:
    """What is the same in two lines that say the same of two builds."""
    return tuple(
        token.kind if token.kind in _VARYING else token.text
        for token in tokens
        if token.kind != "space"
    )


_VARYING: Final = frozenset(
    ("folder", "home", "host", "user", "time", "uuid", "path", "access", "locale", "number")
)


def in_lines(one: str, two: str, split: tuple[Tokeniser, Tokeniser]) -> Iterator[Spot]:
    """Where two lines differ; of long ones only what lies around that."""
    if max(len(one), len(two)) > _LONG:
        one, two = _around(one, two)
    yield from spots(split[0](one), split[1](two))


def _around(one: str, two: str) -> tuple[str, str]:
    """Two long lines without their equal starts and ends, but for what a spot shows of them."""
    start = max(0, common_start(one, two) - _AROUND)
    one, two = one[start:], two[start:]
    end = max(0, common_start(one[::-1], two[::-1]) - _AROUND)
    return one[: len(one) - end][:_LONG], two[: len(two) - end][:_LONG]


def spots(one: Sequence[Token], two: Sequence[Token]) -> Iterator[Spot]:
    """Where two rows of tokens differ."""
    start, end = _common(one, two)
    first, second = one[start : len(one) - end], two[start : len(two) - end]
    before = "".join(token.text for token in one[max(0, start - 40) : start])[-_AROUND:]
    after = "".join(token.text for token in one[len(one) - end :][:40])[:_AROUND]
    permuted = _permuted(first, second, before, after)
    if permuted is not None:
        yield permuted
    elif len(first) == len(second):
        yield from _pairs(first, second, before, after)
    elif max(len(first), len(second)) <= _ALIGNED:
        yield from _aligned(first, second, before, after)
    else:
        yield Spot(_joined(first), _joined(second), before, after)


def _common(one: Sequence[Token], two: Sequence[Token]) -> tuple[int, int]:
    """How many tokens are the same at the start and at the end."""
    limit = min(len(one), len(two))
    start = 0
    while start < limit and one[start].text == two[start].text:
        start += 1
    end = 0
    while end < limit - start and one[-1 - end].text == two[-1 - end].text:
        end += 1
    return start, end


def _permuted(one: Sequence[Token], two: Sequence[Token], before: str, after: str) -> Spot | None:
    """The same words in another order. Spaces and marks separate them."""
    first = [token.text for token in one if token.kind not in ("space", "mark")]
    second = [token.text for token in two if token.kind not in ("space", "mark")]
    if len(first) < 2 or first == second or Counter(first) != Counter(second):
        return None
    return Spot(
        Token("permuted", "".join(token.text for token in one)),
        Token("permuted", "".join(token.text for token in two)),
        before,
        after,
        (tuple(first), tuple(second)),
    )


def _pairs(one: Sequence[Token], two: Sequence[Token], before: str, after: str) -> Iterator[Spot]:
    left = before
    for index, (first, second) in enumerate(zip(one, two, strict=True)):
        if first.text != second.text:
            right = "".join(token.text for token in one[index + 1 : index + 30])
            yield Spot(first, second, left, (right + after)[:_AROUND])
        left = (left + first.text)[-_AROUND:]


def _aligned(one: Sequence[Token], two: Sequence[Token], before: str, after: str) -> Iterator[Spot]:
    matcher = difflib.SequenceMatcher(
        None,
        [_key(token) for token in one],
        [_key(token) for token in two],
        autojunk=False,
    )
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        left = (before + "".join(token.text for token in one[:i1]))[-_AROUND:]
        right = ("".join(token.text for token in one[i2:]) + after)[:_AROUND]
        if tag == "equal" or i2 - i1 == j2 - j1:
            yield from _pairs(one[i1:i2], two[j1:j2], left, right)
        else:
            yield Spot(_joined(one[i1:i2]), _joined(two[j1:j2]), left, right)


def _key(token: Token) -> str:
    return f"\0{token.kind}" if token.kind in _VARYING else token.text


def _joined(tokens: Sequence[Token]) -> Token:
    if not tokens:
        return Token("only", "")
    if len(tokens) == 1:
        return tokens[0]
    return Token("several", "".join(token.text for token in tokens))
