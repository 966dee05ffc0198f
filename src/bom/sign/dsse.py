"""Signed statements beside an artifact: DSSE envelopes in Sigstore bundles, one a line.

DSSE (secure-systems-lab/dsse, protocol v1) signs the payload's type with the payload, so that
bytes signed as one thing can't be passed off as another. The payload is an in-toto statement;
`cosign verify-blob-attestation` accepts such a line as a bundle.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bom.errors import BadArtifact
from bom.sign import base64, sigstore

if TYPE_CHECKING:
    from bom.sign.keys import PrivateKey, PublicKey

PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"
SIZE_LIMIT: Final = 64 * 1024 * 1024  # bytes of one line


def envelope(statement: bytes, key: PrivateKey) -> bytes:
    """One line without its newline: canonical JSON, the same for the same statement and key."""
    signature = sigstore.signature(_authenticated(statement), key)
    return _spell(base64.encode(statement), signature, key.public)


def verify(line: bytes, public_key: PublicKey) -> bytes:
    """The statement in the line (without newline), which this key signed.

    Raises BadArtifact (`dsse`) for everything that `envelope` would not write.
    """
    document = sigstore.read(line, limit=SIZE_LIMIT, code="dsse")
    payload = sigstore.member(document, "dsseEnvelope", "payload")
    signatures = sigstore.member(document, "dsseEnvelope", "signatures")
    if not isinstance(signatures, list) or len(signatures) != 1:
        raise BadArtifact("dsse", "the statement does not carry exactly one signature")
    text = sigstore.member(signatures[0], "sig")
    try:
        statement = base64.decode(payload)
        sigstore.check_signature(text, _authenticated(statement), public_key)
    except ValueError as error:
        raise BadArtifact("dsse", f"the statement's signature does not verify: {error}") from error
    if line != _spell(str(payload), str(text), public_key):
        raise BadArtifact("dsse", "the statement's bundle has fields or values that are not taken")
    return statement


def _authenticated(payload: bytes) -> bytes:
    """DSSE's pre-authentication encoding (PAE) of the payload and its type."""
    kind = PAYLOAD_TYPE.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def _spell(payload: str, signature: str, key: PublicKey) -> bytes:
    content = {
        "dsseEnvelope": {
            "payload": payload,
            "payloadType": PAYLOAD_TYPE,
            "signatures": [{"sig": signature}],
        }
    }
    return sigstore.bundle(content, key)
