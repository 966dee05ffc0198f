"""One entry of an OSV export (the OSV schema, 1.x), as far as an audit needs it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast, get_args

from bom.audit.ecosystems import normal_name
from bom.audit.model import Advisory, Affected, EventKind, Range
from bom.audit.severity import rating
from bom.report.foreign import Json, as_list, as_object, as_objects, as_text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

_EVENTS: Final = get_args(EventKind)


def withdrawn(entry: Json) -> bool:
    return bool(entry.get("withdrawn"))


def advisory(entry: Json, names: Collection[tuple[str, str]]) -> Advisory | None:
    """What it says of the packages `names`, given as (ecosystem up to its colon, normal name);
    None where that is nothing. Raises ValueError for what is no entry."""
    id = as_text(entry.get("id"))
    if not id:
        raise ValueError("it has no id")
    affected = tuple(_affected(entry, names))
    if not affected:
        return None
    upstream = _texts(entry.get("upstream"))
    # a distribution's own entry about one CVE; one about several is a different thing than each
    aliases = _texts(entry.get("aliases")) + (upstream if len(upstream) == 1 else ())
    return Advisory(
        id,
        tuple(dict.fromkeys(alias for alias in aliases if alias != id)),
        as_text(entry.get("summary")) or _first_line(as_text(entry.get("details"))),
        as_text(entry.get("published")),
        as_text(entry.get("modified")),
        rating(entry),
        affected,
    )


def ecosystems(entry: Json) -> set[str]:
    """All that it is about."""
    packages = (as_object(item.get("package")) for item in as_objects(entry.get("affected")))
    return {as_text(package.get("ecosystem")) for package in packages} - {""}


def _affected(entry: Json, names: Collection[tuple[str, str]]) -> Iterator[Affected]:
    for item in as_objects(entry.get("affected")):
        package = as_object(item.get("package"))
        ecosystem, name = as_text(package.get("ecosystem")), as_text(package.get("name"))
        if (ecosystem.partition(":")[0], normal_name(name)) in names:
            yield Affected(
                ecosystem,
                name,
                _texts(item.get("versions")),
                tuple(_range(found) for found in as_objects(item.get("ranges"))),
                rating(item),
            )


def _range(stated: Json) -> Range:
    """Raises ValueError for an event that is none: leaving it out could make a package clean."""
    events: list[tuple[EventKind, str]] = []
    for event in as_objects(stated.get("events")):
        for kind, version in event.items():
            if kind not in _EVENTS or not isinstance(version, str):
                raise ValueError(f"it has the event {kind!r}")
            events.append((cast("EventKind", kind), version))
    return Range(as_text(stated.get("type")), tuple(events))


def _texts(value: object) -> tuple[str, ...]:
    return tuple(item for item in as_list(value) if isinstance(item, str))


def _first_line(text: str) -> str:
    return next((line.strip(" #") for line in text.splitlines() if line.strip(" #")), "")
