"""An index of the .deb files of a capsule, for the apt of one build (deb(5), sources.list(5)).

The index of the day on which an image was built names thousands of packages, is signed for a week,
and nobody keeps it. One out of the files themselves names just those that the build may take; it
is signed by nobody, as every file in a capsule has been held against its digest before.
"""

from __future__ import annotations

import hashlib
import io
import re
import tarfile
from typing import TYPE_CHECKING, Final

from bom.archive.decompress import form_of, stream
from bom.errors import BadArtifact

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

NAME: Final = "Packages"
_MAGIC: Final = b"!<arch>\n"
_HEADER: Final = 60  # bytes before each member (ar(5))
_LIMIT: Final = 64 * 1024 * 1024  # bytes of the control part, packed and unpacked
_OURS: Final = ("filename", "size", "md5sum", "sha1", "sha256", "sha512")
_FIELD: Final = re.compile(r"([!-9;-~]+):")  # a line that goes on with one begins with a space


def index(files: list[Path]) -> str:
    """The Packages file of a flat repository with these files, in the order of their names.
    Raises BadArtifact for one that is no Debian package."""
    return "\n".join(_stanza(file) for file in sorted(files))


def control(file: Path) -> str:
    """The first paragraph of the package's control file. Raises BadArtifact."""
    with file.open("rb") as opened:
        packed = _control_tar(opened)
    data = bytearray()

    def take(piece: bytes) -> None:
        data.extend(piece)
        if len(data) > _LIMIT:
            raise BadArtifact("oversized", f"the control part of {file.name:.120} is too large")

    form = form_of(packed[:6])
    if form:
        unpacking = stream(form, take)
        unpacking.feed(packed)
        unpacking.close()
    else:
        take(packed)
    try:
        with tarfile.open(fileobj=io.BytesIO(bytes(data))) as tar:
            for entry in tar:
                if entry.isreg() and entry.name in ("control", "./control"):
                    found = tar.extractfile(entry)
                    text = found.read() if found is not None else b""
                    return text.decode("utf-8", "replace").strip("\n").split("\n\n", 1)[0]
    except tarfile.TarError as error:
        raise _no_package(file.name) from error
    raise _no_package(file.name)


def _stanza(file: Path) -> str:
    kept: list[str] = []
    ours = False
    for line in control(file).splitlines():
        field = _FIELD.match(line)
        ours = field[1].lower() in _OURS if field else ours
        if line.strip() and not ours:
            kept.append(line)
    with file.open("rb") as opened:
        digest = hashlib.file_digest(opened, "sha256").hexdigest()
        size = opened.tell()
    return "\n".join((*kept, f"Filename: ./{file.name}", f"Size: {size}", f"SHA256: {digest}", ""))


def _control_tar(opened: BinaryIO) -> bytes:
    for name, size in _members(opened):
        if name.rstrip("/").startswith("control.tar"):
            if size > _LIMIT:
                raise BadArtifact("oversized", "the control part of a Debian package is too large")
            return opened.read(size)
        opened.seek(size + size % 2, io.SEEK_CUR)
    raise _no_package(getattr(opened, "name", ""))


def _members(opened: BinaryIO) -> Iterator[tuple[str, int]]:
    """Name and size in bytes of each; the caller goes past its content."""
    if opened.read(len(_MAGIC)) != _MAGIC:
        return
    while len(header := opened.read(_HEADER)) == _HEADER:
        size = header[48:58].strip()
        if not size.isdigit():
            return
        yield header[:16].decode("ascii", "replace").strip(), int(size)


def _no_package(name: str) -> BadArtifact:
    last = str(name).rsplit("/", 1)[-1]
    return BadArtifact("damaged", f"{last!r:.120} is no Debian package")
