"""What the machine is like: its name, its clock, its processors."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from bom.vary import probing
from bom.vary.protocol import NotVaried

if TYPE_CHECKING:
    from bom.vary.protocol import Circumstance, Host, Place

_HOSTNAME: Final = "another-machine"
_STANDING: Final = "2001-02-03 04:05:06"
_LATER: Final = "+398d"  # another year, month, day of the week


class Hostname:
    """The machine's name, in a UTS namespace (uts_namespaces(7))."""

    name = "hostname"
    fixed = False
    invasive = True

    def apply(self, circumstance: Circumstance, host: Host) -> Circumstance:
        if _missing("unshare", host):
            raise NotVaried("unshare is not installed")
        # Who may not make one at all may make one in a user namespace that changes no number.
        for flags in (("--uts",), ("--map-current-user", "--keep-caps", "--uts")):
            words = ("unshare", *flags, "--", *_named(_HOSTNAME))
            if probing.output(replace(host.first, prefix=words), "echo works"):
                return replace(circumstance, prefix=(*circumstance.prefix, *words))
        raise NotVaried("this machine allows no namespace for its name")

    def seen(self, place: Place) -> str:
        return probing.output(place, "uname -n")


class Processors:
    """How many processors a program may use. What one doesn't ask the scheduler for (a number in
    /proc/cpuinfo) stays."""

    name = "processors"
    fixed = False
    invasive = False

    def apply(self, circumstance: Circumstance, host: Host) -> Circumstance:
        allowed = sorted(os.sched_getaffinity(0))
        if len(allowed) == 1:
            raise NotVaried("there is only one")
        if _missing("taskset", host):
            raise NotVaried("taskset is not installed")
        words = ("taskset", "-c", str(allowed[0]))
        return replace(circumstance, prefix=(*circumstance.prefix, *words))

    def seen(self, place: Place) -> str:
        return probing.output(place, "nproc")


class Clock:
    """The time of day, by libfaketime: for programs that ask the C library. A program that asks
    the kernel itself (one written in Go) goes on seeing the real one."""

    name = "clock"
    fixed = False
    invasive = True
    moment = _LATER  # as faketime(1) takes it

    def apply(self, circumstance: Circumstance, host: Host) -> Circumstance:
        if _missing("faketime", host):
            raise NotVaried("faketime is not installed")
        # The monotonic clock stays: programs wait by it.
        words = ("env", "FAKETIME_DONT_FAKE_MONOTONIC=1", "faketime", "-f", self.moment)
        return replace(circumstance, prefix=(*circumstance.prefix, *words))

    def seen(self, place: Place) -> str:
        return probing.output(place, "date -u +%Y-%m")


class StandingClock(Clock):
    """A clock that stands still: what differs even then is not the time's doing. It is in no list,
    for no two machines differ so."""

    moment = _STANDING


def _named(name: str) -> tuple[str, ...]:
    """What sets the name inside a namespace and goes on: hostname(1) is not everywhere."""
    script = f'(hostname {name} || echo {name} >/proc/sys/kernel/hostname) 2>/dev/null; exec "$@"'
    return ("sh", "-c", script, "sh")


def _missing(program: str, host: Host) -> bool:
    return shutil.which(program, path=host.first.environment.get("PATH")) is None
