"""The signature inside the BOM: JSON Signature Format (JSF 0.82), CycloneDX's `signature` field.

One signer, the key as a JWK beside its signature, over the RFC 8785 form of the whole document
without `signature.value`. Much that JSF allows is refused on verifying: shared secrets (HS*),
algorithms named by a URI, `excludes` (parts left unsigned), several signers, certificate paths.
Each would be a way to have a valid signature over less than the whole document.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from bom import canonical
from bom.errors import BadArtifact, BomError
from bom.sign import base64
from bom.sign.keys import PublicKey

if TYPE_CHECKING:
    from bom.sign.keys import PrivateKey

FIELD: Final = "signature"
_REQUIRED: Final = frozenset({"algorithm", "publicKey", "value"})
_ALLOWED: Final = _REQUIRED | {"keyId"}
_ALGORITHMS: Final = ("ES256", "Ed25519")


def sign(document: Mapping[str, object], key: PrivateKey) -> dict[str, object]:
    """The document with `signature`: algorithm, key ID, public key and value.

    The same document and key give the same signature. A signature that is there already is
    replaced. Raises BomError for a document that RFC 8785 can't spell.
    """
    unsigned = {name: item for name, item in document.items() if name != FIELD}
    return {**unsigned, FIELD: signature(canonical.members(unsigned), key)}


def signature(members: Mapping[str, bytes], key: PrivateKey) -> dict[str, object]:
    """The `signature` object of the unsigned document with these members (`canonical.members`)."""
    fields: dict[str, object] = {
        "algorithm": key.public.algorithm,
        "keyId": key.key_id,
        "publicKey": key.public.jwk(),
    }
    message = canonical.join({**members, FIELD: canonical.dumps(fields)})
    return {**fields, "value": base64.encode_url(key.sign(message))}


def verify(document: Mapping[str, object]) -> PublicKey:
    """The key in the document, which did sign it. It proves nothing until it is trusted.

    Raises BadArtifact (`signature`) for a signature that is missing, wrong, or not of the kind
    that `sign` makes (`keyId` may be missing).
    """
    signature = document.get(FIELD)
    if not isinstance(signature, Mapping):
        raise _bad("the BOM has no signature object", expected="an object")
    _check_fields(signature)
    key = _embedded_key(signature)
    try:
        value = base64.decode_url(signature["value"])
    except ValueError as error:
        raise _bad(f"the BOM's signature: {error}") from error
    bare = {name: item for name, item in signature.items() if name != "value"}
    try:
        message = canonical.dumps({**document, FIELD: bare})
    except BomError as error:
        raise _bad(f"the BOM can't be verified: {error.reason}") from error
    try:
        key.check(value, message)
    except ValueError as error:
        raise _bad(f"the BOM's signature does not verify: {error}", found=key.key_id) from error
    return key


def _check_fields(signature: Mapping[str, object]) -> None:
    names = frozenset(signature)
    if unknown := sorted(map(str, names - _ALLOWED)):
        raise _bad(
            "the BOM's signature has fields that are not taken",
            expected=", ".join(sorted(_ALLOWED)),
            found=", ".join(unknown)[:200],
        )
    if missing := sorted(_REQUIRED - names):
        raise _bad("the BOM's signature is not complete", expected=", ".join(missing))


def _embedded_key(signature: Mapping[str, object]) -> PublicKey:
    algorithm = signature["algorithm"]
    if algorithm not in _ALGORITHMS:
        raise _bad(
            "the BOM's signature has an algorithm that is not taken",
            expected=" or ".join(_ALGORITHMS),
            found=str(algorithm)[:80],
        )
    jwk = signature["publicKey"]
    if not isinstance(jwk, Mapping):
        raise _bad("the BOM's signature holds no public key", expected="a JWK")
    try:
        key = PublicKey.from_jwk(jwk)
    except ValueError as error:
        raise _bad(f"the BOM's signature: {error}") from error
    if key.algorithm != algorithm:
        raise _bad(
            "the BOM's signature names an algorithm that is not its key's",
            expected=key.algorithm,
            found=str(algorithm),
        )
    if signature.get("keyId", key.key_id) != key.key_id:
        raise _bad(
            "the BOM's signature names another key than the one it holds",
            expected=key.key_id,
            found=str(signature["keyId"])[:80],
        )
    return key


def _bad(reason: str, *, expected: str = "", found: str = "") -> BadArtifact:
    return BadArtifact("signature", reason, expected=expected, found=found, where=FIELD)
