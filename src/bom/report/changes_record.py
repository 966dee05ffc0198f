"""What changed, as scripts read it: `bom diff --json`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field

from bom.report.records import ComparisonRecord, comparison_record

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bom.difference import Comparison
    from bom.report.change import Changes, Held, Line


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SideRecord(_Record):
    """What one of the two words stood for."""

    name: str
    kind: Literal["artifact", "bom", "image", "folder", "revision"]
    scanned: bool = Field(description="Its BOM was made just now, and says nothing of a build.")


class HeldRecord(_Record):
    """A component that only one side has."""

    name: str
    version: str
    licences: list[str]
    ecosystem: str = Field(description="The purl's type, or empty.")


class MovedRecord(_Record):
    """A component that both sides have, in two versions."""

    name: str
    one: str
    two: str
    direction: Literal["upgrade", "downgrade", "other"] = Field(
        description="`other`: its ecosystem's order doesn't say."
    )
    ecosystem: str


class SwappedRecord(_Record):
    """The same version with other bytes: of a component, a tool, or an image it was built with."""

    name: str
    version: str
    of: str = Field(description="What the digests are of.")
    one: str = Field(description="`alg:hex`.")
    two: str
    ecosystem: str


class ChangeRecord(_Record):
    """What the two BOMs say of one thing; null where one doesn't name it."""

    name: str
    one: str | None
    two: str | None


class ChangesRecord(_Record):
    """What the two BOMs say."""

    alike: bool = Field(
        description="false where one is a scan and the other was built: then tools, images,"
        " settings, checks and gaps are not compared."
    )
    components: tuple[int, int] = Field(description="How many each side has.")
    other_bytes: list[SwappedRecord]
    changed: list[MovedRecord]
    added: list[HeldRecord]
    removed: list[HeldRecord]
    licences: list[ChangeRecord]
    artifact: list[ChangeRecord]
    source: list[ChangeRecord]
    images: list[ChangeRecord] = Field(description="Base images and other materials.")
    tools: list[ChangeRecord]
    built_with: list[ChangeRecord]
    settings: list[ChangeRecord]
    checks: list[ChangeRecord]
    findings: list[str] = Field(description="`+ TEXT` for a new one, `- TEXT` for one that went.")
    gaps: list[str]


class DiffRecord(_Record):
    """What `bom diff --json` prints."""

    format: Literal[1] = 1
    one: SideRecord
    two: SideRecord
    different: bool = Field(description="What `--exit-code` goes by.")
    changes: ChangesRecord | None = Field(
        description="null where a side has no BOM, and none can be made of it."
    )
    bytes: ComparisonRecord | None = Field(
        description="null unless both sides are files and their bytes were compared."
    )


def diff_record(
    one: SideRecord,
    two: SideRecord,
    found: Changes | None,
    comparison: Comparison | None,
    *,
    different: bool,
) -> DiffRecord:
    return DiffRecord(
        one=one,
        two=two,
        different=different,
        changes=None if found is None else _changes(found),
        bytes=None if comparison is None else comparison_record(comparison),
    )


def _changes(found: Changes) -> ChangesRecord:
    return ChangesRecord(
        alike=found.compared,
        components=found.components,
        other_bytes=[
            SwappedRecord(
                name=item.what,
                version=item.version,
                of=item.of,
                one=item.one,
                two=item.two,
                ecosystem=item.ecosystem,
            )
            for item in found.swapped
        ],
        changed=[
            MovedRecord(
                name=item.what,
                one=item.one,
                two=item.two,
                direction=item.direction,
                ecosystem=item.ecosystem,
            )
            for item in found.moved
        ],
        added=_held(found.added),
        removed=_held(found.removed),
        licences=_lines(found.licences),
        artifact=_lines(found.artifact),
        source=_lines(found.source),
        images=_lines(found.images),
        tools=_lines(found.tools),
        built_with=_lines(found.built_with),
        settings=_lines(found.settings),
        checks=_lines(found.checks),
        findings=_texts(found.findings),
        gaps=_texts(found.gaps),
    )


def _held(found: Iterable[Held]) -> list[HeldRecord]:
    return [
        HeldRecord(
            name=item.what,
            version=item.version,
            licences=list(item.licences),
            ecosystem=item.ecosystem,
        )
        for item in found
    ]


def _lines(found: Iterable[Line]) -> list[ChangeRecord]:
    return [ChangeRecord(name=item.name, one=item.one, two=item.two) for item in found]


def _texts(found: Iterable[Line]) -> list[str]:
    return [f"{'+' if item.one is None else '-'} {item.name}" for item in found]
