"""The few expressions that the actions use, evaluated as GitHub does; anything else is refused.

GitHub's documentation, "Evaluate expressions in workflows and actions". An action that begins to
use another function or operator has to be looked at: this harness would play it wrong.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

Context = "Mapping[str, object]"
_TOKEN: Final = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<sign>==|!=|&&|\|\||[()])|(?P<name>[A-Za-z_][\w.-]*))"
)
_SLOT: Final = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
FUNCTIONS: Final = ("always", "success", "failure", "cancelled")


class Refused(Exception):
    """An expression that this evaluator doesn't know."""


def filled(text: str, context: Mapping[str, object]) -> str:
    """`text` with every `${{ … }}` replaced by its value."""
    return _SLOT.sub(lambda match: _spelt(evaluated(match[1], context)), text)


def condition(text: str, context: Mapping[str, object], *, failed: bool) -> bool:
    """Whether a step with this `if` runs; without a status function `success()` is meant."""
    bare = text.strip()
    if match := _SLOT.fullmatch(bare):
        bare = match[1]
    found = bool(evaluated(bare, context, failed=failed)) if bare else True
    names_status = any(f"{name}()" in bare for name in FUNCTIONS)
    return found if names_status else found and not failed


def evaluated(text: str, context: Mapping[str, object], *, failed: bool = False) -> object:
    parser = _Parser(_tokens(text), context, failed)
    value = parser.alternatives()
    if parser.left:
        raise Refused(f"{text!r}: {parser.left[0]!r} is too much")
    return value


def _spelt(value: object) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _tokens(text: str) -> list[str]:
    found, at = [], 0
    text = text.strip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise Refused(f"{text!r}: {text[at:]!r} is not known here")
        found.append(match[0].strip())
        at = match.end()
    return found


class _Parser:
    def __init__(self, tokens: list[str], context: Mapping[str, object], failed: bool) -> None:
        self.left = tokens
        self._context = context
        self._failed = failed

    def alternatives(self) -> object:
        value = self._all()
        while self._takes("||"):
            other = self._all()
            value = value or other
        return value

    def _all(self) -> object:
        value = self._equal()
        while self._takes("&&"):
            other = self._equal()
            value = value and other
        return value

    def _equal(self) -> object:
        value = self._value()
        for sign in ("==", "!="):
            if self._takes(sign):
                same = _spelt(value).lower() == _spelt(self._value()).lower()
                return same if sign == "==" else not same
        return value

    def _value(self) -> object:
        if not self.left:
            raise Refused("an expression ends too early")
        token = self.left.pop(0)
        if token == "(":
            value = self.alternatives()
            if not self._takes(")"):
                raise Refused("a parenthesis is not closed")
            return value
        if token.startswith("'"):
            return token[1:-1].replace("''", "'")
        if token in FUNCTIONS and self.left[:2] == ["(", ")"]:
            del self.left[:2]
            return {"always": True, "success": not self._failed, "failure": self._failed}.get(
                token, False
            )
        return self._looked_up(token)

    def _takes(self, token: str) -> bool:
        if self.left and self.left[0] == token:
            del self.left[0]
            return True
        return False

    def _looked_up(self, path: str) -> object:
        value: object = self._context
        for number, name in enumerate(path.split(".")):
            if not isinstance(value, dict):
                raise Refused(f"{path}: {name} of no object")
            # a step that didn't run has no outputs, an output that wasn't set is empty
            known = name in value or number > 0
            if not known or (path.startswith("inputs.") and name not in value):
                raise Refused(f"{path} is not known here")
            value = value.get(name, {} if name == "outputs" or path.startswith("steps.") else None)
        return None if isinstance(value, dict) else value
