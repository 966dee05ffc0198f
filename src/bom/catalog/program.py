"""A program in which its modules are stated: the file itself, as a component that ships."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bom.catalog.content import content_hash
from bom.catalog.protocol import Owned
from bom.model import Component, Dependency, Gap
from bom.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from bom.catalog.protocol import FileEntry
    from bom.model import Occurrence, Property


def program_ref(entry: FileEntry) -> str:
    return f"application:{printable_name(entry.path)}"


def program(
    copies: Sequence[FileEntry],
    version: str,
    properties: Iterable[Property],
    where: tuple[Occurrence, ...],
    requires: tuple[str, ...],
    rule: str,
) -> Iterator[Dependency | Gap | Owned]:
    """The program by the first of its equal `copies`, all of which it owns by `rule`.

    `requires`: the refs of the modules or crates that it is built of directly.
    """
    first = copies[0]
    ref = program_ref(first)
    hashes, hash_of = content_hash([(first.path, first.sha256)] if first.sha256 else [])
    if not hashes:
        why = "its content could not be read or is stored sparse"
        yield Gap("component.hash", printable_name(first.path), why, ref)
    yield Dependency(
        Component(
            "application",
            printable_name(first.path.rpartition("/")[2]),
            version,
            ref=ref,
            hashes=hashes,
            hash_of=hash_of,
            properties=tuple(sorted(properties)),
            occurrences=where,
            requires=requires,
        ),
        direct=True,
    )
    yield Owned(ref, tuple(entry.path for entry in copies), rule=rule)
