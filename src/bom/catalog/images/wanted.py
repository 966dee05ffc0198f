"""Which files of a view are Dockerfiles and Compose files, by their paths alone."""

from __future__ import annotations

import re
from typing import Final

from bom.catalog.python.wanted import foreign

_FILES: Final = ("Dockerfile", "Containerfile")
# `Dockerfile.prod`, `prod.Dockerfile`, `prod.dockerfile`: the names that docker's and podman's
# documentation use. `Dockerfile.dockerignore` is none.
_DOCKERFILE: Final = re.compile(
    r"(?:Dockerfile|Containerfile)(?:[._-][A-Za-z0-9._-]+)?|"
    r"[A-Za-z0-9._-]+\.(?:[Dd]ockerfile|[Cc]ontainerfile)"
)
_IGNORE: Final = (".dockerignore", ".containerignore")
_TEMPLATES: Final = (".j2", ".tmpl", ".template", ".erb", ".md", ".in")
_COMPOSE: Final = re.compile(r"(?:docker-)?compose(?:\.[A-Za-z0-9._-]+)?\.ya?ml")
ENDINGS: Final = (".dockerfile", ".containerfile")
WITHIN: Final = ("Dockerfile", "Containerfile", "compose.")
_OTHERS: Final = frozenset(["vendor", "gems", "testdata"])


def kind(path: str) -> str:
    """ "dockerfile", "compose", or "" for any other file and for what lies in packages."""
    folder, _, name = path.rpartition("/")
    found = ""
    if _COMPOSE.fullmatch(name):
        found = "compose"
    elif name in _FILES or (
        _DOCKERFILE.fullmatch(name) and not name.endswith((*_IGNORE, *_TEMPLATES))
    ):
        found = "dockerfile"
    if not found or foreign(path) or not _OTHERS.isdisjoint(folder.split("/")):
        return ""
    return found
