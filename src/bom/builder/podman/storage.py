"""The storage of podman and buildah (containers/storage), through the program itself: which image
a name means, and its archive.

Docker's archive is what both save without being asked otherwise: its layers are plain tars, and
one image gives the same bytes each time. It holds no manifest, so an image whose manifest was
asked for (`--format oci`) is saved as an OCI layout, put into a tar here: the program's own tar
of it has the hour of the export in it.
"""

from __future__ import annotations

import json
import os
import shutil
import tarfile
import tempfile
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter

from bom.builder.images.store import StoredImage
from bom.errors import BomError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping, Sequence

    from bom.builder.podman.program import Program

_UNKNOWN: Final = ("not known", "no such image", "unable to find", "does not exist")
_SPOOL: Final = "/var/tmp"  # where both keep large temporary files (TMPDIR)
_BASE_DIGEST: Final = "org.opencontainers.image.base.digest"  # OCI image spec, annotations
_BASE_NAME: Final = "org.opencontainers.image.base.name"
_NAMES_OF_BUILDAH: Final = 2  # that one archive can hold: the image's own, and the archive's
_CHUNK: Final = 1024 * 1024

_Text = Annotated[str, StringConstraints(max_length=4096)]


class _Foreign(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _Step(_Foreign):
    created: str | None = None
    created_by: str | None = None
    comment: str | None = None
    empty_layer: bool | None = None

    def line(self) -> str:
        texts = (self.created or "", self.created_by or "", self.comment or "")
        return json.dumps((*texts, bool(self.empty_layer)))


class _Root(_Foreign):
    layers: list[_Text] | None = Field(default=None, alias="Layers")


class _PodmanImage(_Foreign):
    """`podman image inspect`."""

    id: _Text = Field(alias="Id")
    digest: _Text = Field(default="", alias="Digest")
    size: int | None = Field(default=None, alias="Size")
    root: _Root | None = Field(default=None, alias="RootFS")
    history: list[_Step] | None = Field(default=None, alias="History")
    annotations: dict[str, str] | None = Field(default=None, alias="Annotations")
    tags: list[_Text] | None = Field(default=None, alias="RepoTags")


_PODMAN: Final = TypeAdapter(list[_PodmanImage])


class _RootFs(_Foreign):
    diff_ids: list[_Text] | None = None


class _Config(_Foreign):
    rootfs: _RootFs | None = None
    history: list[_Step] | None = None


class _Layer(_Foreign):
    size: int = 0


class _Manifest(_Foreign):
    layers: list[_Layer] | None = None


class _BuildahImage(_Foreign):
    """`buildah inspect --type image`. `config` and `manifest`: the documents as text."""

    id: _Text = Field(alias="FromImageID")
    digest: _Text = Field(default="", alias="FromImageDigest")
    config: str = Field(default="{}", alias="Config")
    manifest: str = Field(default="{}", alias="Manifest")
    annotations: dict[str, str] | None = Field(default=None, alias="ImageAnnotations")


class Storage:
    """Satisfies ImageStore. `form`: of the archives that are written."""

    def __init__(self, program: Program, *, oci: bool = False) -> None:
        self._program = program
        self._oci = oci

    def close(self) -> None:
        """Nothing is held."""

    @property
    def keeps_annotations(self) -> bool:
        return self._oci

    def archived(self, tags: Sequence[str]) -> tuple[str, ...]:
        """Those of an image's names that its archive can hold."""
        if self._oci:
            return tuple(tags[:1])
        return tuple(tags[:_NAMES_OF_BUILDAH] if self._program.name == "buildah" else tags)

    def inspect(self, name: str) -> StoredImage | None:
        """The image of this name, tag, ID or digest; None where there is none."""
        bare = name.removeprefix("sha256:")
        if self._program.name == "buildah":
            answer = self._program.ask("inspect", "--type", "image", "--", bare)
        else:
            answer = self._program.ask("image", "inspect", "--", bare)
        if answer.code:
            if any(words in answer.error for words in _UNKNOWN):
                return None
            raise BomError(f"{self._program.name} refuses: {answer.error}")
        try:
            return (
                _from_buildah(answer.out)
                if self._program.name == "buildah"
                else _from_podman(answer.out)
            )
        except (ValueError, TypeError, LookupError) as error:
            raise BomError(
                f"{self._program.name} gives no answer that can be read about {name}"
            ) from error

    def export(self, names: Sequence[str], platform: str = "") -> Generator[bytes, None, None]:
        """The archive of these names of one image, in pieces of at most 1 MiB. Its order of names
        is the program's."""
        del platform  # an image of this storage is for one platform
        if self._oci:
            return self._layout(names[0])
        return self._archive(tuple(name.removeprefix("sha256:") for name in names))

    def load(self, path: Path) -> None:
        """Take in the archive at `path`, under the names that stand in it."""
        with self._private() as (program, folder):
            if program.name == "buildah":
                form = "oci-archive" if self._oci else "docker-archive"
                # a path with a colon in it would end there
                plain = folder / "image.tar"
                plain.symlink_to(path)
                answer = program.ask("pull", "-q", f"{form}:{plain}", patience=None)
            else:
                answer = program.ask("load", "-q", "-i", str(path), patience=None)
        if answer.code:
            raise BomError(f"{self._program.name} refuses: {answer.error}")

    def tag(self, image: str, name: str) -> None:
        """Let `name` mean the image of this ID."""
        answer = self._program.ask("tag", "--", image.removeprefix("sha256:"), name)
        if answer.code:
            raise BomError(f"{self._program.name} refuses: {answer.error}")

    def _archive(self, names: Sequence[str]) -> Generator[bytes, None, None]:
        """Docker's archive, as the program writes it."""
        with self._private() as (program, _):
            if program.name == "buildah":
                more = f":{names[1]}" if len(names) > 1 else ""
                place = f"docker-archive:/dev/stdout{more}"
                yield from program.stream("push", "-q", "--", names[0], place)
            else:
                words = ("save", "-q", "--format", "docker-archive", "--")
                yield from program.stream(*words, *names)

    def _layout(self, name: str) -> Generator[bytes, None, None]:
        """The OCI layout in a tar that holds no times."""
        bare = name.removeprefix("sha256:")
        with self._private() as (program, folder):
            layout = folder / "layout"
            if program.name == "buildah":
                reference = "" if bare != name else f":{bare}"
                words = ["push", "-q", "--", bare, f"oci:{layout}{reference}"]
            else:
                # uncompressed, as the storage has them: the manifest keeps its digest
                words = ["save", "-q", "--format", "oci-dir", "--uncompressed", "-o", str(layout)]
                words += ["--", bare]
            answer = program.ask(*words, patience=None)
            if answer.code:
                raise BomError(
                    f"{program.name} broke off the export: {answer.error}",
                    hint=f"is there room in {folder.parent} (TMPDIR)?",
                )
            yield from _packed(layout)

    @contextmanager
    def _private(self) -> Iterator[tuple[Program, Path]]:
        """The program with a folder of its own for temporary files: what it leaves there when it
        fails goes too."""
        place = self._program.environment.get("TMPDIR") or _spool_folder()
        folder = Path(tempfile.mkdtemp(prefix="bom-", dir=place))
        try:
            variables = {**self._program.environment, "TMPDIR": str(folder)}
            yield replace(self._program, environment=variables), folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _from_podman(answer: bytes) -> StoredImage:
    found = _PODMAN.validate_json(answer)[0]
    name, digest = _base(found.annotations)
    return StoredImage(
        id=f"sha256:{found.id}",
        size=max(found.size or 0, 0),
        layers=tuple((found.root.layers if found.root else None) or ()),
        manifests=(),
        is_index=False,
        digest=found.digest,
        history=tuple(step.line() for step in found.history or ()),
        base_name=name,
        base_digest=digest,
        tags=tuple(sorted(found.tags or ())),
    )


def _from_buildah(answer: bytes) -> StoredImage:
    found = _BuildahImage.model_validate_json(answer)
    config = _Config.model_validate_json(found.config or "{}")
    manifest = _Manifest.model_validate_json(found.manifest or "{}")
    name, digest = _base(found.annotations)
    return StoredImage(
        id=f"sha256:{found.id}",
        size=sum(max(layer.size, 0) for layer in manifest.layers or ()),
        layers=tuple((config.rootfs.diff_ids if config.rootfs else None) or ()),
        manifests=(),
        is_index=False,
        digest=found.digest,
        history=tuple(step.line() for step in config.history or ()),
        base_name=name,
        base_digest=digest,
    )


def _base(annotations: Mapping[str, str] | None) -> tuple[str, str]:
    stated = annotations or {}
    return stated.get(_BASE_NAME, ""), stated.get(_BASE_DIGEST, "")


def _spool_folder() -> str | None:
    return _SPOOL if os.access(_SPOOL, os.W_OK) else None


def _packed(folder: Path) -> Iterator[bytes]:
    """A tar of the folder: names sorted, no times, no owners."""
    paths = sorted(folder.rglob("*"), key=lambda path: path.relative_to(folder).as_posix())
    written = 0
    for path in paths:
        member = tarfile.TarInfo(path.relative_to(folder).as_posix())
        member.mode = 0o755 if path.is_dir() else 0o644
        if path.is_dir():
            member.type = tarfile.DIRTYPE
            written += 512
            yield member.tobuf(tarfile.PAX_FORMAT)
            continue
        member.size = path.stat().st_size
        header = member.tobuf(tarfile.PAX_FORMAT)
        yield header
        with path.open("rb") as stream:
            while piece := stream.read(_CHUNK):
                yield piece
        padding = -member.size % tarfile.BLOCKSIZE
        yield bytes(padding)
        written += len(header) + member.size + padding
    yield bytes(2 * tarfile.BLOCKSIZE)
    written += 2 * tarfile.BLOCKSIZE
    yield bytes(-written % tarfile.RECORDSIZE)
