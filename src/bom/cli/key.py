"""`bom key generate` and `bom key show`: options and printing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from bom.cli import loudness
from bom.errors import BomError
from bom.sign.keys import KEY_TYPES

if TYPE_CHECKING:
    from bom.sign.keys import KeyType, PublicKey

_GIT_TIMEOUT: Final = 10  # seconds; the answer is only a warning


@click.group("key", short_help="Make and show signing keys.")
def command() -> None:
    """Make and show the keys that sign artifacts and verify them."""


@command.command("generate", short_help="Make a pair of keys.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="NAME",
    help="Write NAME.key and NAME.pub; else release.* in the user's configuration directory, "
    "where `bom build` and `bom verify` find them.",
)
@click.option(
    "--type",
    "kind",
    type=click.Choice(KEY_TYPES),
    default=KEY_TYPES[0],
    show_default=True,
    help="cosign takes both; ecdsa-p256 is known to more tools.",
)
@click.option(
    "--passphrase",
    "ask",
    is_flag=True,
    help="Ask for a passphrase to encrypt the private key with (or set BOM_KEY_PASSPHRASE).",
)
@click.option("--json", "as_json", is_flag=True, help="The same as JSON (schemas/key.schema.json).")
def generate(out: Path | None, kind: KeyType, ask: bool, as_json: bool) -> None:
    """Make a private key (mode 0600) and its public key. Nothing is ever overwritten."""
    from bom.sign.keyfiles import check_free, write_pair
    from bom.sign.keys import PrivateKey
    from bom.sign.trust import default_stem

    stem = default_stem(os.environ) if out is None else _stem(out)
    check_free(stem)
    key = PrivateKey.generate(kind)
    private, public = write_pair(stem, key, _new_passphrase() if ask else _given_passphrase())
    if _in_project(private.absolute()):
        click.echo(
            f"warning: {_shown(private)} lies in a git work tree that doesn't ignore it\n"
            "hint: move it out of the project: what lies there gets committed and packed",
            err=True,
        )
    if as_json:
        click.echo(_record(key.public, private, public))
        return
    if loudness.quiet():
        return
    click.echo(f"key ID       {key.key_id}")
    click.echo(f"type         {kind}")
    click.echo(f"private key  {_shown(private)}")
    click.echo(f"public key   {_shown(public)}")


@command.command("show", short_help="ID, type and public key.")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="The same as JSON (schemas/key.schema.json).")
def show(file: Path | None, as_json: bool) -> None:
    """Say which key FILE holds: a public or a private one; without FILE the user's own.

    The private part of a key is never printed.
    """
    key = _public_key(file or _own())
    if as_json:
        click.echo(_record(key))
        return
    click.echo(f"key ID  {key.key_id}")
    click.echo(f"type    {key.type}")
    click.echo(key.pem().decode("ascii"), nl=False)


def _record(key: PublicKey, private: Path | None = None, public: Path | None = None) -> str:
    from bom.report.records import KeyRecord
    from bom.report.text import json_lines

    record = KeyRecord(
        key_id=key.key_id,
        type=key.type,
        pem=key.pem().decode("ascii"),
        private_key=str(private) if private else None,
        public_key=str(public) if public else None,
    )
    return json_lines(record.model_dump(exclude_none=True))


def _stem(out: Path) -> Path:
    """`release`, `release.key` and `release.pub` all name the same pair."""
    stem = out.with_suffix("") if out.suffix in (".key", ".pub") else out
    if not stem.name:
        raise BomError(f"{out} names no file", hint="for example --out release")
    if not stem.parent.is_dir():
        raise BomError(f"there is no folder {stem.parent}", hint="make it first")
    return stem


def _given_passphrase() -> bytes | None:
    from bom.cli.passphrase import VARIABLE

    return os.fsencode(os.environ.get(VARIABLE, "")) or None


def _new_passphrase() -> bytes:
    from bom.cli.passphrase import VARIABLE

    if given := _given_passphrase():
        return given
    if not sys.stdin.isatty():
        raise BomError("there is no terminal to ask for a passphrase on", hint=f"set {VARIABLE}")
    answer: str = click.prompt("passphrase", hide_input=True, confirmation_prompt=True, err=True)
    return os.fsencode(answer)


def _own() -> Path:
    from bom.sign.trust import config_dir

    folder = config_dir(os.environ)
    if folder is None or not (folder / "release.pub").is_file():
        raise BomError("there is no key of yours yet", hint="make one with `bom key generate`")
    return folder / "release.pub"


def _public_key(file: Path) -> PublicKey:
    """The public key in the file, or that of the private key in it."""
    from bom.cli.passphrase import passphrase
    from bom.sign import keyfiles
    from bom.sign.keys import load_private, load_public

    if b"PRIVATE KEY-----" in keyfiles.read(file):
        return load_private(file, passphrase(file)).public
    return load_public(file)


def _in_project(path: Path) -> bool:
    """Whether a file lies in a git work tree and git doesn't ignore it.

    Without git on this machine a work tree is still seen, by its .git.
    """
    if not any((folder / ".git").exists() for folder in path.resolve().parents):
        return False
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    try:
        # check-ignore: 0 ignored, 1 not, 128 git refuses to say. No hook of the repository runs.
        answer = subprocess.run(
            ["git", "-c", "core.fsmonitor=false", "check-ignore", "--quiet", "--", path.name],
            cwd=path.parent,
            env=environment,
            capture_output=True,
            timeout=_GIT_TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return True
    return answer.returncode != 0


def _shown(path: Path) -> str:
    from bom.report.text import inert

    return inert(str(path))
