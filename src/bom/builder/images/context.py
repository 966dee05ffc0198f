"""What a build is given: its context, its Dockerfile, its ignore file, each with a digest.

The context's digest is SHA-256 over one line an entry that the builder gets to see, sorted
bytewise by path: path, NUL, type, NUL, `x` or `-` (executable), NUL, hex SHA-256 of the content
or the link's target, NUL. No times, no owners (docs/format.md).
"""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from bom.builder.images import ignore
from bom.errors import BomError
from bom.input import read_bounded
from bom.model import Gap, Hash, Material, Observation, Property
from bom.output import TEMPORARY_PREFIX
from bom.printable import printable_os
from bom.seal.beside import ENDINGS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from bom.builder.images.ignore import IgnoreRules, Inherited, Matcher, Reader, Walk

GIT: Final = ".git"
_REMOTE: Final = ("http://", "https://", "git://", "git@", "ssh://", "github.com/", "oci-layout://")
_TEXT_LIMIT: Final = 4 * 1024 * 1024  # bytes of a Dockerfile or an ignore file


def is_remote(place: str) -> bool:
    """Whether docker fetches this context or Dockerfile instead of reading a local path."""
    return place.startswith(_REMOTE) or place.endswith(".git")


@dataclass(frozen=True, slots=True)
class Given:
    """What a build command gives the builder, as it says so: the context, the Dockerfile ("" where
    none is named), the named contexts by name, the ignore file ("" where it is looked for)."""

    context: str
    dockerfile: str = ""
    named: tuple[tuple[str, str], ...] = ()
    ignore_file: str = ""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a builder reads its inputs. `dockerfiles`, `ignore_files`: what it looks for in a
    context, the first counts. `own_ignore_file`: whether NAME.dockerignore beside the Dockerfile
    goes before them. `named_ignore`: whether a named context has an ignore file."""

    walk: Walk = "buildkit"
    matcher: Matcher = "current"
    reader: Reader = "docker"
    dockerfiles: tuple[str, ...] = ("Dockerfile", "dockerfile")
    ignore_files: tuple[str, ...] = (".dockerignore",)
    own_ignore_file: bool = True
    named_ignore: bool = True


@dataclass(frozen=True, slots=True)
class LocalContext:
    """A folder that goes to the builder, by the rules of its ignore file."""

    folder: Path
    rules: IgnoreRules
    ignore_file: Path | None = None

    def holds(self, path: Path) -> bool:
        """Whether the builder gets to see the file at `path` (absolute)."""
        try:
            inside = path.resolve().relative_to(self.folder.resolve())
        except ValueError:
            return False
        return not self.rules.ignores(inside.as_posix())


@dataclass(frozen=True, slots=True)
class BuildInputs:
    """The local inputs of a build. `dockerfile` None: it is remote or not there."""

    contexts: tuple[tuple[str, LocalContext], ...]
    dockerfile: Path | None
    observations: tuple[Observation, ...]

    def holds(self, path: Path) -> bool:
        return any(context.holds(path) for _, context in self.contexts)


def read(
    given: Given, dialect: Dialect, *, cwd: Path, root: Path, outputs: Sequence[Path]
) -> BuildInputs:
    """The inputs of this build with their digests; `outputs` and what `bom` writes beside them are
    no part of the context."""
    observations: list[Observation] = []
    contexts: list[tuple[str, LocalContext]] = []
    dockerfile = _dockerfile(given, dialect, cwd)
    if is_remote(given.context):
        observations.append(_remote_gap("context.digest", "the build context"))
    else:
        folder = cwd / given.context
        if not folder.is_dir():
            raise BomError(
                f"the build context {given.context} is no folder",
                hint="the last word of the command names it: `.` for the working directory",
            )
        context = (
            _ruled(folder, cwd / given.ignore_file, dialect)
            if given.ignore_file
            else _local(folder, dockerfile, dialect)
        )
        contexts.append((name(folder, root), context))
        if context.ignore_file is not None:
            observations.append(file_material("dockerignore", context.ignore_file, root))
    for label, place in given.named:
        if (cwd / place).is_dir() and "://" not in place:
            named = f"{label}={name(cwd / place, root)}"
            read_one = _local if dialect.named_ignore else _ruled
            contexts.append((named, read_one(cwd / place, None, dialect)))
        elif not place.startswith("docker-image://"):
            observations.append(_remote_gap("context.digest", f"the build context {label}"))
    if dockerfile is None:
        observations.append(_remote_gap("dockerfile.digest", "the Dockerfile"))
    else:
        observations.append(file_material("dockerfile", dockerfile, root))
    for label, context in contexts:
        observations.extend(_context_material(label, context, outputs))
    return BuildInputs(tuple(contexts), dockerfile, tuple(observations))


def digest(context: LocalContext, outputs: Sequence[Path] = ()) -> tuple[str, tuple[str, ...]]:
    """The context's digest (hex), and the paths that could not be read.

    What git keeps of a repository is left out: two clones of one commit differ in it, and the
    commit is recorded (docs/adr/0004-git-is-no-part-of-the-context-digest.md).
    """
    is_own = _is_own(context, outputs)
    lines: dict[bytes, bytes] = {}
    unread: list[str] = []
    for path, entry in entries(context, unread):
        if is_own(path) or _in_repository(path):
            continue
        try:
            line = _line(entry)
        except OSError:
            unread.append(path)
            continue
        if line is None:
            continue
        for above in _folders_above(path):
            if os.fsencode(above) in lines:
                break
            lines[os.fsencode(above)] = b"\0d\0-\0\0"
        lines[os.fsencode(path)] = line
    total = hashlib.sha256()
    for key in sorted(lines):
        total.update(key + lines[key] + b"\n")
    return total.hexdigest(), tuple(sorted(unread))


def text(path: Path) -> str:
    """A Dockerfile's text; bytes that are no UTF-8 are kept as surrogates."""
    return _read(path).decode("utf-8", "surrogateescape")


