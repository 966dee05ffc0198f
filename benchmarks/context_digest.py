"""How long a build context's digest takes: cold, and with the digests kept from the time before.

    python benchmarks/context_digest.py [FILES] [BYTES]

makes a context of FILES files (50,000) of BYTES bytes each (4,096) and digests it three times: with
nothing kept (what is read then is in the page cache), again with what that kept, and with
nothing to be kept. The floor beside it is one walk that only looks at every file (lstat).
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bom.builder.images import folder, ignore
from bom.builder.images.folder import LocalContext

if TYPE_CHECKING:
    from collections.abc import Callable

_FOLDERS = 500
_IGNORED = "node_modules\n**/*.log\n!keep.log\n.git\n"


def main(files: int, size: int) -> None:
    with tempfile.TemporaryDirectory() as place:
        root = Path(place) / "context"
        _fill(root, files, size)
        state = Path(place) / "state"
        context = LocalContext(root, ignore.parse(_IGNORED, "buildkit"))
        print(f"{files} files of {size} bytes, {files * size / 1e6:.0f} MB")
        print(f"  floor, lstat of each    {_timed(lambda: _walk(root)):6.2f} s")
        print(f"  nothing kept            {_timed(lambda: folder.digest(context)):6.2f} s")
        time.sleep(2.1)  # what has just changed isn't kept
        for label in ("cold, and kept", "warm"):
            print(f"  {label:<23} {_timed(lambda: folder.digest(context, (), state)):6.2f} s")
        kept = sum(item.stat().st_size for item in (state / "contexts").iterdir())
        print(f"  kept on the disk        {kept / 1e6:6.1f} MB")


def _fill(root: Path, files: int, size: int) -> None:
    for number in range(_FOLDERS):
        (root / f"package{number}" / "src").mkdir(parents=True)
    content = os.urandom(size)
    for number in range(files):
        name = root / f"package{number % _FOLDERS}" / "src" / f"file{number}.js"
        name.write_bytes(number.to_bytes(8) + content[8:])


def _walk(root: Path) -> None:
    waiting = [str(root)]
    while waiting:
        with os.scandir(waiting.pop()) as listing:
            for entry in listing:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                else:
                    entry.stat(follow_symlinks=False)


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    words = [int(word) for word in sys.argv[1:]]
    main(words[0] if words else 50_000, words[1] if len(words) > 1 else 4_096)
