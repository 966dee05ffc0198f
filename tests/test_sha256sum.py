"""The digest over several files is what anybody gets with coreutils."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import bom
from bom import sha256sum
from bom.identity import own_digest

if TYPE_CHECKING:
    from tests.conftest import Need


def by_coreutils(folder: Path, names: list[bytes]) -> str:
    listed = subprocess.run(
        [b"sha256sum", b"--", *names], cwd=folder, capture_output=True, check=True
    ).stdout
    order = {**os.environ, "LC_ALL": "C"}
    ordered = subprocess.run(
        ["sort"], input=listed, env=order, capture_output=True, check=True
    ).stdout
    return hashlib.sha256(ordered).hexdigest()


def test_the_digest_is_that_of_sorted_sha256sum_lines_whatever_the_names(
    need: Need, tmp_path: Path
) -> None:
    need("sha256sum")
    names = ["a", "b c", "back\\slash", "line\nend", "return\r", "é", "not utf-8 \udcff"]
    files = []
    for number, name in enumerate(names):
        content = f"content {number}".encode()
        (tmp_path / name).write_bytes(content)
        files.append((name, hashlib.sha256(content).hexdigest()))
    expected = by_coreutils(tmp_path, [os.fsencode(name) for name in names])
    assert sha256sum.digest(files) == sha256sum.digest(reversed(files)) == expected


def test_the_digest_of_boms_own_code_follows_the_documented_rule(need: Need) -> None:
    need("sha256sum")
    package = Path(bom.__file__).parent
    names = [
        os.fsencode(path.relative_to(package.parent))
        for path in package.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    ]
    assert own_digest() == by_coreutils(package.parent, names)


@pytest.mark.parametrize(
    "names",
    [
        ["b", "a", "a/b", "a-b", "a.b"],
        ["a", "back\\slash", "line\nend", "return\r", "é", "\udcff", "\ue000", "\U00010000"],
        [],
    ],
)
def test_by_path_the_lines_are_in_the_order_of_the_paths_bytes(names: list[str]) -> None:
    files = [(name, hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()) for name in names]
    ordered = sorted(files, key=lambda file: os.fsencode(file[0]))
    lines = []
    for name, content in ordered:
        escaped = name.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
        mark = "\\" if escaped != name else ""
        lines.append(os.fsencode(f"{mark}{content}  {escaped}\n"))
    expected = hashlib.sha256(b"".join(lines)).hexdigest()
    assert sha256sum.digest_by_path(files) == expected
    assert sha256sum.digest_by_path(reversed(files)) == expected
