"""Which folders hold a project of its own, and not a copy that belongs to something installed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import PurePosixPath

_OF_OTHERS: Final = frozenset(
    [
        ".gradle",
        ".m2",
        "META-INF",  # what Maven packs into a jar, unpacked
        "dist-packages",
        "gems",
        "node_modules",
        "site-packages",
        "target",  # what Maven makes
        "vendor",
    ]
)


def of_a_project(path: PurePosixPath) -> bool:
    """Whether a manifest or lock at `path` is a project's."""
    return _OF_OTHERS.isdisjoint(path.parts)


def joined(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name
