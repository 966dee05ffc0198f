"""requirements.txt, as pip reads it and as pip-compile and uv write it with `--hash` options.

The format is pip's ("Requirements File Format"): lines joined by a backslash, `#` comments,
`-r`/`-c` includes, one requirement a line with per-requirement options behind it.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from packaging.requirements import InvalidRequirement, Requirement

from bom.catalog.python.names import name
from bom.catalog.python.pin import Lock, Pin
from bom.catalog.stated import Unreadable, file_name, public_url, read_text, stated_hash, vcs_url
from bom.model import Distribution, Gap

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from packaging.specifiers import SpecifierSet

    from bom.model import Hash

# pip-tools' and uv's names; requirements.lock and requirements-dev.lock are rye's.
NAMED: Final = re.compile(
    r"requirements([-_.][A-Za-z0-9._-]+)?\.(txt|lock)|.+[-_]requirements\.txt"
)
# Files whose packages are there for work on the project and don't ship.
_DEVELOPMENT: Final = re.compile(
    r"(^|[-_./])(dev|devel|develop|development|tests?|testing|lint|docs?|ci|qa|typing|build)"
    r"([-_.]|$)"
)
_INCLUDE_LIMIT: Final = 16  # files, nested or not
_VCS: Final = re.compile(r"(git|hg|svn|bzr)\+")
_COMMIT: Final = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")


@dataclass(frozen=True, slots=True)
class _Line:
    number: int
    words: tuple[str, ...]


@dataclass(slots=True)
class _Reading:
    """What has been read so far, over the includes of one file."""

    root: Path
    pins: list[Pin] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    constraints: dict[str, str] = field(default_factory=dict)
    seen: set[Path] = field(default_factory=set)


def development(location: str) -> bool:
    """Whether a requirements file's name says that what it lists doesn't ship."""
    stem = PurePosixPath(location).name.rpartition(".")[0]
    return _DEVELOPMENT.search(stem) is not None


def read(files: Sequence[Path], root: Path) -> Lock:
    """What the requirements `files` of the project at `root` pin, as one lock.

    A package of a development file doesn't ship, unless another file has it too. Requirements
    that are not pinned come with an empty version. Raises Unreadable where a file named here
    can't be read.
    """
    reading = _Reading(root)
    for path in sorted(files):
        _read(path, reading)
    pins = [_constrained(pin, reading.constraints) for pin in reading.pins]
    shipped = {pin.key for pin in pins if not pin.development}
    kept: dict[tuple[str, str, str, str], Pin] = {}
    for pin in pins:
        if not (pin.development and pin.key in shipped):
            before = kept.setdefault((*pin.key, pin.marker), pin)
            if not before.distributions:
                kept[(*pin.key, pin.marker)] = replace(before, distributions=pin.distributions)
    where = sorted({pin.location for pin in pins}) or [_place(path, root) for path in files]
    return Lock(", ".join(where), tuple(kept.values()), gaps=tuple(sorted(set(reading.gaps))))


def _constrained(pin: Pin, constraints: dict[str, str]) -> Pin:
    if pin.version or pin.source != "registry":
        return pin
    return replace(pin, version=constraints.get(pin.name, ""))


def _place(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name


def _include(path: Path, reading: _Reading) -> None:
    """Read what another file includes; one that can't be read is a gap."""
    try:
        _read(path, reading)
    except Unreadable as error:
        location = _place(path, reading.root)
        reading.gaps.append(Gap("dependency.lock", location, f"the file {error}"))


def _read(path: Path, reading: _Reading) -> None:
    """Raises Unreadable for the file itself."""
    if path in reading.seen:
        return
    location = _place(path, reading.root)
    if not path.is_relative_to(reading.root):
        reading.gaps.append(Gap("dependency.lock", location, "lies outside the project"))
        return
    if len(reading.seen) >= _INCLUDE_LIMIT:
        reading.gaps.append(Gap("dependency.lock", location, "too many included files"))
        return
    reading.seen.add(path)
    for line in _lines(read_text(path)):
        _take(line, path, location, reading)


def _lines(source: str) -> Iterator[_Line]:
    """Logical lines with the number of their first physical one, split into words."""
    joined, start = "", 0
    for number, raw in enumerate(source.splitlines(), 1):
        start = start or number
        # A comment line inside a continuation ends it (pip: comments go after joining).
        if raw.endswith("\\") and not raw.lstrip().startswith("#"):
            joined += raw[:-1] + " "
            continue
        logical = re.sub(r"(^|\s)#.*$", "", joined + raw).strip()
        if logical:
            yield _Line(start, tuple(_words(logical)))
        joined, start = "", 0
    if logical := re.sub(r"(^|\s)#.*$", "", joined).strip():
        yield _Line(start, tuple(_words(logical)))


def _words(logical: str) -> list[str]:
    """The requirement as one word, then its options: pip's own cut is at the first ` -`."""
    if logical.startswith("-"):
        try:
            return shlex.split(logical)
        except ValueError:
            return logical.split()
    requirement, *options = re.split(r"\s+(?=-)", logical)
    return [requirement, *(word for option in options for word in option.split())]


