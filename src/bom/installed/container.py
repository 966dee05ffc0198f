"""A container compared with the image that it was made from: its whole file system, hashed.

What every container gets from its engine (`/etc/hosts`, `/proc`, …) is no drift. What is mounted
into it is no part of it: that is said, for nobody looked at it.
"""

from __future__ import annotations

import json
import os
import shutil
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from bom.archive import platforms
from bom.archive.hashing import HashingThread
from bom.archive.image import ImageReader
from bom.archive.image_identity import fits, identify_all
from bom.archive.layer import Kept, LayerEntry, LayerWalk, clean_path
from bom.archive.tar import TarPush
from bom.builder.docker.endpoint import NoOptions
from bom.builder.docker.engine import reach
from bom.builder.images.exported import NOTHING
from bom.builder.podman.program import Program
from bom.catalog.filesystem import Folder, Tree
from bom.errors import BadArtifact, BomError, EnvironmentLacks
from bom.installed.protocol import (
    Drift,
    additional,
    changed,
    is_below,
    leads_elsewhere,
    missing,
    other_kind,
)
from bom.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping

    from bom.archive.tar_header import TarMember
    from bom.installed.protocol import Sealed
    from bom.model import Finding

_CHUNK: Final = 1024 * 1024
_LISTED: Final = 1000  # findings
_SET_ID: Final = 0o6000
# What the engines put into every container; a mount's place stays as an empty file or folder.
_GIVEN: Final = frozenset(
    (
        *(".dockerenv", "dev", "proc", "sys", "etc/hostname", "etc/hosts", "etc/mtab"),
        *("etc/resolv.conf", "run/.containerenv", "run/secrets"),
    )
)
_KINDS: Final = {"f": "a file", "l": "a link", "d": "a folder", "o": "a device or the like"}


class _Seen(NamedTuple):
    """What is there: as in LayerEntry; `rights`: setuid and setgid."""

    kind: str
    executable: bool
    digest: bytes
    link: str
    rights: int = 0


class _Source(Protocol):
    """A container. `mounts`: what is mounted into it, from the root, without the first slash."""

    mounts: frozenset[str]
    touched: frozenset[str]

    def export(self) -> Generator[bytes, None, None]: ...


class Container:
    """Stands in `bom.installed.INSPECTORS`."""

    name: str = "container"

    def recognises(self, place: str, artifact: Sealed) -> bool:
        return artifact.kind == "image"

    def compare(self, place: str, artifact: Sealed) -> Drift:
        with _found(place, os.environ) as source:
            try:
                there = _read(source)
            except BadArtifact as error:
                raise BomError(
                    f"what was exported of {place} can't be read: {error.reason}"
                ) from error
            expected = _expected(artifact.file)
            mounts = source.mounts
            findings = list(_findings(expected, there, source))
        warnings = [f"/{path} is mounted into it: not compared" for path in sorted(mounts)]
        if len(findings) > _LISTED:
            warnings.append(f"{len(findings) - _LISTED} more differences are not listed")
        return Drift(tuple(findings[:_LISTED]), tuple(warnings))


# --- what is there -------------------------------------------------------------------------------


@contextmanager
def _found(place: str, environment: Mapping[str, str]) -> Iterator[_Source]:
    """`docker:NAME`, `podman:NAME`, or NAME for docker. Raises BomError where there is none."""
    scheme, colon, name = place.partition(":")
    if not colon or scheme not in ("docker", "podman"):
        scheme, name = "docker", place
    if scheme == "podman":
        yield _InPodman(name, environment)
        return
    engine = reach(NoOptions(), environment, Path.cwd())
    with closing(engine):
        found = engine.container(name)
        if found is None:
            raise _none(name)
        yield _InDocker(found, engine.export_container, engine.container_changes)


def _none(name: str) -> BomError:
    return BomError(
        f"there is no container {printable_name(name):.200}",
        hint="an image is compared with a container: `docker ps -a` lists them",
    )


class _InDocker:
    def __init__(
        self,
        found: Mapping[str, Any],
        export: Callable[[str], Generator[bytes, None, None]],
        changes: Callable[[str], frozenset[str]],
    ) -> None:
        self._id = str(found.get("Id") or "")
        self._export = export
        self.mounts = _mounts(found)
        self.touched = frozenset(path.lstrip("/") for path in changes(self._id))

    def export(self) -> Generator[bytes, None, None]:
        return self._export(self._id)


class _InPodman:
    def __init__(self, name: str, environment: Mapping[str, str]) -> None:
        path = shutil.which("podman", path=environment.get("PATH"))
        if path is None:
            raise EnvironmentLacks("`podman` is not there", hint="install it, or name docker:NAME")
        place = Path(path).absolute()
        self._program = Program("podman", place.resolve(), (str(place),), environment, Path.cwd())
        answer = self._program.ask("container", "inspect", "--", name)
        if answer.code:
            raise _none(name)
        try:
            found = json.loads(answer.out)[0]
            self._id = str(found["Id"])
            self.mounts = _mounts(found)
            changes = json.loads(self._program.ask("diff", "--format", "json", self._id).out)
            lists = [changes.get(kind) or () for kind in ("changed", "added")]
            self.touched = frozenset(str(item).lstrip("/") for part in lists for item in part)
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
            raise BomError(f"podman's answer about {name:.200} can't be read") from error

    def export(self) -> Generator[bytes, None, None]:
        return self._program.stream("export", self._id)


