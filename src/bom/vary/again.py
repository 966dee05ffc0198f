"""The same build a second time, in another place: the user's tree is not touched."""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bom.builder import builder_for
from bom.process import SIGNALLED, STDERR, run

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bom.builder.protocol import Artifact, BuildRequest, Progress
    from bom.vary.protocol import Circumstance

_NOTHING: Final = Path(os.devnull)
_STOPPED: Final = tuple(
    SIGNALLED + number for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGHUP)
)


@dataclass(frozen=True, slots=True)
class Second:
    """What a second build left. `artifacts`: by `identity`; none where `code` isn't 0."""

    code: int
    artifacts: dict[str, Artifact]


@contextmanager
def built_again(
    request: BuildRequest,
    circumstance: Circumstance,
    output: Path,
    umask: int | None,
    progress: Progress,
) -> Iterator[Second]:
    """Build in the source of `circumstance`, which is checked out there. `output`: an empty
    private folder for what the first build wrote outside of its tree. Raises BomError."""
    again = moved(request, circumstance, output)
    with builder_for(again.command, again.images).prepare(again) as prepared:
        code = run(
            (*circumstance.prefix, *prepared.invocation.argv),
            environment=prepared.invocation.environment,
            cwd=again.cwd,
            stdout=STDERR,
            stdin=prepared.invocation.stdin or _NOTHING,
            umask=umask,
        )
        if code in _STOPPED:
            # a signal to `bom` stops it, not just this attempt
            raise KeyboardInterrupt if code == _STOPPED[0] else SystemExit(code)
        if code:
            yield Second(code, {})
            return
        collected = prepared.collect(progress, "")
        yield Second(0, {identity(item, again): item for item in collected.artifacts})


def identity(artifact: Artifact, request: BuildRequest) -> str:
    """By what an artifact of one build is known in the other: its path in the project, its name
    where it goes elsewhere."""
    target = Path(os.path.realpath(artifact.target.parent)) / artifact.target.name
    if request.output is None and target.is_relative_to(request.root):
        return str(target.relative_to(request.root))
    return target.name


def moved(request: BuildRequest, circumstance: Circumstance, output: Path) -> BuildRequest:
    """The request, as if the user had asked in the other place."""
    source = circumstance.source
    cwd = source / Path(os.path.realpath(request.cwd)).relative_to(request.root)
    target = None
    if request.output is not None:
        target = output if request.output.is_dir() else output / request.output.name
    environment = {**circumstance.environment, "PWD": str(cwd)}
    environment.pop("OLDPWD", None)
    return replace(
        request,
        command=_words(request.command, request, source, output),
        cwd=cwd,
        root=source,
        environment=environment,
        output=target,
        artifacts=tuple(_word(text, request, source) for text in request.artifacts),
    )


# Where builders of images write to, beside the image.
_FILES: Final = ("--iidfile", "--metadata-file", "--cidfile")


def _words(
    command: Sequence[str], request: BuildRequest, source: Path, output: Path
) -> tuple[str, ...]:
    """Paths in the project become paths in the other source. A program of the project that no
    clone has (one of an environment that git ignores) stays the one that it was."""
    words = [_word(text, request, source) for text in command]
    if words[0] != command[0] and not Path(words[0]).exists():
        words[0] = command[0]
    for number, word in enumerate(words):
        name, equals, value = word.partition("=")
        if name not in _FILES:
            continue
        if equals and Path(value).is_absolute():
            words[number] = f"{name}={_aside(value, source, output)}"
        elif not equals and number + 1 < len(words) and Path(words[number + 1]).is_absolute():
            words[number + 1] = _aside(words[number + 1], source, output)
    return tuple(words)


def _word(text: str, request: BuildRequest, source: Path) -> str:
    """A word, or its part behind `=`, that is a path in the project."""
    head, equals, tail = text.rpartition("=")
    path = tail if equals else text
    for root in dict.fromkeys((str(request.root), _unresolved(request))):
        if path == root or path.startswith(f"{root}/"):
            return f"{head}{equals}{source}{path.removeprefix(root)}"
    return text


def _unresolved(request: BuildRequest) -> str:
    """The project's top as the user spells it: with the links that lead to it."""
    inside = Path(os.path.realpath(request.cwd)).relative_to(request.root)
    depth = len(inside.parts)
    return str(request.cwd.parents[depth - 1] if depth else request.cwd)


def _aside(value: str, source: Path, output: Path) -> str:
    if Path(value).is_relative_to(source):
        return value
    return str(output.parent / f"aside-{Path(value).name}")
