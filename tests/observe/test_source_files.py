"""The files of a commit by their content, as git itself stores them."""

from __future__ import annotations

import subprocess
from hashlib import sha256
from typing import TYPE_CHECKING

from bom.model import SourceFile
from bom.observe.source_files import committed

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Need


def git(root: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    ran = subprocess.run(
        ["git", *identity, *arguments], cwd=root, check=True, capture_output=True, text=True
    )
    return ran.stdout.strip()


def repository(root: Path) -> str:
    git(root, "init", "-q")
    (root / "src").mkdir()
    (root / "src/main.py").write_bytes(b"print(1)\n")
    (root / "copy.py").write_bytes(b"print(1)\n")
    (root / "a name\twith\nall").write_bytes(b"12345")
    (root / "link").symlink_to("copy.py")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "one")
    return git(root, "rev-parse", "HEAD")


def test_files_of_the_commit_are_known_by_what_git_stores(tmp_path: Path, need: Need) -> None:
    need("git")
    commit = repository(tmp_path)
    (tmp_path / "copy.py").write_bytes(b"print(2)\n")
    blob = git(tmp_path, "rev-parse", "HEAD:src/main.py")
    found = committed(tmp_path, commit, {9, 5})
    assert found[sha256(b"print(1)\n").digest()] == (
        SourceFile(blob, "copy.py"),
        SourceFile(blob, "src/main.py"),
    )
    assert [item.path for item in found[sha256(b"12345").digest()]] == ["a name\twith\nall"]
    assert sha256(b"print(2)\n").digest() not in found


def test_only_files_of_the_asked_sizes_are_read(tmp_path: Path, need: Need) -> None:
    need("git")
    commit = repository(tmp_path)
    assert list(committed(tmp_path, commit, {5})) == [sha256(b"12345").digest()]
    assert not committed(tmp_path, commit, ())


def test_outside_git_or_without_that_commit_nothing_is_known(tmp_path: Path, need: Need) -> None:
    need("git")
    assert not committed(tmp_path, "0" * 40, {1})
    repository(tmp_path)
    assert not committed(tmp_path, "0" * 40, {5, 9})
    assert not committed(tmp_path, "--output=/dev/null", {5, 9})
