"""What a capsule says of itself: capsule.json, its first file (schemas/capsule.schema.json)."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

NAME: Final = "capsule.json"
BLOBS: Final = "blobs/sha256/"
_SHA256: Final = r"^[0-9a-f]{64}$"


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Item(_Record):
    """One file in a capsule; its content is the blob of that digest, which is there once."""

    role: Literal[
        "artifact",  # the sealed file
        "beside",  # what stands beside it: BOM, bundle, run record
        "bom",  # its BOM, to be read without bom
        "source",  # a git bundle
        "submodule",  # a git bundle; `name` is the submodule's path
        "package",  # what a package manager installs
        "module",  # a file of a package manager's own store; `name`: MANAGER/PATH there
        "tool",  # the package of a tool, to be installed by hand
        "base-image",  # an image as its engine saves it
        "builder-image",  # of a builder that runs in a container of its own
        "environment",  # a snapshot of the machine or container that builds
    ]
    name: str = Field(
        min_length=1,
        description="The file's name; the submodule's path; of a module MANAGER/PATH, the path in"
        " this package manager's store.",
    )
    sha256: str = Field(pattern=_SHA256)
    size: int = Field(ge=0, description="Bytes.")
    purl: str = ""
    known: Literal["stated", "resolved", ""] = Field(
        default="",
        description="Of a package: whether the BOM states this digest, or it was found when the"
        " capsule was made.",
    )


class Missing(_Record):
    """What a rebuild takes and the capsule does not hold, or not by a digest that was recorded."""

    what: str
    where: str
    why: str


class CapsuleRecord(_Record):
    """All that a rebuild needs."""

    format: Literal[1] = 1
    commit: str
    command: list[str]
    items: list[Item]
    missing: list[Missing] = []
    tools_missing: list[Missing] = Field(
        default=[],
        description="Tools whose package or image could not be had. A rebuild takes those that"
        " are installed where it is run.",
    )
