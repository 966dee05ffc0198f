"""Installs that end by `kill -9`, at every so many of the steps that they take on the disk.

Run as a program, so that it may fork: ROOT (with release.pub, one.tar, two.tar), PREFIX,
"exchange" or "two-steps" (then the moments around the two count: the rest is the same), how many
moments. It prints what was seen, or what was wrong.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

EVENTS = ("open", "os.", "shutil.")
BESIDE = ".bom-install-"


class Countdown:
    """Kills the process at the last of so many steps; 0 counts them only. `renamed`: the first step
    by which something gets another name."""

    def __init__(self, last: int) -> None:
        self.count = self.renamed = 0
        self._last = last
        self._started = False

    def __call__(self, event: str, arguments: tuple[object, ...]) -> None:
        if not event.startswith(EVENTS):
            return
        if not self._started and not any(BESIDE in str(item) for item in arguments):
            return
        self._started = True
        self.count += 1
        if event == "os.rename" and not self.renamed:
            self.renamed = self.count
        if self.count == self._last:
            os.kill(os.getpid(), signal.SIGKILL)


def forked(work: Callable[[], int]) -> int:
    """What became of `work` in a process of its own: its result, or minus the signal."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        try:
            os.write(writing, str(work()).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as said:
        told = said.read()
    status = os.waitpid(child, 0)[1]
    return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else int(told or -1)


def main(root: Path, prefix: Path, way: str, moments: int) -> str:
    from tests.install.lab import listed

    from bom.install import planned, renaming
    from bom.install.protocol import Request
    from bom.sign.keys import load_public
    from bom.sign.trust import TrustedKey

    if way == "two-steps":
        renaming._rename = lambda *_: False
    keys = [TrustedKey("release", load_public(root / "release.pub"))]
    request = Request(environment=dict(os.environ), prefix=prefix)

    def install(artifact: str, countdown: Countdown | None = None) -> int:
        if countdown is not None:
            sys.addaudithook(countdown)
        with planned(root / artifact, keys, request) as work:
            work.run()
        if countdown is None:
            return 0
        return countdown.renamed if way == "two-steps" else countdown.count

    def state() -> dict[str, str | bytes]:
        return listed(prefix) if prefix.exists() else {}

    def beside() -> list[str]:
        return [path.name for path in prefix.parent.iterdir() if BESIDE in path.name]

    forked(lambda: install("one.tar"))
    states = {"one.tar": state()}
    steps = forked(lambda: install("two.tar", Countdown(0)))
    states["two.tar"] = state()
    there, comes = "two.tar", "one.tar"
    seen = {"old": 0, "new": 0, "restored": 0}
    for number in range(moments):
        last = 1 + number * (steps - 1) // (moments - 1)
        if way == "two-steps":
            last = steps - moments // 2 + number
        died = forked(lambda last=last, comes=comes: install(comes, Countdown(last)))  # type: ignore[misc]
        if died != -signal.SIGKILL:
            return f"at step {last} of {steps} it was not killed: {died}"
        found = state()
        if found not in (*states.values(), {}) or (not found and way == "exchange"):
            return f"at step {last} of {steps} {sorted(found)} was left"
        if not found:
            # a call that itself comes to nothing has to bring the old state back
            forked(lambda comes=comes: _fails(install, comes))  # type: ignore[misc]
            if state() != states[there]:
                return f"at step {last} of {steps} the old state did not come back"
        seen["old" if found == states[there] else "new" if found else "restored"] += 1
        done = forked(lambda comes=comes: install(comes))  # type: ignore[misc]
        if done or state() != states[comes] or beside():
            return f"after step {last} of {steps} the next install did not succeed"
        there, comes = comes, there
    return f"{moments} moments: " + ", ".join(f"{k} {v}" for k, v in seen.items() if v)


def _fails(install: Callable[[str], int], artifact: str) -> int:
    from bom.install import unpack

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    unpack.Unpacker.unpack = refuse  # type: ignore[method-assign,assignment]
    return install(artifact)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    told = main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
    sys.stdout.write(told + "\n")
