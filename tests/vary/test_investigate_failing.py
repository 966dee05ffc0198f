"""What can't be changed because the build fails then is said, and settles nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.vary.test_investigate import found

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Need


def test_a_factor_that_makes_the_build_fail_is_told_as_not_changed(
    tmp_path: Path, need: Need
) -> None:
    for tool in ("faketime", "taskset", "unshare"):
        need(tool)
    habits = {"file": "nproc", "only": "test $(uname -n) != another-machine"}
    result, settled = found(tmp_path, habits)
    assert ("hostname", "the build fails when it is changed") in result.kept
    assert "hostname" not in result.tried
    assert settled["file"].cause == "parallelism"
    assert settled["only"].cause == "unknown"
