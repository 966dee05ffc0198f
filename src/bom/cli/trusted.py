"""The keys whose signatures count, as `--key` and `--config` name them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from bom.errors import BomError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bom.sign.trust import TrustedKey


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
