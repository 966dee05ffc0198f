"""Whether this user can sign, and whose signatures count here."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Final

from bom.doctor.protocol import Answer
from bom.errors import BomError
from bom.sign import keyfiles
from bom.sign.trust import KEY_VARIABLE, config_dir, signing_key, trusted_keys

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bom.doctor.protocol import Machine

_PASSPHRASE: Final = "BOM_KEY_PASSPHRASE"
_MAKE: Final = "bom key generate"


def examine(machine: Machine) -> Iterator[Answer]:
    yield _signing(machine)
    yield _trusted(machine)
    folder = config_dir(machine.environment)
    if folder is not None and folder.is_dir():
        yield _folder(folder)


def _signing(machine: Machine) -> Answer:
    name, purpose = "signing key", "`bom build`, or say --unsigned"
    try:
        path = signing_key(None, machine.environment)
        if path is None:
            return Answer("sign", name, "missing", "", purpose, f"{_MAKE}, or `bom init`")
        data = keyfiles.read_private(path)
    except BomError as error:
        return Answer("sign", name, "bad", error.reason, purpose, error.hint)
    inside = _inside(path, machine)
    if inside:
        said = f"{path} lies in the project"
        tip = "move it out of the project: what lies there gets committed and packed"
        return Answer("sign", name, "bad", said, purpose, tip)
    if b"PRIVATE KEY-----" not in data:
        return Answer("sign", name, "bad", f"{path} holds no private key", purpose, _MAKE)
    said = str(path)
    if b"ENCRYPTED PRIVATE KEY" in data:
        said += ", with a passphrase"
        if not machine.environment.get(_PASSPHRASE):
            tip = f"set {_PASSPHRASE} where there is no terminal"
            return Answer("sign", name, "good", said, purpose, tip)
    if machine.environment.get(KEY_VARIABLE):
        said += f" ({KEY_VARIABLE})"
    return Answer("sign", name, "good", said, purpose)


def _trusted(machine: Machine) -> Answer:
    name, purpose = "trusted keys", "`bom verify` without --key"
    try:
        keys = trusted_keys((), (), machine.environment)
    except BomError as error:
        return Answer("sign", name, "bad", error.reason, purpose, error.hint)
    if not keys:
        tip = "put public keys into trust/ of your configuration folder, or name them with --key"
        return Answer("sign", name, "absent", "", purpose, tip)
    return Answer("sign", name, "good", ", ".join(key.name for key in keys), purpose)


def _folder(folder: Path) -> Answer:
    name = "configuration folder"
    mode = stat.S_IMODE(folder.stat().st_mode)
    if mode & stat.S_IWOTH:
        said = f"{folder}: everybody may write there (mode {mode:04o})"
        return Answer("sign", name, "bad", said, "keys and trust", f"chmod 700 {folder}")
    return Answer("sign", name, "good", str(folder), "keys and trust")


def _inside(path: Path, machine: Machine) -> bool:
    """Whether the key lies in the project's git work tree."""
    top = machine.root
    real = os.path.realpath(path)
    return (top / ".git").exists() and real.startswith(f"{os.path.realpath(top)}{os.sep}")
