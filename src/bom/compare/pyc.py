"""Compiled Python modules: the stamp in front, and the code (PEP 552)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bom.compare.content import Window, both, first_difference
from bom.compare.metadata import seconds_text
from bom.compare.walk import Pair

if TYPE_CHECKING:
    from bom.archive.positioned import Positioned
    from bom.compare.walk import Walk

_HEADER: Final = 16  # magic, flags, then time and size of the source, or its hash
_HASHED: Final = 1
_STAMP: Final = (
    "Compile with `python -m compileall --invalidation-mode unchecked-hash`, or build with "
    "`--normalize`, which sets the source's time in it."
)
_VERSION: Final = "Compile with the same version of Python in both builds."
_SOURCE: Final = "Make the source the same in both builds; this follows from it."


class PycContainer:
    name = "compiled Python module"

    def recognises(self, one: bytes, two: bytes, name: str) -> bool:
        return name.endswith(".pyc") and all(
            len(head) >= _HEADER and head[2:4] == b"\r\n" for head in (one, two)
        )

    def compare(self, pair: Pair, walk: Walk) -> None:
        one, two = (part.read_at(0, _HEADER) for part in (pair.one, pair.two))
        container, _, name = (pair.path or pair.name).rpartition(" > ")
        if one[:4] != two[:4]:
            walk.found.firm = True
            magic = [int.from_bytes(head[:2], "little") for head in (one, two)]
            told = f"compiled for another Python: magic number {magic[0]} -> {magic[1]}"
            walk.say(container, name, "tool-version", told, _VERSION)
            return
        flags = [int.from_bytes(head[4:8], "little") for head in (one, two)]
        stamped = not any(flag & _HASHED for flag in flags)
        if flags[0] != flags[1]:
            walk.found.firm = True
            told = f"checked against its source in another way: flags {flags[0]} -> {flags[1]}"
            walk.say(container, name, "environment", told, _STAMP)
        elif stamped and one[8:12] != two[8:12]:
            times = [seconds_text(str(int.from_bytes(head[8:12], "little"))) for head in (one, two)]
            told = f"time of the source in it {times[0]} -> {times[1]}"
            walk.say(container, name, "timestamp", told, _STAMP)
        code = both(_code, pair.one, pair.two)
        at = first_difference(*code)
        if at >= 0:
            walk.leaf(Pair(pair.path, pair.name, *code, at))
        elif not walk.found and one[8:] != two[8:]:
            walk.found.firm = True
            walk.say(
                container,
                name,
                "unknown",
                "compiled from a source of another size or content, to the same code",
                _SOURCE,
                ("environment", "timestamp"),
            )


def _code(content: Positioned) -> Positioned:
    return Window(content, _HEADER, content.size - _HEADER)
