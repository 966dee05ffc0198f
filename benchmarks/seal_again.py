"""seal_again.py SEALED BUILT OUT: what `bom build` does to put an envelope into a built file.

The envelope is taken from an artifact that was sealed before.
"""

from __future__ import annotations

import sys
from pathlib import Path

from bom.seal import recognise


def main(sealed: str, built: str, out: str) -> None:
    form = recognise(Path(sealed))
    assert form is not None
    envelope = form.read(Path(sealed))
    assert envelope is not None
    form.seal(Path(built), envelope, Path(out))


if __name__ == "__main__":
    main(*sys.argv[1:])
