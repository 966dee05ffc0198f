"""What a build is given: its contexts, its Dockerfile, its ignore file, each with a digest.

What the client reads is digested here, before the build. What the builder fetches itself is only
named here; which bytes it was the builder's provenance says (remote.py).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from bom.builder.images import folder, ignore, stdin, tar_context
from bom.builder.images.folder import GIT, LocalContext
from bom.builder.images.remote import Remote, is_remote, shown
from bom.errors import BomError
from bom.input import read_bounded
from bom.model import Gap, Hash, Material, Observation, Property
from bom.printable import printable_os

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from bom.builder.images.ignore import Matcher, Reader, Walk
    from bom.builder.images.tar_context import TarContext
    from bom.catalog.images.dockerfile import Frontend

__all__ = ["BuildInputs", "Dialect", "Given", "LocalContext", "is_remote", "read", "text"]

_IMAGE: Final = "docker-image://"
_LAYOUT: Final = "oci-layout://"
_TARGET: Final = "target:"  # another target of the same bake: an image of its own
_TEXT_LIMIT: Final = 4 * 1024 * 1024  # bytes of a Dockerfile or an ignore file


@dataclass(frozen=True, slots=True)
class Given:
    """What a build command gives the builder, as it says so: the context, the Dockerfile ("" where
    none is named), the named contexts by name, the ignore file ("" where it is looked for).
    `stdin`: where standard input was spooled to, where one of them is `-`."""

    context: str
    dockerfile: str = ""
    named: tuple[tuple[str, str], ...] = ()
    ignore_file: str = ""
    stdin: Path | None = None


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a builder reads its inputs. `dockerfiles`, `ignore_files`: what it looks for in a
    context, the first counts. `own_ignore_file`: whether NAME.dockerignore beside the Dockerfile
    goes before them. `named_ignore`: whether a named context has an ignore file. `frontend`: how it
    reads a Dockerfile."""

    walk: Walk = "buildkit"
    matcher: Matcher = "current"
    reader: Reader = "docker"
    dockerfiles: tuple[str, ...] = ("Dockerfile", "dockerfile")
    ignore_files: tuple[str, ...] = (".dockerignore",)
    own_ignore_file: bool = True
    named_ignore: bool = True
    frontend: Frontend = "buildkit"


@dataclass(frozen=True, slots=True)
class BuildInputs:
    """The inputs of a build. `dockerfile` None: it is remote or not there.

    `tar`: the context where it is a tar. `remotes`: what the builder fetches.
    `again`: reads the local ones once more.
    `builders_dockerfile`: how a Dockerfile is called that only the builder has, "" where it is at
    hand. `named`: the named contexts, each with the image that it is, "" for another kind.
    """

    contexts: tuple[tuple[str, LocalContext], ...]
    dockerfile: Path | None
    observations: tuple[Observation, ...]
    tar: TarContext | None = None
    remotes: tuple[Remote, ...] = ()
    builders_dockerfile: str = ""
    named: Mapping[str, str] = field(default_factory=dict)
    frontend: Frontend = "buildkit"
    again: Callable[[], tuple[Observation, ...]] | None = field(default=None, compare=False)

    def is_unchanged(self) -> bool:
        """Whether what lies here is, as far as that is known, what it was before the build."""
        if any(isinstance(item, Gap) for item in self.observations):
            return False
        try:
            return self.again is not None and self.again() == self.observations
        except BomError:
            return False

    def holds(self, path: Path) -> bool:
        """Whether the builder gets to see the file at `path` (absolute)."""
        if any(context.holds(path) for _, context in self.contexts):
            return True
        return self.tar is not None and path.is_file() and self.tar.holds(path)


def read(
    given: Given,
    dialect: Dialect,
    *,
    cwd: Path,
    root: Path,
    outputs: Sequence[Path],
    state: Path | None = None,
) -> BuildInputs:
    """The inputs of this build with their digests; `outputs` and what `bom` writes beside them are
    no part of the context. `state`: where `bom` keeps digests from one build to the next, None:
    nowhere. Raises BomError for what is not there."""

    def taken() -> _Reader:
        reader = _Reader(dialect, cwd, root, outputs, state)
        reader.read(given)
        return reader

    reader = taken()
    return BuildInputs(
        contexts=tuple(reader.contexts),
        dockerfile=reader.dockerfile,
        observations=tuple(reader.observations),
        tar=reader.tar,
        remotes=tuple(reader.remotes),
        builders_dockerfile=reader.builders_dockerfile,
        named=reader.named,
        frontend=dialect.frontend,
        again=lambda: tuple(taken().observations),
    )


