"""What comes with the environment variables of whoever builds."""

from __future__ import annotations

import subprocess
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bom.vary import probing
from bom.vary.protocol import NotVaried

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bom.vary.protocol import Circumstance, Host, Place

# POSIX spellings (XBD 8.3): they need no time zone data.
_ZONES: Final = ("<+0545>-5:45", "<-0930>9:30")
_SEEDS: Final = ("1", "2")
_SORT: Final = "printf 'b\\nA\\na\\nB\\n' | sort | tr '\\n' ' '"


class Timezone:
    """TZ. Quarters of an hour: a zone that is merely cut off shows."""

    name = "timezone"
    fixed = True
    invasive = False

    def apply(self, circumstance: Circumstance, host: Host) -> Circumstance:
        zone = _ZONES[self.seen(host.first) == "+0545"]
        return _with(circumstance, {"TZ": zone})

    def seen(self, place: Place) -> str:
        return probing.output(place, "date +%z")


class Locale:
    """LC_ALL: sorting, messages, numbers, dates, and the encoding of text."""

    name = "locale"
    fixed = True
    invasive = False

    def apply(self, circumstance: Circumstance, host: Host) -> Circumstance:
        before = self.seen(host.first)
        for name in _locales(host.first.environment):
            changed = _with(circumstance, {"LC_ALL": name, "LANG": name, "LANGUAGE": ""})
            here = replace(host.first, environment=changed.environment)
            if self.seen(here) != before:
                return changed
        raise NotVaried("no other locale is installed")

    def seen(self, place: Place) -> str:
        return probing.output(place, f"locale charmap decimal_point mon_1 yesstr; {_SORT}")


class HashSeed:
    """PYTHONHASHSEED: the order of Python's sets."""

    name = "hash-seed"
    fixed = True
    invasive = False

    def apply(self, circumstance: Circumstance, host: Host) -> Circumstance:
        seed = _SEEDS[host.first.environment.get("PYTHONHASHSEED") == _SEEDS[0]]
        return _with(circumstance, {"PYTHONHASHSEED": seed})

    def seen(self, place: Place) -> str:
        return probing.output(place, 'printf %s "${PYTHONHASHSEED-random}"')


class Noise:
    """Variables that no build should care about: a tool's that dumps them all, a terminal's."""

    name = "environment"
    fixed = False
    invasive = False

    def apply(self, circumstance: Circumstance, host: Host) -> Circumstance:
        columns = "61" if host.first.environment.get("COLUMNS") != "61" else "67"
        noise = {"BUILD_NOISE": "of-another-environment", "COLUMNS": columns, "EDITOR": "ed"}
        return _with(circumstance, noise)

    def seen(self, place: Place) -> str:
        return probing.output(place, 'printf "%s %s" "${BUILD_NOISE-none}" "${COLUMNS-none}"')


def _with(circumstance: Circumstance, variables: Mapping[str, str]) -> Circumstance:
    return replace(circumstance, environment={**circumstance.environment, **variables})


def _locales(environment: Mapping[str, str]) -> list[str]:
    """Those that are installed; languages first, for they change more than an encoding does."""
    try:
        done = subprocess.run(
            ["locale", "-a"], capture_output=True, text=True, errors="replace", check=False
        )
    except OSError:
        return []
    found = set(done.stdout.split())
    # `locale -a` lists none of those that lie elsewhere (glibc, "Locale Names": LOCPATH)
    for folder in filter(None, environment.get("LOCPATH", "").split(":")):
        with suppress(OSError):
            found.update(path.name for path in Path(folder).iterdir())
    names = sorted(found)
    plain = ("C", "POSIX")
    return [
        *(name for name in names if not name.startswith(plain) and not name.startswith("en")),
        *(name for name in names if name.startswith("en")),
        *(name for name in names if name.startswith(plain)),
    ]
