"""The action's inputs: every one a text out of a variable `BOM_INPUT_NAME`."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Final

from bom.errors import BomError

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX: Final = "BOM_INPUT_"
# Not for the wrapped command: inputs, and where the steps keep what they hand on.
OWN: Final = (PREFIX, "BOM_ACTION_")


class Inputs:
    """Asks for inputs by their names in action.yml (`require-checks`)."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def text(self, name: str) -> str:
        """Without blanks around it; "" where it is not given."""
        return self.raw(name).strip()

    def raw(self, name: str) -> str:
        return self._environment.get(PREFIX + name.upper().replace("-", "_"), "")

    def flag(self, name: str) -> bool:
        """Raises BomError for anything but true and false: a condition that is misspelt must not
        silently be off."""
        value = self.text(name).lower()
        if value not in ("true", "false", ""):
            raise BomError(f"the input {name} is {value!r}", hint="it is `true` or `false`")
        return value == "true"

    def lines(self, name: str) -> tuple[str, ...]:
        """One value a line; empty lines count for nothing."""
        stripped = (line.strip() for line in self.raw(name).splitlines())
        return tuple(line for line in stripped if line)

    def pairs(self, name: str) -> tuple[tuple[str, str], ...]:
        """Lines of `NAME: VALUE`. Raises BomError for others."""
        found = []
        for line in self.lines(name):
            key, colon, value = (part.strip() for part in line.partition(":"))
            if not (key and colon and value):
                raise BomError(
                    f"the input {name} has the line {line!r}", hint="a line is `NAME: VALUE`"
                )
            found.append((key, value))
        return tuple(found)


def words(command: str) -> tuple[str, ...]:
    """A command line as POSIX shells split it into words: quotes and backslashes count, and nothing
    is expanded or run. A backslash at a line's end joins it with the next one.

    Raises BomError where it is empty or a quote is not closed.
    """
    try:
        found = tuple(shlex.split(_joined(command)))
    except ValueError as error:
        raise BomError(
            f"the command can't be split into words: {str(error).lower()}",
            hint="every quote needs its second one; for a shell's own: bash -c '…'",
        ) from error
    if not found:
        raise BomError("the command is empty", hint="command: python -m build")
    return found


def shell_words(command: tuple[str, ...]) -> tuple[str, ...]:
    """Words that only a shell would make something of, where the command is not one's."""
    if command[0].rpartition("/")[2] in ("bash", "sh", "dash", "zsh", "ksh"):
        return ()
    operators = ("&&", "||", "|", ";", ">", ">>", "<", "2>&1", "&")
    return tuple(word for word in command if word in operators or "$" in word or "`" in word)


def _joined(command: str) -> str:
    r"""Without `\` + line end, but inside of single quotes, where they stand for themselves."""
    kept: list[str] = []
    quote, position = "", 0
    text = command.replace("\r\n", "\n")
    while position < len(text):
        char = text[position]
        if char == "\\" and quote != "'":
            pair = text[position : position + 2]
            kept.append("" if pair == "\\\n" else pair)
            position += 2
            continue
        if char in "'\"" and quote in ("", char):
            quote = "" if quote else char
        kept.append(char)
        position += 1
    return "".join(kept)
