"""The images that a Compose file's services run (Compose Specification, "services", "image")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bom.catalog.images.dockerfile import expanded
from bom.catalog.stated import Unreadable, decoded, table, text, yaml_document

if TYPE_CHECKING:
    from collections.abc import Iterator

_SERVICES_LIMIT: Final = 10_000


def images(raw: bytes) -> Iterator[tuple[str, int]]:
    """Each image's name, variables by their defaults put in, and its line (from 1; 0: unknown).

    A service with `build` names what it makes itself. Raises Unreadable.
    """
    source = decoded(raw)
    services = table(yaml_document(source).get("services"))
    if len(services) > _SERVICES_LIMIT:
        raise Unreadable(f"has more than {_SERVICES_LIMIT} services")
    lines = value_lines(source, "image")
    for service in services.values():
        spelled = text(table(service).get("image"))
        if spelled and "build" not in table(service):
            yield expanded(spelled), next(iter(lines.get(spelled, ())), 0)


def value_lines(source: str, key: str) -> dict[str, list[int]]:
    """The lines (from 1) on which `key: VALUE` stands in a YAML text, by value: plain or quoted,
    with a comment behind it or not."""
    found: dict[str, list[int]] = {}
    for number, line in enumerate(source.split("\n"), 1):
        before, colon, rest = line.lstrip(" -").partition(":")
        if colon and before.strip("'\" ") == key:
            bare = rest.strip()
            if bare[:1] in ("'", '"'):
                bare = bare[1:].partition(bare[0])[0]
            else:
                bare = bare.partition(" #")[0].strip()
            found.setdefault(bare, []).append(number)
    return found
