"""What this user may do here that building again takes: namespaces, another clock."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Final

from bom.doctor.protocol import Answer
from bom.process import printed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bom.doctor.protocol import Machine

_PATIENCE: Final = 5.0  # seconds
_WORKS: Final = "works"
# who may not make a namespace at all may make one in a user namespace (user_namespaces(7))
_WAYS: Final = ((), ("--map-current-user", "--keep-caps"), ("--map-root-user",))


def examine(machine: Machine) -> Iterator[Answer]:
    for kind, purpose in (
        ("--net", "building with the network off"),
        ("--uts", "--check-reproducible: another host name"),
    ):
        yield _namespace(kind, purpose, machine)
    yield _clock(machine)
    root = os.geteuid() == 0
    yield Answer(
        "rebuild",
        "root",
        "good" if root else "absent",
        "" if root else "this is an ordinary user",
        "an image out of a capsule: an engine of its own",
        "" if root else "run `bom rebuild --offline` of an image as root",
    )


def _namespace(kind: str, purpose: str, machine: Machine) -> Answer:
    name = f"unshare {kind}"
    if shutil.which("unshare", path=machine.environment.get("PATH")) is None:
        return Answer("rebuild", name, "absent", "unshare is not here", purpose)
    for way in _WAYS:
        if _runs(("unshare", *way, kind, "--"), machine):
            return Answer("rebuild", name, "good", " ".join(way), purpose)
    said = "this machine doesn't allow it"
    tip = "allow user namespaces (sysctl), or run where no sandbox forbids them"
    return Answer("rebuild", name, "absent", said, purpose, tip)


def _clock(machine: Machine) -> Answer:
    name, purpose = "another clock", "--check-reproducible"
    if shutil.which("faketime", path=machine.environment.get("PATH")) is None:
        return Answer("rebuild", name, "absent", "faketime is not here", purpose)
    said = printed(
        ("faketime", "-f", "2001-02-03 04:05:06", "date", "-u", "+%Y"),
        environment=machine.environment,
        cwd=machine.cwd,
        patience=_PATIENCE,
    )
    if said.strip() == "2001":
        return Answer("rebuild", name, "good", "", purpose)
    return Answer("rebuild", name, "bad", "faketime doesn't change the time here", purpose)


def _runs(prefix: Sequence[str], machine: Machine) -> bool:
    said = printed(
        (*prefix, "echo", _WORKS),
        environment=machine.environment,
        cwd=machine.cwd,
        patience=_PATIENCE,
    )
    return said.strip() == _WORKS
