"""What the steps of a Dockerfile fetch: by digests that the source states, or nobody knows what."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Final, NamedTuple

from bom.capsule.fetched import looked_for
from bom.capsule.npm import LOCKS
from bom.capsule_record import Missing
from bom.catalog.images.instructions import directives, instructions
from bom.catalog.images.runs import runs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

# Programs that fetch something from elsewhere, as they are called in a RUN.
_FETCHES: Final = re.compile(
    r"\b(?:apt-get|apt|apk|dnf|yum|microdnf|zypper)\b[^&|;\n]*"
    r"\b(?:install|add|update|upgrade|build-dep|source|download)\b"
    r"|\b(?:pip3?|uv|poetry|pdm|pipenv|conda|mamba)\b[^&|;\n]*\b(?:install|sync|download)\b"
    r"|\b(?:npm|pnpm|yarn|bun)\b[^&|;\n]*\b(?:ci|i|install|add)\b|\byarn\s*(?:$|[&|;])"
    r"|\b(?:go)\s+(?:mod|get|install|build|run)\b|\bcargo\s+(?:build|install|fetch|run|test)\b"
    r"|\b(?:mvn|gradle|gradlew|composer|bundle|gem|dotnet)\b"
    r"|\b(?:curl|wget|git\s+clone|git\s+fetch|svn)\b",
    re.MULTILINE,
)
_CALLS: Final = re.compile(r"[&|;\n]+")
_HERE: Final = re.compile(r"--(?:no-index|offline)\b|-mod=vendor\b")  # told so
_REMOTE: Final = re.compile(r"(?:https?|git|ssh)://|git@", re.IGNORECASE)
_APT: Final = re.compile(
    r"^[\s({]*(?:[A-Za-z_]\w*=\S*\s+)*apt(?:-get)?\s[^&|;\n]*\b(?:install|update)\b"
)
_APT_MORE: Final = re.compile(r"\b(?:upgrade|build-dep|source|download)\b")
_NPM_CI: Final = re.compile(
    r"^[\s({]*(?:[A-Za-z_]\w*=\S*\s+)*npm\s(?:-\S+\s+)*ci\b(?![^&|;\n]*--registry)"
)
_PIP: Final = re.compile(r"(?:\S*/)?pip3?(?:\.\d+)?$")
_HASH: Final = re.compile(r"--hash[= ]sha256:[0-9a-f]{64}")
# What names another index than the one that pip is told by its environment.
_OWN_INDEX: Final = re.compile(
    r"(?:^|\s)(?:-i|-f|--(?:index-url|extra-index-url|find-links|proxy))(?=[\s=])", re.MULTILINE
)


class Requirements(NamedTuple):
    """A file of hashed requirements that a step on `image` installs by pip. `where`: the step."""

    image: str
    file: Path
    where: str


class AptStep(NamedTuple):
    """A call of apt in a step on `image` that updates its lists or installs packages."""

    image: str
    dockerfile: str
    where: str


class NpmStep(NamedTuple):
    """A call of `npm ci` in a step on `image`, and the lock that it installs."""

    image: str
    lock: Path
    where: str


Step = Requirements | AptStep | NpmStep


def steps(root: Path, dockerfiles: list[Path], context: Path) -> Iterator[Step | Missing]:
    """Every step that fetches something, in order. `context`: where the files it names lie."""
    for path in dockerfiles:
        text = path.read_text("utf-8", "surrogateescape")
        place = str(path.relative_to(root))
        yield from _added(text, place)
        bodies = _bodies(text)
        for run in runs(text):
            where = f"{place}:{run.line}"
            body = bodies.get(run.line, "")
            lines = (run.command, body) if "<<" in run.command else (run.command,)
            calls = dict.fromkeys(part for line in lines for part in _CALLS.split(line))
            yield from _fetched(calls, AptStep(run.image, place, where), context)


def _fetched(calls: Iterable[str], step: AptStep, context: Path) -> Iterator[Step | Missing]:
    """What the calls of one step fetch; of what is not known the first."""
    unknown, apt = "", False
    for call in calls:
        match = _FETCHES.search(call)
        if match is None or _HERE.search(call):
            continue
        if _APT.match(call) and not _APT_MORE.search(call):
            apt = True
            continue
        lock = _npm_lock(call, context)
        if lock is not None:
            yield NpmStep(step.image, lock, step.where)
            continue
        found = _requirements(call, context)
        yield from (Requirements(step.image, file, step.where) for file in found)
        if not found:
            unknown = unknown or match[0].strip()[:60]
    if apt:
        yield step
    if unknown:
        why = f"what `{unknown}` fetches is not known by digest"
        yield Missing(what="step.download", where=step.where, why=why)


def _added(text: str, place: str) -> Iterator[Missing]:
    """The frontend, and what ADD fetches: the builder has them from elsewhere."""
    syntax, escape = directives(text)
    if syntax:
        yield Missing(
            what="step.download",
            where=f"{place}:1",
            why=f"the frontend {syntax[:100]} is an image that the builder fetches",
        )
    for item in instructions(text, escape, heredocs=True):
        for word in item.words[:-1] if item.keyword == "ADD" else ():
            if _REMOTE.match(word):
                yield Missing(
                    what="step.download",
                    where=f"{place}:{item.line}",
                    why=f"what ADD fetches from {word[:100]} is not collected",
                )


def _bodies(text: str) -> dict[int, str]:
    """The lines of each RUN with its here documents, by the line on which it begins."""
    _, escape = directives(text)
    begins = [(item.line, item.keyword) for item in instructions(text, escape, heredocs=True)]
    lines = text.splitlines()
    found = {}
    for number, (line, keyword) in enumerate(begins):
        if keyword == "RUN":
            end = begins[number + 1][0] - 1 if number + 1 < len(begins) else len(lines)
            found[line] = "\n".join(lines[line:end])
    return found


def _requirements(call: str, context: Path) -> list[Path]:
    """The files of this `pip install -r FILE`, if all that it fetches is in them by hash."""
    try:
        words = shlex.split(call)
    except ValueError:
        return []
    if "install" not in words or not any(_PIP.match(word) for word in words[:3]):
        return []
    if _OWN_INDEX.search(call):
        return []
    names = _named(words[words.index("install") + 1 :])
    files = [_in_context(name, context) for name in names]
    whole = [file for file in files if file is not None]
    return whole if whole and len(whole) == len(files) else []


def _npm_lock(call: str, context: Path) -> Path | None:
    """The lock of this `npm ci`: the only one of the context."""
    if not _NPM_CI.match(call):
        return None
    found = [path for name in LOCKS for path in looked_for(context, name)]
    return found[0] if len(found) == 1 and not found[0].is_symlink() else None


def _named(words: list[str]) -> list[str]:
    """What stands behind -r."""
    found = []
    for number, word in enumerate(words):
        if word in ("-r", "--requirement"):
            found += words[number + 1 : number + 2]
        elif word.startswith("--requirement="):
            found.append(word.partition("=")[2])
        elif word.startswith("-r") and len(word) > 2:
            found.append(word[2:])
    return found


def _in_context(name: str, context: Path) -> Path | None:
    """The one file of the context that is called so, if pip takes all in it by hash alone (one
    hash makes it ask for all of them: pip's secure installs)."""
    last = name.rsplit("/", 1)[-1]
    found = [path for path in context.rglob(last) if path.is_file()] if last else []
    if len(found) != 1 or found[0].is_symlink():
        return None
    text = found[0].read_text("utf-8", "surrogateescape")
    nested = re.search(r"^\s*(?:-r|--requirement)\b", text, re.MULTILINE)
    return found[0] if _HASH.search(text) and not _OWN_INDEX.search(text) and not nested else None
