"""`bom rebuild --investigate`: what content leaves open is settled by building."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.e2e.test_check_reproducible import source

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Need
    from tests.e2e.builds import Bom, Key

_SCRIPT = """\
#!/bin/sh
mkdir -p out
python3 -c 'print(*{*"abcdefghijklm"}, sep="\\n")' > out/list
tar -cf dist.tar out
"""


def test_an_order_that_may_be_many_things_is_settled(
    bom: Bom, key: Key, tmp_path: Path, need: Need
) -> None:
    for tool in ("faketime", "taskset", "unshare"):
        need(tool)
    root = source(tmp_path / "permuted", _SCRIPT)
    bom("build", "--key", key.private, "--as-is", "--", "./build.sh", cwd=root)
    words = ("rebuild", "dist.tar", "--key", key.public, "--source", root, "--json")
    told = json.loads(bom(*words, cwd=root, code=1).stdout)["differences"]
    (before,) = [item for item in told if item["cause"] == "unknown"]
    assert before["path"] == "out/list"
    assert "hash-seed" in before["candidates"]
    done = bom(*words, "--investigate", cwd=root, code=1)
    told = json.loads(done.stdout)["differences"]
    (after,) = [item for item in told if item["cause"] == "hash-seed"]
    assert (after["path"], after["candidates"]) == ("out/list", [])
    # the times of its entries change with every build, and are no reason
    assert {item["cause"] for item in told} <= {"hash-seed", "timestamp", "order"}
    assert "built again, it changes with the hash-seed alone" in after["evidence"]
    assert "changed one at a time: clock, environment, file-modes, file-order" in done.stderr
