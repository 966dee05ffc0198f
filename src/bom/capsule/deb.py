"""Debian packages in a capsule: an index for the apt of one build, and what a package holds
(deb(5), sources.list(5)).

The index of the day on which an image was built names thousands of packages, is signed for a week,
and nobody keeps it. One out of the files themselves names just those that the build may take; it
is signed by nobody, as every file in a capsule has been held against its digest before.
"""

from __future__ import annotations

import hashlib
import io
import re
import tarfile
import tempfile
from typing import TYPE_CHECKING, Final

from bom import purl
from bom.archive.decompress import MAGIC, form_of, stream
from bom.errors import BadArtifact, BomError
from bom.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path
    from typing import IO, BinaryIO

NAME: Final = "Packages"
_CHUNK: Final = 1 << 20
_MAGIC: Final = b"!<arch>\n"
_HEADER: Final = 60  # bytes before each member (ar(5))
_LIMIT: Final = 64 * 1024 * 1024  # bytes of the control part, packed and unpacked
_OURS: Final = ("filename", "size", "md5sum", "sha1", "sha256", "sha512")
# Name, version and architecture of a package (Debian Policy 5.6.7, 5.6.12).
_PARTS: Final = re.compile(
    r"(?P<name>[a-z0-9][a-z0-9+.-]*) (?P<version>[0-9][A-Za-z0-9.+:~-]*) (?P<arch>[a-z0-9-]+)"
)
_FIELD: Final = re.compile(r"([!-9;-~]+):")  # a line that goes on with one begins with a space


def index(files: list[Path]) -> str:
    """The Packages file of a flat repository with these files, in the order of their names.
    Raises BadArtifact for one that is no Debian package."""
    return "\n".join(_stanza(file) for file in sorted(files))


def control(file: Path) -> str:
    """The first paragraph of the package's control file. Raises BadArtifact."""
    with file.open("rb") as opened:
        size = _part(opened, "control.tar")
        if size > _LIMIT:
            raise BadArtifact("oversized", f"the control part of {file.name:.120} is too large")
        packed = opened.read(size)
    data = bytearray()

    def take(piece: bytes) -> None:
        data.extend(piece)
        if len(data) > _LIMIT:
            raise BadArtifact("oversized", f"the control part of {file.name:.120} is too large")

    form = form_of(packed[:MAGIC])
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


def holds(file: Path, digests: Collection[str]) -> bool:
    """Whether a file in the package has one of these SHA-256. Raises BadArtifact."""
    with file.open("rb") as opened, tempfile.TemporaryFile(dir=file.parent) as unpacked:
        left = _part(opened, "data.tar")
        head = opened.read(min(left, _CHUNK))
        form = form_of(head[:MAGIC])
        unpacking = stream(form, unpacked.write) if form else None
        while head:
            left -= len(head)
            if unpacking is None:
                unpacked.write(head)
            else:
                unpacking.feed(head)
            head = opened.read(min(left, _CHUNK))
        if unpacking is not None:
            unpacking.close()
        unpacked.seek(0)
        try:
            with tarfile.open(fileobj=unpacked, mode="r:") as tar:
                for entry in tar:
                    content = tar.extractfile(entry) if entry.isreg() else None
                    if content is not None and _sha256(content) in digests:
                        return True
        except tarfile.TarError as error:
            raise _no_package(file.name) from error
    return False


def _sha256(content: IO[bytes]) -> str:
    actual = hashlib.sha256()
    while piece := content.read(_CHUNK):
        actual.update(piece)
    return actual.hexdigest()


def file_name(text: str) -> str:
    """As apt calls the file of the package with this purl: NAME_VERSION_ARCH.deb. Raises BomError
    for one that no package has."""
    name, version, arch = _parts(text)
    return f"{name}_{version.replace(':', '%3a')}_{arch}.deb"


def apt_name(text: str) -> str:
    """As apt is asked for just this package. Raises BomError."""
    name, version, arch = _parts(text)
    return f"{name}={version}" if arch == "all" else f"{name}:{arch}={version}"


def _parts(text: str) -> tuple[str, str, str]:
    item = purl.parse(text)
    found = _PARTS.fullmatch(f"{item.name} {item.version} {dict(item.qualifiers).get('arch', '')}")
    if found is None:
        raise BomError(f"no Debian package can be {printable_name(text)[:200]}")
    return found["name"], found["version"], found["arch"]


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


def _part(opened: BinaryIO, start: str) -> int:
    """The size in bytes of the member whose name begins so; its content is read next."""
    for name, size in _members(opened):
        if name.rstrip("/").startswith(start):
            return size
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
