"""PEM (RFC 7468): which kind of key a file holds, said before it is parsed.

OpenSSL's own words for a wrong kind of file ("MalformedFraming") help nobody.
"""

from __future__ import annotations

import re
from typing import Final

from bom.errors import BomError
from bom.sign import base64

GENERATE: Final = "make one with `bom key generate`"
_BLOCK: Final = re.compile(rb"^-----BEGIN ([A-Z0-9 ]{1,60})-----\s*$", re.MULTILINE)


def text(label: str, der: bytes) -> bytes:
    """One PEM block: base64 in lines of 64 characters."""
    encoded = base64.encode(der)
    lines = [encoded[at : at + 64] for at in range(0, len(encoded), 64)]
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""]).encode()


def check_public(data: bytes) -> None:
    """Raises BomError unless `data` holds one block, labelled as a public key."""
    label = _label(data)
    if "PRIVATE KEY" in label:
        raise BomError(
            "it is a private key, where a public key is needed",
            hint="give the .pub file beside it (`bom key show FILE` prints it)",
        )
    if label != "PUBLIC KEY":
        raise BomError(
            f"it is a {label.lower()}, where a public key is needed",
            hint="give a PEM file that begins with -----BEGIN PUBLIC KEY-----",
        )


def check_private(data: bytes) -> None:
    """Raises BomError unless `data` holds one block, labelled as a private key that is taken."""
    label = _label(data)
    if label in ("ENCRYPTED SIGSTORE PRIVATE KEY", "ENCRYPTED COSIGN PRIVATE KEY"):
        raise BomError(
            "it is a private key in cosign's own format, which only cosign reads",
            hint=f"{GENERATE}; `cosign import-key-pair --key` takes it over to cosign",
        )
    if label == "OPENSSH PRIVATE KEY":
        raise BomError("it is an SSH key, not a PKCS #8 or SEC 1 one", hint=GENERATE)
    if label == "PUBLIC KEY":
        raise BomError(
            "it is a public key, where a private key is needed", hint="give the .key file"
        )
    if not label.endswith("PRIVATE KEY"):
        raise BomError(f"it is a {label.lower()}, where a private key is needed", hint=GENERATE)


def _label(data: bytes) -> str:
    """The label of the one block; what `openssl ecparam` writes before it is passed over."""
    found: list[bytes] = _BLOCK.findall(data)
    labels = [label.decode("ascii") for label in found if label != b"EC PARAMETERS"]
    if not labels:
        raise BomError("it holds no PEM key", hint=GENERATE)
    if len(labels) > 1:
        raise BomError(f"it holds {len(labels)} PEM blocks, not one key", hint="one key a file")
    return labels[0]
