"""`bom show`: a BOM as a tree for a person.

The document may be anybody's: nothing about it is taken for granted, what is not as it should be
is left out, and every word of it is made inert.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bom.report.branches import CHILDREN, Branch, drawn, leaves, limited, word

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

DEPTH: Final = 5  # levels of dependencies
DEPENDENCIES: Final = 400  # lines of them altogether
_DIGITS: Final = 12  # of a digest

Json = dict[str, Any]


def tree(document: Mapping[str, object], width: int = 0) -> str:
    """The BOM as lines of text, each ending in a newline, for a window of `width` columns (0: of
    any width). Never raises for bad content."""
    metadata = _object(document.get("metadata"))
    subject = _object(metadata.get("component"))
    facts = _facts(subject)
    formulas = _objects(document.get("formulation"))
    parts = [part for formula in formulas for part in _objects(formula.get("components"))]
    workflows = [flow for formula in formulas for flow in _objects(formula.get("workflows"))]
    tasks = [task for flow in workflows for task in _tasks(flow)]
    sections = (
        *_subject(subject, facts),
        *_signature(document),
        *_revision(subject, facts),
        *_section("checks", [_check(task) for task in tasks if not _is_second_build(task)]),
        *(_second_build(task) for task in tasks if _is_second_build(task)),
        *_section("settings", [line for flow in workflows for line in _settings(flow)]),
        *_section("tools", [_tool(part) for part in parts if _kind(part) == "tool"]),
        *_section("materials", [_material(part) for part in parts if _kind(part) == "material"]),
        *_section("built with", _built_with(parts)),
        *_dependencies(document),
        *_section("findings", _findings(document)),
        *_section("gaps", _gaps(document)),
    )
    kind = word(_first(facts, "bom-seal:subject:kind")) or word(subject.get("type"))
    named = " ".join(filter(None, (word(subject.get("name")), word(subject.get("version")))))
    return drawn(Branch(f"{kind or 'artifact'} {named}".rstrip(), sections), width)


# --- reading what may be anything ----------------------------------------------------------------


def _object(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _objects(value: object) -> list[Json]:
    return [item for item in _list(value) if isinstance(item, dict)]


def _facts(holder: Json) -> dict[str, list[str]]:
    """The properties by name."""
    found: dict[str, list[str]] = {}
    for entry in _objects(holder.get("properties")):
        name, value = entry.get("name"), entry.get("value")
        if isinstance(name, str) and isinstance(value, str):
            found.setdefault(name, []).append(value)
    return found


def _first(facts: dict[str, list[str]], name: str) -> str:
    return facts.get(name, [""])[0]


def _section(title: str, branches: list[Branch]) -> tuple[Branch, ...]:
    if not branches:
        return ()
    return (Branch(f"{title} ({len(branches)})", limited(branches)),)


def _field(name: str, *values: str) -> str:
    text = " ".join(filter(None, values))
    return f"{name:<12} {text}" if text else ""


def _digest(holder: Json) -> str:
    """The first SHA-256, else the first hash at all, shortened."""
    hashes = [
        (word(entry.get("alg")), word(entry.get("content"), 200))
        for entry in _objects(holder.get("hashes"))
    ]
    for algorithm, value in sorted(hashes, key=lambda pair: pair[0] != "SHA-256"):
        return f"{_algorithm(algorithm)}:{value[:_DIGITS]}"
    return ""


def _algorithm(name: str) -> str:
    return name.lower().replace("sha-", "sha")


def _named(component: Json) -> str:
    name, group = word(component.get("name")), word(component.get("group"))
    full = f"{group}/{name}" if group else name
    return " ".join(filter(None, (full or "?", word(component.get("version")))))


# --- the sections --------------------------------------------------------------------------------


def _subject(subject: Json, facts: dict[str, list[str]]) -> tuple[Branch, ...]:
    digest = next(
        (
            f"sha256:{word(entry.get('content'))}"
            for entry in _objects(subject.get("hashes"))
            if entry.get("alg") == "SHA-256"
        ),
        "",
    )
    size = word(_first(facts, "bom-seal:subject:size"))
    tags = ", ".join(map(word, facts.get("bom-seal:image:tag", ())[:CHILDREN]))
    lines = leaves(
        [
            _field("file", word(_first(facts, "bom-seal:subject:file"))),
            _field("tags", tags),
            _field("as built", digest, f"({size} bytes)" if size else ""),
            _field("normalised", ", ".join(map(word, facts.get("bom-seal:normalised", ())))),
            _field("config", word(_first(facts, "bom-seal:image:config"))),
            _field("index", word(_first(facts, "bom-seal:image:index"))),
            *(_field("manifest", word(text)) for text in facts.get("bom-seal:image:manifest", ())),
            *(_field("platform", word(text)) for text in facts.get("bom-seal:image:platform", ())),
            _field("purl", word(subject.get("purl"))),
            _field("licence", ", ".join(_licences(subject))),
        ]
    )
    layers = [_layer(value) for value in facts.get("bom-seal:image:layer", ())]
    return (*lines, *_section("layers", layers))


def _layer(value: str) -> Branch:
    number, _, rest = value.partition(" ")
    parts = rest.split(" ")
    size = f" {word(parts[2])} bytes" if len(parts) == 3 else ""
    return Branch(f"{word(number)} {word(parts[0], len('sha256:') + _DIGITS)}{size}")


def _licences(component: Json) -> Iterator[str]:
    for entry in _objects(component.get("licenses"))[:CHILDREN]:
        stated = _object(entry.get("license"))
        text = entry.get("expression") or stated.get("id") or stated.get("name")
        if shown := word(text):
            yield shown


def _signature(document: Mapping[str, object]) -> tuple[Branch, ...]:
    signature = document.get("signature")
    if not isinstance(signature, dict):
        return leaves([_field("signature", "none")])
    key = word(signature.get("keyId")) or "unnamed"
    algorithm = word(signature.get("algorithm"))
    return leaves([_field("signature", algorithm, f"by key {key}", "(`bom verify` checks it)")])


def _revision(subject: Json, facts: dict[str, list[str]]) -> tuple[Branch, ...]:
    commit = word(_first(facts, "bom-seal:source:commit"))
    if not commit:
        return leaves([_field("revision", "unknown")])
    remote = next(
        (
            word(entry.get("url"))
            for entry in _objects(subject.get("externalReferences"))
            if entry.get("type") == "vcs"
        ),
        "",
    )
    state = word(_first(facts, "bom-seal:source:state"))
    changed = [
        Branch(f"{kind} {word(path)}")
        for kind in ("modified", "untracked")
        for path in facts.get(f"bom-seal:source:{kind}", ())
    ]
    submodules = [
        Branch(f"submodule {word(part)}") for part in facts.get("bom-seal:source:submodule", ())
    ]
    tree_digest = word(_first(facts, "bom-seal:source:tree-digest"))
    below = leaves(
        [
            _field("remote", remote),
            _field("commit by", word(_first(facts, "bom-seal:source:signature"))),
            _field("tree", f"sha256:{tree_digest}" if tree_digest else ""),
        ]
    )
    line = _field("revision", commit, f"({state})" if state else "")
    return (Branch(line, (*below, *limited(changed), *limited(submodules))),)


def _tasks(workflow: Json) -> Iterator[Json]:
    for task in _objects(workflow.get("tasks")):
        if "test" in _list(task.get("taskTypes")):
            yield task


def _check(task: Json) -> Branch:
    facts = _facts(task)
    outcome = word(_first(facts, "bom-seal:check:outcome")) or "unknown"
    counts = [
        f"{count} {one if count == '1' else more}"
        for name, one, more in (
            ("tests", "test", "tests"),
            ("failures", "failure", "failures"),
            ("skipped", "skipped", "skipped"),
        )
        if (count := word(_first(facts, f"bom-seal:check:{name}")))
    ]
    failed = [Branch(f"failed: {word(name)}") for name in facts.get("bom-seal:check:failed", ())]
    shown = outcome if outcome == "passed" else outcome.upper()
    text = f"{word(task.get('name')) or '?'}: {shown}"
    return Branch(", ".join([text, *counts]), limited(failed))


def _is_second_build(task: Json) -> bool:
    return "bom-seal:reproducible:outcome" in _facts(task)


def _second_build(task: Json) -> Branch:
    """What came of building it a second time, and what that proves."""
    facts = _facts(task)

    def several(name: str) -> str:
        return ", ".join(map(word, facts.get(f"bom-seal:reproducible:{name}", ())))

    fixed = several("fixed")
    differences = [
        Branch(f"differs by {word(text, 300)}")
        for text in facts.get("bom-seal:reproducible:difference", ())
    ]
    below = leaves(
        [
            _field("varied", several("varied") or "nothing"),
            _field("fixed", f"{fixed} (by bom)" if fixed else ""),
            _field("normalised", several("normalised")),
            *(
                _field("not varied", word(text, 300))
                for text in facts.get("bom-seal:reproducible:not-varied", ())
            ),
        ]
    )
    outcome = word(_first(facts, "bom-seal:reproducible:outcome"))
    shown = outcome if outcome in ("same", "normalised") else outcome.upper()
    return Branch(_field("built again", shown), (*below, *limited(differences)))


def _settings(workflow: Json) -> Iterator[Branch]:
    for entry in _objects(workflow.get("inputs")):
        for parameter in _objects(entry.get("parameters")):
            kind = word(parameter.get("dataType"))
            name, value = word(parameter.get("name")), word(parameter.get("value"), 300)
            named = name if name == kind else f"{kind} {name}".strip()
            yield Branch(f"{named} = {value}")
        for variable in _objects(entry.get("environmentVars")):
            value = word(variable.get("value"), 300)
            yield Branch(f"variable {word(variable.get('name'))} = {value}")


def _kind(part: Json) -> str:
    facts = _facts(part)
    if "bom-seal:tool:kind" in facts:
        return "tool"
    return "material" if "bom-seal:material" in facts else "package"


_EVIDENCE: Final = {
    "used": "",
    "stated": "as the engine or the artifact states",
    "path": "found on PATH, not known to have been used",
}


def _tool(part: Json) -> Branch:
    facts = _facts(part)
    evidence = word(_first(facts, "bom-seal:evidence"))
    kind = word(_first(facts, "bom-seal:tool:kind"))
    note = _EVIDENCE.get(evidence, evidence)
    shown = " ".join(filter(None, (_named(part), _digest(part))))
    return Branch(f"{kind}: {shown}" + (f" ({note})" if note else ""))


def _material(part: Json) -> Branch:
    kind = word(_first(_facts(part), "bom-seal:material"))
    return Branch(f"{kind}: {_named(part)} {_digest(part) or 'no digest'}")


def _built_with(parts: list[Json]) -> list[Branch]:
    """The packages of the build itself, a line for each; of the stages of an image's build only
    how many each held, for a compiler's image has hundreds."""
    single: list[Branch] = []
    stages: dict[str, int] = {}
    for part in parts:
        if _kind(part) != "package":
            continue
        named = _facts(part).get("bom-seal:stage", ())
        for name in named:
            stages[name] = stages.get(name, 0) + 1
        if not named:
            single.append(_package(part))
    return [*single, *(_stage(name, stages[name]) for name in sorted(stages))]


