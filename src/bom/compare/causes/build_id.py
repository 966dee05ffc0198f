"""Identities that a linker computes of what it links."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from bom.compare.causes.model import Judgement

if TYPE_CHECKING:
    from bom.compare.causes.model import Scene, Spot

_GO: Final = "Build with `-trimpath -ldflags=-buildid=`: the Go build ID is a hash of its inputs."
_GNU: Final = (
    "Make what is linked the same (`-ffile-prefix-map=$PWD=.`: debugging information counts, also "
    "if it is stripped later), or link with `-Wl,--build-id=none`."
)
_GO_ID: Final = re.compile(r"Go build ID: \"[\w/+-]*$")
_NAMED: Final = re.compile(r"build[ _-]?id[\"']?\s*[:=]?\s*[\"']?$", re.IGNORECASE)
_HEX: Final = re.compile(r"[0-9a-f]{16,64}")


def judge(spot: Spot, scene: Scene) -> Judgement | None:
    if _GO_ID.search(spot.before):
        return Judgement("build-id", "the Go build ID", _GO)
    one, two = spot.one.text, spot.two.text
    if _NAMED.search(spot.before) and _HEX.fullmatch(one) and _HEX.fullmatch(two):
        return Judgement("build-id", f"{one} and {two}", _GNU)
    return None
