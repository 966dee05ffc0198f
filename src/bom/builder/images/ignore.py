"""`.dockerignore`: which paths of a build context the builder gets to see.

A port of the rules in moby/patternmatcher (patterns, exceptions, `**`), of its reader of ignore
files, and of the two walks over a context: BuildKit's (tonistiigi/fsutil), which looks for
exceptions everywhere, and the classic builder's (pkg/archive), which only enters an ignored
folder when an exception names a path below it. Clients before 23.0 walk the classic way for
BuildKit too, and have an older matcher (docker 20.10, pkg/fileutils), with other results for
`+()|{}`, `**name` and parent folders. podman and buildah have that older matcher and that walk
(containers/storage, pkg/fileutils; buildah, copier), and a reader of their own.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from bom.errors import BomError

if TYPE_CHECKING:
    from collections.abc import Iterator

Walk = Literal["buildkit", "classic"]
Matcher = Literal["current", "20.10"]
Reader = Literal["docker", "imagebuilder"]
_ESCAPED: Final = {"current": frozenset(".+()|{}$"), "20.10": frozenset(".$")}
_WILDCARDS: Final = re.compile(r"[*\[\]?^]")


@dataclass(frozen=True, slots=True)
class Pattern:
    """One line of an ignore file, cleaned. `exception`: it began with `!`."""

    text: str
    exception: bool
    kind: Literal["exact", "prefix", "suffix", "regexp"]
    expression: re.Pattern[str] | None = None

    def matches(self, path: str) -> bool:
        match self.kind:
            case "exact":
                return path == self.text
            case "prefix":
                return path.startswith(self.text[:-2])
            case "suffix":
                suffix = self.text[2:]
                return path.endswith(suffix) or (suffix.startswith("/") and path == suffix[1:])
            case "regexp":
                assert self.expression is not None
                return self.expression.fullmatch(path) is not None


# For a folder: which patterns matched it or a folder above; () at the root.
Inherited = tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class IgnoreRules:
    """The patterns of an ignore file in order, and the walk that applies them."""

    patterns: tuple[Pattern, ...] = ()
    walk: Walk = "buildkit"
    matcher: Matcher = "current"

    def judge(self, path: str, inherited: Inherited = ()) -> tuple[bool, Inherited]:
        """Whether `path` is ignored, given what matched its parent folder; and what matched it."""
        if self.matcher == "20.10":
            return self._judge_as_20_10(path), ()
        ignored = False
        matched = []
        for index, pattern in enumerate(self.patterns):
            match = bool(inherited) and inherited[index]
            if not match and pattern.exception == ignored:
                match = pattern.matches(path)
            matched.append(match)
            if match:
                ignored = not pattern.exception
        return ignored, tuple(matched)

    def _judge_as_20_10(self, path: str) -> bool:
        """Of the folders above, only the one with as many parts as the pattern is looked at."""
        above = path.split("/")[:-1]
        ignored = False
        for pattern in self.patterns:
            depth = pattern.text.count("/") + 1
            match = pattern.matches(path) or (
                depth <= len(above) and pattern.matches("/".join(above[:depth]))
            )
            if match:
                ignored = not pattern.exception
        return ignored

    def ignores(self, path: str) -> bool:
        """Whether the builder doesn't get to see `path` (relative to the context, with `/`)."""
        parts = path.split("/")
        ignored = False
        inherited: Inherited = ()
        for end in range(1, len(parts) + 1):
            above = "/".join(parts[:end])
            ignored, inherited = self.judge(above, inherited)
            if ignored and end < len(parts) and not self.enters(above):
                return True
        return ignored

    def enters(self, folder: str) -> bool:
        """Whether an ignored folder may hold something that an exception brings back."""
        exceptions = [pattern.text for pattern in self.patterns if pattern.exception]
        if self.walk == "buildkit":
            exceptions = [_without_trailing_glob(text) for text in exceptions]
            if any(_WILDCARDS.search(text) for text in exceptions):
                return True
        return any(f"{text}/".startswith(f"{folder}/") for text in exceptions)


def parse(
    content: str, walk: Walk, matcher: Matcher = "current", reader: Reader = "docker"
) -> IgnoreRules:
    """The rules of an ignore file. Raises BomError for a pattern that docker refuses."""
    read = _as_docker if reader == "docker" else _as_imagebuilder
    found = [(text, exception) for text, exception in read(content) if text or exception]
    if any(not text for text, _ in found):
        raise BomError("`!` alone is no pattern", hint="mend the .dockerignore file")
    patterns = [_compile(text, exception, matcher) for text, exception in found]
    return IgnoreRules(tuple(patterns), walk, matcher)


def _as_docker(content: str) -> Iterator[tuple[str, bool]]:
    """Each line's pattern and whether it is an exception; "" for a line that holds none."""
    for line in content.removeprefix("\ufeff").splitlines():
        text = "" if line.startswith("#") else line.strip()
        exception = text.startswith("!")
        if exception:
            text = text[1:].strip()
        if text:
            text = _clean(text)
            if len(text) > 1:
                text = text.removeprefix("/")
        yield text, exception


def _as_imagebuilder(content: str) -> Iterator[tuple[str, bool]]:
    """As openshift/imagebuilder and containers/storage read it: a space behind `!` is part of the
    name, and a byte order mark goes after that is looked for."""
    for line in content.split("\n"):
        text = "" if line.startswith("#") else line.strip("/").strip()
        text = _clean(text) if text else ""
        exception = text.startswith("!")
        yield text.removeprefix("!").removeprefix("\ufeff").removeprefix("/"), exception


def _clean(path: str) -> str:
    """Go's filepath.Clean."""
    cleaned = posixpath.normpath(path)
    return cleaned[1:] if cleaned.startswith("//") else cleaned


def _without_trailing_glob(text: str) -> str:
    return text.removesuffix("/**").removesuffix("/*")


def _compile(text: str, exception: bool, matcher: Matcher) -> Pattern:
    """patternmatcher's translation, branch by branch, so that its oddities are kept too."""
    expression = ""
    kind: Literal["exact", "prefix", "suffix", "regexp"] = "exact"
    position = 0
    turn = 0
    while position < len(text):
        letter = text[position]
        position += 1
        if letter == "*" and text[position : position + 1] == "*":
            position += 1
            if text[position : position + 1] == "/":
                position += 1
            if position == len(text):
                if kind == "exact" and matcher == "current":
                    kind = "prefix"
                else:
                    expression += ".*"
                    kind = "regexp"
            else:
                expression += "(.*/)?"
                kind = "regexp"
            if turn == 0:
                kind = "suffix"
        elif letter == "*":
            expression += "[^/]*"
            kind = "regexp"
        elif letter == "?":
            expression += "[^/]"
            kind = "regexp"
        elif letter in _ESCAPED[matcher]:
            expression += "\\" + letter
        elif letter == "\\":
            if position < len(text):
                expression += "\\" + text[position]
                position += 1
                kind = "regexp"
            else:
                expression += "\\"
        elif letter in "[]":
            expression += letter
            kind = "regexp"
        else:
            expression += letter
        turn += 1
    if kind != "regexp" and matcher == "current":
        return Pattern(text, exception, kind)
    try:
        return Pattern(text, exception, "regexp", re.compile(expression))
    except re.error as error:
        raise BomError(
            f"`{text}` is no pattern: {error}", hint="mend the .dockerignore file"
        ) from error
