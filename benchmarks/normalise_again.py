"""normalise_again.py BUILT OUT [EPOCH]: what `bom build --normalize` does to a built file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from bom.normalise import normalise

EPOCH: Final = 1_700_000_000


def main(built: str, out: str, epoch: str = str(EPOCH)) -> None:
    assert normalise(Path(built), Path(out), int(epoch)) is not None


if __name__ == "__main__":
    main(*sys.argv[1:])
