"""Which platform's image is meant, where an index has several (OCI image specification,
"Image Index"; the names are Go's)."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final

from bom.errors import BomError

if TYPE_CHECKING:
    from collections.abc import Iterable

_FORM: Final = re.compile(r"[a-z0-9._-]{1,32}/[a-z0-9._-]{1,32}(?:/[a-z0-9._-]{1,32})?")
_MACHINES: Final = {
    "x86_64": "amd64",
    "aarch64": "arm64",
    "armv7l": "arm/v7",
    "armv6l": "arm/v6",
    "i386": "386",
    "i686": "386",
    "loongarch64": "loong64",
    "ppc64le": "ppc64le",
    "riscv64": "riscv64",
    "s390x": "s390x",
}


def is_platform(text: str) -> bool:
    """Whether `text` is os/arch or os/arch/variant."""
    return _FORM.fullmatch(text) is not None


def checked(given: str) -> str:
    """`--platform` as it was given. Raises BomError where it is none."""
    if given and not is_platform(given):
        raise BomError(
            f"{given:.100} is no platform", hint="--platform os/arch[/variant], as in linux/arm64"
        )
    return given


def of_this_machine() -> str:
    """The platform whose images this machine's engine would take."""
    machine = os.uname().machine
    return f"linux/{_MACHINES.get(machine, machine)}"


def several(where: str, platforms: Iterable[str], wanted: str) -> BomError:
    """The error that names what can be chosen from."""
    found = sorted(set(platforms))
    listed = ", ".join(found[:30])
    if wanted:
        return BomError(f"{where} holds no image for {wanted}", hint=f"--platform: {listed}")
    return BomError(
        f"{where} holds images for several platforms: {listed}",
        hint=f"choose one: --platform {found[0]}" if found else "",
    )
