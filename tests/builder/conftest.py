"""The engines as their own clients reach them, and a builder that wraps into a folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping


class _Need(Protocol):
    def engine(self, kind: str) -> dict[str, str]: ...


@pytest.fixture(scope="session")
def modern(need: _Need) -> dict[str, str]:
    """Docker 28 with the containerd store, BuildKit and buildx."""
    return need.engine("modern")


@pytest.fixture(scope="session")
def classic(need: _Need) -> dict[str, str]:
    """Docker 20.10 with its own client, where that one is installed beside the engine."""
    environment = need.engine("classic")
    own = Path("/usr/bin")
    if (own / "docker").is_file():
        environment["PATH"] = os.pathsep.join([str(own), environment["PATH"]])
    return environment


def without(environment: Mapping[str, str], *names: str) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name not in names}
