"""Whether this build is signed, and by which key; the key's file for the time of the build."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from bom.cli.passphrase import VARIABLE as PASSPHRASE
from bom.errors import BomError
from bom.sign.keys import PrivateKey, load_private
from bom.sign.trust import KEY_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bom.github.event import Event
    from bom.github.inputs import Inputs

KEY: Final = "key"
PUBLIC: Final = "key.pub"
_STATE: Final = "signing.json"


class Signing(BaseModel):
    """How the build is signed. `reason`: why it isn't, a sentence. `limited`: nothing but reading
    is allowed to this run (a fork's, Dependabot's), so there is no comment either."""

    model_config = ConfigDict(frozen=True)

    how: Literal["input", "environment", "unsigned"]
    reason: str = ""
    limited: bool = False


def prepare(inputs: Inputs, event: Event, environment: Mapping[str, str], folder: Path) -> Signing:
    """Decide, and write the key (mode 0600) and its public half into the private folder.

    A fork's code is never built beside a key, whatever the workflow hands over: what runs in a
    build can read it. Raises BomError where a key is wanted and there is none.
    """
    event.refuse_secrets_of_others()
    signing = _decided(inputs, event, environment)
    passphrase = os.fsencode(environment.get(PASSPHRASE, "")) or None
    if signing.how == "input":
        data = inputs.text("key").replace("\r\n", "\n").encode() + b"\n"
        try:
            public = PrivateKey.from_pem(data, passphrase).public
        except BomError as error:
            raise BomError(
                f"the input key: {error.reason}",
                hint="it is the content of the file that `bom key generate` wrote, passphrase its"
                " passphrase",
            ) from error
        _write(folder / KEY, data)
        _write(folder / PUBLIC, public.pem())
    elif signing.how == "environment":
        named = Path(environment[KEY_VARIABLE])
        _write(folder / PUBLIC, load_private(named, passphrase).public.pem())
    _write(folder / _STATE, signing.model_dump_json().encode())
    return signing


def read(folder: Path) -> Signing | None:
    """What `prepare` decided; None where it came to no decision."""
    try:
        return Signing.model_validate_json((folder / _STATE).read_bytes())
    except (OSError, ValidationError):
        return None


def _decided(inputs: Inputs, event: Event, environment: Mapping[str, str]) -> Signing:
    if event.from_fork:
        return Signing(
            how="unsigned",
            reason="this pull request comes from a fork, whose runs get no secrets",
            limited=True,
        )
    unsigned = inputs.flag("unsigned")
    if inputs.text("key"):
        if unsigned:
            raise BomError("the inputs key and unsigned exclude each other", hint="leave one out")
        return Signing(how="input", limited=event.from_dependabot)
    if event.from_dependabot:
        return Signing(
            how="unsigned",
            reason="this pull request is Dependabot's, whose runs get only Dependabot's secrets",
            limited=True,
        )
    if unsigned:
        return Signing(how="unsigned", reason="the workflow asks for it (`unsigned: true`)")
    if environment.get(KEY_VARIABLE):
        return Signing(how="environment")
    raise BomError(
        "there is no key to sign with",
        hint="make one with `bom key generate`, put its content into a secret, and say"
        " `key: ${{ secrets.… }}`; or say `unsigned: true`",
    )


def _write(path: Path, data: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with os.fdopen(os.open(path, flags, 0o600), "wb") as stream:
        stream.write(data)
