"""What `bom init` wrote, for people and for scripts (schemas/init.schema.json)."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from bom.report.text import inert


class PieceRecord(BaseModel):
    """One file, or pair of key files."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    piece: Literal["settings", "key", "workflow", "hook"]
    path: str
    state: Literal["written", "kept", "differs"] = Field(
        description="differs: there already with another content, and left alone."
    )
    why: str


class InitRecord(BaseModel):
    """What was written, or with --dry-run would be."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1] = 1
    dry_run: bool
    kind: Literal["python", "npm", "go", "rust", "java", "image", "other"]
    kinds: list[str] = Field(description="All that the project could be; --kind chooses.")
    pieces: list[PieceRecord]
    next: list[str] = Field(description="What to do now: commands and sentences.")


def init_text(record: InitRecord) -> str:
    others = [kind for kind in record.kinds if kind != record.kind]
    told = f" (also {', '.join(others)}: --kind chooses)" if others else ""
    lines = [f"kind     {record.kind}{told}"]
    for item in record.pieces:
        state = "would be written" if record.dry_run and item.state == "written" else item.state
        why = f": {inert(item.why)}" if item.why else ""
        lines.append(f"{item.piece:<9}{inert(item.path)} {state}{why}")
    lines += ["next", *(f"  {inert(step)}" for step in record.next)]
    return "\n".join(lines) + "\n"
