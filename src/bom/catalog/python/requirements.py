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

from bom.catalog.python.folders import file_text, joined
from bom.catalog.python.names import name, version
from bom.catalog.python.pin import Lock, Pin
from bom.catalog.stated import Unreadable, file_name, public_url, stated_hash, vcs_url
from bom.model import Distribution, Gap
from bom.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from packaging.specifiers import SpecifierSet

    from bom.catalog.protocol import FileView
    from bom.catalog.python.folders import ProjectFolder
    from bom.model import Hash

REQUIREMENT_LIMIT: Final = 16_384  # characters of one requirement with its options
# Files whose packages are there for work on the project and don't ship.
_DEVELOPMENT: Final = re.compile(
    r"(^|[-_./])(dev|devel|develop|development|tests?|testing|lint|docs?|ci|qa|typing|build)"
    r"([-_.]|$)"
)
_DEVELOPMENT_FOLDERS: Final = frozenset({"doc", "docs", "test", "tests", "testing", "ci", ".ci"})
_INCLUDE_LIMIT: Final = 16  # files, nested or not
_VCS: Final = re.compile(r"(git|hg|svn|bzr)\+")
_COMMIT: Final = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_HASH_LINE: Final = 256  # characters of a physical line that holds one `--hash` option
_COMMENT: Final = re.compile(r"(^|\s)#.*$")


@dataclass(frozen=True, slots=True)
class _Line:
    number: int
    words: tuple[str, ...]


@dataclass(slots=True)
class _Reading:
    """What has been read so far, over the includes of one file."""

    files: FileView
    pins: list[Pin] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    constraints: dict[str, str] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)
    _develops: dict[str, bool] = field(default_factory=dict)

    def develops(self, location: str) -> bool:
        """As `development`, asked once for each file."""
        if location not in self._develops:
            self._develops[location] = development(location)
        return self._develops[location]


def development(location: str) -> bool:
    """Whether a requirements file's name, or its folder's, says that what it lists doesn't ship."""
    path = PurePosixPath(location)
    if path.parent.name.lower() in _DEVELOPMENT_FOLDERS:
        return True
    return _DEVELOPMENT.search(path.name.rpartition(".")[0]) is not None


def read(folder: ProjectFolder) -> Lock:
    """What the folder's requirements files pin, as one lock.

    A package of a development file doesn't ship, unless another file has it too. Requirements
    that are not pinned come with an empty version. Raises Unreadable where one of the folder's
    own files can't be read.
    """
    reading = _Reading(folder.files)
    for called in folder.requirements:
        _read(folder.at(called), reading)
    pins = [_constrained(pin, reading.constraints) for pin in reading.pins]
    shipped = {pin.key for pin in pins if not pin.development}
    kept: dict[tuple[str, str, str, str], Pin] = {}
    files: dict[tuple[str, str, str, str], set[Distribution]] = {}
    for pin in pins:
        if not (pin.development and pin.key in shipped):
            key = (*pin.key, pin.marker)
            kept.setdefault(key, pin)
            files.setdefault(key, set()).update(pin.distributions)
    where = sorted({pin.location for pin in pins}) or list(map(folder.shown, folder.requirements))
    return Lock(
        ", ".join(where),
        tuple(replace(pin, distributions=tuple(sorted(files[key]))) for key, pin in kept.items()),
        gaps=tuple(sorted(set(reading.gaps))),
    )


def _constrained(pin: Pin, constraints: dict[str, str]) -> Pin:
    if pin.version or pin.source != "registry":
        return pin
    return replace(pin, version=constraints.get(pin.name, ""))


def _include(above: str, relative: str, reading: _Reading) -> None:
    """Read what another file includes; one that can't be read is a gap."""
    path = joined(above, relative)
    if not path:
        location = printable_name(PurePosixPath(relative.replace("\0", "")).name)
        reading.gaps.append(Gap("dependency.lock", location, "lies outside the project"))
        return
    try:
        _read(path, reading)
    except Unreadable as error:
        reading.gaps.append(Gap("dependency.lock", printable_name(path), f"the file {error}"))


def _read(path: str, reading: _Reading) -> None:
    """Raises Unreadable for the file itself."""
    if path in reading.seen:
        return
    location = printable_name(path)
    if len(reading.seen) >= _INCLUDE_LIMIT:
        reading.gaps.append(Gap("dependency.lock", location, "too many included files"))
        return
    reading.seen.add(path)
    for line in _lines(file_text(reading.files, path)):
        if line.words:
            _take(line, path, location, reading)
        else:
            why = "the requirement on this line is too long"
            reading.gaps.append(Gap("dependency.version", f"{location}:{line.number}", why))


def _lines(source: str) -> Iterator[_Line]:
    """Logical lines with the number of their first physical one, split into words; without words
    where there are too many of them."""
    parts: list[str] = []
    start = 0
    for number, raw in enumerate((*source.splitlines(), ""), 1):
        start = start or number
        # A comment line inside a continuation ends it (pip: comments go after joining).
        if raw.endswith("\\") and not raw.lstrip().startswith("#"):
            parts.append(raw[:-1])
            continue
        parts.append(raw)
        size = sum(map(len, parts))
        if size > REQUIREMENT_LIMIT and _hashed(parts):
            # A package with a thousand files has a line of a hundred thousand characters.
            size = len(parts[0])
        if size > REQUIREMENT_LIMIT:
            yield _Line(start, ())
        elif logical := _COMMENT.sub("", " ".join(parts)).strip():
            yield _Line(start, tuple(_words(logical)))
        parts, start = [], 0


def _hashed(parts: list[str]) -> bool:
    """Whether all physical lines but the first are one `--hash` option each, as tools write it."""
    return all(len(part) < _HASH_LINE for part in parts[1:])


def _words(logical: str) -> list[str]:
    """The requirement as one word, then its options: pip's own cut is at the first ` -`."""
    if logical.startswith("-"):
        try:
            return shlex.split(logical)
        except ValueError:
            return logical.split()
    requirement, *options = " ".join(logical.split()).split(" -")
    return [requirement, *(word for option in options for word in f"-{option}".split())]


def _take(line: _Line, path: str, location: str, reading: _Reading) -> None:
    above = path.rpartition("/")[0]
    first, *rest = line.words
    option, _, value = first.partition("=")
    for short in ("-r", "-c", "-e"):
        if first.startswith(short) and not first.startswith("--") and len(first) > 2:
            option, value = short, first[2:]
    value = value or (rest[0] if rest else "")
    match option:
        case "-r" | "--requirement":
            _include(above, value, reading)
        case "-c" | "--constraint":
            inner = _Reading(reading.files, seen=reading.seen)
            _include(above, value, inner)
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
    else:
        files = pin.distributions
    reading.pins.append(replace(pin, distributions=files, development=reading.develops(location)))


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
    except (InvalidRequirement, RecursionError) as error:
        raise ValueError(spelled) from error
    marker = str(wanted.marker or "")
    extras = tuple(sorted(name(extra) for extra in wanted.extras))
    called = name(wanted.name)
    pin = (
        pinned_by_url(called, wanted.url, location, number)
        if wanted.url
        else Pin(called, exact_version(wanted.specifier), location, number)
    )
    return replace(pin, marker=marker, extras=extras) if marker or extras else pin


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
    stated = version(_version_of(file_name(bare)))
    return Pin(called, stated, location, number, files, source="archive", archive_url=archive)


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
