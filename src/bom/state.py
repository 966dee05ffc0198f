"""Where `bom` keeps what is of use to later runs of the same user (XDG Base Directory)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def state_folder(environment: Mapping[str, str]) -> Path:
    """`$XDG_STATE_HOME/bom`; it may not be there yet."""
    home = Path(environment.get("HOME") or Path.home())
    stated = environment.get("XDG_STATE_HOME", "")
    return (Path(stated) if stated.startswith("/") else home / ".local" / "state") / "bom"
