"""The options of the docker client and of its builds, and the grammar that reads them.

The tables hold every global option and every build option of the clients from 20.10 on, with
and without buildx. The grammar is pflag's: `--name value`, `--name=value`, `-nvalue`, combined
short options, `--`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bom.errors import BomError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Option:
    """One option as given: its long name, and its value ("true" for a flag without one)."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Options:
    """The options of one place: those that take a value, flags, and short names."""

    values: frozenset[str]
    flags: frozenset[str]
    short: Mapping[str, str]


GLOBAL: Final = Options(
    values=frozenset({"config", "context", "host", "log-level", "tlscacert", "tlscert", "tlskey"}),
    flags=frozenset({"debug", "help", "tls", "tlsverify", "version"}),
    short={
        "c": "context",
        "D": "debug",
        "H": "host",
        "h": "help",
        "l": "log-level",
        "v": "version",
    },
)
BUILDX: Final = Options(
    values=frozenset({"builder"}),
    flags=frozenset({"debug", "help"}),
    short={"D": "debug", "h": "help"},
)
BUILD: Final = Options(
    values=frozenset(
        [
            "add-host",
            "allow",
            "annotation",
            "attest",
            "build-arg",
            "build-context",
            "builder",
            "cache-from",
            "cache-to",
            "call",
            "cgroup-parent",
            "cpu-period",
            "cpu-quota",
            "cpu-shares",
            "cpuset-cpus",
            "cpuset-mems",
            "file",
            "iidfile",
            "invoke",
            "isolation",
            "label",
            "memory",
            "memory-swap",
            "metadata-file",
            "network",
            "no-cache-filter",
            "output",
            "platform",
            "policy",
            "print",
            "progress",
            "provenance",
            "root",
            "sbom",
            "secret",
            "security-opt",
            "server-config",
            "shm-size",
            "ssh",
            "tag",
            "target",
            "ulimit",
        ]
    ),
    flags=frozenset(
        [
            "check",
            "compress",
            "debug",
            "detach",
            "disable-content-trust",
            "force-rm",
            "help",
            "load",
            "no-cache",
            "pull",
            "push",
            "quiet",
            "rm",
            "squash",
            "stream",
        ]
    ),
    short={
        "c": "cpu-shares",
        "D": "debug",
        "f": "file",
        "h": "help",
        "m": "memory",
        "o": "output",
        "q": "quiet",
        "t": "tag",
    },
)


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
    if equals:
        return [Option(name, value)], 0
    if name in known.flags:
        return [Option(name, "true")], 0
    if name not in known.values:
        raise _unknown(word)
    if not following:
        raise BomError(f"{word} has no value", hint="see `docker build --help`")
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
            raise _unknown(word)
        if rest:
            return [*found, Option(name, rest.removeprefix("="))], 0
        if not following:
            raise BomError(f"{word} has no value", hint="see `docker build --help`")
        return [*found, Option(name, following[0])], 1
    return found, 0


def _unknown(word: str) -> BomError:
    return BomError(
        f"{word} is no option of docker that is known here, so what follows it can't be read",
        hint=f"write it with its value in one word: {word}=VALUE (a flag: {word}=true)",
    )
