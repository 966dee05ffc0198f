"""The grammar of options as Go's pflag has it, which docker, podman and buildah share:
`--name value`, `--name=value`, `-nvalue`, combined short options, `--`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from bom.errors import BomError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


TRUE: Final = frozenset({"1", "t", "T", "true", "TRUE", "True"})  # Go's strconv.ParseBool
FALSE: Final = frozenset({"0", "f", "F", "false", "FALSE", "False"})


@dataclass(frozen=True, slots=True)
class Option:
    """One option as given: its long name, and its value ("true" for a flag without one)."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Options:
    """The options of one place: those that take a value, flags, and short names.

    `program`: whose they are, for what is said of an option that isn't known. `aliases`: other
    spellings of long names.
    """

    values: frozenset[str]
    flags: frozenset[str]
    short: Mapping[str, str]
    program: str = "docker"
    aliases: Mapping[str, str] = field(default_factory=dict)


class WithOptions:
    """What is asked of a command line that is understood: its own options, and those of the
    program in front of them."""

    __slots__ = ()
    client_options: tuple[Option, ...]
    options: tuple[Option, ...]

    def values(self, name: str) -> tuple[str, ...]:
        """Every value of an option, in order."""
        return tuple(option.value for option in self.options if option.name == name)

    def value(self, name: str) -> str:
        """The last value of an option, which is the one that counts; "" where it isn't given."""
        return last(self.options, name)

    def flag(self, name: str) -> bool:
        return self.value(name) in TRUE

    def client_value(self, name: str) -> str:
        """The last value of one of the program's own options, "" where it isn't given."""
        return last(self.client_options, name)


def last(options: Sequence[Option], name: str) -> str:
    """The last value of an option, "" where it isn't given."""
    return next((option.value for option in reversed(options) if option.name == name), "")


def csv_words(text: str, where: str) -> list[str]:
    """A value that lists several, as Go's encoding/csv reads it. `where`: what it is, for the
    BomError that a line break in it raises."""
    import csv

    try:
        return next(iter(csv.reader([text])), [])
    except csv.Error as error:
        raise BomError(f"a line break stands in {where}", hint="give one in one line") from error


def leading(argv: Sequence[str], start: int, known: Options) -> tuple[tuple[Option, ...], int]:
    """The options from `start` to the first word that is none, and that word's index."""
    found: list[Option] = []
    index = start
    while index < len(argv) and argv[index].startswith("-") and argv[index] not in ("-", "--"):
        word, following = argv[index], argv[index + 1 : index + 2]
        read = _long if word.startswith("--") else _short
        options, taken = read(word, following, known)
        found.extend(options)
        index += 1 + taken
    return tuple(found), index


def all_of(
    argv: Sequence[str], start: int, known: Options
) -> tuple[tuple[Option, ...], tuple[str, ...]]:
    """The options from `start` to the end, and the words between and behind them."""
    found: list[Option] = []
    words: list[str] = []
    index = start
    while index < len(argv):
        options, index = leading(argv, index, known)
        found.extend(options)
        if index < len(argv) and argv[index] == "--":
            return tuple(found), (*words, *argv[index + 1 :])
        words.extend(argv[index : index + 1])
        index += 1
    return tuple(found), tuple(words)


def _long(word: str, following: Sequence[str], known: Options) -> tuple[list[Option], int]:
    name, equals, value = word[2:].partition("=")
    name = known.aliases.get(name, name)
    if equals:
        return [Option(name, value)], 0
    if name in known.flags:
        return [Option(name, "true")], 0
    if name not in known.values:
        raise _unknown(word, known)
    if not following:
        raise BomError(f"{word} has no value", hint=f"see `{known.program} build --help`")
    return [Option(name, following[0])], 1


def _short(word: str, following: Sequence[str], known: Options) -> tuple[list[Option], int]:
    found: list[Option] = []
    letters = word[1:]
    while letters:
        name = known.short.get(letters[0], "")
        rest = letters[1:]
        if name in known.flags and not rest.startswith("="):
            found.append(Option(name, "true"))
            letters = rest
            continue
        if name not in known.values and name not in known.flags:
            raise _unknown(word, known)
        if rest:
            return [*found, Option(name, rest.removeprefix("="))], 0
        if not following:
            raise BomError(f"{word} has no value", hint=f"see `{known.program} build --help`")
        return [*found, Option(name, following[0])], 1
    return found, 0


def _unknown(word: str, known: Options) -> BomError:
    return BomError(
        f"{word} is no option of {known.program} that is known here, so what follows it can't be"
        " read",
        hint=f"write it with its value in one word: {word}=VALUE (a flag: {word}=true)",
    )
