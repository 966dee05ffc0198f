"""What ships now and did not before, and the other way round: two BOMs' components by purl."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from urllib.parse import unquote

from bom.report.contents import flat

if TYPE_CHECKING:
    from bom.report.contents import Contents, Part

Kind = Literal["added", "removed", "changed", "other content"]


@dataclass(frozen=True, slots=True, order=True)
class Change:
    """One package. `before` and `after` are versions, "" where it is not there. `other content`:
    the same version has another hash."""

    name: str
    kind: Kind
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class _Stand:
    versions: tuple[str, ...]
    hashes: frozenset[tuple[str, str, str]]  # version, algorithm, hex


def changes(before: Contents, after: Contents) -> list[Change]:
    """Sorted by name. Of packages in several versions, all versions are named."""
    one, two = _stands(before), _stands(after)
    found = []
    for name in sorted({*one, *two}):
        first, second = one.get(name), two.get(name)
        if first is None or second is None:
            kind: Kind = "added" if first is None else "removed"
        elif first.versions != second.versions:
            kind = "changed"
        elif _contradict(first.hashes, second.hashes):
            kind = "other content"
        else:
            continue
        versions = [", ".join(item.versions) if item else "" for item in (first, second)]
        found.append(Change(name, kind, *versions))
    return found


def identity(of: Contents) -> str:
    """What an artifact is called whatever its version: to find it again in another run."""
    purl = of.subject.purl.partition("?")[0]
    name = purl.rpartition("@")[0] or of.subject.full_name
    return f"{of.kind} {name}"


def _stands(of: Contents) -> dict[str, _Stand]:
    parts: dict[str, list[Part]] = {}
    for part in flat(of.parts):
        if part.purl:
            bare = part.purl.partition("?")[0].partition("#")[0]
            name = bare.rpartition("@")[0] if "@" in bare else bare
            parts.setdefault(unquote(name), []).append(part)
    return {
        name: _Stand(
            tuple(sorted({part.version for part in copies})),
            frozenset(
                (part.version, algorithm, value)
                for part in copies
                for algorithm, value in _hashes(part)
            ),
        )
        for name, copies in parts.items()
    }


def _hashes(part: Part) -> list[tuple[str, str]]:
    """Of the very files of a distribution, else of the bytes that are there."""
    of_files = [entry for _, hashes in part.files for entry in hashes]
    return of_files or list(part.hashes)


def _contradict(one: frozenset[tuple[str, str, str]], two: frozenset[tuple[str, str, str]]) -> bool:
    """Whether both state hashes of one version by one algorithm, and have none in common."""
    both = {entry[:2] for entry in one} & {entry[:2] for entry in two}
    return any(
        not {entry for entry in one if entry[:2] == key}
        & {entry for entry in two if entry[:2] == key}
        for key in both
    )
