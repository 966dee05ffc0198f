"""A build that is held to bom.lock: `bom build --locked`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bom import sha256sum
from bom.errors import Refused
from bom.lock.making import built, present
from bom.lock.moved import moved
from bom.lock_record import NAME, read
from bom.model import Hash, Material, Setting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bom.lock.making import Surroundings
    from bom.lock.moved import Moved
    from bom.model import Observation


class HeldBuild:
    """The lock of one build, as it is before the command runs. Raises BomError where there is
    none that can be read."""

    def __init__(self, here: Surroundings) -> None:
        self._here = here
        self._lock = read(here.root)
        digest = sha256sum.of_file(here.root / NAME)
        self.facts: tuple[Observation, ...] = (
            Material("config", NAME, (Hash("SHA-256", digest),)),
            Setting("option", "locked", "true"),
        )

    def check_before(self, seen: Sequence[Observation]) -> None:
        """`seen`: what is known before the command runs, with its tools. Raises Refused."""
        self._refuse(moved(self._lock, present(self._lock, self._here, seen)))

    def check_built(self, seen: Sequence[Observation]) -> None:
        """`seen`: what was observed of one artifact. Raises Refused."""
        self._refuse(built(self._lock, seen))

    def _refuse(self, found: Sequence[Moved]) -> None:
        if not found:
            return
        told = "; ".join(item.sentence for item in found[:5])
        more = f"; and {len(found) - 5} more" if len(found) > 5 else ""
        raise Refused(
            f"not what {NAME} has: {told}{more}",
            hint=f"bom lock --update {found[0].entry}; `bom lock --check` lists all",
        )
