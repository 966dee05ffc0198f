"""Which of two versions is the newer one, as each ecosystem itself decides it.

One module an ordering. Each has a `key`: a text's place in its order, comparable with other keys
of the module. It raises ValueError for what is no version there: that is never guessed at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bom.versions import (
    alpine,
    debian,
    gems,
    maven,
    nuget,
    packagist,
    pypi,
    rpm,
    semver,
)

if TYPE_CHECKING:
    from collections.abc import Callable

# An OSV ecosystem, without what stands after its colon -> its ordering (the OSV schema's table of
# defined ecosystems says which one it is).
ORDERINGS: Final[dict[str, Callable[[str], Any]]] = {
    "AlmaLinux": rpm.key,
    "Alpaquita": alpine.key,
    "Alpine": alpine.key,
    "Azure Linux": rpm.key,
    "Chainguard": alpine.key,
    "Debian": debian.key,
    "GitHub Actions": semver.key,
    "Go": semver.key,
    "Hex": semver.key,
    "Mageia": rpm.key,
    "Maven": maven.key,
    "MinimOS": alpine.key,
    "NuGet": nuget.key,
    "Packagist": packagist.key,
    "Photon OS": rpm.key,
    "Pub": semver.key,
    "PyPI": pypi.key,
    "Red Hat": rpm.key,
    "Rocky Linux": rpm.key,
    "RubyGems": gems.key,
    "SUSE": rpm.key,
    "SwiftURL": semver.key,
    "Ubuntu": debian.key,
    "Wolfi": alpine.key,
    "crates.io": semver.key,
    "npm": semver.key,
    "openEuler": rpm.key,
    "openSUSE": rpm.key,
}

# A purl's type (the purl specification's type definitions) -> the ordering of its versions.
_OF_PURLS: Final[dict[str, Callable[[str], Any]]] = {
    "apk": alpine.key,
    "cargo": semver.key,
    "composer": packagist.key,
    "deb": debian.key,
    "gem": gems.key,
    "githubactions": semver.key,
    "golang": semver.key,
    "hex": semver.key,
    "maven": maven.key,
    "npm": semver.key,
    "nuget": nuget.key,
    "pub": semver.key,
    "pypi": pypi.key,
    "rpm": rpm.key,
    "swift": semver.key,
}


def compared(purl_type: str, one: str, two: str) -> int:
    """-1 where the version `one` is older than `two`, 1 where it is newer, 0 where they are equal
    for a purl's type. Raises ValueError where that is not known."""
    key = _OF_PURLS.get(purl_type)
    if key is None:
        raise ValueError(f"no order is known for {purl_type}")
    first, second = key(one), key(two)
    return -1 if first < second else 1 if first > second else 0
