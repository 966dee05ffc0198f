"""make_tar.py PATH MEGABYTES: a tar of incompressible files of 16 MiB, the same in every run.

A process of its own: what a process holds when it starts another counts as that one's peak.
"""

from __future__ import annotations

import random
import sys
import tarfile
from io import BytesIO
from pathlib import Path
from typing import Final

MIB: Final = 1 << 20


def main(path: Path, megabytes: int) -> None:
    source = random.Random(megabytes)
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as archive:
        for number in range(megabytes // 16):
            member = tarfile.TarInfo(f"data/{number:04d}.bin")
            member.size = 16 * MIB
            archive.addfile(member, BytesIO(source.randbytes(member.size)))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
