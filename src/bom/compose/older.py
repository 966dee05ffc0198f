"""The same document for CycloneDX 1.5: what that version doesn't know stands in properties.

Of what this program writes, 1.6 brought: `authors` of a component (before: `author`, a text),
`acknowledgement` of a licence, `line` of an occurrence (CycloneDX, "Version history").
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bom.compose.component import Json

VERSION: Final = "1.5"
CONCLUDED: Final = "bom-seal:licence:concluded"
LINE: Final = "bom-seal:occurrence:line"


def rewrite(components: Iterable[Json]) -> None:
    """Bring components, and all that are nested in them, into the form of 1.5, in place."""
    waiting = list(components)
    while waiting:
        item = waiting.pop()
        waiting += item.get("components", ())
        facts = [*_licences(item), *_lines(item)]
        if facts:
            described = [*item.get("properties", ()), *facts]
            described.sort(key=lambda entry: (entry["name"], entry["value"]))
            item["properties"] = described
        if authors := item.pop("authors", None):
            item["author"] = ", ".join(author["name"] for author in authors)


def _licences(item: Json) -> list[Json]:
    """Declared is what a licence without a word about it is taken for; concluded is not."""
    facts = []
    for choice in item.get("licenses", ()):
        licence = choice.get("license", choice)
        if licence.pop("acknowledgement", "") == "concluded":
            stated = licence.get("expression") or licence.get("id") or licence.get("name", "")
            facts.append({"name": CONCLUDED, "value": stated})
    return facts


def _lines(item: Json) -> list[Json]:
    facts = []
    places: dict[str, Json] = {}
    for seen in item.get("evidence", {}).get("occurrences", ()):
        line = seen.pop("line", 0)
        if line:
            facts.append({"name": LINE, "value": f"{seen['location']}:{line}"})
        places.setdefault(seen["location"], seen)
    if places:
        item["evidence"]["occurrences"] = list(places.values())
    return facts
