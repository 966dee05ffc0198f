"""What all Sigstore bundles (v0.3) share: media type, key hint, spelling.

A bundle is protobuf in JSON (sigstore/protobuf-specs, `sigstore_bundle.proto`). We write the
RFC 8785 form and take only what we write: with any other spelling, somebody else could change
bytes of a signed file without breaking a signature.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from bom import canonical
from bom.errors import BadArtifact
from bom.sign import base64, ecdsa

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bom.sign.keys import PrivateKey, PublicKey

MEDIA_TYPE: Final = "application/vnd.dev.sigstore.bundle.v0.3+json"


def bundle(content: Mapping[str, object], key: PublicKey) -> bytes:
    """The bytes of a bundle with this content (`messageSignature` or `dsseEnvelope`).

    The key's hint is the one that cosign writes: base64 of the SubjectPublicKeyInfo's SHA-256.
    """
    hint = base64.encode(hashlib.sha256(key.der).digest())
    return canonical.dumps(
        {
            "mediaType": MEDIA_TYPE,
            "verificationMaterial": {"publicKey": {"hint": hint}},
            **content,
        }
    )


def signature(message: bytes, key: PrivateKey) -> str:
    """The signature as bundles spell it: base64 of DER for ECDSA, of 64 bytes for Ed25519."""
    raw = key.sign(message)
    return base64.encode(ecdsa.der_from_raw(raw) if key.public.type == "ecdsa-p256" else raw)


def check_signature(text: object, message: bytes, key: PublicKey) -> None:
    """Raises ValueError unless `text` is the key's signature of `message`, spelled as above."""
    data = base64.decode(text)
    key.check(ecdsa.raw_from_der(data) if key.type == "ecdsa-p256" else data, message)


def read(data: bytes, *, limit: int, code: str) -> dict[str, object]:
    """A bundle as an object. Raises BadArtifact (`code`) for bytes that aren't canonical JSON."""
    try:
        return canonical.loads_canonical(data, limit=limit)
    except BadArtifact as error:
        raise BadArtifact(
            code,
            f"the Sigstore bundle: {error.reason}",
            expected=error.expected,
            found=error.found,
            where=error.where,
        ) from error


def member(value: object, *path: str) -> object:
    """The value at a path of keys; None where there is none."""
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value
