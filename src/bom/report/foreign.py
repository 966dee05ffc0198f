"""Reading a document that may be anybody's: what is not as it should be reads as empty."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]


def as_object(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def as_list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def as_objects(value: object) -> list[Json]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def as_text(value: object) -> str:
    return value if isinstance(value, str) else ""


def as_number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else -1


def facts_of(holder: Json) -> dict[str, tuple[str, ...]]:
    """The properties by name."""
    found: dict[str, list[str]] = {}
    for entry in as_objects(holder.get("properties")):
        name, value = entry.get("name"), entry.get("value")
        if isinstance(name, str) and isinstance(value, str):
            found.setdefault(name, []).append(value)
    return {name: tuple(values) for name, values in found.items()}


def hashes_of(holder: Json) -> tuple[tuple[str, str], ...]:
    return tuple(
        (as_text(entry.get("alg")), as_text(entry.get("content")))
        for entry in as_objects(holder.get("hashes"))
    )