def _take(line: _Line, path: Path, location: str, reading: _Reading) -> None:
    first, *rest = line.words
    option, _, value = first.partition("=")
    for short in ("-r", "-c", "-e"):
        if first.startswith(short) and not first.startswith("--") and len(first) > 2:
            option, value = short, first[2:]
    value = value or (rest[0] if rest else "")
    match option:
        case "-r" | "--requirement":
            _include((path.parent / value).resolve(), reading)
        case "-c" | "--constraint":
            inner = _Reading(reading.root, seen=reading.seen)
            _include((path.parent / value).resolve(), inner)
            pinned = {pin.name: pin.version for pin in inner.pins if pin.version}
            reading.constraints.update({**inner.constraints, **pinned})
            reading.gaps += inner.gaps
        case "-e" | "--editable":
            _add(value, rest, line.number, location, reading)
        case _ if first.startswith("-"):
            pass  # where and how to download: the hashes say what, whichever way it came
        case _:
            _add(first, rest, line.number, location, reading)


def _add(
    spelled: str, options: Sequence[str], number: int, location: str, reading: _Reading
) -> None:
    where = f"{location}:{number}"
    try:
        pin = _pin(spelled, location, number)
    except ValueError:
        reading.gaps.append(
            # The line isn't quoted: an include may have led to a file that is no such list.
            Gap("dependency.version", where, "the requirement on this line can't be read")
        )
        return
    hashes = _hashes(options)
    if len(hashes) < sum(word.startswith("--hash") for word in options):
        reading.gaps.append(Gap("dependency.hash", where, "a stated hash can't be read"))
    if hashes:
        url = pin.archive_url
        files = (
            (Distribution(file_name(url), url, tuple(hashes)),)
            if url
            else tuple(Distribution("", "", (digest,)) for digest in hashes)
        )
        pin = replace(pin, distributions=files)
    reading.pins.append(replace(pin, development=development(location)))


def _hashes(options: Sequence[str]) -> list[Hash]:
    stated = [
        word.removeprefix("--hash=") if "=" in word else (*options, "")[index + 1]
        for index, word in enumerate(options)
        if word.startswith("--hash")
    ]
    return sorted({digest for text in stated if (digest := stated_hash(text))})


def _pin(spelled: str, location: str, number: int) -> Pin:
    """A requirement as a pin. Raises ValueError where it can't be read."""
    if (kind := _VCS.match(spelled)) or "://" in spelled.partition(" ")[0].partition("@")[0]:
        # A bare URL: the name stands in the fragment, or in a wheel's file name.
        found = re.search(r"[#&]egg=([^&\[]+)", spelled)
        called = name(found[1] if found else "" if kind else _from_file(spelled))
        if not called:
            raise ValueError(spelled)
        return pinned_by_url(called, spelled, location, number)
    if spelled.startswith((".", "/", "~", "file:")):
        called = name(_from_file(spelled)) or name(PurePosixPath(spelled.split("[")[0]).name)
        return Pin(called or "project", "", location, number, source="path")
    try:
        wanted = Requirement(spelled)
    except InvalidRequirement as error:
        raise ValueError(spelled) from error
    marker = str(wanted.marker or "")
    extras = tuple(sorted(name(extra) for extra in wanted.extras))
    called = name(wanted.name)
    pin = (
        pinned_by_url(called, wanted.url, location, number)
        if wanted.url
        else Pin(called, exact_version(wanted.specifier), location, number)
    )
    return replace(pin, marker=marker, extras=extras)


def exact_version(wanted: SpecifierSet) -> str:
    """The version to which a specifier pins, "" where it does not (`==1.*` doesn't)."""
    for clause in wanted:
        if clause.operator in {"==", "==="} and not clause.version.endswith(".*"):
            return clause.version
    return ""


def pinned_by_url(called: str, url: str, location: str, number: int) -> Pin:
    """The pin of a direct reference (PEP 508 `name @ url`): a repository, a file or a path."""
    bare = url.partition("#")[0]
    if kind := _VCS.match(bare):
        before, _, reference = bare.rpartition("@")
        # A branch or tag may point elsewhere tomorrow: only a commit is a pin.
        commit = reference if _COMMIT.fullmatch(reference) else ""
        repository = vcs_url(kind[1], before, commit)
        return Pin(called, "", location, number, source="vcs", vcs_url=repository)
    archive = public_url(bare)
    if not archive:
        return Pin(called, "", location, number, source="path")
    digest = stated_hash(url.partition("#")[2])
    files = (Distribution(file_name(bare), archive, (digest,)),) if digest else ()
    version = _version_of(file_name(bare))
    return Pin(called, version, location, number, files, source="archive", archive_url=archive)


def _from_file(url: str) -> str:
    """The project's name in the name of a wheel or sdist."""
    called = file_name(url)
    if called.endswith(".whl"):
        return called.split("-")[0]
    found = re.fullmatch(r"(.+)-[^-]+\.(tar\.gz|zip)", called)
    return found[1] if found else ""


def _version_of(called: str) -> str:
    parts = called.split("-")
    if called.endswith(".whl") and len(parts) >= 5:
        return parts[1]
    found = re.fullmatch(r".+-([^-]+)\.(tar\.gz|zip)", called)
    return found[1] if found and re.match(r"v?\d", found[1]) else ""
