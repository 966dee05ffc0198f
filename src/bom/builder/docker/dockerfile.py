"""Which images a Dockerfile builds on: its FROM, COPY --from and RUN --mount=from.

Only what is needed for that is read: comments, the escape directive, continued lines, here
documents, ARG before FROM with its default and the build's value (Dockerfile reference).
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SCRATCH: Final = "scratch"
_DIRECTIVE: Final = re.compile(r"#\s*([A-Za-z][\w-]*)\s*=\s*(\S+)\s*$")
_HEREDOC: Final = re.compile(r"<<(-?)\s*([\"']?)(\w+)\2")
_VARIABLE: Final = re.compile(
    r"\\(?P<literal>.)|\$(?:(?P<plain>[A-Za-z_]\w*)|"
    r"\{(?P<name>[A-Za-z_]\w*)(?:(?P<how>:?[-+])(?P<word>[^}]*))?\})"
)
_WITH_HEREDOC: Final = frozenset({"RUN", "COPY", "ADD"})


@dataclass(frozen=True, slots=True)
class Stage:
    """One build stage: the image or stage it starts from, and those it copies from."""

    base: str
    name: str = ""
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, order=True)
class ImageReference:
    """An image that a build uses, as the Dockerfile names it, variables put in.

    kind "base-image": the final stage stands on it; "build-image": something is copied from it,
    or from a stage that stands on it, or it is the Dockerfile's frontend (`# syntax=`).
    `resolved`: False where a variable in it could not be put in.
    """

    name: str
    kind: Literal["base-image", "build-image"]
    resolved: bool = True


def images(
    text: str, build_args: Mapping[str, str], target: str = ""
) -> tuple[ImageReference, ...]:
    """The images that the stage `target` (the last one without) comes from, sorted."""
    stages, syntax = _stages(text, build_args)
    found: dict[str, Literal["base-image", "build-image"]] = {}
    if syntax:
        found[syntax] = "build-image"
    if stages:
        index = _index(stages, target) if target else len(stages) - 1
        _follow(stages, len(stages) - 1 if index is None else index, found)
    return tuple(
        sorted(
            ImageReference(name, kind, "$" not in name)
            for name, kind in found.items()
            if name != SCRATCH
        )
    )


def _follow(
    stages: list[Stage], start: int, found: dict[str, Literal["base-image", "build-image"]]
) -> None:
    """Walk from the final stage; what its own chain of FROMs ends in is the base image."""
    waiting: list[tuple[int, Literal["base-image", "build-image"]]] = [(start, "base-image")]
    seen: set[tuple[int, str]] = set()
    while waiting:
        number, kind = waiting.pop()
        if (number, kind) in seen:
            continue
        seen.add((number, kind))
        stage = stages[number]
        for position, name in enumerate((stage.base, *stage.sources)):
            role: Literal["base-image", "build-image"] = "build-image" if position else kind
            earlier = _index(stages[:number], name)
            if earlier is not None:
                waiting.append((earlier, role))
            elif found.get(name) != "base-image":
                found[name] = role


def _index(stages: list[Stage], name: str) -> int | None:
    """A stage by its name (the last of that name) or its number."""
    for number in reversed(range(len(stages))):
        if stages[number].name and stages[number].name.lower() == name.lower():
            return number
    return int(name) if name.isdecimal() and int(name) < len(stages) else None


def _stages(text: str, build_args: Mapping[str, str]) -> tuple[list[Stage], str]:
    stages: list[Stage] = []
    variables: dict[str, str] = {}
    syntax, escape = _directives(text)
    for keyword, rest in _instructions(text, escape):
        if keyword == "ARG" and not stages:
            for name, default in _arguments(rest):
                value = build_args.get(name, default)
                if value is not None:
                    variables[name] = _expand(value, variables)
        elif keyword == "FROM":
            words = [word for word in rest.split() if not word.startswith("--")]
            if words:
                named = len(words) >= 3 and words[1].upper() == "AS"
                stages.append(Stage(_expand(words[0], variables), words[2] if named else ""))
        elif keyword in _WITH_HEREDOC and stages:
            sources = (*stages[-1].sources, *_sources(rest, variables))
            stages[-1] = replace(stages[-1], sources=sources)
    return stages, syntax


def _directives(text: str) -> tuple[str, str]:
    """The frontend image and the escape character; directives end at the first other line."""
    syntax, escape = "", "\\"
    for line in text.removeprefix("\ufeff").splitlines():
        match = _DIRECTIVE.match(line.strip())
        if not match:
            break
        if match[1].lower() == "syntax":
            syntax = match[2]
        elif match[1].lower() == "escape" and match[2] in ("\\", "`"):
            escape = match[2]
    return syntax, escape


def _instructions(text: str, escape: str) -> Iterator[tuple[str, str]]:
    """Each instruction: its keyword in capitals and the rest, lines joined, bodies skipped."""
    lines = iter(text.removeprefix("\ufeff").splitlines())
    for line in lines:
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        joined = line.strip()
        while joined.endswith(escape):
            joined = joined[:-1]
            for more in lines:
                if more.strip() and not more.lstrip().startswith("#"):
                    joined += more.strip()
                    break
            else:
                break
        keyword, _, rest = joined.partition(" ")
        keyword = keyword.upper()
        if keyword in _WITH_HEREDOC:
            for dash, _, word in _HEREDOC.findall(rest):
                for body in lines:
                    if (body.lstrip("\t") if dash else body) == word:
                        break
        yield keyword, rest.strip()


def _arguments(rest: str) -> Iterator[tuple[str, str | None]]:
    for word in _split(rest):
        name, equals, value = word.partition("=")
        yield name, value if equals else None


def _sources(rest: str, variables: Mapping[str, str]) -> Iterator[str]:
    """What `COPY --from=X` and `RUN --mount=type=...,from=X` take files from."""
    for word in rest.split():
        if not word.startswith("--"):
            return
        name, _, value = word.partition("=")
        if name == "--from":
            yield _expand(value, variables)
        elif name == "--mount":
            for part in value.split(","):
                key, _, source = part.partition("=")
                if key.strip().lower() == "from":
                    yield _expand(source, variables)


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


def _expand(text: str, variables: Mapping[str, str]) -> str:
    """Put variables in; one that isn't known stays as it is written."""

    def put(match: re.Match[str]) -> str:
        if match["literal"]:
            return match["literal"]
        name = match["plain"] or match["name"]
        value = variables.get(name)
        how, word = match["how"] or "", match["word"] or ""
        there = value is not None and (value != "" or not how.startswith(":"))
        if how.endswith("-"):
            return str(value) if there else _expand(word, variables)
        if how.endswith("+"):
            return _expand(word, variables) if there else ""
        return match[0] if value is None else value

    return _VARIABLE.sub(put, text.strip("\"'"))
