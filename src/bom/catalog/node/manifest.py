"""package.json: what a project asks for, and which folders are its workspaces."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

from bom.catalog.node.names import (
    exact_version,
    git_url,
    is_git,
    is_path,
    is_url,
    unaliased,
    valid_name,
    valid_version,
)
from bom.catalog.node.pin import KINDS, SPECIFIER, Asked, Lock, Pin, Root
from bom.catalog.stated import decoded, json_document, strings, table, text
from bom.model import Gap, Property
from bom.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

_PATTERNS: Final = 100  # of workspaces that one manifest may state


@dataclass(frozen=True, slots=True)
class Manifest:
    """A project's package.json. `manager`: the package manager that it names (`pnpm`)."""

    name: str = ""
    version: str = ""
    asked: tuple[Asked, ...] = ()
    workspaces: tuple[str, ...] = ()
    manager: str = ""
    invalid: tuple[str, ...] = ()


def read(raw: bytes) -> Manifest:
    """The manifest that these bytes are. Raises Unreadable."""
    document = json_document(decoded(raw))
    workspaces = document.get("workspaces")
    if isinstance(workspaces, dict):  # yarn classic's long form
        workspaces = workspaces.get("packages")
    found, invalid = asked(document)
    return Manifest(
        valid_name(text(document.get("name"))),
        valid_version(text(document.get("version"))),
        found,
        strings(workspaces)[:_PATTERNS],
        text(document.get("packageManager")).partition("@")[0],
        invalid,
    )


def asked(document: Mapping[str, Any]) -> tuple[tuple[Asked, ...], tuple[str, ...]]:
    """What a manifest (or a lock's copy of it) asks for, once a name, and the names that can be
    no package's. A package that is optional too is optional (npm, package.json)."""
    found: dict[str, Asked] = {}
    invalid = set()
    peers = table(document.get("peerDependenciesMeta"))
    optional = table(document.get("optionalDependencies"))
    for kind in KINDS:
        for name, specifier in table(document.get(kind)).items():
            if not valid_name(text(name)):
                invalid.add(printable_name(name))
                continue
            soft = kind == "optionalDependencies" or name in optional
            if kind == "peerDependencies":
                soft = table(peers.get(name)).get("optional") is True
                if name in table(document.get("devDependencies")):
                    continue  # installed here for development alone
            found.setdefault(name, Asked(name, text(specifier), kind, soft))
    return tuple(sorted(found.values())), tuple(sorted(invalid))


def members(patterns: Iterable[str], folders: Iterable[str]) -> frozenset[str]:
    """Those of `folders` (from the project's) that the patterns of `workspaces` choose."""
    wanted = [p.strip("/").removeprefix("./") for p in patterns if not p.startswith("!")]
    dropped = [p[1:].strip("/").removeprefix("./") for p in patterns if p.startswith("!")]
    return frozenset(
        folder
        for folder in folders
        if any(_matches(pattern, folder) for pattern in wanted)
        and not any(_matches(pattern, folder) for pattern in dropped)
    )


def _matches(pattern: str, folder: str) -> bool:
    """A glob by parts; `**` stands for any number of them."""
    parts, states = folder.split("/"), {0}
    steps = pattern.split("/")
    for part in [*parts, None]:
        for step in range(len(steps)):
            if step in states and steps[step] == "**":
                states.add(step + 1)
        if part is None:
            break
        states = {
            step if steps[step] == "**" else step + 1
            for step in states
            if step < len(steps) and (steps[step] == "**" or fnmatchcase(part, steps[step]))
        }
    return len(steps) in states


def unlocked(manifest: Manifest, location: str) -> Lock:
    """What a manifest without a lock says: requests, of which only exact ones are pinned."""
    pins = {item.name: _pin(item) for item in manifest.asked}
    roots = [Root(a.name, a.kind == "devDependencies", a.soft) for a in manifest.asked]
    return Lock(
        location,
        pins,
        tuple(roots),
        gaps=invalid_gaps(manifest.invalid, location),
        name=manifest.name,
        version=manifest.version,
    )


def invalid_gaps(names: Iterable[str], location: str) -> tuple[Gap, ...]:
    why = "what is asked for has no valid name"
    return tuple(Gap("dependency.name", location, why) for _ in list(names)[:1])


def _pin(item: Asked) -> Pin:
    name, wanted = unaliased(item.name, item.specifier)
    alias = item.name if name != item.name else ""
    if is_git(wanted) or ("/" in wanted and not is_path(wanted) and not is_url(wanted)):
        # `owner/name#commit` is GitHub's (npm, package.json, "GitHub URLs").
        place = wanted if is_git(wanted) else f"github:{wanted}"
        return Pin(name, "", source="git", resolved=place if git_url(place) else "")
    if is_path(wanted):
        return Pin(name, "", source="path")
    if is_url(wanted):
        return Pin(name, "", source="archive", resolved=wanted)
    printable = " ".join(wanted.split())[:200]
    facts = (Property(SPECIFIER, printable),) if printable and printable.isprintable() else ()
    return Pin(name, exact_version(wanted), alias=alias, properties=facts)
