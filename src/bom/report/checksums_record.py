"""checksums.json: the checksums of all external packages of a project, one entry a line, and what
`bom checksums --json` prints."""

from __future__ import annotations

import json
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bom.errors import BomError
from bom.report.records import FindingRecord  # noqa: TC001 - pydantic reads it

FORMAT: Final = 1
_HEX: Final = r"^[0-9a-f]{64}$"


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PackageChecksum(_Record):
    """One file of one package. Fields stand in this order on its line."""

    ecosystem: str = Field(min_length=1, description="A purl type: `npm`, `golang`, `pypi`, …")
    name: str = Field(min_length=1)
    version: str
    file: str = Field(description="Its name; empty where a lock states its digest alone.")
    sha256: str = Field(pattern=_HEX)
    own: str = Field(
        description="The ecosystem's own digest, as it writes it: `sha512-…` (npm), `h1:…` (Go),"
        " `sha1:…` (Maven), `sha256:…`."
    )
    sha1: str | None = Field(default=None, pattern=r"^[0-9a-f]{40}$")
    url: str = Field(description="Where it is downloaded from; empty where nothing says it.")


class ImageDigest(_Record):
    """An image that a Dockerfile, a compose file or a workflow names by digest."""

    name: str = Field(min_length=1)
    digest: str = Field(pattern=r"^sha256:[0-9a-f]{64}$")


class PinnedCommit(_Record):
    """What comes from version control, where a commit identifies it (GitHub Actions)."""

    name: str = Field(min_length=1)
    commit: str = Field(pattern=r"^[0-9a-f]{40,64}$")


class Checksums(_Record):
    """All external packages that a project downloads. Lists are sorted."""

    format: Literal[1] = 1
    packages: list[PackageChecksum] = []
    images: list[ImageDigest] = []
    commits: list[PinnedCommit] = []


class LackingRecord(_Record):
    """A package that has no checksum, and why."""

    what: str
    reason: str


class ChecksumsResult(_Record):
    """What `bom checksums record --json` and `bom checksums verify --json` print."""

    format: Literal[1] = 1
    verdict: Literal["good", "bad"]
    packages: int = Field(description="How many entries the file has.")
    checked: int = Field(
        description="How many files were read; of `verify`, those that had the recorded digest."
    )
    findings: list[FindingRecord]
    lacking: list[LackingRecord]


def text(found: Checksums) -> str:
    """The file's text: equal contents have equal bytes, and an entry is a line."""
    parts = [f'"format": {found.format}']
    for name in ("packages", "images", "commits"):
        rows = ",\n".join(
            "  " + json.dumps(item.model_dump(exclude_none=True), ensure_ascii=True)
            for item in getattr(found, name)
        )
        parts.append(f'"{name}": [\n{rows}\n]' if rows else f'"{name}": []')
    return "{\n" + ",\n".join(parts) + "\n}\n"


def parsed(data: bytes, name: str) -> Checksums:
    """Raises BomError for what is no such file."""
    hint = "take it from the last commit, or `bom checksums record`"
    try:
        found = json.loads(data)
        stated = found.get("format") if isinstance(found, dict) else None
        if isinstance(stated, int) and stated > FORMAT:
            raise BomError(
                f"{name} has format {stated}, which this version of bom does not know",
                hint="use the version of bom that wrote it, or a newer one",
            )
        return Checksums.model_validate_json(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise BomError(f"{name} can't be read: {where}: {first['msg']}", hint=hint) from error
    except (ValueError, RecursionError) as error:
        raise BomError(f"{name} can't be read: it is no such JSON", hint=hint) from error
