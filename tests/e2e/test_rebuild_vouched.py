"""Independent rebuilders vouch for an artifact, and `bom verify` counts them."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest
from tests.e2e.builds import Bom, Key, git
from tests.e2e.rebuilds import TAR, Rebuilder, commit, sealed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def people(bom: Bom, tmp_path: Path) -> Iterator[tuple[Key, Key]]:
    keys = []
    for name in ("anna", "ben"):
        bom("key", "generate", "--out", tmp_path / name, cwd=tmp_path)
        keys.append(Key(tmp_path / f"{name}.key", tmp_path / f"{name}.pub"))
    yield keys[0], keys[1]


def test_independent_rebuilders_vouch_and_are_counted(
    tars: Path, bom: Bom, key: Key, rebuild: Rebuilder, people: tuple[Key, Key], tmp_path: Path
) -> None:
    artifact = sealed(bom, key, tars)
    anna, ben = people

    def verify(*arguments: str | Path, code: int) -> str:
        words = ("verify", artifact, "--key", key.public, *arguments)
        return bom(*words, cwd=tmp_path, code=code).stdout

    asked = ("--rebuilder-key", anna.public, "--rebuilder-key", ben.public)
    assert "rebuilds: " in verify("--require-rebuilds", "1", *asked, code=1)
    rebuild(artifact, "--source", tars, "--sign-key", anna.private)
    assert "rebuilt by anna.pub" in verify("--require-rebuilds", "1", *asked, code=0)
    assert "expected 2\n    found    1 (anna.pub)" in verify(
        "--require-rebuilds", "2", *asked, code=1
    )
    word = tmp_path / "ben.json"
    rebuild(artifact, "--source", tars, "--sign-key", ben.private, "--attestation-out", word)
    (beside,) = tars.glob("app.tar.rebuild.*.sigstore.json")
    both = ("--attestation", word, "--attestation", beside)
    assert "rebuilt by anna.pub, ben.pub" in verify(
        "--require-rebuilds", "2", *asked, *both, code=0
    )
    # trusted keys count, too; the key that sealed it never does
    rebuild(artifact, "--source", tars, "--sign-key", key.private)
    said = verify("--require-rebuilds", "1", code=1)
    assert "the key that sealed the artifact signed it" in said
    found = json.loads(
        verify("--require-rebuilds", "1", "--key", ben.public, *both, "--json", code=0)
    )
    assert found["rebuilt_by"] == ["ben.pub"]


def test_a_rebuild_that_differs_does_not_vouch(
    tars: Path, bom: Bom, key: Key, rebuild: Rebuilder, people: tuple[Key, Key]
) -> None:
    commit(tars, build_sh="date +%s%N >README\n" + TAR)
    artifact = sealed(bom, key, tars)
    git(tars, "checkout", "-q", "README")
    rebuild(artifact, "--source", tars, "--sign-key", people[0].private, code=1)
    done = bom(
        *("verify", artifact, "--key", key.public, "--require-rebuilds", "1"),
        *("--rebuilder-key", people[0].public),
        cwd=tars,
        code=1,
    )
    assert "does not count: it says `different`" in done.stdout


def test_what_is_about_rebuilds_needs_a_number_of_them(tars: Path, bom: Bom, key: Key) -> None:
    artifact = sealed(bom, key, tars)
    words = ("verify", artifact, "--key", key.public)
    done = bom(*words, "--accept", "normalised", cwd=tars, code=2)
    assert done.stderr.startswith("error: --attestation, --rebuilder-key and --accept are about")
    done = bom("verify", "-", "--require-rebuilds", "1", cwd=tars, code=2)
    assert done.stderr.startswith("error: --require-rebuilds needs a file")
    os.mkfifo(tars / "pipe")
    done = bom("verify", "pipe", "--require-rebuilds", "1", cwd=tars, code=2)
    assert done.stderr.startswith("error: --require-rebuilds needs a file")
    done = bom(*words, "--require-rebuilds", "0", cwd=tars, code=2)
    assert "Invalid value" in done.stderr
