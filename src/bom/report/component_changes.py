"""Components, tools and images of two BOMs: which came, which went, which are others now.

They are matched by what they are, never by their version: the purl without version and qualifiers,
else type, group and name. What has the same version on both sides and other bytes is kept apart:
nothing but its hash tells of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cmp_to_key
from typing import TYPE_CHECKING

from bom.report.change import Held, Line, Moved, Swapped
from bom.report.contents import flat

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from bom.report.change import Direction, Order
    from bom.report.contents import Part

Key = tuple[str, str, str]  # what it is, which architecture's, on which platform


@dataclass(slots=True)
class Found:
    """What changed of components, in no order."""

    added: list[Held] = field(default_factory=list)
    removed: list[Held] = field(default_factory=list)
    moved: list[Moved] = field(default_factory=list)
    swapped: list[Swapped] = field(default_factory=list)
    licences: list[Line] = field(default_factory=list)


def components(one: tuple[Part, ...], two: tuple[Part, ...], order: Order) -> Found:
    """What ships: those inside of others count too."""
    found = Found()
    first, second = _by_key(one), _by_key(two)
    for key in first.keys() | second.keys():
        before, after = first.get(key, {}), second.get(key, {})
        if before != after:
            _compare(key, before, after, order, found)
    return found


def _compare(
    key: Key,
    before: dict[str, list[Part]],
    after: dict[str, list[Part]],
    order: Order,
    found: Found,
) -> None:
    """The versions of one component on both sides. Those that only one side has are paired, the
    oldest with the oldest."""
    name = _told(key, next(iter((before or after).values()))[0])
    ecosystem = _ecosystem(key[0])
    for version in before.keys() & after.keys():
        pair = before[version], after[version]
        found.swapped += _other_bytes(name, version, *pair, ecosystem)
        found.licences += _other_licences(name, version, *pair)
    old = _ranked(before.keys() - after.keys(), ecosystem, order)
    new = _ranked(after.keys() - before.keys(), ecosystem, order)
    paired = min(len(old), len(new))
    for was, now in zip(old[:paired], new[:paired], strict=True):
        direction = _direction(ecosystem, was, now, order)
        found.moved.append(Moved(name, was, now, direction, ecosystem))
        found.licences += _other_licences(name, f"{was} -> {now}", before[was], after[now])
    found.removed += [_held(name, item, before[item], ecosystem) for item in old[paired:]]
    found.added += [_held(name, item, after[item], ecosystem) for item in new[paired:]]


def what(part: Part) -> str:
    """What a component is called, with its architecture and platform."""
    return _told(_key(part), part)


def _by_key(parts: tuple[Part, ...]) -> dict[Key, dict[str, list[Part]]]:
    """What each is -> version -> those that are of it: the same may lie inside of several."""
    found: dict[Key, dict[str, list[Part]]] = {}
    for part in flat(parts):
        if part.type == "file" and not part.purl and not part.version:
            continue  # a file that an archive holds: comparing bytes tells of it
        found.setdefault(_key(part), {}).setdefault(part.version, []).append(part)
    return found


def _key(part: Part) -> Key:
    purl, _, rest = part.purl.partition("?")
    qualifiers = rest.partition("#")[0]
    name = purl.partition("#")[0]
    at = name.rfind("@")
    if name.startswith("pkg:") and part.type != "container":
        name = name[:at] if at > name.rfind("/") else name
        arch = next((item[5:] for item in qualifiers.split("&") if item.startswith("arch=")), "")
        return name, arch, part.platform
    return f"{part.type}:{part.full_name}", "", part.platform


def _told(key: Key, part: Part) -> str:
    apart = ", ".join(filter(None, key[1:]))
    return f"{part.full_name} ({apart})" if apart else part.full_name


def _ecosystem(name: str) -> str:
    return name.removeprefix("pkg:").partition("/")[0] if name.startswith("pkg:") else ""


def _held(what: str, version: str, parts: Sequence[Part], ecosystem: str) -> Held:
    return Held(what, version, parts[0].licences, ecosystem)


def _ranked(versions: Iterable[str], ecosystem: str, order: Order) -> list[str]:
    """From old to new, as far as the ecosystem's order goes; else by their text."""
    listed = sorted(versions)
    if len(listed) < 2:
        return listed

    def compared(one: str, two: str) -> int:
        return order(ecosystem, one, two)

    try:
        return sorted(listed, key=cmp_to_key(compared))
    except ValueError:
        return listed


