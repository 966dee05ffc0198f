"""Purls of packages that an operating system's package manager installs (purl types apk, deb)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bom import purl
from bom.catalog.os_release import distro, vendor
from bom.errors import BomError

if TYPE_CHECKING:
    from collections.abc import Mapping


def system_purl(
    type: str,
    name: str,
    version: str,
    release: Mapping[str, str],
    *,
    otherwise: str,
    arch: str = "",
) -> str:
    """The purl of a package of the system that `release` (os-release) tells of. `otherwise`: whose
    packages they are taken for where it doesn't say. Raises BomError where none can be formed."""
    if not version:
        raise BomError("it has no version")
    return purl.build(
        type,
        name,
        namespace=vendor(release) or otherwise,
        version=version,
        qualifiers={"arch": arch, "distro": distro(release)},
    )
