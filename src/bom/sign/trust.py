"""Whose signatures count, and which key signs: where a user's keys are kept.

    $XDG_CONFIG_HOME/bom (else ~/.config/bom)
      release.key   signs, unless --key or BOM_KEY names another
      release.pub   its public key, trusted
      trust/*.pub   further public keys that are trusted

Keys come from here or from the command line, never from a bom.toml that happens to lie around:
it may have come with the artifact.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bom.errors import BomError, EnvironmentLacks
from bom.sign.keyfiles import PRIVATE_SUFFIX, PUBLIC_SUFFIX
from bom.sign.keys import load_public

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bom.sign.keys import PublicKey

KEY_VARIABLE: Final = "BOM_KEY"
DEFAULT_STEM: Final = "release"
TRUST_FOLDER: Final = "trust"


@dataclass(frozen=True, slots=True)
class TrustedKey:
    """A key that the user trusts. `name`: its file's name, for people to recognise it."""

    name: str
    key: PublicKey


def config_dir(environment: Mapping[str, str]) -> Path | None:
    """The user's folder for keys, whether it is there or not; None without a home.

    XDG Base Directory Specification: a relative XDG_CONFIG_HOME is invalid and ignored.
    """
    base = environment.get("XDG_CONFIG_HOME", "")
    if Path(base).is_absolute():
        return Path(base) / "bom"
    home = environment.get("HOME", "")
    return Path(home) / ".config" / "bom" if Path(home).is_absolute() else None


def default_stem(environment: Mapping[str, str]) -> Path:
    """Where `bom key generate` writes without --out, without suffix; makes the folder (0700).

    Raises EnvironmentLacks where the user has no home.
    """
    folder = config_dir(environment)
    if folder is None:
        raise EnvironmentLacks(
            "there is no home directory to keep a key in (HOME is not set)",
            hint="say where with --out",
        )
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise BomError(
            f"{folder} can't be made: {error.strerror}", hint="say where with --out"
        ) from error
    return folder / DEFAULT_STEM


def signing_key(explicit: Path | None, environment: Mapping[str, str]) -> Path | None:
    """The private key's file: --key, else BOM_KEY, else the user's release.key if it is there.

    None where there is no key. Raises BomError where a named one does not exist.
    """
    named, origin = explicit, "--key"
    if named is None and (value := environment.get(KEY_VARIABLE, "")):
        named, origin = Path(value), KEY_VARIABLE
    if named is not None:
        if not named.exists():
            raise BomError(
                f"{origin}: there is no file {named}",
                hint="`bom key generate --out release` makes release.key",
            )
        return named
    folder = config_dir(environment)
    default = folder / (DEFAULT_STEM + PRIVATE_SUFFIX) if folder else None
    return default if default is not None and default.is_file() else None


def trusted_keys(
    explicit: Sequence[Path], config_keys: Sequence[Path], environment: Mapping[str, str]
) -> tuple[TrustedKey, ...]:
    """The keys whose signatures count, each once.

    Those of --key and of an explicit --config, if any; else the user's own: release.pub and
    trust/*.pub, by name. Raises BomError, naming the file, for one that can't be used: a key
    that is silently left out would look like a bad signature, and one that somebody else may
    write is no reason to trust.
    """
    named = [*explicit, *config_keys]
    keys = [TrustedKey(path.name, load_public(path)) for path in named]
    if not named and (folder := config_dir(environment)) is not None:
        keys = [TrustedKey(path.name, load_public(path)) for path in _own(folder)]
    unique: dict[str, TrustedKey] = {}
    for item in keys:
        unique.setdefault(item.key.key_id, item)
    return tuple(unique.values())


def _own(folder: Path) -> list[Path]:
    """The public keys in the user's folder, checked for who may write them."""
    own = folder / (DEFAULT_STEM + PUBLIC_SUFFIX)
    trust = folder / TRUST_FOLDER
    found: list[Path] = []
    try:
        if os.path.lexists(own):
            found.append(own)
        if trust.is_dir():
            _check_writers(trust)
            found += sorted(path for path in trust.iterdir() if path.suffix == PUBLIC_SUFFIX)
        if found:
            _check_writers(folder)
        for path in found:
            _check_writers(path)
            if not path.is_file():
                raise BomError(f"{path} is not a file", hint="remove it, or put a key there")
    except OSError as error:
        raise BomError(
            f"{error.filename}: the trusted key can't be read: {error.strerror}",
            hint="mend its permissions, or remove it",
        ) from error
    return found


def _check_writers(path: Path) -> None:
    """Raises BomError where somebody else may write it (symbolic links are followed).

    The group may: with user private groups (the default of most distributions) it is the user
    alone. Root takes what any owner keeps, for containers into which a home is mounted.
    """
    status = path.stat()
    user = os.geteuid()
    if status.st_mode & stat.S_IWOTH:
        raise BomError(
            f"{path}: everybody on this machine may change what is trusted here",
            hint=f"look at what is in there, then chmod o-w {path}",
        )
    if user and status.st_uid not in (0, user):
        raise BomError(
            f"{path}: it belongs to another user, who may change what is trusted here",
            hint="copy the keys that you trust into a folder of your own",
        )
