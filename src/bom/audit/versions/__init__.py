"""Which of two versions is the newer one, as each ecosystem itself decides it.

One module an ordering. Each has a `key`: a text's place in its order, comparable with other keys
of the module. It raises ValueError for what is no version there: that is never guessed at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bom.audit.versions import (
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
