"""What lists installed packages, and so says by itself which versions the two builds took.

dpkg's status (deb-control(5)), apk's database ("Apk spec", installed), and the package.json of an
installed npm package.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

from bom.compare.causes.model import Judgement
from bom.compare.causes.versions import NONE, told

if TYPE_CHECKING:
    from collections.abc import Callable

    from bom.compare.causes.model import Scene

_DPKG: Final = re.compile(r"(?:.*/)?var/lib/dpkg/status(?:\.d/[^/]+)?$")
_APK: Final = re.compile(r"(?:.*/)?(?:usr/)?lib/apk/db/installed$")
_NODE: Final = re.compile(r"(?:.*/)?node_modules/(?:@[^/]+/)?[^/]+/package\.json$")
_SHOWN: Final = 5


def judge(scene: Scene) -> Judgement | None:
    """The packages of which the two have other versions; None for any other file, and where the
    versions are the same."""
    for pattern, read in _TABLE:
        if pattern.match(scene.leaf.name.lstrip("./")) and not scene.leaf.only:
            one, two = read(scene.leaf.one), read(scene.leaf.two)
            changed = [
                (name, one.get(name, NONE), two.get(name, NONE))
                for name in sorted(one.keys() | two.keys())
                if one.get(name) != two.get(name)
            ]
            return _judged(changed) if changed else None
    return None


def _judged(changed: list[tuple[str, str, str]]) -> Judgement:
    first = told(*changed[0])
    seen = ", ".join(f"{name} {one} -> {two}" for name, one, two in changed[:_SHOWN])
    more = f" and {len(changed) - _SHOWN} more" if len(changed) > _SHOWN else ""
    return Judgement("dependency-version", seen + more, first.remedy)


def _paragraphs(content: bytes, name: bytes, version: bytes) -> dict[str, str]:
    found: dict[str, str] = {}
    current = ""
    for line in content.split(b"\n"):
        if line.startswith(name):
            current = line[len(name) :].strip().decode("utf-8", "replace")
        elif line.startswith(version) and current:
            found[current] = line[len(version) :].strip().decode("utf-8", "replace")
    return found


def _dpkg(content: bytes) -> dict[str, str]:
    return _paragraphs(content, b"Package:", b"Version:")


def _apk(content: bytes) -> dict[str, str]:
    return _paragraphs(content, b"P:", b"V:")


def _node(content: bytes) -> dict[str, str]:
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(document, dict):
        return {}
    name, version = document.get("name"), document.get("version")
    return {name: version} if isinstance(name, str) and isinstance(version, str) else {}


_TABLE: Final[tuple[tuple[re.Pattern[str], Callable[[bytes], dict[str, str]]], ...]] = (
    (_DPKG, _dpkg),
    (_APK, _apk),
    (_NODE, _node),
)
