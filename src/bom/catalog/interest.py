"""What all ecosystems together want of a file, by its path: asked for every one of an image's
hundred thousand files, so it decides by a name's end before it builds anything."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bom.archive.layer import Take
    from bom.catalog.protocol import Ecosystem, Extract

# By files that come early in a base image's layer: dpkg states MD5, apk SHA-1, rpm SHA-256.
_STATED: Final[dict[str, tuple[str, ...]]] = {
    "etc/debian_version": ("md5",),
    "var/lib/dpkg/status": ("md5",),
    "etc/alpine-release": ("sha1",),
    "lib/apk/db/installed": ("sha1",),
    "usr/lib/apk/db/installed": ("sha1",),
    "var/lib/rpm/rpmdb.sqlite": (),
    "usr/lib/sysimage/rpm/rpmdb.sqlite": (),
}
# Where packages put files (Filesystem Hierarchy Standard; Debian Policy 9.1).
_PACKAGED: Final = ("usr/", "lib", "bin/", "sbin/", "etc/", "boot/")
_UNPACKAGED: Final = "usr/local/"
_LIBRARY_ENDINGS: Final = (".so", ".dylib", ".dll", ".exe", ".node")
_VERSIONED_LIBRARY: Final = ".so."


class Wanted:
    """What is wanted of files, by all of the `ecosystems`. Satisfies archive's Interest."""

    def __init__(self, ecosystems: Iterable[Ecosystem]) -> None:
        self._ecosystems = tuple(ecosystems)
        reads = [ecosystem.reads for ecosystem in self._ecosystems]
        self._names = frozenset(name for item in reads for name in item.names)
        self._endings = tuple({end for item in reads for end in item.endings})
        self._folders = tuple({top for item in reads for top in item.folders})
        self._within = tuple({part for item in reads for part in item.within})
        self._extracts: tuple[Extract, ...] = tuple(
            item.extracts for item in self._ecosystems if item.extracts is not None
        )
        archives = {end for item in self._extracts for end in item.endings}
        self._large = (*_LIBRARY_ENDINGS, *archives)
        self._large_within = tuple({part for item in self._extracts for part in item.within})

    def wants(self, path: str) -> bool:
        """Whether some ecosystem wants to read the file."""
        if (
            path[path.rfind("/") + 1 :] not in self._names
            and not path.endswith(self._endings)
            and not path.startswith(self._folders)
        ):
            for part in self._within:  # a loop, for `any` takes three times as long (measured)
                if part in path:
                    break
            else:
                return False
        pure = PurePosixPath(path)
        return any(ecosystem.matches(pure) for ecosystem in self._ecosystems)

    def extracts(self, path: str, executable: bool) -> bool:
        """Whether something may have to be taken out of the file, by its name."""
        if executable or path.endswith(self._large) or _VERSIONED_LIBRARY in path:
            return True
        for part in self._large_within:  # noqa: SIM110 - as in `wants`
            if part in path:
                return True
        return False

    def extractor(self, path: str, executable: bool, head: bytes) -> Take | None:
        """What takes it, by the first bytes too; None for nothing."""
        takers = [
            item.take for item in self._extracts if head.startswith(item.magics) and item.fits(path)
        ]
        if len(takers) < 2:
            return takers[0] if takers else None
        return lambda content: {
            name: part for take in takers for name, part in take(content).items()
        }

    def settles(self, path: str) -> tuple[str, ...] | None:
        """Which weak digests the image's package manager states of its files, where it shows."""
        return _STATED.get(path)

    def compares(self, path: str) -> bool:
        """Whether a weak digest of the file is needed as well: a package may list it."""
        return path.startswith(_PACKAGED) and not path.startswith(_UNPACKAGED)
