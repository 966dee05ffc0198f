"""What `bom doctor` found, for people and for scripts (schemas/doctor.schema.json)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from bom.report.text import inert

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class AnswerRecord(BaseModel):
    """One thing that was looked at."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    area: Literal["observe", "build", "rebuild", "sign", "use", "machine", "project"]
    name: str
    status: Literal["good", "absent", "missing", "bad"] = Field(
        description="absent: not here, and nothing known asks for it; missing: something does."
    )
    said: str = Field(description="A version, a place, or what is wrong.")
    purpose: str
    advice: str = Field(description="What to do; empty where nothing is to be done.")
    needed: bool = Field(description="The project's bom.toml can't be kept without it.")


class DoctorRecord(BaseModel):
    """What this machine can observe, build, build again, sign and use."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1] = 1
    usable: bool = Field(description="All that the project's bom.toml needs is here.")
    answers: list[AnswerRecord]


_TITLES: Final = {
    "observe": "observe",
    "build": "build",
    "rebuild": "build again",
    "sign": "sign and verify",
    "use": "install and audit",
    "machine": "this machine",
    "project": "this project",
}


def doctor_text(record: DoctorRecord) -> str:
    """A section an area; what is absent and asked for by nothing in one line at its end."""
    lines: list[str] = []
    for area, title in _TITLES.items():
        answers = [item for item in record.answers if item.area == area]
        if answers:
            lines += [title, *_section(answers)]
    wanted = [item for item in record.answers if item.status in ("missing", "bad")]
    lines.append(_verdict(record, len(wanted)))
    return "\n".join(lines) + "\n"


def _section(answers: Sequence[AnswerRecord]) -> Iterator[str]:
    shown = [item for item in answers if item.status != "absent"]
    absent = [item for item in answers if item.status == "absent"]
    width = max((len(inert(item.name)) for item in shown), default=0)
    for item in shown:
        head = f"  {item.status:<7}  {inert(item.name):<{width}}"
        wrong = item.status != "good"
        told = [inert(item.said), f"for {inert(item.purpose)}" if wrong and item.purpose else ""]
        yield f"{head}  {', '.join(filter(None, told))}".rstrip()
        if item.advice:
            yield f"           hint: {inert(item.advice)}"
    if absent:
        yield f"  not here, and not asked for: {', '.join(inert(item.name) for item in absent)}"


def _verdict(record: DoctorRecord, wanted: int) -> str:
    if not record.usable:
        return "not usable: something that this project's bom.toml needs is missing"
    if wanted:
        return f"usable; {wanted} {'thing is' if wanted == 1 else 'things are'} to be looked at"
    return "all good"
