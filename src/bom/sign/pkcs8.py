"""A private key under a passphrase: PKCS #8 EncryptedPrivateKeyInfo with PBES2 (RFC 8018).

`cryptography` reads it, but when writing it derives the key with 2,048 rounds, which a graphics
card tries a million times a second. Written here with 600,000 rounds, so that guessing costs
three hundred times as much; OpenSSL and every other reader of PBES2 take it as well.
"""

from __future__ import annotations

import hashlib
import os
from typing import Final

ROUNDS: Final = 600_000  # of PBKDF2-HMAC-SHA256; about 0.2 s
_PBES2: Final = bytes.fromhex("06092a864886f70d01050d")
_PBKDF2: Final = bytes.fromhex("06092a864886f70d01050c")
_HMAC_SHA256: Final = bytes.fromhex("06082a864886f70d0209") + b"\x05\x00"  # and its NULL
_AES256_CBC: Final = bytes.fromhex("060960864801650304012a")
_SEQUENCE: Final = 0x30
_OCTETS: Final = 0x04
_INTEGER: Final = 0x02
_BLOCK: Final = 16


def encrypted(der: bytes, passphrase: bytes) -> bytes:
    """DER of EncryptedPrivateKeyInfo for `der`, a PrivateKeyInfo. Salt and IV are random."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
    from cryptography.hazmat.primitives.padding import PKCS7

    salt, start = os.urandom(_BLOCK), os.urandom(_BLOCK)
    key = hashlib.pbkdf2_hmac("sha256", passphrase, salt, ROUNDS, dklen=32)
    padder = PKCS7(8 * _BLOCK).padder()
    encryptor = Cipher(algorithms.AES256(key), modes.CBC(start)).encryptor()
    secret = encryptor.update(padder.update(der) + padder.finalize()) + encryptor.finalize()
    derivation = _sequence(
        _PBKDF2,
        _sequence(
            _value(_OCTETS, salt),
            _value(_INTEGER, ROUNDS.to_bytes(3, "big")),
            _sequence(_HMAC_SHA256),
        ),
    )
    scheme = _sequence(_AES256_CBC, _value(_OCTETS, start))
    return _sequence(_sequence(_PBES2, _sequence(derivation, scheme)), _value(_OCTETS, secret))


def _sequence(*parts: bytes) -> bytes:
    return _value(_SEQUENCE, b"".join(parts))


def _value(tag: int, content: bytes) -> bytes:
    """X.690 8.1: tag, definite length, content."""
    size = len(content)
    if size < 128:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 128 + len(length))) + length + content
