"""What a BOM says, as plain values: what the tree, Markdown, HTML and `bom diff` are made of.

The document may be anybody's: nothing about it is taken for granted, and what is not as it should
be is left out. Every text is as it stands there: who prints it makes it inert.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from bom.report.foreign import (
    as_list,
    as_number,
    as_object,
    as_objects,
    as_text,
    facts_of,
    hashes_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bom.report.foreign import Json

_DEPTH: Final = 50  # of components inside components


@dataclass(frozen=True, slots=True)
class Part:
    """A component: of what ships, or of what took part in the build.

    `hashes`: (CycloneDX algorithm, hex) of the bytes that `hash_of` names; `files`: (name or URL,
    hashes) of the files by which it is distributed. `kind`: of a tool or a material what it was
    (`compiler`, `base-image`), else "". `facts`: all its properties by name.
    """

    ref: str
    type: str
    name: str
    group: str = ""
    version: str = ""
    purl: str = ""
    kind: str = ""
    hashes: tuple[tuple[str, str], ...] = ()
    files: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = ()
    licences: tuple[str, ...] = ()
    supplier: str = ""
    description: str = ""
    facts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    parts: tuple[Part, ...] = ()

    @property
    def full_name(self) -> str:
        return f"{self.group}/{self.name}" if self.group else self.name

    def fact(self, name: str) -> str:
        """The first property of that name, without its `bom-seal:`, or ""."""
        return self.facts.get(f"bom-seal:{name}", ("",))[0]

    @property
    def hash_of(self) -> str:
        return self.fact("hash:of")

    @property
    def platform(self) -> str:
        return self.fact("platform")


@dataclass(frozen=True, slots=True)
class CheckLine:
    """A check. Counts are as the document spells them, "" where it states none."""

    name: str
    outcome: str
    tests: str = ""
    failures: str = ""
    skipped: str = ""
    failed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SecondBuild:
    """What came of building it a second time; the lists are as docs/format.md has them."""

    outcome: str
    varied: tuple[str, ...] = ()
    fixed: tuple[str, ...] = ()
    not_varied: tuple[str, ...] = ()
    normalised: tuple[str, ...] = ()
    differences: tuple[str, ...] = ()
    count: str = ""


@dataclass(frozen=True, slots=True)
class LayerLine:
    """An image's layer. `size`: bytes of the blob, -1 where none is stated."""

    number: str
    diff_id: str
    digest: str = ""
    size: int = -1
    platform: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """The revision; `commit` is "" where it is not known. `changed`: (kind, path)."""

    commit: str = ""
    state: str = ""
    remote: str = ""
    signer: str = ""
    tree_digest: str = ""
    changed: tuple[tuple[str, str], ...] = ()
    submodules: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GapLine:
    """`WHAT: WHERE: WHY`, and the refs of what it is about."""

    text: str
    about: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Contents:
    """A BOM. `size`: bytes of the built file, -1 where it is not stated. `signature`: algorithm and
    key ID, None where there is none; it is not checked here. `settings`: (kind, name, value).
    `parts`: what ships, `edges` which of them asks for which, by refs; `roots`: what the artifact
    itself asks for. `document`: all of it."""

    subject: Part
    kind: str
    file: str
    sha256: str
    size: int
    tags: tuple[str, ...]
    layers: tuple[LayerLine, ...]
    signature: tuple[str, str] | None
    source: Source
    checks: tuple[CheckLine, ...]
    again: tuple[SecondBuild, ...]
    settings: tuple[tuple[str, str, str], ...]
    tools: tuple[Part, ...]
    materials: tuple[Part, ...]
    built_with: tuple[Part, ...]
    parts: tuple[Part, ...]
    edges: Mapping[str, tuple[str, ...]]
    roots: tuple[str, ...]
    findings: tuple[str, ...]
    gaps: tuple[GapLine, ...]
    document: Mapping[str, object]


def contents(document: Mapping[str, object]) -> Contents:
    """Never raises for bad content."""
    metadata = as_object(document.get("metadata"))
    stated = as_object(metadata.get("component"))
    subject = _part(stated, 0)
    formulas = as_objects(document.get("formulation"))
    built = [_part(part, 0) for item in formulas for part in as_objects(item.get("components"))]
    flows = [flow for item in formulas for flow in as_objects(item.get("workflows"))]
    tasks = [task for flow in flows for task in as_objects(flow.get("tasks"))]
    tests = [(task, facts_of(task)) for task in tasks if "test" in as_list(task.get("taskTypes"))]
    second = "bom-seal:reproducible:outcome"
    parts = tuple(_part(part, 0) for part in as_objects(document.get("components")))
    edges = {
        entry["ref"]: tuple(ref for ref in as_list(entry.get("dependsOn")) if isinstance(ref, str))
        for entry in as_objects(document.get("dependencies"))
        if isinstance(entry.get("ref"), str)
    }
    return Contents(
        subject=subject,
        kind=subject.fact("subject:kind") or subject.type,
        file=subject.fact("subject:file"),
        sha256=dict(reversed(subject.hashes)).get("SHA-256", ""),
        size=as_number(subject.fact("subject:size")),
        tags=subject.facts.get("bom-seal:image:tag", ()),
        layers=tuple(line for part in (subject, *parts) for line in _layers(part)),
        signature=_signature(document),
        source=_source(stated, subject),
        checks=tuple(_check(task, facts) for task, facts in tests if second not in facts),
        again=tuple(_second_build(facts) for _, facts in tests if second in facts),
        settings=tuple(line for flow in flows for line in _settings(flow)),
        tools=tuple(part for part in built if "bom-seal:tool:kind" in part.facts),
        materials=tuple(part for part in built if "bom-seal:material" in part.facts),
        built_with=tuple(part for part in built if not part.kind),
        parts=parts,
        edges=edges,
        roots=edges.get(subject.ref, ()),
        findings=tuple(text.removeprefix("finding: ") for text, _ in _notes(document, "finding:")),
        gaps=tuple(GapLine(text, about) for text, about in _notes(document, "gap:")),
        document=document,
    )


