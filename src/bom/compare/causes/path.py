"""Folders of the build that got into what it made."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Final

from bom.compare.causes.model import Judgement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bom.compare.causes.model import Scene, Spot

_COMPILED: Final = (
    "Compile with `-ffile-prefix-map=$PWD=.` (Rust: `--remap-path-prefix`, Go: `-trimpath`)."
)
# `python -m build` compiles in a temporary folder, `python -m build --wheel` where it is run.
_EXTENSION: Final = (
    "Build with `CFLAGS=-ffile-prefix-map=$PWD=.`, in the project's own folder "
    "(`python -m build --wheel`: without --wheel it compiles in a temporary one)."
)
_BYTECODE: Final = "Compile with `python -m compileall -s $PWD` so that .pyc files hold no folder."
_SHEBANG: Final = "Write `#!/usr/bin/env python3` or install with a fixed interpreter path."
_TEXT: Final = "Write paths relative to the project, or build in a folder with a fixed name."
_TEMPORARY: Final = "Leave out the name of the temporary folder, or use one with a fixed name."
# What isn't a folder of a build: two of them differ because something else does.
_SYSTEM: Final = re.compile(
    r"/(?:usr/(?!src/|local/src/)|etc/|lib\d*/|s?bin/|opt/|proc/|dev/(?!shm/)|sys/|(?:nix|gnu)/store/)"
)
_FOLDERS: Final = 4
# A C extension of Python by its name (PEP 3149, and the stable ABI's).
_EXTENSION_NAME: Final = re.compile(r"\.(?:cpython-[\w-]+|abi3)\.so$")
_TEMP: Final = re.compile(r"/(?:tmp|var/tmp|dev/shm|private/tmp)/")


def judge(spot: Spot, scene: Scene) -> Judgement | None:
    kinds = set(spot.kinds)
    if not kinds <= {"folder", "home", "path"}:
        return None
    one, two = spot.one.text, spot.two.text
    if kinds == {"path"}:
        folders = _folders(one, two)
        if folders is None:
            return None
        one, two = folders
    return Judgement("path", f"{one} and {two}", remedy(spot, scene))


def _folders(one: str, two: str) -> tuple[str, str] | None:
    """What is left of two paths without their common end, if those are folders of builds."""
    first, second = one.rstrip("/").split("/"), two.rstrip("/").split("/")
    same = 0
    while same < min(len(first), len(second)) - 1 and first[-1 - same] == second[-1 - same]:
        same += 1
    if same:
        first, second = first[:-same], second[:-same]
    folders = "/".join(first), "/".join(second)
    system = [bool(_SYSTEM.match(folder + "/")) for folder in folders]
    return None if any(system) else folders


def folders(one: Sequence[str], two: Sequence[str]) -> list[tuple[str, str]]:
    """The folders of two builds, told by their paths to the same files; the most common first."""
    named: dict[str, list[str]] = {}
    for path in two:
        named.setdefault(path.rpartition("/")[2], []).append(path)
    pairs = [(path, named[name][0]) for path in one if (name := path.rpartition("/")[2]) in named]
    if not pairs and len(one) == len(two):
        pairs = list(zip(one, two, strict=True))
    found = Counter(pair for first, second in pairs if (pair := _folders(first, second)))
    return [pair for pair, _ in found.most_common(_FOLDERS) if all(pair)]


def _is_temporary(spot: Spot, scene: Scene) -> bool:
    """Whether both are folders for temporary files that the build made itself: none that it was
    built in."""
    one, two = spot.one.text, spot.two.text
    return bool(_TEMP.match(one) and _TEMP.match(two)) and not any(
        known.folder and text.startswith(known.folder)
        for known, text in zip(scene.known, (one, two), strict=True)
    )


def remedy(spot: Spot, scene: Scene) -> str:
    if scene.leaf.name.endswith(".pyc"):
        return _BYTECODE
    if scene.in_a_section or b"\0" in scene.leaf.one[:4096]:
        return _EXTENSION if _EXTENSION_NAME.search(scene.leaf.name) else _COMPILED
    if spot.before.startswith("#!"):
        return _SHEBANG
    if _is_temporary(spot, scene):
        return _TEMPORARY
    return _TEXT
