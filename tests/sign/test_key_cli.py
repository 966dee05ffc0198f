"""`bom key` as a user sees it: the whole output, and what is left on disk."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from bom.sign.keys import load_private, load_public

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Bom:
    """`bom` in a folder of its own, with a home of its own."""

    def __init__(self, tmp_path: Path) -> None:
        self.cwd = tmp_path / "project"
        self.home = tmp_path / "home"
        self.cwd.mkdir()
        self.home.mkdir()

    def __call__(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", "from bom.cli import main; main()", *arguments],
            cwd=self.cwd,
            env={"PATH": os.environ["PATH"], "HOME": str(self.home), **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def bom(tmp_path: Path) -> Bom:
    return Bom(tmp_path)


@pytest.mark.parametrize("kind", ["ecdsa-p256", "ed25519"])
def test_a_pair_is_made_where_it_is_asked_for(bom: Bom, kind: str) -> None:
    done = bom("key", "generate", "--out", "release", "--type", kind)
    key = load_private(bom.cwd / "release.key")
    assert key.public == load_public(bom.cwd / "release.pub")
    assert (bom.cwd / "release.key").stat().st_mode & 0o777 == 0o600
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        f"key ID       {key.key_id}\n"
        f"type         {kind}\n"
        "private key  release.key\n"
        "public key   release.pub\n"
    )
    shown = bom("key", "show", "release.pub")
    expected = f"key ID  {key.key_id}\ntype    {kind}\n{key.public.pem().decode()}"
    assert (shown.returncode, shown.stdout) == (0, expected)
    assert bom("key", "show", "release.key").stdout == expected


def test_without_a_name_it_goes_to_the_users_folder_and_is_found_there(bom: Bom) -> None:
    missing = bom("key", "show")
    assert missing.returncode == 2
    assert missing.stderr == (
        "error: there is no key of yours yet\nhint: make one with `bom key generate`\n"
    )
    made = json.loads(bom("key", "generate", "--json").stdout)
    folder = bom.home / ".config" / "bom"
    key = load_private(folder / "release.key")
    shown = {
        "format": 1,
        "key_id": key.key_id,
        "type": "ecdsa-p256",
        "pem": key.public.pem().decode(),
    }
    assert made == {
        **shown,
        "private_key": str(folder / "release.key"),
        "public_key": str(folder / "release.pub"),
    }
    assert json.loads(bom("key", "show", "--json").stdout) == shown
    assert list(bom.cwd.iterdir()) == []


def test_an_existing_key_is_never_overwritten(bom: Bom) -> None:
    assert bom("key", "generate", "--out", "release.key").returncode == 0
    before = (bom.cwd / "release.key").read_bytes()
    again = bom("key", "generate", "--out", "release")
    assert (again.returncode, again.stdout) == (2, "")
    assert again.stderr == (
        "error: release.key is there already, and a key that is overwritten is lost\n"
        "hint: choose another name with --out, or move it away first\n"
    )
    assert (bom.cwd / "release.key").read_bytes() == before


def test_the_passphrase_comes_from_the_environment(bom: Bom) -> None:
    assert bom("key", "generate", "--out", "k", BOM_KEY_PASSPHRASE="word").returncode == 0
    assert (bom.cwd / "k.key").read_bytes().startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----")
    without = bom("key", "show", "k.key")
    assert without.returncode == 2
    assert without.stderr == (
        "error: k.key: it is encrypted\nhint: put its passphrase into BOM_KEY_PASSPHRASE\n"
    )
    wrong = bom("key", "show", "k.key", BOM_KEY_PASSPHRASE="other")
    assert wrong.stderr.startswith("error: k.key: the passphrase is wrong")
    right = bom("key", "show", "k.key", BOM_KEY_PASSPHRASE="word")
    assert right.stdout == bom("key", "show", "k.pub").stdout


def test_a_passphrase_cannot_be_asked_for_without_a_terminal(bom: Bom) -> None:
    done = bom("key", "generate", "--out", "k", "--passphrase")
    assert done.returncode == 2
    assert done.stderr == (
        "error: there is no terminal to ask for a passphrase on\nhint: set BOM_KEY_PASSPHRASE\n"
    )
    assert list(bom.cwd.iterdir()) == []


def test_a_key_inside_a_work_tree_that_does_not_ignore_it_gets_a_warning(
    bom: Bom, need: Callable[[str], str]
) -> None:
    subprocess.run([need("git"), "init", "-q"], cwd=bom.cwd, check=True)
    done = bom("key", "generate", "--out", "release")
    assert done.returncode == 0
    assert done.stderr == (
        "warning: release.key lies in a git work tree that doesn't ignore it\n"
        "hint: move it out of the project: what lies there gets committed and packed\n"
    )
    (bom.cwd / ".gitignore").write_text("*.key\n")
    assert bom("key", "generate", "--out", "ignored").stderr == ""
    (bom.cwd / ".gitignore").unlink()
    without_git = bom("key", "generate", "--out", "third", PATH="/nonexistent")
    assert without_git.stderr.startswith("warning: third.key lies in a git work tree")


def test_wrong_calls_are_said_plainly(bom: Bom) -> None:
    for arguments in (
        ["generate", "--type", "rsa"],
        ["generate", "--out", "none/release"],
        ["generate", "--out", ""],
        ["generate", "--passphrase=word"],
        ["show", "none.pub"],
        ["show", "."],
        ["other"],
    ):
        done = bom("key", *arguments)
        assert done.returncode == 2, arguments
        assert done.stdout == ""
        assert done.stderr.startswith("error: "), done.stderr
        assert "hint: " in done.stderr
        assert "Traceback" not in done.stderr


def test_a_name_with_control_characters_is_inert_in_the_terminal(bom: Bom) -> None:
    done = bom("key", "generate", "--out", "a\x1b]0;title\x07")
    assert done.returncode == 0
    assert "\x1b" not in done.stdout
