"""Who built it and where: users, groups and hosts that got into content."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from bom.compare.causes.model import Judgement

if TYPE_CHECKING:
    from bom.compare.causes.model import Scene, Spot

_OWNER_REMEDY: Final = (
    "Leave out who built it, or write a fixed name "
    "(tar: `--owner=0 --group=0 --numeric-owner`; Maven: an empty `Built-By`)."
)
_HOST_REMEDY: Final = "Leave out the name of the machine, or write a fixed one."
# What names a user in front of a value: `Built-By: x`, `USER=x`, `"packager": "x"`, `uid=0(x)`.
_OWNER: Final = re.compile(
    r"(?:(?:built|packaged|compiled|generated)[ _-]by[\"']?\s?[:=]?\s?[\"']?"
    r"|(?<![a-z])(?:user(?:[ _-]?name)?|logname|login|owner|packager|builder|whoami|uid|gid|euid"
    r"|egid|group|groups)[\"']?\s?[:=]\s?[\"']?)(?:\d+\()?$",
    re.IGNORECASE,
)
_HOST: Final = re.compile(
    r"(?:(?<![a-z])(?:build|node)?[ _-]?host(?:[ _-]?name)?|(?<![a-z])nodename|(?<![a-z])machine"
    r"[ _-]?name|uname(?: -n)?)[\"']?\s?[:=]\s?[\"']?$|^Linux $",
    re.IGNORECASE,
)
_VALUE: Final = frozenset(("word", "number", "user", "host", "several"))


# What `ls -l` and `tar -tv` print before the owner: permissions, number of links.
_LISTED: Final = re.compile(r"(?:^|\s)[bcdlps-][rwxsStT-]{9}[.+@]?\s+(?:\d+\s+)?(?:[\w-]+[\s/])?$")


def owner(spot: Spot, scene: Scene) -> Judgement | None:
    if spot.kinds == ("user", "user"):
        return _owner(spot)
    # `user@host`, where both are a name of their own
    if (
        set(spot.kinds) <= {"word", "user"}
        and re.match(r"@[A-Za-z][\w-]*(?![\w/@])", spot.after)
        and not re.search(r"[\w.]$", spot.before)
        and not re.match(r"@[\w-]+\.[a-z]{2,}", spot.after)
    ):
        return _owner(spot)
    if set(spot.kinds) <= _VALUE and (_OWNER.search(spot.before) or _LISTED.search(spot.before)):
        return _owner(spot)
    return None


def _owner(spot: Spot) -> Judgement:
    return Judgement("owner", f"{spot.one.text} and {spot.two.text}", _OWNER_REMEDY)


def hostname(spot: Spot, scene: Scene) -> Judgement | None:
    known = spot.kinds == ("host", "host")
    at = (
        set(spot.kinds) <= {"word", "host"}
        and re.search(r"(?:^|[\s<(\"'=:])[a-z_][\w-]*@$", spot.before)
        and not re.match(r"\.[a-z]{2,}", spot.after)
    )
    if known or at or (set(spot.kinds) <= _VALUE and _HOST.search(spot.before)):
        return Judgement("hostname", f"{spot.one.text} and {spot.two.text}", _HOST_REMEDY)
    return None
