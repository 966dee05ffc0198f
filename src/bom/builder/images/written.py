"""What a build of images writes by itself: an image's archive, the final file system as a tar or
unpacked into a folder. The files are the user's: they are read where they are.
"""

from __future__ import annotations

import glob
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from bom.builder import files
from bom.builder.artifact_files import is_own, recognised
from bom.builder.images.exported import from_file
from bom.builder.images.reading import read_through
from bom.builder.protocol import Artifact, Collected
from bom.builder.snapshot import signature
from bom.errors import BadArtifact, BomError
from bom.model import Subject

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bom.builder.images.exported import Reader
    from bom.builder.images.provenance import Reported
    from bom.builder.protocol import BuildRequest, Progress
    from bom.builder.snapshot import Signature
    from bom.model import ImageIdentity

_Made = TypeVar("_Made")
MOST_FILES: Final = 50  # that get a BOM beside each of them
_CHUNK: Final = 4 << 20  # bytes


# --- an image's archive -------------------------------------------------------------------------


def archive(path: Path, read: Reader[_Made], progress: Progress) -> _Made:
    """What `read` makes of the images in the archive at `path`, for every platform. Raises BomError
    where the build left none there."""
    try:
        return from_file(path, read, progress)
    except OSError as error:
        raise _unreadable(path, error) from error


def check(identities: Sequence[ImageIdentity], name: str, reported: Reported) -> None:
    """Raise BomError unless the archive holds the very image that the build reported.

    With several outputs the build reports the manifest of one of them; their configuration,
    which names every layer's content, is the same.
    """
    if reported.config:
        same = [item.config for item in identities] == [reported.config]
    else:
        indexes = {item.index for item in identities} - {""}
        stated = {digest for item in identities for digest in (item.config, item.manifest)}
        # of several images only their common index says that they are all there
        same = bool((indexes if len(identities) > 1 else stated | indexes) & set(reported.digests))
    if not same:
        raise BomError(
            f"{name} holds another image than the one that this build reported",
            hint="build again, and let nothing else write it meanwhile",
        )


# --- a file system in a tar ---------------------------------------------------------------------


def file_system(path: Path, target: Path, request: BuildRequest, progress: Progress) -> Artifact:
    """The tar at `path`, with the packages in it. Raises BomError where the build left none."""
    from bom.catalog.inside import inside
    from bom.catalog.unpacked import Contents

    try:
        progress.start(f"read {path.name}", path.stat().st_size)
        with Contents() as contents:
            digest, size = read_through(_pieces(path), (contents.feed,), progress)
            view, gaps = contents.finish()
    except OSError as error:
        raise _unreadable(path, error) from error
    except BadArtifact as error:
        raise BomError(
            f"{path.name} is no tar that can be read: {error.reason}",
            hint="build again, and let nothing else write it meanwhile",
        ) from error
    finally:
        progress.done()
    return Artifact(
        built=path,
        target=target,
        subject=Subject(target.name, "tar", digest, size),
        observations=inside(view, gaps).observations,
        forbidden=view.holding(frozenset(map(bytes.fromhex, request.forbidden))),
        is_file_system=True,
    )


# --- a file system in a folder ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder that a build is about to write into, as it was before."""

    path: Path
    before: Mapping[str, Signature]
    build: files.FilesBuild

    @classmethod
    def watch(cls, path: Path, request: BuildRequest) -> Folder:
        """`request.artifacts` count from the working directory, or else from this folder.
        `request.output`: where sealed files go; None: they are sealed where they are."""
        return cls(path, dict(_regular(path)), files.prepare(request, path))

    def collect(self, progress: Progress) -> Collected:
        """What the build wrote there: artifacts of a known format, or those that `--artifact`
        names; else every file. Raises BomError where there are too many, or none."""
        if self.build.request.artifacts:
            return self.build.collect(progress)
        written = self._written()
        if any(_is_known(path) for path in written):
            return self.build.collect(progress)
        if not written:
            raise BomError(
                f"the build wrote no file into {self.path.name}, so there is nothing to seal",
                hint="does the stage that is built hold any? an image is sealed with --load",
            )
        if len(written) > MOST_FILES:
            raise BomError(
                f"the build wrote {len(written)} files into {self.path.name}, none of them a"
                f" package: more than {MOST_FILES} don't get a BOM each",
                hint="seal them as one: -o type=tar,dest=FILE; or name some with --artifact GLOB",
            )
        names = tuple(glob.escape(os.fspath(path)) for path in written)
        build = replace(self.build, request=replace(self.build.request, artifacts=names))
        made = build.collect(progress)
        return replace(made, artifacts=tuple(_with_contents(item) for item in made.artifacts))

    def _written(self) -> list[Path]:
        now = sorted(_regular(self.path))
        changed = [self.path / name for name, signed in now if self.before.get(name) != signed]
        return [path for path in changed if not is_own(path)]


def _regular(folder: Path) -> Iterator[tuple[str, Signature]]:
    """Every regular file below, by its path in the folder; symbolic links are not followed."""
    for place, _, names in os.walk(folder):
        for name in names:
            path = Path(place, name)
            if not path.is_symlink() and (now := signature(path)) is not None:
                yield os.fspath(path.relative_to(folder)), now


def _is_known(path: Path) -> bool:
    try:
        return recognised(path)[1]
    except OSError as error:
        raise _unreadable(path, error) from error


def _with_contents(artifact: Artifact) -> Artifact:
    """The file with what is in it, where it is a program or an archive that an ecosystem reads."""
    from bom.catalog.inside import inside
    from bom.catalog.unpacked import Contents

    path = artifact.built
    try:
        status = path.stat()
        with Contents() as contents:
            contents.file(path.name, status.st_size, bool(status.st_mode & 0o111), _pieces(path))
            view, gaps = contents.finish()
    except OSError as error:
        raise _unreadable(path, error) from error
    found = inside(view, gaps).observations
    return replace(artifact, observations=(*artifact.observations, *found))


# --- files --------------------------------------------------------------------------------------


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield from iter(lambda: file.read(_CHUNK), b"")


def _unreadable(path: Path, error: OSError) -> BomError:
    if isinstance(error, FileNotFoundError):
        return BomError(
            f"the build ended well but left no {path.name}",
            hint="its output names this file: was it removed meanwhile?",
        )
    return BomError(
        f"{path.name} can't be read: {error.strerror or 'input/output error'}",
        hint="make it readable for the user who runs bom",
    )
