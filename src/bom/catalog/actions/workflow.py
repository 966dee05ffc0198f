"""What a workflow or an action.yml uses (GitHub, "Workflow syntax": `jobs.*.steps[*].uses`,
`jobs.*.uses`, `jobs.*.container`, `jobs.*.services`; "Metadata syntax": `runs`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from bom.catalog.images.compose import value_lines
from bom.catalog.stated import decoded, table, tables, text, yaml_document

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

_IMAGE: Final = "docker://"


class Used(NamedTuple):
    """One thing that is used: an action or reusable workflow as it is spelt, or an image's name;
    with the file and its line (from 1; 0: unknown)."""

    spelled: str
    image: bool
    place: str
    line: int


def used(raw: bytes, place: str) -> list[Used]:
    """All of it, in order. What is of the repository itself (`./`) is left out; an action that
    is nothing but code uses nothing. Raises Unreadable."""
    source = decoded(raw)
    document = yaml_document(source)
    lines = {key: value_lines(source, key) for key in ("uses", "image", "container")}
    found = []
    for key, spelled in dict.fromkeys((*_jobs(document), *_runs(document))):
        if not spelled or spelled.startswith("./"):
            continue
        image = key != "uses" or spelled.startswith(_IMAGE)
        places = lines[key].get(spelled) or [0]
        found += [Used(spelled.removeprefix(_IMAGE), image, place, line) for line in places]
    return list(dict.fromkeys(found))


def _jobs(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for job in map(table, table(document.get("jobs")).values()):
        yield "uses", text(job.get("uses"))
        for step in tables(job.get("steps")):
            yield "uses", text(step.get("uses"))
        container = job.get("container")
        yield "container", text(container)
        yield "image", text(table(container).get("image"))
        for service in table(job.get("services")).values():
            yield "image", text(table(service).get("image"))


def _runs(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    runs = table(document.get("runs"))
    for step in tables(runs.get("steps")):
        yield "uses", text(step.get("uses"))
    image = text(runs.get("image"))
    if image.startswith(_IMAGE):  # else it is a Dockerfile of the action's own
        yield "image", image
