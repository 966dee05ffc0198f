"""All digests of a file in one pass, and Go's over what is in a module's zip."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from typing import TYPE_CHECKING, Final

from bom.archive.zip_errors import BROKEN_ZIP
from bom.checksums.model import Digests
from bom.errors import BomError

if TYPE_CHECKING:
    from pathlib import Path

_BLOCK: Final = 1 << 20  # bytes
_UNPACKED: Final = 2 << 30  # bytes: a module's zip has at most 500 MiB (golang.org/x/mod/zip)


def of_file(path: Path, ecosystem: str) -> Digests:
    """Raises BomError where it can't be read, or is no zip of a Go module."""
    sums = [hashlib.sha256(), hashlib.sha1(usedforsecurity=False), hashlib.sha512()]
    try:
        with path.open("rb") as stream:
            while block := stream.read(_BLOCK):
                for item in sums:
                    item.update(block)
    except OSError as error:
        raise BomError(f"{path} can't be read: {error.strerror}") from error
    sha256, sha1, sha512 = (item.hexdigest() for item in sums)
    own = _own(path, ecosystem, sha256, sha1, sha512)
    return Digests(sha256, sha1, sha512, own)


def integrity(sha512: str) -> str:
    """A hex SHA-512 as npm writes it (Subresource Integrity)."""
    return "sha512-" + base64.b64encode(bytes.fromhex(sha512)).decode("ascii")


def same_kind(stated: str, found: Digests) -> str:
    """What a file has of the kind of digest that is stated; "" where that is not computed here
    (NuGet's is over a package without its signature)."""
    if stated.startswith("sha512-"):
        return integrity(found.sha512)
    kind = stated.partition(":")[0]
    computed = {
        "h1": found.own,
        "sha1": f"sha1:{found.sha1}",
        "sha256": f"sha256:{found.sha256}",
        "sha512": f"sha512:{found.sha512}",
    }
    return computed.get(kind, "")


def _own(path: Path, ecosystem: str, sha256: str, sha1: str, sha512: str) -> str:
    match ecosystem:
        case "npm":
            return integrity(sha512)
        case "golang":
            return go_h1(path)
        case "maven":
            return f"sha1:{sha1}"
        case _:
            return f"sha256:{sha256}"


def go_h1(path: Path) -> str:
    """`h1:` over the files in a module's zip (golang.org/x/mod/sumdb/dirhash, Hash1). Raises
    BomError."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = sorted(archive.namelist())
            rows = [f"{_member(archive, name)}  {name}\n" for name in names]
    except (*BROKEN_ZIP, OSError) as error:
        raise BomError(f"{path} is no zip of a Go module: {error}") from error
    total = hashlib.sha256("".join(rows).encode("utf-8", "surrogateescape")).digest()
    return "h1:" + base64.b64encode(total).decode("ascii")


def _member(archive: zipfile.ZipFile, name: str) -> str:
    digest, size = hashlib.sha256(), 0
    with archive.open(name) as stream:
        while block := stream.read(_BLOCK):
            size += len(block)
            if size > _UNPACKED:
                raise ValueError(f"{name} is larger than any module")
            digest.update(block)
    return digest.hexdigest()
