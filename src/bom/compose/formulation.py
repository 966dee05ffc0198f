"""How it was built: what took part, with which inputs, and which checks ran (CycloneDX 1.6
formulation). None of it ships, so scanners that read `components` don't report it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bom.compose.component import Json, component, properties
from bom.model import (
    BuildSteps,
    Check,
    Component,
    Dependency,
    Material,
    Property,
    Reproduction,
    Setting,
    Tool,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bom.model import Observation

WORKFLOW: Final = "workflow:build"
STEPS: Final = "steps"
REPRODUCIBLE: Final = "reproducible"
_BUILT_WITH: Final = "build:"
_CONTAINERS: Final = frozenset({"base-image", "build-image"})


def tool_ref(tool: Tool) -> str:
    return f"tool:{tool.kind}:{tool.name}"


def material_ref(material: Material) -> str:
    return f"material:{material.kind}:{material.name}"


def build_ref(item: Component) -> str:
    """What builds may also ship, so its ref is a different one."""
    return f"{_BUILT_WITH}{item.bom_ref}"


def formulation(observations: Sequence[Observation]) -> list[Json]:
    """One formula with one workflow; empty when nothing of it was observed."""
    tools = sorted({fact for fact in observations if isinstance(fact, Tool)})
    materials = sorted({fact for fact in observations if isinstance(fact, Material)})
    built_with = _built(observations)
    settings = sorted({fact for fact in observations if isinstance(fact, Setting)})
    checks = sorted({fact for fact in observations if isinstance(fact, Check)})
    builds = sorted({fact for fact in observations if isinstance(fact, BuildSteps)})
    again = sorted({fact for fact in observations if isinstance(fact, Reproduction)})
    if not (tools or materials or built_with or settings or checks or builds or again):
        return []
    parts = [
        *(component(_tool(fact)) for fact in tools),
        *(component(_material(fact)) for fact in materials),
        *(_built_with(fact) for fact in built_with),
    ]
    parts = _unique(sorted(parts, key=lambda part: (part["bom-ref"], str(part.get("version")))))
    workflow: Json = {
        "bom-ref": WORKFLOW,
        "uid": "build",
        "taskTypes": ["build"],
        "inputs": _inputs(settings, materials),
        "tasks": _unique([*map(_steps, builds), *map(_check, checks), *map(_reproduction, again)]),
    }
    for key in ("inputs", "tasks"):
        if not workflow[key]:
            del workflow[key]
    formula: Json = {"bom-ref": "formula", "workflows": [workflow]}
    if parts:
        formula["components"] = parts
    return [formula]


def _built(observations: Sequence[Observation]) -> list[Component]:
    """What only built it, sorted, one for each ref: the same component found twice is one."""
    found: dict[str, Dependency] = {}
    for fact in sorted(
        fact for fact in observations if isinstance(fact, Dependency) and fact.role == "build"
    ):
        known = found.get(fact.component.bom_ref)
        found[fact.component.bom_ref] = known.merged(fact) if known else fact
    return [found[ref].component for ref in sorted(found)]


def _unique(parts: list[Json]) -> list[Json]:
    """Different things that came by one ref (a tool in two versions) are numbered."""
    seen: dict[str, int] = {}
    for part in parts:
        ref = part["bom-ref"]
        seen[ref] = seen.get(ref, 0) + 1
        if seen[ref] > 1:
            part["bom-ref"] = f"{ref}#{seen[ref]}"
    return parts


def _tool(tool: Tool) -> Component:
    extra = [
        Property("bom-seal:tool:kind", tool.kind),
        Property("bom-seal:evidence", tool.evidence),
    ]
    if tool.package:
        extra.append(Property("bom-seal:tool:package", tool.package))
    return Component(
        type="application",
        name=tool.name,
        version=tool.version,
        ref=tool_ref(tool),
        hashes=tool.hashes,
        hash_of="file" if tool.hashes and not _says_hash_of(tool.properties) else "",
        properties=(*tool.properties, *extra),
    )


def _says_hash_of(items: Iterable[Property]) -> bool:
    return any(item.name == "bom-seal:hash:of" for item in items)


def _material(material: Material) -> Component:
    return Component(
        type="container" if material.kind in _CONTAINERS else "file",
        name=material.name,
        version=material.version,
        purl=material.purl,
        ref=material_ref(material),
        hashes=material.digests,
        properties=(*material.properties, Property("bom-seal:material", material.kind)),
    )


def _built_with(item: Component) -> Json:
    out = component(item)
    _renamed(out)
    out["scope"] = "excluded"
    return out


def _renamed(part: Json) -> None:
    """What is inside a component may ship elsewhere, too."""
    part["bom-ref"] = f"{_BUILT_WITH}{part['bom-ref']}"
    for child in part.get("components", ()):
        _renamed(child)


def _inputs(settings: Sequence[Setting], materials: Sequence[Material]) -> list[Json]:
    inputs: list[Json] = []
    variables = [s for s in settings if s.kind == "environment"]
    if variables:
        inputs.append({"environmentVars": properties(Property(s.name, s.value) for s in variables)})
    parameters: list[dict[str, Any]] = [
        {"name": s.name, "value": s.value, "dataType": s.kind}
        for s in settings
        if s.kind != "environment"
    ]
    if parameters:
        inputs.append({"parameters": parameters})
    inputs += [{"resource": {"ref": material_ref(fact)}} for fact in materials]
    return inputs


def _steps(build: BuildSteps) -> Json:
    """The build of one image, step by step, as its builder defines it."""
    task: Json = {
        "bom-ref": STEPS,
        "uid": STEPS,
        "name": "build steps",
        "taskTypes": ["build"],
        "steps": [],
    }
    for step in build.steps:
        made: Json = {
            "name": f"{step.number}: {step.name}",
            "properties": properties(step.properties),
        }
        if step.commands:
            made["commands"] = [{"executed": line} for line in step.commands]
        task["steps"].append(made)
    if build.properties:
        task["properties"] = properties(build.properties)
    return task


def _check(check: Check) -> Json:
    facts = [Property("bom-seal:check:outcome", check.outcome)]
    for name, count in (
        ("tests", check.tests),
        ("failures", check.failures),
        ("skipped", check.skipped),
    ):
        if count >= 0:
            facts.append(Property(f"bom-seal:check:{name}", str(count)))
    facts += [Property("bom-seal:check:failed", name) for name in check.failed]
    if check.command:
        facts.append(Property("bom-seal:check:command", check.command))
    return {
        "bom-ref": f"check:{check.name}",
        "uid": f"check:{check.name}",
        "name": check.name,
        "taskTypes": ["test"],
        "properties": properties(facts),
    }


def _reproduction(again: Reproduction) -> Json:
    """The claim that a second build gave the same, and what it rests on."""
    facts = [
        Property("bom-seal:reproducible:outcome", again.outcome),
        *(Property("bom-seal:reproducible:varied", name) for name in again.varied),
        *(Property("bom-seal:reproducible:fixed", name) for name in again.fixed),
        *(
            Property("bom-seal:reproducible:not-varied", f"{name}: {why}")
            for name, why in again.kept
        ),
        *(Property("bom-seal:reproducible:normalised", what) for what in again.normalised),
        *(
            Property("bom-seal:reproducible:difference", f"{cause} {path}")
            for cause, path in again.differences
        ),
    ]
    if again.count:
        facts.append(Property("bom-seal:reproducible:differences", str(again.count)))
    return {
        "bom-ref": REPRODUCIBLE,
        "uid": REPRODUCIBLE,
        "name": REPRODUCIBLE,
        "taskTypes": ["test"],
        "properties": properties(facts),
    }
