"""What rpm's database says of one installed package."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING, Final, NamedTuple

from bom.catalog.rpm import header
from bom.catalog.stated import Unreadable
from bom.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bom.catalog.rpm.header import Header

# RPMFILE_* of rpm's file flags, and RPMFILE_STATE_NORMAL.
_CONFIG: Final = 1
_GHOST: Final = 64
_NORMAL: Final = 0
_VERIFY_DIGEST: Final = 1  # RPMVERIFY_FILEDIGEST
# Requirements that rpm itself meets, and those that may go unmet (RPMSENSE_*).
_RPMLIB: Final = 1 << 24
_MISSING_OK: Final = 1 << 19
_KEY: Final = "gpg-pubkey"  # a signing key that rpm keeps among its packages
# PGP's numbers of algorithms (RFC 4880 9.4), which rpm uses.
_ALGORITHMS: Final = {1: "md5", 2: "sha1", 8: "sha256", 9: "sha384", 10: "sha512", 11: "sha224"}


class Relation(NamedTuple):
    """A capability: `flags` are rpm's, `version` is `[EPOCH:]VERSION[-RELEASE]` or empty."""

    name: str
    flags: int
    version: str


class File(NamedTuple):
    """A file that a package lists. `path` is relative to the root, bytes that are no UTF-8 are
    surrogate escapes; `digest` is hex, "" where rpm states none (links, ghosts).

    `ghost`: the package only names it, something else makes it. `present`: rpm put it on the
    disk. `fixed`: its content is to stay as it was packaged.
    """

    path: str
    digest: str
    ghost: bool
    present: bool
    fixed: bool
    directory: bool


class Package:
    """An installed package. Names and texts are printable."""

    __slots__ = ("_header", "architecture", "epoch", "name", "release", "version")

    def __init__(self, found: Header) -> None:
        self._header = found
        self.name = self._text(header.NAME)
        self.version = self._text(header.VERSION)
        self.release = self._text(header.RELEASE)
        self.architecture = self._text(header.ARCH)
        epoch = found.numbers(header.EPOCH)
        self.epoch = epoch[0] if epoch else 0  # none and 0 are the same to rpm

    @property
    def is_key(self) -> bool:
        return self.name == _KEY

    @property
    def evr(self) -> str:
        """`[EPOCH:]VERSION-RELEASE`, as rpm shows and compares it."""
        return f"{self.epoch}:{self.version_release}" if self.epoch else self.version_release

    @property
    def version_release(self) -> str:
        return f"{self.version}-{self.release}" if self.release else self.version

    @property
    def nevra(self) -> str:
        dot = "." if self.architecture else ""
        return f"{self.name}-{self.evr}{dot}{self.architecture}"

    @property
    def supplier(self) -> str:
        return self._text(header.VENDOR)

    @property
    def packager(self) -> str:
        return self._text(header.PACKAGER)

    @property
    def licence(self) -> str:
        return self._text(header.LICENSE)

    @property
    def url(self) -> str:
        return self._text(header.URL)

    @property
    def summary(self) -> str:
        return self._text(header.SUMMARY)

    @property
    def source(self) -> str:
        """The file name of the source package."""
        return self._text(header.SOURCE_RPM)

    @property
    def module(self) -> str:
        """`NAME:STREAM:VERSION:CONTEXT` of the module that it was built in."""
        return self._text(header.MODULARITY_LABEL)

    @property
    def signed_md5(self) -> str:
        """MD5 of header and payload of the .rpm file, in hex."""
        return self._header.binary(header.SIGNED_MD5).hex()

    @property
    def header_sha256(self) -> str:
        """SHA-256 of the header of the .rpm file, in hex."""
        return self._text(header.SHA256_HEADER)

    @property
    def algorithm(self) -> str:
        """The algorithm of its files' digests, by hashlib's name; "" for one that is unknown."""
        stated = self._header.numbers(header.FILE_DIGEST_ALGORITHM)
        return _ALGORITHMS.get(stated[0] if stated else 1, "")

    def provides(self) -> list[Relation]:
        """What it states that it provides; rpm adds the package itself."""
        return _relations(
            self._header, header.PROVIDE_NAMES, header.PROVIDE_FLAGS, header.PROVIDE_VERSIONS
        )

    def requires(self) -> list[Relation]:
        """What it can't be without, each once."""
        found = _relations(
            self._header, header.REQUIRE_NAMES, header.REQUIRE_FLAGS, header.REQUIRE_VERSIONS
        )
        return [
            item
            for item in dict.fromkeys(found)
            if not item.flags & (_RPMLIB | _MISSING_OK) and not item.name.startswith("rpmlib(")
        ]

    def files(self) -> Iterator[File]:
        """All files, links and folders that it lists. Raises Unreadable."""
        paths = self.paths()
        columns = [
            _column(self._header.numbers(tag), len(paths), default)
            for tag, default in (
                (header.FILE_FLAGS, 0),
                (header.FILE_STATES, _NORMAL),
                (header.FILE_MODES, 0),
                (header.FILE_VERIFY_FLAGS, _VERIFY_DIGEST),
            )
        ]
        digests = self._header.texts(header.FILE_DIGESTS) or [""] * len(paths)
        if len(digests) != len(paths):
            raise Unreadable("its lists of files and digests have different lengths")
        for path, digest, flags, state, mode, checks in zip(paths, digests, *columns, strict=True):
            yield File(
                path,
                digest.lower() if digest.isascii() and digest.isalnum() else "",
                bool(flags & _GHOST),
                state == _NORMAL,
                not flags & _CONFIG and bool(checks & _VERIFY_DIGEST),
                stat.S_ISDIR(mode),
            )

    def paths(self, named: frozenset[str] = frozenset()) -> list[str]:
        """The paths of all that it lists, or of those with one of these base names. Raises
        Unreadable."""
        names = self._header.texts(header.BASE_NAMES)
        if not names:
            old = (path.strip("/") for path in self._header.texts(header.OLD_FILE_NAMES))
            return [path for path in old if not named or path.rpartition("/")[2] in named]
        if named and named.isdisjoint(names):
            return []
        folders = [f.strip("/") for f in self._header.texts(header.DIR_NAMES)]
        indexes = self._header.numbers(header.DIR_INDEXES)
        if len(indexes) != len(names) or max(indexes) >= len(folders):
            raise Unreadable("its list of files doesn't fit its list of folders")
        return [
            f"{folders[index]}/{name}" if folders[index] else name
            for name, index in zip(names, indexes, strict=True)
            if not named or name in named
        ]

    def _text(self, tag: int) -> str:
        return " ".join(printable_name(self._header.text(tag)).split())


def _column(stated: tuple[int, ...], length: int, default: int) -> tuple[int, ...]:
    """One value for each file, also where the header states none."""
    if not stated:
        return (default,) * length
    if len(stated) != length:
        raise Unreadable("its list of files doesn't fit what it states of each")
    return stated


def _relations(found: Header, names: int, flags: int, versions: int) -> list[Relation]:
    """Three lists side by side; what the shorter ones lack is a name without a version."""
    stated = [printable_name(name) for name in found.texts(names)]
    senses, evrs = found.numbers(flags), found.texts(versions)
    if len(senses) != len(stated) or len(evrs) != len(stated):
        return [Relation(name, 0, "") for name in stated]
    return [
        Relation(name, sense, printable_name(evr))
        for name, sense, evr in zip(stated, senses, evrs, strict=True)
    ]
