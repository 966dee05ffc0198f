"""The engines as their own clients reach them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol

import pytest


class _Need(Protocol):
    def engine(self, kind: str) -> dict[str, str]: ...


@pytest.fixture(scope="session")
def state(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What a build keeps for the next one goes nowhere near the user's own."""
    return {"XDG_STATE_HOME": str(tmp_path_factory.mktemp("state"))}


@pytest.fixture(scope="session")
def modern(need: _Need, state: dict[str, str]) -> dict[str, str]:
    """Docker 28 with the containerd store, BuildKit and buildx."""
    return {**need.engine("modern"), **state}


@pytest.fixture(scope="session")
def classic(need: _Need, state: dict[str, str]) -> dict[str, str]:
    """Docker 20.10 with its own client, where that one is installed beside the engine."""
    environment = {**need.engine("classic"), **state}
    own = Path("/usr/bin")
    if (own / "docker").is_file():
        environment["PATH"] = os.pathsep.join([str(own), environment["PATH"]])
    return environment
