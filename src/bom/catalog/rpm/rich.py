"""Boolean dependencies of rpm 4.13 and later, `(a or b)`, `(a >= 2 if b else c)` (rpm-dependencies,
"Boolean dependencies")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from bom.catalog.rpm.version import EQUAL, GREATER, LESS

if TYPE_CHECKING:
    from collections.abc import Callable

_OPERATORS: Final = frozenset(["and", "or", "with", "without", "if", "unless", "else"])
_SENSES: Final = {
    "<": LESS,
    "<=": LESS | EQUAL,
    "=": EQUAL,
    "==": EQUAL,
    ">": GREATER,
    ">=": GREATER | EQUAL,
}
_DEPTH: Final = 50
_LENGTH: Final = 65_536

Providers = frozenset[int]


class Answer(NamedTuple):
    """Whether it is met, and by which packages."""

    met: bool
    by: Providers = frozenset()


class Unparsed(Exception):
    """A boolean dependency that is none."""


def evaluate(text: str, find: Callable[[str, int, str], Providers]) -> Answer:
    """What a boolean dependency comes to where `find(name, sense, version)` gives the installed
    packages that provide a capability. Raises Unparsed."""
    if len(text) > _LENGTH:
        raise Unparsed
    words = _words(text)
    answer, end = _group(words, 0, 0, find)
    if end != len(words):
        raise Unparsed
    return answer


def _group(
    words: list[str], at: int, depth: int, find: Callable[[str, int, str], Providers]
) -> tuple[Answer, int]:
    """`( TERM OPERATOR TERM ... )`, from the bracket on; the place after it."""
    if depth > _DEPTH or at >= len(words) or words[at] != "(":
        raise Unparsed
    answer, at = _term(words, at + 1, depth, find)
    terms, operators = [answer], []
    while at < len(words) and words[at] != ")":
        if words[at] not in _OPERATORS:
            raise Unparsed
        operators.append(words[at])
        answer, at = _term(words, at + 1, depth, find)
        terms.append(answer)
    if at >= len(words):
        raise Unparsed
    return _combined(terms, operators), at + 1


def _term(
    words: list[str], at: int, depth: int, find: Callable[[str, int, str], Providers]
) -> tuple[Answer, int]:
    if at >= len(words) or words[at] == ")" or words[at] in _OPERATORS:
        raise Unparsed
    if words[at] == "(":
        return _group(words, at, depth + 1, find)
    name, sense, version = words[at], 0, ""
    if at + 2 < len(words) and words[at + 1] in _SENSES:
        sense, version = _SENSES[words[at + 1]], words[at + 2]
        at += 2
    by = find(name, sense, version)
    return Answer(bool(by), by), at + 1


def _combined(terms: list[Answer], operators: list[str]) -> Answer:
    kinds = set(operators)
    every: Providers = frozenset().union(*(term.by for term in terms if term.met))
    if kinds <= {"and"}:
        return Answer(all(term.met for term in terms), every)
    if kinds == {"or"}:
        return Answer(any(term.met for term in terms), every)
    if kinds == {"with"}:  # one package meets all of them
        by = terms[0].by.intersection(*(term.by for term in terms[1:]))
        return Answer(bool(by), by)
    if operators == ["without"]:
        by = terms[0].by - terms[1].by
        return Answer(bool(by), by)
    if operators in (["if"], ["if", "else"]):
        if terms[1].met:
            return terms[0]
        return terms[2] if len(terms) == 3 else Answer(True)
    if operators in (["unless"], ["unless", "else"]):
        if not terms[1].met:
            return terms[0]
        return terms[2] if len(terms) == 3 else Answer(True)
    raise Unparsed


def _words(text: str) -> list[str]:
    """Brackets, names, operators and versions; a name may hold brackets in pairs
    (`font(:lang=en)`)."""
    words = []
    at, end = 0, len(text)
    while at < end:
        if text[at].isspace():
            at += 1
            continue
        if text[at] in "()":
            words.append(text[at])
            at += 1
            continue
        start, inside = at, 0
        while at < end and not text[at].isspace():
            if text[at] == "(":
                inside += 1
            elif text[at] == ")":
                if not inside:
                    break
                inside -= 1
            at += 1
        words.append(text[start:at])
    return words
