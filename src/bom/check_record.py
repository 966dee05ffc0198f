"""The result of one check, as `bom check --out` and `--json` write it and `bom build --checks`
reads it (schemas/check.schema.json)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

_Count = Annotated[int, Field(ge=-1, le=2**53)]
_Name = Annotated[str, Field(max_length=1000)]
_Time = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z$")]


class CheckRecord(BaseModel):
    """The result of one check, for one commit and tree. `reports`: report files in the tree,
    relative to its root, which are no part of the state that was checked."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    format: Literal[1] = 1
    name: str
    outcome: Literal["passed", "failed", "skipped"]
    exit_code: int
    tests: _Count = -1
    failures: _Count = -1
    skipped: _Count = -1
    failed: list[_Name] = Field(default=[], max_length=100_000)
    command: str = Field(max_length=100_000)
    commit: str = Field(pattern=r"^([0-9a-f]{40}|[0-9a-f]{64})?$")
    tree_digest: str = Field(pattern=r"^([0-9a-f]{64})?$")
    reports: list[_Name] = Field(default=[], max_length=1000)
    started: _Time
    finished: _Time
