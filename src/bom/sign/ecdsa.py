"""The two spellings of an ECDSA P-256 signature, each with exactly one form.

Raw is R || S, 32 bytes each (RFC 7518 3.4, which JSF uses); DER is Ecdsa-Sig-Value (RFC 3279
2.2.3, which Sigstore uses). For every valid (R, S) the pair (R, n - S) is valid too, so that
anyone could change a signature without the key. Only the lower S of the two is made and taken:
then no bit of a signed file can be changed unseen.
"""

from __future__ import annotations

from typing import Final

ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # SEC 2, 2.4.2
_SIZE: Final = 32


def raw_from_der(der: bytes) -> bytes:
    """R || S, 64 bytes. Raises ValueError for DER that is not the one spelling of its numbers."""
    from cryptography.hazmat.primitives.asymmetric.utils import (
        decode_dss_signature,
        encode_dss_signature,
    )

    try:
        r, s = decode_dss_signature(der)
    except ValueError as error:
        raise ValueError("the signature is not DER (Ecdsa-Sig-Value)") from error
    if not 0 < r < ORDER or not 0 < s < ORDER:
        raise ValueError("the signature's R or S is out of range")
    if encode_dss_signature(r, s) != der:
        raise ValueError("the signature's DER is not the shortest")
    return r.to_bytes(_SIZE, "big") + s.to_bytes(_SIZE, "big")


def der_from_raw(raw: bytes) -> bytes:
    """Ecdsa-Sig-Value of R || S. Raises ValueError where it is out of range."""
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

    return encode_dss_signature(*_numbers(raw))


def check(raw: bytes) -> None:
    """Raises ValueError unless `raw` is 64 bytes, R and S are in 1 .. n - 1 and S is low."""
    _, s = _numbers(raw)
    if s > ORDER // 2:
        raise ValueError("the signature's S is not the lower of the two")


def lowered(raw: bytes) -> bytes:
    """The same signature with the lower S."""
    r, s = _numbers(raw)
    return r.to_bytes(_SIZE, "big") + min(s, ORDER - s).to_bytes(_SIZE, "big")


def _numbers(raw: bytes) -> tuple[int, int]:
    if len(raw) != 2 * _SIZE:
        raise ValueError(f"the signature has {len(raw)} bytes, not {2 * _SIZE}")
    r, s = int.from_bytes(raw[:_SIZE], "big"), int.from_bytes(raw[_SIZE:], "big")
    if not 0 < r < ORDER or not 0 < s < ORDER:
        raise ValueError("the signature's R or S is out of range")
    return r, s
