"""Reading a BOM of ours back: plain questions to a document that is already checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast, get_args
from urllib.parse import unquote

from bom.model import Hash, Setting, SettingKind, Tool, ToolKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PLATFORM: Final = "bom-seal:platform"  # in which platform's image a component is
FORMAT: Final = "1"  # bom-seal:format; verify refuses a higher one


def _at(document: Any, *keys: str) -> Any:
    value: Any = document
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _properties(holder: object) -> Iterator[tuple[str, str]]:
    entries = holder.get("properties") if isinstance(holder, dict) else None
    for entry in entries if isinstance(entries, list) else []:
        if isinstance(entry, dict):
            yield str(entry.get("name", "")), str(entry.get("value", ""))


def document_property(document: Mapping[str, Any], name: str) -> str:
    """The first metadata property of that name, or ""."""
    return next((v for n, v in _properties(_at(document, "metadata")) if n == name), "")


def subject_property(document: Mapping[str, Any], name: str) -> str:
    """The subject's first property of that name, or ""."""
    return next(iter(subject_properties(document, name)), "")


def subject_properties(document: Mapping[str, Any], name: str) -> list[str]:
    subject = _at(document, "metadata", "component")
    return [value for key, value in _properties(subject) if key == name]


def subject(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """The component that the document is about; empty where there is none."""
    found = _at(document, "metadata", "component")
    return found if isinstance(found, dict) else {}


def properties(component: Mapping[str, Any], name: str) -> list[str]:
    """The values of a component's properties of that name, in order."""
    return [value for key, value in _properties(component) if key == name]


def platform_image(document: Mapping[str, Any], platform: str) -> Mapping[str, Any]:
    """The component that is one platform's image in a document about several; else empty."""
    for part in _items(document, "components"):
        if _is_platform_image(part) and properties(part, PLATFORM) == [platform]:
            found: Mapping[str, Any] = part
            return found
    return {}


def images(document: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """(platform, digest of its manifest or "", digest of its configuration) of every image in an
    image archive, as the document states them."""
    apart = [part for part in _items(document, "components") if _is_platform_image(part)]
    found = []
    for part in apart or [subject(document)]:
        names = ("platform", "manifest", "config")
        platform, manifest, config = (
            next(iter(properties(part, f"bom-seal:image:{name}")), "") for name in names
        )
        if config:
            found.append((platform, manifest, config))
    return found


def _is_platform_image(part: object) -> bool:
    return (
        isinstance(part, dict)
        and part.get("type") == "container"
        and bool(properties(part, PLATFORM))
        and bool(properties(part, "bom-seal:image:config"))
    )


def subject_name(document: Mapping[str, Any]) -> str:
    """What a person calls the artifact: its file name, or an image's name and tag."""
    name, version = (
        str(_at(document, "metadata", "component", key) or "") for key in ("name", "version")
    )
    return subject_property(document, "bom-seal:subject:file") or (
        f"{name}:{version}" if version else name
    )


def subject_sha256(document: Mapping[str, Any]) -> str:
    """Hex SHA-256 of the built bytes, or "" where the document states none."""
    entries = _at(document, "metadata", "component", "hashes")
    for entry in entries if isinstance(entries, list) else []:
        if isinstance(entry, dict) and entry.get("alg") == "SHA-256":
            return str(entry.get("content", ""))
    return ""


def gaps(document: Mapping[str, Any]) -> list[str]:
    """The gaps' texts, sorted as they stand."""
    return _annotations(document, "gap:")


def findings(document: Mapping[str, Any]) -> list[str]:
    """The texts of what was found wrong when the document was made, sorted as they stand."""
    return [text.removeprefix("finding: ") for text in _annotations(document, "finding:")]


def _annotations(document: Mapping[str, Any], kind: str) -> list[str]:
    return [
        str(entry.get("text", ""))
        for entry in _items(document, "annotations")
        if isinstance(entry, dict) and str(entry.get("bom-ref", "")).startswith(kind)
    ]


def checks(document: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(name, outcome) of every check."""
    found: list[tuple[str, str]] = []
    for formula in _items(document, "formulation"):
        for workflow in _items(formula, "workflows"):
            for task in _items(workflow, "tasks"):
                outcome = dict(_properties(task)).get("bom-seal:check:outcome")
                if outcome:
                    found.append((str(_at(task, "name") or ""), outcome))
    return found


def settings(document: Mapping[str, Any]) -> tuple[Setting, ...]:
    """What steered the build, as it was recorded: variables, build arguments, options, the
    platform, the command line. Sorted."""
    found: set[Setting] = set()
    for item in _inputs(document):
        found |= {
            Setting("environment", name, value)
            for name, value in _properties({"properties": _at(item, "environmentVars")})
        }
        for parameter in _items(item, "parameters"):
            kind = str(_at(parameter, "dataType") or "")
            if kind in get_args(SettingKind):
                name, value = (str(_at(parameter, key) or "") for key in ("name", "value"))
                found.add(Setting(cast("SettingKind", kind), name, value))
    return tuple(sorted(found))


def tools(document: Mapping[str, Any]) -> tuple[Tool, ...]:
    """The tools that took part, or may have, by name, version and digest. Sorted."""
    found: set[Tool] = set()
    for formula in _items(document, "formulation"):
        for part in _items(formula, "components"):
            stated = dict(_properties(part))
            kind, evidence = stated.get("bom-seal:tool:kind"), stated.get("bom-seal:evidence")
            if kind in get_args(ToolKind):
                found.add(
                    Tool(
                        cast("ToolKind", kind),
                        str(_at(part, "name") or ""),
                        str(_at(part, "version") or ""),
                        "stated"
                        if evidence == "stated"
                        else "path"
                        if evidence == "path"
                        else "used",
                        tuple(
                            Hash(str(_at(item, "alg") or ""), str(_at(item, "content") or ""))
                            for item in _items(part, "hashes")
                        ),
                        stated.get("bom-seal:tool:package", ""),
                    )
                )
    return tuple(sorted(found))


def materials(document: Mapping[str, Any], kind: str) -> dict[str, tuple[Hash, ...]]:
    """The materials of one kind (`base-image`, `context`, ...): name -> digests."""
    return {
        str(_at(part, "name") or ""): tuple(
            Hash(str(_at(item, "alg") or ""), str(_at(item, "content") or ""))
            for item in _items(part, "hashes")
        )
        for formula in _items(document, "formulation")
        for part in _items(formula, "components")
        if dict(_properties(part)).get("bom-seal:material") == kind
    }


def members(document: Mapping[str, Any]) -> list[str]:
    """The names of the files that the artifact holds, as far as the document lists them."""
    parts = _items(subject(document), "components")
    return [str(_at(part, "name") or "") for part in parts if _at(part, "type") == "file"]


def member_digests(document: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Name and hex SHA-256 of those files, in order; a name may stand there twice."""
    return [
        (str(_at(part, "name") or ""), str(_at(item, "content") or ""))
        for part in _items(subject(document), "components")
        if _at(part, "type") == "file"
        for item in _items(part, "hashes")
        if _at(item, "alg") == "SHA-256"
    ]


def purls(document: Mapping[str, Any]) -> list[str]:
    """The purls of everything that ships or that built it, sorted, each once."""
    waiting = [*_items(document, "components")]
    for formula in _items(document, "formulation"):
        waiting += _items(formula, "components")
    found: set[str] = set()
    while waiting:
        part = waiting.pop()
        found.add(str(_at(part, "purl") or ""))
        waiting += _items(part, "components")
    return sorted(found - {""})


def remote(document: Mapping[str, Any]) -> str:
    """Where the source can be had, `host/path`; "" where the document doesn't say."""
    for entry in _items(_at(document, "metadata", "component"), "externalReferences"):
        if _at(entry, "type") == "vcs":
            return unquote(str(_at(entry, "url") or ""))
    return ""


def _inputs(document: Mapping[str, Any]) -> Iterator[Any]:
    for formula in _items(document, "formulation"):
        for workflow in _items(formula, "workflows"):
            yield from _items(workflow, "inputs")


def reproducible(document: Mapping[str, Any]) -> str:
    """What came of building it a second time when it was made, "" where that was not tried."""
    for formula in _items(document, "formulation"):
        for workflow in _items(formula, "workflows"):
            for task in _items(workflow, "tasks"):
                outcome = dict(_properties(task)).get("bom-seal:reproducible:outcome")
                if outcome:
                    return outcome
    return ""


def _items(holder: Any, key: str) -> list[Any]:
    value = _at(holder, key)
    return value if isinstance(value, list) else []