def _direction(ecosystem: str, one: str, two: str, order: Order) -> Direction:
    try:
        place = order(ecosystem, one, two)
    except ValueError:
        return "other"
    return "upgrade" if place < 0 else "downgrade" if place > 0 else "other"


def _digests(parts: Iterable[Part]) -> dict[tuple[str, str], set[str]]:
    """What a digest is of, and its algorithm -> the digests."""
    found: dict[tuple[str, str], set[str]] = {}
    for part in parts:
        of = part.hash_of or "its bytes"
        for algorithm, value in part.hashes:
            found.setdefault((of, algorithm), set()).add(value)
        for name, hashes in part.files:
            for algorithm, value in hashes:
                of = f"file {_base(name)}" if name else "published files"
                found.setdefault((of, algorithm), set()).add(value)
    return found


def _base(name: str) -> str:
    return name.rpartition("/")[2] or name


def _other_bytes(
    what: str, version: str, one: Sequence[Part], two: Sequence[Part], ecosystem: str
) -> Iterator[Swapped]:
    """Where both state a digest of the same, and not one that the other has. Of several copies one
    may be gone; that changes nothing of those that are left."""
    if not version and any(part.fact("image:config") for part in (*one, *two)):
        return  # one platform's image: it is what was built anew
    before, after = _digests(one), _digests(two)
    seen: set[str] = set()
    strongest_first = sorted(
        before.keys() & after.keys(), key=lambda key: (key[0], key[1] != "SHA-256", key[1])
    )
    for of, algorithm in strongest_first:
        old, new = before[of, algorithm], after[of, algorithm]
        if of in seen or old <= new or new <= old:
            continue
        seen.add(of)
        shown = [
            f"{algorithm.lower().replace('sha-', 'sha')}:{min(values)}"
            for values in (old - new, new - old)
        ]
        yield Swapped(what, version, of, shown[0], shown[1], ecosystem)


def _other_licences(
    what: str, version: str, one: Sequence[Part], two: Sequence[Part]
) -> Iterator[Line]:
    before, after = (
        sorted({text for part in parts for text in part.licences}) for parts in (one, two)
    )
    if before != after:
        name = f"{what} {version}".rstrip()
        yield Line(name, ", ".join(before) or None, ", ".join(after) or None)


def named(one: Sequence[Part], two: Sequence[Part]) -> tuple[list[Line], list[Swapped]]:
    """Tools and images by kind and name: those in another version, and those in the same version
    with other bytes."""
    lines: list[Line] = []
    swapped: list[Swapped] = []
    first, second = _by_name(one), _by_name(two)
    for name in first.keys() | second.keys():
        before, after = first.get(name, {}), second.get(name, {})
        for version in before.keys() & after.keys():
            swapped += _other_bytes(name, version, before[version], after[version], "")
        if before.keys() != after.keys():
            told = (
                ", ".join(sorted(version or "version unknown" for version in found)) or None
                for found in (before, after)
            )
            lines.append(Line(name, *told))
    return sorted(lines), sorted(swapped)


def _by_name(parts: Sequence[Part]) -> dict[str, dict[str, list[Part]]]:
    found: dict[str, dict[str, list[Part]]] = {}
    for part in parts:
        name, version = _tag(part)
        found.setdefault(f"{part.kind} {name}", {}).setdefault(version, []).append(part)
    return found


def is_image(part: Part) -> bool:
    """Whether a material is an image."""
    return part.kind.endswith("-image")


def _tag(part: Part) -> tuple[str, str]:
    """A tool's name and version; an image's name without its tag, and the tag."""
    if not is_image(part):
        return part.full_name, part.version
    bare = part.full_name.partition("@")[0]
    name, colon, tag = bare.rpartition(":")
    return (name, tag) if colon and "/" not in tag else (bare, part.version)