def flat(parts: tuple[Part, ...]) -> Iterator[Part]:
    """Each part, and those inside of it after it."""
    for part in parts:
        yield part
        yield from flat(part.parts)


# --- reading what may be anything ----------------------------------------------------------------


def _part(component: Json, depth: int) -> Part:
    facts = facts_of(component)
    kind = facts.get("bom-seal:tool:kind") or facts.get("bom-seal:material") or ("",)
    supplier = component.get("supplier")
    return Part(
        ref=as_text(component.get("bom-ref")),
        type=as_text(component.get("type")),
        name=as_text(component.get("name")),
        group=as_text(component.get("group")),
        version=as_text(component.get("version")),
        purl=as_text(component.get("purl")),
        kind=kind[0],
        hashes=hashes_of(component),
        files=tuple(
            (as_text(entry.get("comment")) or as_text(entry.get("url")), hashes_of(entry))
            for entry in as_objects(component.get("externalReferences"))
            if entry.get("type") == "distribution"
        ),
        licences=tuple(_licences(component)),
        supplier=as_text(supplier.get("name")) if isinstance(supplier, dict) else "",
        description=as_text(component.get("description")),
        facts=facts,
        parts=tuple(_part(item, depth + 1) for item in as_objects(component.get("components")))
        if depth < _DEPTH
        else (),
    )


def _licences(component: Json) -> Iterator[str]:
    for entry in as_objects(component.get("licenses")):
        stated = as_object(entry.get("license"))
        for text in (entry.get("expression"), stated.get("id"), stated.get("name")):
            if isinstance(text, str) and text:
                yield text
                break


def _layers(part: Part) -> Iterator[LayerLine]:
    for value in part.facts.get("bom-seal:image:layer", ()):
        number, diff_id, digest, size = (*value.split(" "), "", "", "", "")[:4]
        yield LayerLine(number, diff_id, digest, as_number(size), part.platform)


def _signature(document: Mapping[str, object]) -> tuple[str, str] | None:
    signature = document.get("signature")
    if not isinstance(signature, dict):
        return None
    return as_text(signature.get("algorithm")), as_text(signature.get("keyId"))


def _source(stated: Json, subject: Part) -> Source:
    facts = subject.facts
    return Source(
        commit=subject.fact("source:commit"),
        state=subject.fact("source:state"),
        remote=next(
            (
                unquote(as_text(entry.get("url")))
                for entry in as_objects(stated.get("externalReferences"))
                if entry.get("type") == "vcs"
            ),
            "",
        ),
        signer=subject.fact("source:signature"),
        tree_digest=subject.fact("source:tree-digest"),
        changed=tuple(
            (kind, path)
            for kind in ("modified", "untracked")
            for path in facts.get(f"bom-seal:source:{kind}", ())
        ),
        submodules=facts.get("bom-seal:source:submodule", ()),
    )


def _check(task: Json, facts: Mapping[str, tuple[str, ...]]) -> CheckLine:
    def first(name: str) -> str:
        return facts.get(f"bom-seal:check:{name}", ("",))[0]

    return CheckLine(
        as_text(task.get("name")),
        first("outcome"),
        first("tests"),
        first("failures"),
        first("skipped"),
        facts.get("bom-seal:check:failed", ()),
    )


def _second_build(facts: Mapping[str, tuple[str, ...]]) -> SecondBuild:
    def several(name: str) -> tuple[str, ...]:
        return facts.get(f"bom-seal:reproducible:{name}", ())

    return SecondBuild(
        (several("outcome") or ("",))[0],
        several("varied"),
        several("fixed"),
        several("not-varied"),
        several("normalised"),
        several("difference"),
        (several("differences") or ("",))[0],
    )


def _settings(flow: Json) -> Iterator[tuple[str, str, str]]:
    for entry in as_objects(flow.get("inputs")):
        for item in as_objects(entry.get("parameters")):
            kind, name, value = (as_text(item.get(key)) for key in ("dataType", "name", "value"))
            yield kind, name, value
        for item in as_objects(entry.get("environmentVars")):
            yield "environment", as_text(item.get("name")), as_text(item.get("value"))


def _notes(document: Mapping[str, object], kind: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    for entry in as_objects(document.get("annotations")):
        text = entry.get("text")
        if as_text(entry.get("bom-ref")).startswith(kind) and isinstance(text, str):
            about = as_list(entry.get("subjects"))
            yield text, tuple(ref for ref in about if isinstance(ref, str))
