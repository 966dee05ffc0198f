"""Which files of a view the Debian ecosystem reads, by their paths alone."""

from __future__ import annotations

from typing import Final

from bom.catalog.os_release import PATHS

STATUS: Final = "var/lib/dpkg/status"
STATUS_FOLDER: Final = "var/lib/dpkg/status.d/"
UPDATES_FOLDER: Final = "var/lib/dpkg/updates/"
INFO_FOLDER: Final = "var/lib/dpkg/info/"
DIVERSIONS: Final = "var/lib/dpkg/diversions"
UCF_REGISTRY: Final = "var/lib/ucf/registry"
MANIFESTS: Final = ("var/lib/chisel/manifest.wall",)  # chiselled images of Ubuntu


def wants(path: str) -> bool:
    """Whether the file is one of dpkg's own, or says more of its packages."""
    if path.startswith("var/lib/dpkg/"):
        return (
            path in (STATUS, DIVERSIONS)
            or (path.startswith(INFO_FOLDER) and path.endswith((".list", ".md5sums")))
            or path.startswith((STATUS_FOLDER, UPDATES_FOLDER))
        )
    if path.endswith("/copyright"):
        return path.startswith("usr/share/doc/") and path.count("/") == 4
    return path in PATHS or path == UCF_REGISTRY