def _stage(name: str, count: int) -> Branch:
    return Branch(f"stage {word(name)}: {count} package{'' if count == 1 else 's'}")


def _package(part: Json) -> Branch:
    return Branch(f"{_named(part)} {_hashed(part)}")


def _hashed(part: Json) -> str:
    if digest := _digest(part):
        return digest
    files = [
        digest
        for reference in _objects(part.get("externalReferences"))
        if reference.get("type") == "distribution" and (digest := _digest(reference))
    ]
    if not files:
        return "no hash"
    return f"file {files[0]}" + (f" and {len(files) - 1} more" if len(files) > 1 else "")


def _findings(document: Mapping[str, object]) -> list[Branch]:
    """What was found wrong when the BOM was made, a line each."""
    return [
        Branch(word(text, 500).removeprefix("finding: "))
        for entry in _objects(document.get("annotations"))
        if word(entry.get("bom-ref")).startswith("finding:")
        and isinstance(text := entry.get("text"), str)
    ]


def _gaps(document: Mapping[str, object]) -> list[Branch]:
    """A line for each, and below it what it is about where that is more than one thing."""
    gaps = [
        entry
        for entry in _objects(document.get("annotations"))
        if word(entry.get("bom-ref")).startswith("gap:")
    ]
    if not gaps:
        return []
    formulas = _objects(document.get("formulation"))
    built_with = [part for formula in formulas for part in _objects(formula.get("components"))]
    names = {
        part["bom-ref"]: _named(part)
        for part in (*_objects(document.get("components")), *built_with)
        if isinstance(part.get("bom-ref"), str)
    }
    lines = []
    for entry in gaps:
        about = [ref for ref in _list(entry.get("subjects")) if isinstance(ref, str)]
        below = leaves([names.get(ref) or word(ref) for ref in about]) if len(about) > 1 else ()
        lines.append(Branch(word(entry.get("text"), 300), limited(below)))
    return lines


