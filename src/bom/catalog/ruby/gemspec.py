"""The specification of an installed gem: Ruby code that RubyGems writes in one fixed form
(`Gem::Specification#to_ruby`), read line by line and never run.

Only `s.KEY = LITERAL` and `s.add_..._dependency(...)` count. Anything else is left out; where not
even name and version can be read so, the `# stub:` line at the top (`Gem::StubSpecification`) has
them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bom.catalog.ruby.names import valid_name, valid_platform, valid_version
from bom.catalog.stated import Unreadable, decoded, text

if TYPE_CHECKING:
    from collections.abc import Iterator

_STUB: Final = "# stub: "
_ASSIGNMENT: Final = re.compile(r"  s\.([a-z_]+) = (.*)\Z")
_DEPENDENCY: Final = re.compile(r"(?:  )?  s\.add_(runtime_|development_|)dependency\((.*)\)\Z")
_LITERAL: Final = re.compile(
    r"\"(?P<quoted>[^\"\\]*(?:\\.[^\"\\]*)*)\"(?:\.freeze)?|%q<(?P<plain>[^<>]*)>(?:\.freeze)?"
)
_ESCAPE: Final = re.compile(
    r"\\(?:u\{([0-9A-Fa-f]{1,6})\}|u([0-9A-Fa-f]{4})|x([0-9A-Fa-f]{1,2})|([0-7]{1,3})|(.))"
)
_LETTERS: Final = {"n": "\n", "t": "\t", "r": "\r", "e": "\x1b", "0": "\0", "s": " "}
_LISTED: Final = 100_000  # strings of one list


@dataclass(frozen=True, slots=True)
class Specification:
    """An installed gem's specification. `platform`: "" for any. `requires`: each runtime
    dependency with its requirements. `exact`: False where only the stub line could be read."""

    name: str
    version: str
    platform: str = ""
    licences: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    homepage: str = ""
    summary: str = ""
    executables: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    requires: tuple[tuple[str, tuple[str, ...]], ...] = ()
    exact: bool = True


def read(raw: bytes) -> Specification:
    """The specification in a .gemspec. Raises Unreadable."""
    lines = decoded(raw).split("\n")
    values: dict[str, tuple[str, ...]] = {}
    requires: dict[str, tuple[str, ...]] = {}
    otherwise = False
    begun = False
    for line in lines:
        if line == "Gem::Specification.new do |s|":
            begun = True
        elif line == "  else":
            otherwise = True  # repeats all dependencies, those for developing among them
        elif line == "  end":
            otherwise = False
        elif not begun or otherwise:
            continue
        elif found := _ASSIGNMENT.match(line):
            literals = _literals(found[2])
            if literals is not None:
                values.setdefault(found[1], literals)
        elif found := _DEPENDENCY.match(line):
            name, *wanted = _literals(found[2]) or ("",)
            if valid_name(name) and found[1] != "development_":
                requires.setdefault(name, tuple(wanted))
    name = valid_name(_first(values, "name"))
    version = valid_version(_first(values, "version"))
    if not name or not version:
        return _stub(lines)
    return Specification(
        name,
        version,
        valid_platform(_first(values, "platform")),
        values.get("licenses") or values.get("license", ()),
        values.get("authors", ()),
        _first(values, "homepage"),
        _first(values, "summary"),
        values.get("executables", ()),
        values.get("files", ()),
        tuple(sorted(requires.items())),
    )


def _stub(lines: list[str]) -> Specification:
    """`# stub: NAME VERSION PLATFORM REQUIRE-PATHS`, in the first lines."""
    for line in lines[:3]:
        words = line.removeprefix(_STUB).split(" ")
        if line.startswith(_STUB) and len(words) >= 3:
            name, version = valid_name(words[0]), valid_version(words[1])
            if name and version:
                return Specification(name, version, valid_platform(words[2]), exact=False)
    raise Unreadable("is not in the form that RubyGems writes, and has no stub line")


def _first(values: dict[str, tuple[str, ...]], key: str) -> str:
    return next(iter(values.get(key, ())), "")


def _literals(source: str) -> tuple[str, ...] | None:
    """The strings of a literal, or of a list of them; None where it is anything else."""
    found = []
    at = 0
    while at < len(source):
        if source[at] in " ,[]":
            at += 1
        elif match := _LITERAL.match(source, at):
            found.append(match)
            at = match.end()
            if len(found) > _LISTED:
                raise Unreadable(f"has a list of more than {_LISTED} strings")
        elif source.startswith("if s.respond_to? ", at):
            break  # stands behind what older versions of RubyGems don't have
        else:
            return None
    return tuple(filter(None, _values(found)))


def _values(found: list[re.Match[str]]) -> Iterator[str]:
    for match in found:
        plain = match["plain"]
        yield text(plain if plain is not None else _ESCAPE.sub(_unescaped, match["quoted"]))


def _unescaped(match: re.Match[str]) -> str:
    """What one escape of Ruby's `String#dump` stands for."""
    point = match[1] or match[2]
    if point is not None:
        number = int(point, 16)
        return chr(number) if number <= 0x10FFFF else ""
    if match[3] is not None:
        return chr(int(match[3], 16))
    if match[4] is not None:
        return chr(int(match[4], 8))
    return _LETTERS.get(match[5], match[5])