def _dockerfile(given: Given, dialect: Dialect, cwd: Path) -> Path | None:
    """Where the Dockerfile is: `-f` counts from the working directory, else in the context."""
    if given.dockerfile:
        return None if is_remote(given.dockerfile) else _present(cwd / given.dockerfile)
    if is_remote(given.context):
        return None
    candidates = [cwd / given.context / file for file in dialect.dockerfiles]
    found = next((path for path in candidates if path.is_file()), candidates[-1])
    return _present(found, shown=candidates[0])


def _present(path: Path, shown: Path | None = None) -> Path:
    if not path.is_file():
        raise BomError(
            f"there is no {(shown or path).name} where this build looks for it",
            hint="name it with -f, relative to the working directory",
        )
    return path


def _local(folder: Path, dockerfile: Path | None, dialect: Dialect) -> LocalContext:
    candidates = [folder / file for file in dialect.ignore_files]
    if dockerfile is not None and dialect.own_ignore_file:
        candidates[:0] = [
            dockerfile.with_name(dockerfile.name + file) for file in dialect.ignore_files
        ]
    found = next((path for path in candidates if path.is_file()), None)
    return _ruled(folder, found, dialect)


def _ruled(folder: Path, ignore_file: Path | None, dialect: Dialect) -> LocalContext:
    if ignore_file is None:
        return LocalContext(folder, ignore.IgnoreRules(walk=dialect.walk))
    content = _read(ignore_file).decode("utf-8", "surrogateescape")
    rules = ignore.parse(content, dialect.walk, dialect.matcher, dialect.reader)
    return LocalContext(folder, rules, ignore_file)


def _read(path: Path) -> bytes:
    try:
        return read_bounded(path, _TEXT_LIMIT)
    except OSError as error:
        raise BomError(f"{path.name} can't be read: {error.strerror}") from error


