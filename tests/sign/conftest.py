"""Keys that are the same in every run, so that a failing example can be found again."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from bom.sign.keys import KEY_TYPES, PrivateKey


def _pem(key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _keys(number: int) -> dict[str, PrivateKey]:
    return {
        "ecdsa-p256": PrivateKey.from_pem(_pem(ec.derive_private_key(number, ec.SECP256R1()))),
        "ed25519": PrivateKey.from_pem(
            _pem(ed25519.Ed25519PrivateKey.from_private_bytes(number.to_bytes(32, "big")))
        ),
    }


@pytest.fixture(scope="session", params=KEY_TYPES)
def key(request: pytest.FixtureRequest) -> PrivateKey:
    """One key of each type."""
    return _keys(0xB0B)[request.param]


@pytest.fixture(scope="session")
def ecdsa_key() -> PrivateKey:
    return _keys(0xB0B)["ecdsa-p256"]


@pytest.fixture(scope="session")
def other_key(key: PrivateKey) -> PrivateKey:
    """Another key of the same type."""
    return _keys(0xB0B + 1)[key.public.type]
