"""Copies of other distributions inside a distribution's package (`pip/_vendor`).

Known by the dist-infos that lie there (setuptools) or a list of pins (pip's vendor.txt). What
neither says is a gap: a copy doesn't say itself what it is.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from bom import purl
from bom.catalog.content import content_hash, digests
from bom.catalog.nested import nested
from bom.catalog.python.installed import read
from bom.catalog.python.wanted import VENDOR_FOLDERS
from bom.model import Component, Gap, Occurrence
from bom.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from bom.catalog.protocol import FileView
    from bom.catalog.python.sites import Info

_PIN: Final = re.compile(
    r"(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]{0,200}[A-Za-z0-9])?)\s{0,4}==\s{0,4}"
    r"(?P<version>[A-Za-z0-9.+!_-]{1,100})"
)
_LIST_LIMIT: Final = 1024 * 1024
# Import packages with another name than the distribution's own.
_PACKAGES: Final = {"setuptools": ("pkg_resources", "setuptools"), "pyyaml": ("yaml",)}


def from_infos(view: FileView, infos: Iterable[Info], owner: str) -> Iterator[Component | Gap]:
    """The copies whose own records lie inside the component `owner`."""
    for info in infos:
        item = read(view, info, None)
        if isinstance(item, Gap):
            yield replace(item, ref=owner)
            continue
        made = nested(owner, replace(item.component, properties=()))
        yield made
        for gap in item.gaps:
            yield replace(gap, ref=made.ref)


def from_list(
    view: FileView, path: str, below: Sequence[str], owner: str
) -> Iterator[Component | Gap]:
    """The copies that the list at `path` pins. `below`: the owner's files in the list's folder."""
    shown = printable_name(path)
    raw = view.read(path)
    if raw is None or len(raw) > _LIST_LIMIT:
        yield Gap("component", shown, "the list of vendored copies can't be read", owner)
        return
    folder = path.rpartition("/")[0]
    files = _by_name(folder, below)
    for number, line in enumerate(raw.decode("utf-8", "replace").splitlines(), 1):
        spelled = line.partition("#")[0].strip()
        if not spelled:
            continue
        found = _PIN.match(spelled)
        if found is None:
            yield Gap("component", f"{shown}:{number}", "it pins no version of a copy", owner)
            continue
        name, version = found["name"], found["version"]
        ref = purl.build("pypi", name, version=version)
        own = [file for key in _keys(name) for file in files.get(key, ())]
        pairs, _ = digests(view, own)
        hashes, hash_of = content_hash(pairs)
        made = nested(
            owner,
            Component(
                "library",
                name,
                version,
                purl=ref,
                hashes=hashes,
                hash_of=hash_of,
                occurrences=(Occurrence(shown, number),),
            ),
        )
        yield made
        if not hashes:
            why = "which of the vendored files are its own is not stated"
            yield Gap("component.hash", name, why, made.ref)
        yield Gap(
            "component.licence", name, "a list of vendored copies names no licences", made.ref
        )


def unstated(listed: Iterable[str], stated: Iterable[str]) -> Iterator[str]:
    """The vendor folders among a distribution's files that are none of the `stated` ones."""
    known = set(stated)
    found = set()
    for path in listed:
        if "/_vendor" in path and not path.endswith(".pyc") and ".dist-info/" not in path:
            parts = path.split("/")
            at = next((n for n, part in enumerate(parts) if part in VENDOR_FOLDERS), 0)
            # A folder that holds but its own __init__.py vendors nothing.
            if at and at < len(parts) - 1 and parts[-1] != "__init__.py":
                found.add("/".join(parts[: at + 1]))
    yield from sorted(found - known)


def _by_name(folder: str, below: Iterable[str]) -> Mapping[str, list[str]]:
    """The files by the module or package, straight in `folder`, that they are of."""
    found: dict[str, list[str]] = {}
    for path in below:
        if path.startswith(f"{folder}/") and not path.endswith(".pyc"):
            first, _, rest = path[len(folder) + 1 :].partition("/")
            key = first if rest else first.partition(".")[0]
            found.setdefault(key.lower(), []).append(path)
    return found


def _keys(name: str) -> tuple[str, ...]:
    normal = purl.pypi_name(name)
    return _PACKAGES.get(normal, (normal.replace("-", "_"),))
