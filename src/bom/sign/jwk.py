"""A public key in a JWK (RFC 7517, RFC 7518 6.2, RFC 8037), in its one spelling."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bom.sign import base64

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

_SIZE: Final = 32  # bytes of a coordinate, for both curves


def parse(members: Mapping[str, object]) -> EllipticCurvePublicKey | Ed25519PublicKey:
    """The key of a JWK for P-256 or Ed25519.

    Raises ValueError for anything else: further members (private ones too), other spellings of
    a coordinate, a point that is not on the curve.
    """
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519

    match (members.get("kty"), members.get("crv"), frozenset(members)):
        case ("EC", "P-256", names) if names == {"kty", "crv", "x", "y"}:
            x, y = _coordinate(members["x"]), _coordinate(members["y"])
            point = ec.EllipticCurvePublicNumbers(
                int.from_bytes(x, "big"), int.from_bytes(y, "big"), ec.SECP256R1()
            )
            return point.public_key()
        case ("OKP", "Ed25519", names) if names == {"kty", "crv", "x"}:
            x = _coordinate(members["x"])
            if not _on_edwards25519(x):
                raise ValueError("the public key is not a point of the curve")
            return ed25519.Ed25519PublicKey.from_public_bytes(x)
    raise ValueError("the public key is not a JWK for P-256 or Ed25519")


def _coordinate(text: object) -> bytes:
    data = base64.decode_url(text)
    if len(data) != _SIZE:
        raise ValueError(f"a coordinate of the public key has not {_SIZE} bytes")
    return data


def _on_edwards25519(encoded: bytes) -> bool:
    """RFC 8032 5.1.3; `cryptography` takes any 32 bytes as an Ed25519 key."""
    prime = 2**255 - 19
    y = int.from_bytes(encoded, "little") & ((1 << 255) - 1)
    if y >= prime:
        return False
    d = -121665 * pow(121666, -1, prime) % prime
    x2 = (y * y - 1) * pow(d * y * y + 1, -1, prime) % prime
    if x2 == 0:
        return not encoded[31] & 0x80
    return pow(x2, (prime - 1) // 2, prime) == 1
