"""Clock, room on the disks, locale and terminal."""

from __future__ import annotations

import locale
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import bom
from bom.doctor.protocol import Answer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bom.doctor.protocol import Machine

_ROOM: Final = 2 * 1000**3  # bytes: an image of ordinary size, exported and sealed
_DAY: Final = 86400.0
_DIGITS: Final = 20  # of seconds since 1970, more than any system counts


def examine(machine: Machine) -> Iterator[Answer]:
    yield _clock()
    yield from _epoch(machine)
    yield _room("temporary files", Path(machine.environment.get("TMPDIR") or tempfile.gettempdir()))
    yield _room("the project's disk", machine.cwd)
    yield _locale()
    yield _terminal(machine)


def _clock() -> Answer:
    """A clock before the day on which `bom` itself was installed is wrong for sure."""
    name, purpose = "clock", "what a build made is known by its time"
    installed = Path(bom.__file__).stat().st_mtime
    now = time.time()
    said = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(now))
    if now < installed - _DAY:
        return Answer("machine", name, "bad", f"{said} is before bom was installed", purpose, "NTP")
    return Answer("machine", name, "good", said, purpose)


def _epoch(machine: Machine) -> Iterator[Answer]:
    name, purpose = "SOURCE_DATE_EPOCH", "the build's clock"
    given = machine.environment.get(name, "")
    if not given:
        return
    if not (given.isascii() and given.isdecimal() and len(given) < _DIGITS):
        yield Answer(
            "machine", name, "bad", f"{given} is no number of seconds", purpose, f"unset {name}"
        )
    elif int(given) > time.time():
        yield Answer(
            "machine", name, "bad", f"{given} lies in the future", purpose, f"unset {name}"
        )
    else:
        yield Answer("machine", name, "good", given, purpose)


def _room(name: str, folder: Path) -> Answer:
    purpose = "exports and sealed files"
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        said = f"{folder}: {error.strerror}"
        return Answer("machine", name, "bad", said, purpose, "set TMPDIR to a folder that is there")
    said = f"{free / 1000**3:.1f} GB free in {folder}"
    if not os.access(folder, os.W_OK):
        return Answer("machine", name, "bad", f"{folder} can't be written to", purpose)
    if free < _ROOM:
        return Answer("machine", name, "bad", said, purpose, "make room, or set TMPDIR")
    return Answer("machine", name, "good", said, purpose)


def _locale() -> Answer:
    encoding = locale.getpreferredencoding(False)
    if encoding.lower().replace("-", "") == "utf8":
        return Answer("machine", "locale", "good", encoding, "names that are not ASCII")
    tip = "export LC_ALL=C.UTF-8"
    return Answer("machine", "locale", "bad", encoding, "names that are not ASCII", tip)


def _terminal(machine: Machine) -> Answer:
    purpose = "colours and progress"
    if not sys.stdout.isatty():
        return Answer("machine", "terminal", "good", "none: plain text, no progress", purpose)
    kind = machine.environment.get("TERM", "")
    size = shutil.get_terminal_size()
    said = f"{kind or 'of no stated kind'}, {size.columns} columns"
    if machine.environment.get("NO_COLOR") or kind == "dumb":
        said += ", no colours"
    return Answer("machine", "terminal", "good", said, purpose)
