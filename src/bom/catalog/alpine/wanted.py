"""Which files of a view the Alpine ecosystem reads, by their paths alone."""

from __future__ import annotations

from typing import Final

from bom.catalog import os_release

PATHS: Final = ("lib/apk/db/installed", "usr/lib/apk/db/installed")
WORLD: Final = "etc/apk/world"


def wants(path: str) -> bool:
    """Whether the file is apk's database, what was asked for, or says whose packages these are."""
    return path in PATHS or path == WORLD or path in os_release.PATHS
