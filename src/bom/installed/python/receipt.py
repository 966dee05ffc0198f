"""What `bom install` leaves beside a Python package that it installed: how the packages looked
then, and what else was there before.

A BOM states digests of wheels, not of what they become (scripts get the path of an interpreter, and
RECORD is written anew). The receipt closes that gap: right after everything was checked, one
digest over each package's files. It is no proof against somebody who can write to the
environment and knows of it; the BOM is, for the artifact's own files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from bom.input import read_bounded

if TYPE_CHECKING:
    from pathlib import Path

NAME: Final = "bom-install.json"  # in the artifact's dist-info, listed in its RECORD
_LIMIT: Final = 64 << 20  # bytes


class Package(BaseModel):
    """`digest`: hex, over the lines of `sha256sum` of its files (paths relative to the folder of
    packages), byte code and this receipt left out; of the artifact its RECORD, too."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    version: str
    digest: str


class Receipt(BaseModel):
    """`built_sha256`: which artifact. `packages`: with the artifact itself. `others`: normalised
    names of packages that were there and are none of the BOM's; `files`: what was there that
    belongs to no package (relative to the folder of packages), `scripts` the same of the folder of
    programs."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1] = 1
    built_sha256: str
    extras: tuple[str, ...] = ()
    packages: tuple[Package, ...]
    others: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    scripts: tuple[str, ...] = ()


def read(info: Path, built_sha256: str) -> Receipt | None:
    """The receipt in a dist-info, None where there is none of that artifact."""
    try:
        found = Receipt.model_validate_json(read_bounded(info / NAME, _LIMIT))
    except (OSError, ValidationError):
        return None
    return found if found.built_sha256 == built_sha256 else None
