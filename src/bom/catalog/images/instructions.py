"""The lines of a Dockerfile: directives, instructions, here documents (Dockerfile reference).

Where the reference is silent, as BuildKit's parser reads them (frontend/dockerfile/parser).
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_DIRECTIVE: Final = re.compile(r"(?:#|//)\s*([A-Za-z][A-Za-z0-9]*)\s*=\s*(\S.*)")
# A word of its own: `$((1<<SHIFT))` and `cat<<EOF` begin no here document for BuildKit.
_HEREDOC: Final = re.compile(r"\d*<<(-?)([^<]+)")
_VARIABLE: Final = re.compile(
    r"\\(?P<literal>.)|\$(?:(?P<plain>[A-Za-z_]\w*)|"
    r"\{(?P<name>[A-Za-z_]\w*)(?:(?P<how>:?[-+?]|##?|%%?)(?P<word>[^}]{0,1000}))?\})"
)
_WITH_HEREDOC: Final = frozenset({"RUN", "COPY", "ADD"})
_TRIGGER: Final = "ONBUILD"
VALUE_LIMIT: Final = 1000  # characters; a few variables of variables expand to gigabytes


@dataclass(frozen=True, slots=True)
class Instruction:
    """`keyword` in capitals, the rest with its lines joined and without here documents, and the
    line (from 1) on which it begins. `is_trigger`: it stood behind ONBUILD."""

    keyword: str
    rest: str
    line: int
    is_trigger: bool = False

    @property
    def options(self) -> tuple[tuple[str, str], ...]:
        """The `--name=value` words at its beginning, in order."""
        found = []
        for word in self.rest.split():
            if not word.startswith("--"):
                break
            name, _, value = word[2:].partition("=")
            found.append((name, value))
        return tuple(found)

    @property
    def words(self) -> tuple[str, ...]:
        """The words behind its options."""
        words = self.rest.split()
        return tuple(words[len(self.options) :])


def directives(text: str) -> tuple[str, str]:
    """The frontend image and the escape character; directives end at the first other line."""
    syntax, escape = "", "\\"
    lines = text.removeprefix("\ufeff").splitlines()
    if lines and lines[0].startswith("#!"):
        del lines[0]
    for line in lines:
        match = _DIRECTIVE.match(line.strip())
        if not match:
            break
        name, value = match[1].lower(), match[2].strip()
        if name == "syntax":
            syntax = value.split()[0]
        elif name == "escape" and value in ("\\", "`"):
            escape = value
    return syntax, escape


def instructions(text: str, escape: str, *, heredocs: bool) -> Iterator[Instruction]:
    """Each instruction. `heredocs`: whether this builder knows here documents; one that doesn't
    reads their lines as instructions."""
    numbered = enumerate(text.removeprefix("\ufeff").splitlines(), 1)
    lines = (line for _, line in numbered)
    for number, line in numbered:
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        joined = _joined(line.strip(), lines, escape)
        keyword, rest = _keyword(joined)
        is_trigger = keyword == _TRIGGER
        if is_trigger:
            keyword, rest = _keyword(rest)
        if heredocs and keyword in _WITH_HEREDOC:
            for name, strips_tabs in _heredocs(rest):
                for body in lines:
                    if (body.lstrip("\t") if strips_tabs else body) == name:
                        break
        yield Instruction(keyword, rest, number, is_trigger)


def split(text: str) -> list[str]:
    """The words as a shell splits them."""
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


def assignments(rest: str) -> Iterator[tuple[str, str | None]]:
    """What ARG and ENV set: names and values, None where none is given (ARG)."""
    words = split(rest)
    if len(words) > 1 and "=" not in words[0]:  # the old `ENV NAME VALUE`
        yield words[0], rest.split(None, 1)[1]
        return
    for word in words:
        name, equals, value = word.partition("=")
        yield name, value if equals else None


def expand(text: str, variables: Mapping[str, str]) -> str:
    """Put variables in; one that isn't known stays as it is written."""

    def put(match: re.Match[str]) -> str:
        if match["literal"]:
            return match["literal"]
        value = variables.get(match["plain"] or match["name"])
        how, word = match["how"] or "", match["word"] or ""
        there = value is not None and (value != "" or not how.startswith(":"))
        if how.endswith("-"):
            return str(value) if there else expand(word, variables)
        if how.endswith("+"):
            return expand(word, variables) if there else ""
        if value is None:
            return match[0]
        return _trimmed(value, how, expand(word, variables)) if how[:1] in ("#", "%") else value

    return _VARIABLE.sub(put, text.strip("\"'"))


def bounded(made: str, written: str) -> str:
    """`made`, or what was written where that has become too long."""
    return made if len(made) <= VALUE_LIMIT else written


def _joined(first: str, lines: Iterator[str], escape: str) -> str:
    pieces = []
    piece = first
    while piece.endswith(escape) and not piece.endswith(escape * 2):
        pieces.append(piece[:-1])
        piece = ""
        for more in lines:
            if more.strip() and not more.lstrip().startswith("#"):
                piece = more.strip()
                break
    return "".join([*pieces, piece])


def _keyword(joined: str) -> tuple[str, str]:
    words = joined.split(None, 1)
    return (words[0].upper(), words[1].strip() if len(words) > 1 else "") if words else ("", "")


def _heredocs(rest: str) -> Iterator[tuple[str, bool]]:
    """The end mark of each here document, and whether tabs before it are left out."""
    if "<<" not in rest:
        return
    for word in _raw_words(rest):
        match = _HEREDOC.fullmatch(word)
        names = split(match[2]) if match else []
        if match and len(names) == 1:
            yield names[0], bool(match[1])


def _raw_words(text: str) -> Iterator[str]:
    """The words with their quotes: a space in quotes or behind `\\` ends none."""
    word, quote, escaped = "", "", False
    for letter in text:
        if escaped:
            escaped = False
        elif letter == "\\" and quote != "'":
            escaped = True
        elif quote:
            quote = "" if letter == quote else quote
        elif letter in "\"'":
            quote = letter
        elif letter.isspace():
            if word:
                yield word
            word = ""
            continue
        word += letter
    if word:
        yield word


def _trimmed(value: str, how: str, pattern: str) -> str:
    """`${NAME#PATTERN}` and `${NAME%PATTERN}`, twice for the longest match."""
    expression = re.compile(
        "".join({"*": ".*", "?": "."}.get(letter, re.escape(letter)) for letter in pattern),
        re.DOTALL,
    )
    cuts = range(len(value) + 1)
    if how in ("##", "%"):
        cuts = range(len(value), -1, -1)
    for cut in cuts:
        gone, kept = (value[:cut], value[cut:]) if "#" in how else (value[cut:], value[:cut])
        if expression.fullmatch(gone):
            return kept
    return value
