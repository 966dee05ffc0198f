"""`--key` and `--config`: the keys whose signatures count."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bom.errors import BomError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bom.sign.trust import TrustedKey


def trust_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Both options; the command is given `keys` and `config_file`, which `trusted` takes."""
    key = click.option(
        "--key",
        "keys",
        multiple=True,
        type=click.Path(path_type=Path),
        help="A public key to trust (PEM); may be repeated.",
    )
    config = click.option(
        "--config",
        "config_file",
        type=click.Path(path_type=Path),
        help="A bom.toml whose trusted_keys are trusted.",
    )
    return key(config(command))


def trusted(keys: Sequence[Path], config_file: Path | None) -> tuple[TrustedKey, ...]:
    """Without either the user's own. Raises BomError for one that can't be used."""
    from bom.sign.trust import trusted_keys

    configured: list[Path] = []
    if config_file is not None:
        from bom.config import load

        configured = [
            config_file.parent / name for name in load(Path.cwd(), config_file).trusted_keys
        ]
        if not configured and not keys:
            # the user's own keys must not step in where a configuration was asked for
            raise BomError(
                f"{config_file} names no trusted_keys",
                hint="add trusted_keys to it, or name a key with --key",
            )
    return trusted_keys(keys, configured, os.environ)
