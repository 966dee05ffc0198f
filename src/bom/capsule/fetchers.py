"""The package managers whose packages a capsule holds for builds of files, each in a module."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bom.capsule.golang import Go
from bom.capsule.npm import Npm
from bom.capsule.rust import Rust

if TYPE_CHECKING:
    from bom.capsule.fetched import Fetcher

FETCHERS: Final[tuple[Fetcher, ...]] = (Go(), Rust(), Npm())
