"""The groups of a Gemfile, where it is written so plainly that nothing has to be run for them.

A Gemfile is Ruby code. Most are nothing but calls with literals, one on a line, and of those each
gem's groups are sure; as soon as one line is anything else, none are.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from bom.catalog.ruby.names import valid_name
from bom.catalog.stated import decoded

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_GROUP: Final = "default"
# What Bundler's own documentation leaves out of a production install.
BUILD_GROUPS: Final = frozenset(["development", "test"])

_STRING: Final = r"(?:\"[^\"#\\]*\"|'[^'\\]*')"
_SYMBOL: Final = r":[a-z_][A-Za-z0-9_]*"
_VALUE: Final = rf"(?:{_STRING}|{_SYMBOL}|true|false|nil|[0-9.]+)"
_LIST: Final = (
    rf"(?:{_VALUE}|\[(?: *{_VALUE} *,)* *(?:{_VALUE})? *\]|%[iw][\[(][A-Za-z0-9_ -]*[\])])"
)
_OPTION: Final = rf"(?:[a-z_]+: *{_LIST}|:[a-z_]+ *=> *{_LIST})"
_ARGUMENTS: Final = re.compile(rf" *(?P<one>{_OPTION}|{_LIST}) *(?:,|\Z)")
_CALL: Final = re.compile(
    r"(?P<verb>gem|source|ruby|group|platforms?|gemspec|path|git|git_source|plugin)\b"
    r" *(?P<open>\()?(?P<rest>.*)\Z"
)
_GROUP_OPTION: Final = re.compile(r"(?:groups?: *|:groups? *=> *)(.*)\Z")
_WORD: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_BLOCKS: Final = frozenset(["group", "platform", "platforms", "source", "path", "git"])


def groups(raw: bytes) -> Mapping[str, frozenset[str]] | None:
    """The groups of each gem that a Gemfile names; None where code decides them. Raises
    Unreadable."""
    found: dict[str, frozenset[str]] = {}
    inside: list[frozenset[str]] = []
    waiting = ""
    for line in decoded(raw).split("\n"):
        bare = f"{waiting} {_without_comment(line)}".strip()
        if len(bare) > 10_000:
            return None
        if bare.endswith(","):
            waiting = bare
            continue
        waiting = ""
        if not bare:
            continue
        if bare == "end":
            if not inside:
                return None
            inside.pop()
            continue
        call = _call(bare)
        if call is None:
            return None
        verb, arguments, block = call
        named = _named(arguments, plain=verb == "group")
        if block:
            if verb not in _BLOCKS:
                return None
            inside.append(named)
        elif verb == "gem":
            name = valid_name(arguments[0].strip("\"'")) if arguments else ""
            if not name:
                return None
            stated = frozenset().union(named, *inside) or frozenset([DEFAULT_GROUP])
            found[name] = found.get(name, frozenset()) | stated
        elif verb == "gemspec":
            return None  # it adds what a specification asks for, and that is code as well
    return None if inside or waiting else found


def _call(bare: str) -> tuple[str, list[str], bool] | None:
    call = _CALL.match(bare)
    if call is None:
        return None
    rest = call["rest"].strip()
    block = rest.endswith(" do") or rest == "do"
    if block:
        rest = rest.removesuffix("do").strip()
    if call["open"]:
        if not rest.endswith(")"):
            return None
        rest = rest[:-1]
    arguments = []
    at = 0
    while at < len(rest):
        found = _ARGUMENTS.match(rest, at)
        if found is None or found.end() == at:
            return None
        arguments.append(found["one"])
        at = found.end()
    return call["verb"], arguments, block


def _named(arguments: list[str], *, plain: bool) -> frozenset[str]:
    """The groups that a call names: as options, and for `group` itself as what comes first."""
    found: set[str] = set()
    for argument in arguments:
        option = _GROUP_OPTION.match(argument)
        if option:
            found.update(_words(option[1]))
        elif plain and re.match(rf"{_LIST}\Z", argument):
            found.update(_words(argument))
    return frozenset(found)


def _words(text: str) -> list[str]:
    return _WORD.findall(text[2:] if text.startswith("%") else text)


def _without_comment(line: str) -> str:
    """A line up to its comment; one with a `#` in a string is left as it is."""
    bare = line.strip()
    if bare.startswith("#"):
        return ""
    before, mark, _ = bare.partition(" #")
    whole = before.count('"') % 2 == 0 and before.count("'") % 2 == 0
    return before.strip() if mark and whole else bare
