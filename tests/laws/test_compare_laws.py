"""Walking two tars in step finds what comparing them entry by entry would find."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st
from tests.compare.archives import Entry, tar

from bom.archive.positioned import PositionedBytes
from bom.common_start import common_start
from bom.compare.content import first_difference
from bom.compare.in_step import Both, InStep, Moved, Only

if TYPE_CHECKING:
    from collections.abc import Mapping

# Few names, so that they meet; one needs an extended header, one is longer than a piece.
NAMES = st.sampled_from([*"abcdefgh", "n" * 150])
CONTENTS = st.sampled_from([b"", b"one", b"two", b"x" * 700, b"y" * 5000])
ENTRIES = st.dictionaries(NAMES, CONTENTS, max_size=9)


def archive(entries: Mapping[str, bytes]) -> PositionedBytes:
    return PositionedBytes(tar(*(Entry(name, content) for name, content in entries.items())))


@given(ENTRIES, ENTRIES)
def test_all_that_differs_is_found_whatever_the_order(
    one: dict[str, bytes], two: dict[str, bytes]
) -> None:
    files = archive(one), archive(two)
    steps = list(InStep(*files).steps())
    only = {(step.name, step.which) for step in steps if isinstance(step, Only)}
    assert only == {(n, "one") for n in one.keys() - two.keys()} | {
        (n, "two") for n in two.keys() - one.keys()
    }
    # equal entries may be passed over, others never
    both = {step.name for step in steps if isinstance(step, Both)}
    assert both >= {name for name in one.keys() & two.keys() if one[name] != two[name]}
    assert both <= one.keys() & two.keys()
    shared = [name for name in one if name in two], [name for name in two if name in one]
    moved = [step for step in steps if isinstance(step, Moved)]
    assert len(moved) == (shared[0] != shared[1])
    for step in moved:
        first, second = step.first, step.second
        assert shared[0].index(first) < shared[0].index(second)
        assert shared[1].index(first) > shared[1].index(second)


@given(ENTRIES)
def test_of_equal_archives_nothing_is_told_and_known_bytes_are_not_read(
    entries: dict[str, bytes],
) -> None:
    one, two = archive(entries), archive(entries)
    assert list(InStep(one, two).steps()) == []
    assert list(InStep(one, two, one.size).steps()) == []


@given(ENTRIES, ENTRIES)
def test_what_is_known_to_be_equal_changes_no_result(
    one: dict[str, bytes], two: dict[str, bytes]
) -> None:
    files = archive(one), archive(two)
    equal = max(0, first_difference(*files))
    assert list(InStep(*files).steps()) == list(InStep(*files, equal).steps())


@given(st.binary(), st.binary(), st.binary())
def test_the_first_difference_is_the_first(same: bytes, one: bytes, two: bytes) -> None:
    first, second = same + one, same + two
    length = common_start(first, second)
    assert first[:length] == second[:length]
    assert length == min(len(first), len(second)) or first[length] != second[length]
    at = first_difference(PositionedBytes(first), PositionedBytes(second), len(same))
    assert at == (-1 if first == second else length)
