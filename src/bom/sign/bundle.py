"""The bundle beside the BOM in an envelope: a Sigstore message signature over its exact bytes.

`cosign verify-blob --key release.pub --bundle BUNDLE --insecure-ignore-tlog BOM` accepts it (tried
with cosign 3, for both types of key), so that a user can check the signature with a tool that
isn't ours. "Insecure" there means: no public transparency log, which an offline check has not.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from bom.errors import BadArtifact
from bom.sign import base64, sigstore

if TYPE_CHECKING:
    from bom.sign.keys import PrivateKey, PublicKey

SIZE_LIMIT: Final = 16 * 1024  # bytes; ours have about 450


def message(data: bytes, key: PrivateKey) -> bytes:
    """The bundle over `data`, canonical JSON: the same bytes for the same data and key."""
    return _spell(data, sigstore.signature(data, key), key.public)


def verify_message(bundle: bytes, data: bytes, public_key: PublicKey) -> None:
    """Raises BadArtifact (`bundle`) unless `bundle` is this key's over exactly `data`.

    Nothing else than what `message` writes is taken: no further fields (transparency log
    entries, timestamps, certificates), no other spelling.
    """
    document = sigstore.read(bundle, limit=SIZE_LIMIT, code="bundle")
    text = sigstore.member(document, "messageSignature", "signature")
    digest = sigstore.member(document, "messageSignature", "messageDigest", "digest")
    expected_digest = base64.encode(hashlib.sha256(data).digest())
    if digest != expected_digest:
        raise BadArtifact(
            "bundle",
            "the Sigstore bundle is about other bytes than this BOM",
            expected=expected_digest,
            found=str(digest)[:80],
        )
    try:
        sigstore.check_signature(text, data, public_key)
    except ValueError as error:
        raise BadArtifact("bundle", f"the Sigstore bundle does not verify: {error}") from error
    if bundle != (expected := _spell(data, str(text), public_key)):
        raise BadArtifact(
            "bundle",
            "the Sigstore bundle has fields or values that are not taken",
            expected=expected.decode("ascii"),
            found=bundle[:1000].decode("utf-8", "replace"),
        )


def _spell(data: bytes, signature: str, key: PublicKey) -> bytes:
    content = {
        "messageSignature": {
            "messageDigest": {
                "algorithm": "SHA2_256",
                "digest": base64.encode(hashlib.sha256(data).digest()),
            },
            "signature": signature,
        }
    }
    return sigstore.bundle(content, key)
