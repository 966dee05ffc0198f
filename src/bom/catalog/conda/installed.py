"""The packages that conda, mamba or pixi installed into the environments of a view."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bom.catalog import integrity
from bom.catalog.came_with import layer
from bom.catalog.conda import records
from bom.catalog.content import content_hash, digests, unhashed_gaps
from bom.catalog.licences import stated_licence
from bom.catalog.protocol import Owned
from bom.model import Component, Dependency, Gap, Occurrence
from bom.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bom.catalog.protocol import FileView
    from bom.model import Finding

# What an installer writes itself, and what is compiled on the spot (docs/format.md).
_NOT_CONTENT: Final = (".pyc", "/RECORD", "/INSTALLER", "/REQUESTED", "/direct_url.json")


def find(files: FileView) -> Iterable[Dependency | Gap | Finding | Owned]:
    """Every package once for each environment, with the graph of `depends` within it."""
    found = []
    for record in records.records(files):
        if isinstance(record, records.Unread):
            yield Gap("component", printable_name(record.path), record.why)
        else:
            found.append(record)
    refs: dict[str, dict[str, str]] = {}
    for record in found:
        refs.setdefault(record.prefix, {})[record.name] = record.ref
    for record in found:
        yield from _describe(files, record, refs[record.prefix])


def _describe(
    files: FileView, record: records.Record, refs: Mapping[str, str]
) -> Iterable[Dependency | Gap | Finding | Owned]:
    ref = record.ref
    pairs, unhashed = digests(
        files, (path for path in record.paths if not path.endswith(_NOT_CONTENT))
    )
    hashes, hash_of = content_hash(pairs)
    yield from unhashed_gaps(unhashed, ref)
    if not hashes and not any(item.hashes for item in record.distributions):
        why = "none of its files is there" if record.paths else "it has no files of its own"
        yield Gap("component.hash", ref, why, ref)
    licence = stated_licence(record.licence)
    if licence is None:
        yield Gap("component.licence", ref, "its record names no licence", ref)
    checked, findings = integrity.check(files, ref, record.stated)
    yield from findings
    properties = [checked, *layer(files.entry(record.path))]
    yield from (
        Gap("dependency", ref, f"it depends on {name}, which is not installed", ref)
        for name in record.depends
        if name not in refs
    )
    requires = {refs[name] for name in record.depends if name in refs} - {ref}
    yield Dependency(
        Component(
            "library",
            record.name,
            record.version,
            purl=ref,
            hashes=hashes,
            hash_of=hash_of,
            distributions=record.distributions,
            licences=(licence,) if licence else (),
            properties=tuple(sorted(properties)),
            occurrences=(Occurrence(printable_name(record.path)),),
            requires=tuple(sorted(requires)),
        ),
        direct=record.requested,
    )
    yield Owned(ref, (*record.paths, record.path))