class _Reader:
    """Takes in what a build is given, piece by piece."""

    def __init__(
        self,
        dialect: Dialect,
        cwd: Path,
        root: Path,
        outputs: Sequence[Path],
        state: Path | None,
    ) -> None:
        self.contexts: list[tuple[str, LocalContext]] = []
        self.observations: list[Observation] = []
        self.remotes: list[Remote] = []
        self.named: dict[str, str] = {}
        self.tar: TarContext | None = None
        self.dockerfile: Path | None = None
        self.builders_dockerfile = ""
        self._dialect = dialect
        self._cwd = cwd
        self._root = root
        self._outputs = outputs
        self._state = state

    def read(self, given: Given) -> None:
        spooled = given.stdin
        if stdin.is_used(given.context, given.dockerfile) and spooled is None:
            raise BomError(
                "builds that read standard input can't be recorded in this form",
                hint="give the build a folder and a Dockerfile",
            )
        if given.context == stdin.NAME and spooled is not None:
            self._from_stdin(given, spooled)
        elif is_remote(given.context) and not (self._cwd / given.context).is_dir():
            self.remotes.append(Remote(given.context))
            self._dockerfile_of_remote(given)
        else:
            self._local_context(given)
        for label, place in given.named:
            self._named_context(label, place)
        if self.dockerfile is not None and spooled is None:
            self.observations.append(file_material("dockerfile", self.dockerfile, self._root))
        for label, context in self.contexts:
            self.observations.extend(_context_material(label, context, self._outputs, self._state))

    def _local_context(self, given: Given) -> None:
        place = self._cwd / given.context
        if not place.is_dir():
            raise BomError(
                f"the build context {given.context} is no folder",
                hint="the last word of the command names it: `.` for the working directory",
            )
        if given.dockerfile == stdin.NAME and given.stdin is not None:
            self._stdin_dockerfile(given.stdin)
            beside = None
        else:
            beside = self.dockerfile = _dockerfile(given, self._dialect, self._cwd)
            if self.dockerfile is None:
                self.builders_dockerfile = shown(given.dockerfile)
        if given.ignore_file:
            context = _ruled(place, self._cwd / given.ignore_file, self._dialect)
        else:
            context = _local(place, beside, self._dialect)
        self.contexts.append((name(place, self._root), context))
        if context.ignore_file is not None:
            found = file_material("dockerignore", context.ignore_file, self._root)
            self.observations.append(found)

    def _dockerfile_of_remote(self, given: Given) -> None:
        """The one in the context, unless it comes from here: by standard input or, from buildx, by
        an absolute path."""
        path = Path(given.dockerfile)
        if given.dockerfile == stdin.NAME and given.stdin is not None:
            self._stdin_dockerfile(given.stdin)
        elif path.is_absolute() and path.is_file():
            self.dockerfile = path
        else:
            default = self._dialect.dockerfiles[0]
            self.builders_dockerfile = shown(given.dockerfile) or default

    def _stdin_dockerfile(self, spooled: Path) -> None:
        self.dockerfile = spooled
        self.observations.append(_stated("dockerfile", stdin.NAME, _read(spooled)))

    def _from_stdin(self, given: Given, spooled: Path) -> None:
        if not stdin.is_tar(spooled):
            self._stdin_dockerfile(spooled)  # and the context is empty
            return
        is_elsewhere = bool(given.dockerfile) and is_remote(given.dockerfile)
        names = (given.dockerfile,) if given.dockerfile else self._dialect.dockerfiles
        try:
            self.tar = tar_context.read(spooled, () if is_elsewhere else names)
        except OSError as error:
            raise BomError(f"the build context can't be read: {error.strerror}") from error
        if self.tar.dockerfile is None:
            self.builders_dockerfile = shown(names[0])
        else:
            path, content = self.tar.dockerfile
            self.dockerfile = spooled.with_name("Dockerfile")
            self.dockerfile.write_bytes(content)
            self.observations.append(_stated("dockerfile", path, content))
        self.observations.extend(_tar_material(self.tar))

    def _named_context(self, label: str, place: str) -> None:
        self.named[label] = ""
        if place.startswith(_IMAGE):
            self.named[label] = place.removeprefix(_IMAGE)
        elif place.startswith(_LAYOUT):
            self.named[label] = label  # so the builder calls it in its provenance
        elif "://" not in place and (self._cwd / place).is_dir():
            named = f"{label}={name(self._cwd / place, self._root)}"
            read_one = _local if self._dialect.named_ignore else _ruled
            self.contexts.append((named, read_one(self._cwd / place, None, self._dialect)))
        elif not place.startswith(_TARGET):
            self.remotes.append(Remote(place, label))


def text(path: Path) -> str:
    """A Dockerfile's text; bytes that are no UTF-8 are kept as surrogates."""
    return _read(path).decode("utf-8", "surrogateescape")


def _dockerfile(given: Given, dialect: Dialect, cwd: Path) -> Path | None:
    """Where the Dockerfile is: `-f` counts from the working directory, else in the context."""
    if given.dockerfile:
        return None if is_remote(given.dockerfile) else _present(cwd / given.dockerfile)
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


def _stated(kind: Literal["dockerfile"], path: str, content: bytes) -> Material:
    value = Hash("SHA-256", hashlib.sha256(content).hexdigest())
    return Material(kind=kind, name=printable_os(path), digests=(value,))


def _context_material(
    label: str, context: LocalContext, outputs: Sequence[Path], state: Path | None
) -> Iterator[Observation]:
    where = printable_os(label)
    value, unread = folder.digest(context, outputs, state)
    if unread:
        yield Material(kind="context", name=where)
        yield Gap(
            "context.digest",
            where,
            f"{len(unread)} of its files can't be read, the first is {printable_os(unread[0])}",
        )
        return
    seen = (context.folder / GIT).exists() and not context.rules.ignores(GIT)
    yield _with_digest(where, value, GIT if seen else "")


def _tar_material(tar: TarContext) -> Iterator[Observation]:
    if tar.problem:
        yield Material(kind="context", name=stdin.NAME)
        yield Gap("context.digest", stdin.NAME, tar.problem)
        return
    yield _with_digest(stdin.NAME, tar.digest, GIT if tar.has_repository else "")


def _with_digest(where: str, value: str, left_out: str) -> Material:
    properties = (Property("bom-seal:context:left-out", left_out),) if left_out else ()
    digests = (Hash("SHA-256", value),)
    return Material(kind="context", name=where, digests=digests, properties=properties)