def name(path: Path, root: Path) -> str:
    """The path relative to the project, else its base name: the same on every machine."""
    try:
        return path.resolve().relative_to(root.resolve()).as_posix()
    except ValueError:
        return path.resolve().name or "/"


def file_material(kind: Literal["dockerfile", "dockerignore"], path: Path, root: Path) -> Material:
    value = Hash("SHA-256", hashlib.sha256(_read(path)).hexdigest())
    return Material(kind=kind, name=printable_os(name(path, root)), digests=(value,))


def _context_material(
    label: str, context: LocalContext, outputs: Sequence[Path]
) -> Iterator[Observation]:
    shown = printable_os(label)
    value, unread = digest(context, outputs)
    if unread:
        yield Material(kind="context", name=shown)
        yield Gap(
            "context.digest",
            shown,
            f"{len(unread)} of its files can't be read, the first is {printable_os(unread[0])}",
        )
        return
    seen = (context.folder / GIT).exists() and not context.rules.ignores(GIT)
    left_out = (Property("bom-seal:context:left-out", GIT),) if seen else ()
    yield Material(
        kind="context", name=shown, digests=(Hash("SHA-256", value),), properties=left_out
    )


def _remote_gap(what: str, where: str) -> Gap:
    return Gap(what, where, "it is remote: the builder fetches it, not the client")


def _is_own(context: LocalContext, outputs: Sequence[Path]) -> Callable[[str], bool]:
    """Which paths of the context `bom` itself writes: the outputs and what stands beside them."""
    own: set[str] = set()
    temporary: set[str] = set()
    for output in outputs:
        try:
            inside = output.parent.resolve().relative_to(context.folder.resolve()).as_posix()
        except ValueError:
            continue
        prefix = "" if inside == "." else f"{inside}/"
        own |= {prefix + output.name + ending for ending in ("", *ENDINGS)}
        temporary.add(prefix + TEMPORARY_PREFIX)
    return lambda path: (
        path in own
        or any(path.startswith(start) and "/" not in path[len(start) :] for start in temporary)
    )


def _in_repository(path: str) -> bool:
    return path == GIT or path.startswith(f"{GIT}/")


def _folders_above(path: str) -> Iterator[str]:
    """The folders that hold `path`, the nearest first."""
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path


def entries(context: LocalContext, unread: list[str]) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Every entry that the builder gets to see, by its path relative to the context.

    Folders that can't be listed go to `unread`.
    """
    rules = context.rules
    waiting: list[tuple[str, str, Inherited]] = [(str(context.folder), "", ())]
    while waiting:
        folder, prefix, inherited = waiting.pop()
        try:
            with os.scandir(folder) as listing:
                entries = list(listing)
        except OSError:
            unread.append(prefix.rstrip("/") or ".")
            continue
        for entry in entries:
            path = prefix + entry.name
            ignored, below = rules.judge(path, inherited)
            is_folder = entry.is_dir(follow_symlinks=False)
            if is_folder and (not ignored or rules.enters(path)):
                waiting.append((entry.path, f"{path}/", below))
            if not ignored:
                yield path, entry


def _line(entry: os.DirEntry[str]) -> bytes | None:
    """What the digest says of an entry; None for a socket, which no builder is sent."""
    if entry.is_symlink():
        return b"\0l\0-\0" + os.fsencode(Path(entry.path).readlink()) + b"\0"
    if entry.is_dir(follow_symlinks=False):
        return b"\0d\0-\0\0"
    status = entry.stat(follow_symlinks=False)
    if stat.S_ISSOCK(status.st_mode):
        return None
    if not stat.S_ISREG(status.st_mode):
        return b"\0o\0-\0\0"
    executable = b"x" if status.st_mode & stat.S_IXUSR else b"-"
    with Path(entry.path).open("rb") as stream:
        content = hashlib.file_digest(stream, "sha256").hexdigest()
    return b"\0f\0" + executable + b"\0" + content.encode() + b"\0"
