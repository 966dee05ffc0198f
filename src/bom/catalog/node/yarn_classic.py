"""yarn.lock of Yarn 1: blocks of indented lines under the requests that they answer."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from bom.catalog.node.names import is_path, is_url, split_specifier, unaliased, valid_version
from bom.catalog.node.pin import Lock, Pin, Root, place
from bom.catalog.stated import Unreadable, decoded, integrity, stated_hash
from bom.catalog.stated import text as stated_text
from bom.model import Gap

if TYPE_CHECKING:
    from bom.catalog.node.pin import Asked
    from bom.model import Hash

HEADER: Final = "# yarn lockfile v1"
_JSON: Final = json.JSONDecoder()
_SECTIONS: Final = ("dependencies", "optionalDependencies")


@dataclass(slots=True)
class _Block:
    line: int
    requests: list[str]
    values: dict[str, str] = field(default_factory=dict)
    wanted: dict[str, list[tuple[str, str]]] = field(default_factory=dict)


def read(
    raw: bytes, location: str, requests: tuple[Asked, ...] | None, members: frozenset[str]
) -> Lock:
    """The lock that these bytes are. `requests`: what the package.json files of the project and
    its workspaces ask for, None without one; `members`: the workspaces' names. Raises
    Unreadable."""
    source = decoded(raw)
    if HEADER not in source[:1000]:
        raise Unreadable("has no header of a Yarn lock")
    blocks = _blocks(source)
    keys = {request: block.requests[0] for block in reversed(blocks) for request in block.requests}
    pins: dict[str, Pin] = {}
    gaps = set()
    for block in blocks:
        made = _pin(block, keys)
        if made is None:
            where = f"{location}:{block.line}"
            gaps.add(Gap("dependency.name", where, "the entry has no valid name"))
        else:
            pins[block.requests[0]] = made
    roots: set[Root] = set()
    for item in requests or ():
        key = keys.get(f"{item.name}@{item.specifier}", "")
        if key in pins:
            roots.add(Root(key, item.kind == "devDependencies", item.soft))
        elif item.specifier.startswith("link:"):
            why = f"{location} links it from a folder: no published file is stated"
            gaps.add(Gap("dependency.source", item.name, why))
        elif item.kind != "peerDependencies" and item.name not in members and not item.soft:
            gaps.add(Gap("dependency.lock", item.name, f"{location} does not list it"))
    return Lock(
        location,
        pins,
        None if requests is None else tuple(sorted(roots)),
        gaps=tuple(sorted(gaps)),
    )


def _pin(block: _Block, keys: dict[str, str]) -> Pin | None:
    folder, specifier = split_specifier(block.requests[0])
    if not folder:
        return None
    name, wanted = unaliased(folder, specifier)
    resolved = block.values.get("resolved", "")
    if not resolved and is_path(wanted):
        resolved = wanted
    edges = {
        section: {
            keys[request]
            for child, asked in block.wanted.get(section, ())
            if (request := f"{child}@{asked}") in keys
        }
        for section in _SECTIONS
    }
    soft = edges["optionalDependencies"]
    return Pin(
        name,
        valid_version(block.values.get("version", "")),
        block.line,
        place(resolved, name, is_url(wanted)),
        resolved,
        _hashes(block.values.get("integrity", ""), resolved),
        folder if name != folder else "",
        requires=tuple(sorted(edges["dependencies"] - soft)),
        may_require=tuple(sorted(soft)),
    )


def _hashes(stated: str, resolved: str) -> tuple[Hash, ...]:
    """The integrity, and the SHA-1 that stands behind the URL."""
    known = stated_hash(f"sha1:{resolved.rpartition('#')[2]}") if "#" in resolved else None
    if ".git#" in resolved or resolved.startswith("git"):
        known = None  # that is the commit
    return tuple(sorted({*integrity(stated), *([known] if known else [])}))


def _blocks(source: str) -> list[_Block]:
    found: list[_Block] = []
    section = ""
    for number, line in enumerate(source.splitlines(), 1):
        bare = line.strip()
        if not bare or bare.startswith("#"):
            continue
        depth = len(line) - len(line.lstrip(" "))
        if depth == 0:
            requests = _requests(bare.removesuffix(":"))
            if not bare.endswith(":") or not requests:
                raise Unreadable(f"is no Yarn lock: line {number}")
            found.append(_Block(number, requests))
            section = ""
        elif not found:
            raise Unreadable(f"is no Yarn lock: line {number}")
        elif depth == 2 and bare.endswith(":"):
            section = bare[:-1]
        else:
            key, value = _pair(bare)
            if depth == 2:
                section = ""
                found[-1].values[key] = value
            elif section:
                found[-1].wanted.setdefault(section, []).append((key, value))
    return found


def _requests(text: str) -> list[str]:
    """`a@^1, "@b/c@>=1, <2"`: a comma in quotes parts nothing."""
    found, at = [], 0
    while at < len(text):
        if text[at] in ", ":
            at += 1
            continue
        if text[at] == '"':
            word, at = _quoted(text, at)
        else:
            end = text.find(",", at)
            end = len(text) if end < 0 else end
            word, at = text[at:end].strip(), end
        if word:
            found.append(word)
    return found


def _pair(text: str) -> tuple[str, str]:
    """`key value`, either of them in quotes or plain."""
    if text.startswith('"'):
        key, at = _quoted(text, 0)
        value = text[at:].strip()
    else:
        key, _, value = text.partition(" ")
        value = value.strip()
    return key, _quoted(value, 0)[0] if value.startswith('"') else value


def _quoted(text: str, at: int) -> tuple[str, int]:
    """The JSON string at a place, "" where it can't be written, and where it ends."""
    try:
        value, end = _JSON.raw_decode(text, at)
    except (ValueError, RecursionError) as error:
        raise Unreadable("is no Yarn lock: a quote does not end") from error
    return stated_text(value), end
