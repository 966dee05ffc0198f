"""What archives say of their entries besides the content: each kind of difference has one cause."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from bom.compare.walk import Walk
    from bom.difference import Cause

_NORMALIZE: Final = "or build with `--normalize`"
TIMES: Final = (
    "Set the times of files from SOURCE_DATE_EPOCH before they are packed (tar --mtime=@N, touch "
    f"-d @N), {_NORMALIZE}."
)
ORDER: Final = f"Sort the entries when packing (tar --sort=name, LC_ALL=C sort), {_NORMALIZE}."
OWNERS: Final = f"Pack with fixed owners (tar --owner=0 --group=0 --numeric-owner), {_NORMALIZE}."
OWNERS_IN_IMAGE: Final = (
    "Say the owner in the Dockerfile (COPY --chown=0:0, USER): numbers of users are content of an "
    "image and no normalising changes them."
)
MODES: Final = (
    f"Set umask 022 for the build, the modes by COPY --chmod or `tar --mode=go-w`, {_NORMALIZE}."
)
FORMAT: Final = f"Use the same version of the program that packs for both, {_NORMALIZE}."
_TIME_LIMIT: Final = 253_402_300_799  # seconds: the end of year 9999


def seconds_text(value: str) -> str:
    """Seconds since 1970, as pax writes them, as a time; as they are where they are none."""
    try:
        number = float(value)
    except ValueError:
        return value
    if not 0 <= number <= _TIME_LIMIT:
        return value
    whole = datetime.fromtimestamp(int(number), UTC).strftime("%Y-%m-%dT%H:%M:%S")
    fraction = value.partition(".")[2]
    return f"{whole}.{fraction}Z" if fraction.strip("0") else f"{whole}Z"


def time_differs(
    walk: Walk,
    container: str,
    name: str,
    one: str,
    two: str,
    what: str = "modification time",
    remedy: str = TIMES,
) -> None:
    """Times in seconds since 1970, as text."""
    told = f"{what} {seconds_text(one)} -> {seconds_text(two)}"
    walk.say(container, name, "timestamp", told, remedy)


def mode_differs(walk: Walk, container: str, name: str, one: int, two: int) -> None:
    walk.say(container, name, "mode", f"mode {one:04o} -> {two:04o}", MODES)


def owner_differs(
    walk: Walk, container: str, name: str, one: str, two: str, *, image: bool = False
) -> None:
    remedy = OWNERS_IN_IMAGE if image else OWNERS
    walk.say(container, name, "owner", f"owner {one} -> {two}", remedy)


def order_differs(walk: Walk, container: str, first: str, second: str) -> None:
    """`first` stands before `second` in one of the two, after it in the other."""
    told = f"{first!r:.120} stands before {second!r:.120} in one, after it in the other"
    walk.say(container, first, "order", told, ORDER)


def format_differs(
    walk: Walk,
    container: str,
    name: str,
    told: str,
    candidates: tuple[Cause, ...] = ("environment", "tool-version"),
) -> None:
    """The format's own freedom: headers, compression. Content doesn't say why."""
    walk.say(container, name, "unknown", told, FORMAT, candidates)