def _dependencies(document: Mapping[str, object]) -> tuple[Branch, ...]:
    parts = {
        part["bom-ref"]: part
        for part in _objects(document.get("components"))
        if isinstance(part.get("bom-ref"), str)
    }
    if not parts:
        return leaves([_field("dependencies", "none known")])
    edges = {
        entry["ref"]: [ref for ref in _list(entry.get("dependsOn")) if isinstance(ref, str)]
        for entry in _objects(document.get("dependencies"))
        if isinstance(entry.get("ref"), str)
    }
    metadata = _object(document.get("metadata"))
    root = _object(metadata.get("component")).get("bom-ref")
    top = edges.get(root, []) if isinstance(root, str) else []
    shown = _Dependencies(parts, edges).below(top or sorted(parts), 1)
    return (Branch(f"dependencies ({len(parts)})", shown),)


class _Dependencies:
    """One drawing of the graph: what was drawn once is not opened again, so a cycle ends."""

    def __init__(self, parts: dict[str, Json], edges: dict[str, list[str]]) -> None:
        self._parts = parts
        self._edges = edges
        self._open: set[str] = set()
        self._room = DEPENDENCIES

    def below(self, refs: list[str], depth: int) -> tuple[Branch, ...]:
        known = [ref for ref in refs if ref in self._parts]
        # What needs nothing else is opened here, before a deeper branch can take the room.
        drawn_refs = known[: min(CHILDREN, self._room)]
        self._room -= len(drawn_refs)
        branches = [self._branch(ref, depth) for ref in drawn_refs]
        return limited(branches, len(known))

    def _branch(self, ref: str, depth: int) -> Branch:
        part = self._parts[ref]
        text = f"{_named(part)} {_hashed(part)}"
        if part.get("type") == "container" and (
            platform := word(_first(_facts(part), "bom-seal:platform"))
        ):
            text += f" ({platform})"
        needs = self._edges.get(ref, [])
        if not needs:
            return Branch(text)
        if ref in self._open:
            return Branch(f"{text} (above)")
        self._open.add(ref)
        if depth == DEPTH or not self._room:
            self._open.discard(ref)
            return Branch(text, (Branch(f"… needs {len(needs)} more"),))
        return Branch(text, self.below(needs, depth + 1))
