"""Who builds."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bom.vary import probing
from bom.vary.protocol import NotVaried

if TYPE_CHECKING:
    from bom.vary.protocol import Circumstance, Host, Place

_LOGIN: Final = "someone-else"
_IDS: Final = ("4711", "4712")


class Home:
    """USER, LOGNAME and HOME. The other home holds links to all that is in the user's own: tools
    keep what they need there (a compiler's toolchain, a cache, credentials)."""

    name = "home"
    fixed = False
    invasive = False

    def apply(self, circumstance: Circumstance, host: Host) -> Circumstance:
        home = host.scratch / "home" / _LOGIN
        home.mkdir(parents=True, mode=0o700)
        own = circumstance.environment.get("HOME", "")
        if own and Path(own).is_dir():
            for entry in Path(own).iterdir():
                (home / entry.name).symlink_to(entry.absolute())
        changed = {"USER": _LOGIN, "LOGNAME": _LOGIN, "HOME": str(home)}
        return replace(circumstance, environment={**circumstance.environment, **changed})

    def seen(self, place: Place) -> str:
        return probing.output(place, 'printf "%s %s %s" "$USER" "$LOGNAME" "$HOME"')


class User:
    """The user's and group's number, in a user namespace (user_namespaces(7)): files that the
    build makes are still the user's own outside."""

    name = "user"
    fixed = False
    invasive = True

    def apply(self, circumstance: Circumstance, host: Host) -> Circumstance:
        number = _IDS[str(os.getuid()) == _IDS[0]]
        words = ("unshare", f"--map-user={number}", f"--map-group={number}", "--")
        return replace(circumstance, prefix=(*circumstance.prefix, *_works(words, host)))

    def seen(self, place: Place) -> str:
        return probing.output(place, "id -u; id -g")


class Umask:
    """The permission bits of what the command writes."""

    name = "umask"
    fixed = True
    invasive = False

    def apply(self, circumstance: Circumstance, host: Host) -> Circumstance:
        mask = "0027" if self.seen(host.first) != "0027" else "0022"
        words = ("sh", "-c", f'umask {mask} && exec "$@"', "sh")
        return replace(circumstance, prefix=(*circumstance.prefix, *words))

    def seen(self, place: Place) -> str:
        return probing.output(place, "umask")


def _works(words: tuple[str, ...], host: Host) -> tuple[str, ...]:
    """The words, where they are allowed here. Raises NotVaried."""
    if shutil.which(words[0], path=host.first.environment.get("PATH")) is None:
        raise NotVaried(f"{words[0]} is not installed")
    if not probing.output(replace(host.first, prefix=words), "echo works"):
        raise NotVaried("this machine allows no user namespace")
    return words
