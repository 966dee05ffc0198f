"""Permissions written into content, which the umask decides."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from bom.compare.causes.model import Judgement

if TYPE_CHECKING:
    from bom.compare.causes.model import Scene, Spot

_REMEDY: Final = "Run `umask 022` before the build, or set modes explicitly (`install -m 0644`)."
_OCTAL: Final = re.compile(r"(?:0o?|1?00|40|120)?([0-7]{3})|0?([0-7]{1,2})")
_ZERO: Final = re.compile(r"0o?[0-7]{3}|100[0-7]{3}|40[0-7]{3}")
_NAMED: Final = re.compile(r"(?:mode|perm(?:ission)?s?|chmod|access)\b[^\n]{0,20}$", re.I)
_UMASK: Final = re.compile(r"umask\b[^\n]{0,6}$", re.IGNORECASE)
# What files and folders get, and what umasks are.
_USUAL: Final = frozenset(
    int(text, 8)
    for text in (
        "777", "775", "770", "755", "751", "750", "711", "700", "666", "664", "660", "644", "640",
        "600", "555", "550", "500", "444", "440", "400", "000", "002", "007", "022", "027", "077",
    )
)  # fmt: skip


def judge(spot: Spot, scene: Scene) -> Judgement | None:
    one, two = spot.one.text, spot.two.text
    symbolic = spot.kinds == ("access", "access") and one[0] == two[0]
    if symbolic or _octal(one, two, spot.before):
        return Judgement("mode", f"{one} and {two}", _REMEDY)
    return None


def _octal(one: str, two: str, before: str) -> bool:
    first, second = _OCTAL.fullmatch(one), _OCTAL.fullmatch(two)
    if not (first and second):
        return False
    bits = int(first[1] or first[2], 8), int(second[1] or second[2], 8)
    if not all(value in _USUAL for value in bits):
        return False
    if _UMASK.search(before):
        return True
    if not (first[1] and second[1]):
        return False
    # A leading zero says octal; a umask takes bits away and adds none.
    return bool(_NAMED.search(before)) or bool(
        len(one) == len(two)
        and _ZERO.fullmatch(one)
        and _ZERO.fullmatch(two)
        and (bits[0] & bits[1]) in bits
    )
