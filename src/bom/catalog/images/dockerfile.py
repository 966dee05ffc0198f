"""Which images a Dockerfile builds on: its FROM, COPY --from and RUN --mount=from.

Only what is needed for that is read: comments, the escape directive, continued lines, here
documents, ARG before FROM with its default and the build's value (Dockerfile reference).
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal

from bom.catalog.stated import Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SCRATCH: Final = "scratch"
_DIRECTIVE: Final = re.compile(r"#\s*([A-Za-z][\w-]*)\s*=\s*(\S+)\s*$")
_HEREDOC: Final = re.compile(r"<<(-?)\s*([\"']?)(\w+)\2")
_VARIABLE: Final = re.compile(
    r"\\(?P<literal>.)|\$(?:(?P<plain>[A-Za-z_]\w*)|"
    r"\{(?P<name>[A-Za-z_]\w*)(?:(?P<how>:?[-+])(?P<word>[^}]{0,1000}))?\})"
)
_VALUE_LIMIT: Final = 1000  # characters; a few variables of variables expand to gigabytes
_NAMES_LIMIT: Final = 5000  # stages and images of one file
_WITH_HEREDOC: Final = frozenset({"RUN", "COPY", "ADD"})


@dataclass(frozen=True, slots=True)
class Stage:
    """One build stage: the image or stage it starts from, and those it copies from, each of
    those with the line of its instruction (from 1)."""

    base: str
    name: str = ""
    sources: tuple[str, ...] = ()
    line: int = 0
    source_lines: tuple[int, ...] = ()


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


def mentions(text: str) -> list[tuple[ImageReference, int]]:
    """The images that any of the stages comes from, with the line (from 1) of each place where
    one is named; variables have their defaults. The kind is that in the last stage's build.
    Raises Unreadable."""
    stages, syntax = _stages(text, {})
    if sum(1 + len(stage.sources) for stage in stages) > _NAMES_LIMIT:
        raise Unreadable(f"names more than {_NAMES_LIMIT} stages and images")
    kinds = {item.name: item.kind for item in images(text, {})}
    found: list[tuple[str, int]] = [(syntax, 1)] if syntax else []
    for number, stage in enumerate(stages):
        named = [(stage.base, stage.line), *zip(stage.sources, stage.source_lines, strict=True)]
        found += [
            (name, line)
            for name, line in named
            if name != SCRATCH and _index(stages[:number], name) is None
        ]
    return [
        (ImageReference(name, kinds.get(name, "build-image"), "$" not in name), line)
        for name, line in found
    ]


def expanded(text: str) -> str:
    """`text` with the defaults of its variables put in (`${NAME:-default}`)."""
    return _expand(text, {})


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
    for keyword, rest, line in _instructions(text, escape):
        if keyword == "ARG" and not stages:
            for name, default in _arguments(rest):
                value = build_args.get(name, default)
                if value is not None:
                    made = _expand(value, variables)
                    variables[name] = made if len(made) <= _VALUE_LIMIT else value
        elif keyword == "FROM":
            words = [word for word in rest.split() if not word.startswith("--")]
            if words:
                named = len(words) >= 3 and words[1].upper() == "AS"
                base = _expand(words[0], variables)
                stages.append(Stage(base, words[2] if named else "", line=line))
        elif keyword in _WITH_HEREDOC and stages:
            more = tuple(_sources(rest, variables))
            stages[-1] = replace(
                stages[-1],
                sources=(*stages[-1].sources, *more),
                source_lines=(*stages[-1].source_lines, *[line] * len(more)),
            )
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


def _instructions(text: str, escape: str) -> Iterator[tuple[str, str, int]]:
    """Each instruction: its keyword in capitals and the rest, lines joined, bodies skipped; and
    the line (from 1) on which it begins."""
    numbered = enumerate(text.removeprefix("\ufeff").splitlines(), 1)
    lines = (line for _, line in numbered)
    for number, line in numbered:
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        pieces = []
        piece = line.strip()
        while piece.endswith(escape):
            pieces.append(piece[:-1])
            piece = ""
            for more in lines:
                if more.strip() and not more.lstrip().startswith("#"):
                    piece = more.strip()
                    break
        joined = "".join([*pieces, piece])
        keyword, _, rest = joined.partition(" ")
        keyword = keyword.upper()
        if keyword in _WITH_HEREDOC:
            for dash, _, word in _HEREDOC.findall(rest):
                for body in lines:
                    if (body.lstrip("\t") if dash else body) == word:
                        break
        yield keyword, rest.strip(), number


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
