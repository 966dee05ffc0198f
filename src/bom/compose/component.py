"""One component, as CycloneDX has it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bom.model import Component, Distribution, Hash, Licence, Property

Json = dict[str, Any]

# RFC 3986 appendix A, as far as names of hosts go: what is left after quoting and is not of
# this form is percent-encoded altogether.
_URL_SAFE: Final = "%/:?#@!$&'()*+,;=~-._"
_URL: Final = re.compile(
    r"(?:[A-Za-z][A-Za-z0-9+.-]*:)?"
    r"(?://(?:[^/?#@:]*(?::[^/?#@]*)?@)?[^/?#@:]*(?::[0-9]*)?(?=[/?#]|$))?"
    r"(?!//)[^?#]*(?:\?[^#]*)?(?:\#[^#]*)?"
)
_FIRST_SEGMENT_COLON: Final = re.compile(r"(?![A-Za-z][A-Za-z0-9+.-]*:)[^/?#]*:")
_LONE_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")


def properties(items: Iterable[Property]) -> list[Json]:
    """Sorted and without doubles."""
    return [{"name": item.name, "value": item.value} for item in sorted(set(items))]


def hashes(items: Iterable[Hash]) -> list[Json]:
    return [{"alg": item.alg, "content": item.value} for item in sorted(set(items))]


def licences(items: Iterable[Licence]) -> list[Json]:
    """CycloneDX 1.6 takes one expression, or any number of single licences, never both.

    Where both are stated, or several expressions, each expression stands as a named licence, so
    that nothing stated is lost.
    """
    stated = sorted(set(items))
    if len(stated) == 1 and stated[0].form == "expression":
        return [{"expression": stated[0].value, "acknowledgement": stated[0].acknowledgement}]
    return [
        {
            "license": {
                "id" if item.form == "id" else "name": item.value,
                "acknowledgement": item.acknowledgement,
            }
        }
        for item in stated
    ]


def url(text: str) -> str:
    """`text` as an IRI reference: what may not stand in one is percent-encoded."""
    quoted = _LONE_PERCENT.sub("%25", quote(text, safe=_URL_SAFE, errors="surrogateescape"))
    if _FIRST_SEGMENT_COLON.match(quoted) or not _URL.fullmatch(quoted):
        return quote(text, safe="", errors="surrogateescape")
    return quoted


def _distribution(item: Distribution) -> Json:
    reference: Json = {"type": "distribution", "url": url(item.url or item.name)}
    if item.name and item.url:
        reference["comment"] = item.name
    if item.hashes:
        reference["hashes"] = hashes(item.hashes)
    return reference


def component(item: Component) -> Json:
    """The component's document. Empty fields are left out, lists are sorted."""
    out: Json = {"type": item.type, "bom-ref": item.bom_ref, "name": item.name}
    for key, value in (
        ("version", item.version),
        ("group", item.group),
        ("purl", item.purl),
        ("description", item.description),
    ):
        if value:
            out[key] = value
    if item.supplier:
        out["supplier"] = {"name": item.supplier}
    if item.maintainer:
        out["authors"] = [{"name": item.maintainer}]
    if item.hashes:
        out["hashes"] = hashes(item.hashes)
    if item.licences:
        out["licenses"] = licences(item.licences)
    references = [_distribution(entry) for entry in sorted(set(item.distributions))]
    if item.homepage:
        references.append({"type": "website", "url": url(item.homepage)})
    if references:
        out["externalReferences"] = references
    if item.occurrences:
        out["evidence"] = {
            "occurrences": [
                {"location": seen.location, **({"line": seen.line} if seen.line else {})}
                for seen in sorted(set(item.occurrences))
            ]
        }
    described = properties(item.properties)
    if item.hash_of:
        described.append({"name": "bom-seal:hash:of", "value": item.hash_of})
        described.sort(key=lambda entry: (entry["name"], entry["value"]))
    if described:
        out["properties"] = described
    if item.components:
        out["components"] = [component(child) for child in sorted(item.components)]
    return out