def _mounts(found: Mapping[str, Any]) -> frozenset[str]:
    mounts = found.get("Mounts")
    rows = [item for item in mounts if isinstance(item, dict)] if isinstance(mounts, list) else []
    host = found.get("HostConfig")
    tmpfs = host.get("Tmpfs") if isinstance(host, dict) else None
    places = [str(row.get("Destination") or "") for row in rows]
    places += [str(path) for path in tmpfs] if isinstance(tmpfs, dict) else []
    return frozenset(place.strip("/") for place in places) - {""}


def _read(source: _Source) -> dict[str, _Seen]:
    """The container's file system by path."""
    hashing = HashingThread()
    walk = LayerWalk(Kept(NOTHING), hashing)
    rights: dict[str, int] = {}

    def member(found: TarMember) -> None:
        if found.is_file and found.mode & _SET_ID:
            rights[clean_path(found.name)] = found.mode & _SET_ID

    modes = TarPush(member)
    try:
        with closing(source.export()) as pieces:
            for piece in pieces:
                walk.feed(piece)
                modes.feed(piece)
        walk.close()
        entries = walk.settled()
    finally:
        hashing.close()
    there: dict[str, _Seen] = {}
    for entry in entries:
        seen = _seen(entry, rights.get(entry.path, 0))
        if entry.kind == "h":
            seen = there.get(entry.link, seen)
        there[entry.path] = seen
    return there


def _seen(entry: LayerEntry, rights: int) -> _Seen:
    return _Seen(entry.kind, entry.executable, entry.digest, entry.link, rights)


# --- what the image holds ------------------------------------------------------------------------


def _expected(archive: Path) -> Tree:
    """The image's file system: of several platforms' the one of this machine."""
    reader = ImageReader(NOTHING)
    try:
        with archive.open("rb", buffering=0) as file:
            while piece := file.read(_CHUNK):
                reader.feed(piece)
        found = identify_all(reader.finish())
    except BadArtifact as error:
        raise BomError(f"the image in {archive.name} can't be read: {error.reason}") from error
    finally:
        reader.close()
    if len(found) > 1:
        here = platforms.of_this_machine()
        found = tuple(item for item in found if fits(item.identity.platform, here))
        if len(found) != 1:
            raise BomError(f"{archive.name} holds no image for {here}")
    tree = Tree()
    for number, layer in enumerate(found[0].layers):
        tree.apply(layer.entries, number)
    return tree


def _findings(tree: Tree, there: Mapping[str, _Seen], source: _Source) -> Iterator[Finding]:
    expected: dict[str, _Seen] = {}
    for path, child in tree.walk():
        if isinstance(child, Folder):
            expected[path] = _Seen("d", False, b"", "")
        else:
            expected[path] = _Seen(child.kind, child.executable, child.digest, child.link)
    left_out = _GIVEN | source.mounts
    new: set[str] = set()
    for path in sorted(expected.keys() | there.keys()):
        if is_below(path, left_out):
            continue
        shown = printable_name(f"/{path}")
        want, have = expected.get(path), there.get(path)
        if have is None and want is not None:
            if path.rpartition("/")[0] in there or "/" not in path:
                yield missing(f"{shown} is missing", shown, expected=_digest(want))
        elif want is None and have is not None:
            if have.kind == "d" and any(mount.startswith(f"{path}/") for mount in left_out):
                continue
            if not is_below(path, new):
                new.add(path)
                yield additional(
                    f"{shown} is {_KINDS[have.kind]} that the image does not hold",
                    shown,
                    found=_digest(have),
                )
        elif want is not None and have is not None:
            yield from _difference(shown, want, have, path in source.touched)


def _difference(shown: str, want: _Seen, have: _Seen, touched: bool) -> Iterator[Finding]:
    if want.kind != have.kind:
        yield other_kind(shown, expected=_KINDS[want.kind], found=_KINDS[have.kind])
    elif want.digest != have.digest and want.digest:
        yield changed(
            f"{shown} is another file than the image's",
            shown,
            expected=_digest(want),
            found=_digest(have),
        )
    elif want.link != have.link:
        yield leads_elsewhere(shown, expected=want.link, found=have.link)
    elif want.executable != have.executable:
        word = "can be run now" if have.executable else "can't be run any more"
        yield changed(f"{shown} {word}", shown)
    elif have.rights and touched:
        yield changed(f"{shown} was changed and is setuid or setgid", shown)


def _digest(seen: _Seen) -> str:
    return f"sha256:{seen.digest.hex()}" if seen.digest else ""
