"""How long the HTML page of many components takes: to write, until it answers, to be used.

    python -m benchmarks.html_page [COMPONENTS]

Needs chromium on PATH. The figures are the browser's own: `domInteractive` and the script's clock.
"""

from __future__ import annotations

import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.browser.devtools import Browser
from tests.browser.test_page import large

from bom.report.html import page

RUNS = 5
# What a reader does, each until the page is laid out again.
ACTS = {
    "search, the first time": "table.search('package-99')",
    "search": "table.search('package-5')",
    "filter": "table.choose(2, 'MIT')",
    "sort": "table.reset(); table.sort(0)",
    "next page": "table.turn(1)",
    "another component in the graph": "parts.get('graph').go(graph.names.length >> 1)",
    "three levels of the graph": "parts.get('graph').deepen(3)",
}


def timed(act: str) -> str:
    return (
        "(() => { const table = parts.get('components-table'); const start = performance.now();"
        f" {act}; document.body.offsetHeight; return performance.now() - start; }})()"
    )


def measured(place: Path) -> dict[str, float]:
    """Milliseconds of one run in a browser of its own."""
    found: dict[str, float] = {}
    executable = shutil.which("chromium") or "chromium"
    with (
        tempfile.TemporaryDirectory() as profile,
        Browser(executable, Path(profile)) as browser,
    ):
        browser.size(1280, 900)
        browser.open(place)
        interactive: Any = browser.value(
            "performance.getEntriesByType('navigation')[0].domInteractive"
        )
        found["until it answers"] = interactive
        for name, act in ACTS.items():
            found[name] = browser.value(timed(act))
    return found


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    document = large(count)
    start = time.perf_counter()
    written = page(document)
    print(f"{count:,} components, {len(written.encode()) / 1e6:.1f} MB")
    print(f"writing the page: {time.perf_counter() - start:.2f} s")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder, "page.html")
        place.write_text(written, encoding="utf-8")
        runs = [measured(place) for _ in range(RUNS)]
    for name in runs[0]:
        times = sorted(run[name] for run in runs)
        print(f"{name}: {statistics.median(times):.0f} ms ({times[0]:.0f}-{times[-1]:.0f})")


if __name__ == "__main__":
    main()
