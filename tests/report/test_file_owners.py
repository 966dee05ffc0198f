"""The files of an image that belong to nothing known, as a person reads it."""

from __future__ import annotations

import pytest

from bom.catalog.attribution import FileOwner
from bom.model import Layer
from bom.report.file_owners import unaccounted
from bom.report.text import size_text


def file(path: str, size: int = 1, layer: str = "one", owner: str = "") -> FileOwner:
    return FileOwner(path, size, b"", path.startswith("bin/"), layer, owner, "")


LAYERS = [
    Layer("one", "", 0, "RUN   make\x1b]0;x && " + "x" * 100),
    Layer("two", "", 0, "COPY . ."),
]


def test_what_is_left_is_told_by_the_layer_that_brought_it_and_its_step() -> None:
    files = [
        file("a", 600, owner="p"),
        file("b", 300),
        file("bin/c", 1_500, "two"),
        file("d\x1b", 100),
    ]
    assert unaccounted(files, LAYERS) == (
        "accounted for: 25.0 % of 4 files, 24.0 % of 2.5 kB\n"
        "layer 1 of 2: 2 files of nobody known\n"
        "  made by RUN make\\x1b]0;x && " + "x" * 79 + "…\n"
        "  b (300 B)\n"
        "  d\\x1b (100 B)\n"
        "layer 2 of 2: 1 file of nobody known\n"
        "  made by COPY . .\n"
        "  bin/c (1.5 kB, executable)\n"
    )


def test_many_files_are_counted_and_all_or_nothing_is_said_only_where_it_is_so() -> None:
    owned = [file(f"o{number:05}", owner="p") for number in range(99_999)]
    assert unaccounted(owned, LAYERS).startswith("accounted for: 100 % of 99,999 files, 100 % of")
    text = unaccounted([*owned, file("x")], LAYERS)
    assert text.startswith("accounted for: 99.9 % of 100,000 files")
    text = unaccounted([file(f"x{number:05}") for number in range(30)], LAYERS)
    assert text.startswith("accounted for: 0.0 % of 30 files")
    assert text.endswith("  … and 10 more (--json lists them all)\n")
    assert unaccounted([], LAYERS) == "accounted for: 100 % of 0 files, 100 % of 0 B\n"


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (999_949, "999.9 kB"), (999_950, "1.0 MB")],
)
def test_sizes_are_in_powers_of_a_thousand(size: int, text: str) -> None:
    assert size_text(size) == text
