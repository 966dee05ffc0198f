"""where.py IMAGE: where the time of one `bom scan` goes, in a process of its own; a Markdown table.

Processor time of each thread, and wall time of each step one after the other.
"""

from __future__ import annotations

import gc
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_WHAT: Final = {
    "catalogue": "walking the layers: headers, and SHA-256 of the smaller files",
    "hash": "hashing: layers, larger files, MD5 of what dpkg may list",
}


class Stopwatch:
    """Wall time from step to step, and the processor time of threads that end meanwhile."""

    def __init__(self) -> None:
        self.steps: list[tuple[str, float]] = []
        self.threads: dict[str, float] = {}
        self._last = time.perf_counter()

    def step(self, name: str) -> None:
        now = time.perf_counter()
        self.steps.append((name, now - self._last))
        self._last = now

    def watch_threads(self) -> None:
        run = threading.Thread.run

        def timed(thread: threading.Thread) -> None:
            started = time.thread_time()
            run(thread)
            taken = time.thread_time() - started
            self.threads[thread.name] = self.threads.get(thread.name, 0.0) + taken

        threading.Thread.run = timed  # type: ignore[assignment,method-assign] # measured

    def around(self, module: Any, name: str, before: str, after: str) -> None:
        """Note a step when a function of a module is called, and one when it is done."""
        function: Callable[..., Any] = getattr(module, name)

        def called(*arguments: Any, **named: Any) -> Any:
            self.step(before)
            result = function(*arguments, **named)
            self.step(after)
            return result

        setattr(module, name, called)


def main(image: str) -> None:
    watch = Stopwatch()
    watch.watch_threads()
    gc.disable()  # as `bom` itself does
    from bom import canonical, sources
    from bom.builder.protocol import Silent
    from bom.catalog import image as images
    from bom.compose import validate
    from bom.compose.bom import Evidence, document
    from bom.sources import files

    assert files
    watch.step("loading")
    watch.around(images, "contents", "reading, with the threads below", "putting layers together")
    found = sources.read(image, Silent(), {})
    watch.step("comparing, attribution's figures")
    made = document(Evidence(subject=found.subject, observations=found.observations, signed=False))
    watch.step("composing")
    assert not validate.errors(made)
    watch.step("validating")
    canonical.dumps(made)
    watch.step("writing")
    print("| step | wall time |\n|---|---|")
    for name, seconds in watch.steps:
        print(f"| {name} | {seconds:.3f} s |")
    print("\n| thread | processor time |\n|---|---|")
    for name, seconds in sorted(watch.threads.items()):
        print(f"| {_WHAT.get(name, name)} | {seconds:.2f} s |")


if __name__ == "__main__":
    main(sys.argv[1])
