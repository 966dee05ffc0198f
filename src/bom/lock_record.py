"""The file bom.lock: JSON, sorted and indented, so that a change of one input is a change of one
line. schemas/lock.schema.json describes it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bom.errors import BomError
from bom.input import read_bounded

if TYPE_CHECKING:
    from pathlib import Path

NAME: Final = "bom.lock"
FORMAT: Final = 1
_SIZE_LIMIT: Final = 64 * 1024 * 1024  # bytes

_SHA256: Final = r"^[0-9a-f]{64}$"
_DIGEST: Final = r"^sha256:[0-9a-f]{64}$"


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LockedFile(_Entry):
    """A lock of an ecosystem's own (uv.lock, package-lock.json): its content is locked."""

    path: str = Field(min_length=1, description="From the project's root.")
    sha256: str = Field(pattern=_SHA256)


class LockedImage(_Entry):
    """An image that a Dockerfile names."""

    name: str = Field(min_length=1, description="As docker shows it, with its tag.")
    digest: str = Field(pattern=_DIGEST)
    of: Literal["name", "id"] = Field(
        description="Whose digest: what a registry serves under the name, or the engine's own ID"
        " of an image that never came from one."
    )


class LockedPackage(_Entry):
    """A Debian package that `apt-get install` brings into an image."""

    purl: str = Field(pattern=r"^pkg:deb/")
    sha256: str = Field(pattern=_SHA256, description="Of the .deb file.")


class LockedInstall(_Entry):
    """What the `apt-get install` of one Dockerfile's stages that stand on one image bring in."""

    dockerfile: str = Field(min_length=1)
    image: str = Field(min_length=1)
    asked: list[str] = Field(description="The packages and options, as the Dockerfile has them.")
    packages: list[LockedPackage]
    present: list[str] = Field(description="NAME=VERSION of what the image has already.")


class LockedTool(_Entry):
    """A program that takes part in the build."""

    kind: str
    name: str = Field(min_length=1)
    version: str
    sha256: str = Field(
        default="", pattern=r"^([0-9a-f]{64})?$", description="Empty where it is only stated."
    )


class Lock(_Entry):
    """All inputs of a build. Lists are sorted."""

    format: Literal[1] = 1
    command: list[str] = Field(
        default=[], description="The build whose tools are locked; empty: no tools are."
    )
    files: list[LockedFile] = []
    images: list[LockedImage] = []
    installs: list[LockedInstall] = []
    tools: list[LockedTool] = []


def text(lock: Lock) -> str:
    """The file's text: equal locks have equal bytes."""
    return json.dumps(lock.model_dump(), indent=2, ensure_ascii=True) + "\n"


def read(root: Path) -> Lock:
    """The lock in the folder `root`. Raises BomError where there is none, or it is none."""
    path = root / NAME
    try:
        data = read_bounded(path, _SIZE_LIMIT)
    except FileNotFoundError as error:
        raise BomError(f"there is no {NAME}", hint="`bom lock -- COMMAND` makes it") from error
    except OSError as error:
        raise BomError(f"{NAME} can't be read: {error.strerror or error}") from error
    try:
        found = json.loads(data)
        stated = found.get("format") if isinstance(found, dict) else None
        if isinstance(stated, int) and stated > FORMAT:
            raise BomError(
                f"{NAME} has format {stated}, which this version of bom does not know",
                hint="use the version of bom that wrote it, or a newer one",
            )
        return Lock.model_validate_json(data)
    except (ValueError, RecursionError) as error:  # ValidationError is a ValueError
        first = error.errors()[0] if isinstance(error, ValidationError) else None
        where = ".".join(map(str, first["loc"])) if first else ""
        problem = f"{where}: {first['msg']}" if first and where else "it is no such JSON"
        raise BomError(
            f"{NAME} can't be read: {problem}", hint="take it from the last commit, or lock anew"
        ) from error
