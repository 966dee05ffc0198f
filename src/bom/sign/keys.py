"""Keys that sign and verify: ECDSA P-256 (deterministic, RFC 6979) and Ed25519 (RFC 8032).

`cryptography` is imported only when a key is used, so that a verb which needs none doesn't pay.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, cast

from bom.errors import BomError, EnvironmentLacks
from bom.sign import base64, ecdsa, jwk, keyfiles, pem, pkcs8

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.ec import (
        EllipticCurvePrivateKey,
        EllipticCurvePublicKey,
    )
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )

KeyType = Literal["ecdsa-p256", "ed25519"]
KEY_TYPES: Final[tuple[KeyType, ...]] = ("ecdsa-p256", "ed25519")
SIGNATURE_SIZE: Final = 64  # R || S, and Ed25519's


class PassphraseNeeded(BomError):
    """The private key is encrypted, and no passphrase was given."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key. `der`: its SubjectPublicKeyInfo (RFC 5280), uncompressed, named curve."""

    type: KeyType
    der: bytes = field(repr=False)

    @property
    def key_id(self) -> str:
        """Lowercase hex SHA-256 of `der`."""
        return hashlib.sha256(self.der).hexdigest()

    @property
    def algorithm(self) -> str:
        """The signature algorithm's name in JSF: ES256 or Ed25519."""
        return "ES256" if self.type == "ecdsa-p256" else "Ed25519"

    def pem(self) -> bytes:
        """PEM of SubjectPublicKeyInfo (`PUBLIC KEY`)."""
        return pem.text("PUBLIC KEY", self.der)

    def jwk(self) -> dict[str, str]:
        """The JSON Web Key with the members that RFC 7638 requires, and no others."""
        if self.type == "ed25519":
            return {"crv": "Ed25519", "kty": "OKP", "x": base64.encode_url(self.der[-32:])}
        x, y = self.der[-64:-32], self.der[-32:]
        return {
            "crv": "P-256",
            "kty": "EC",
            "x": base64.encode_url(x),
            "y": base64.encode_url(y),
        }

    def check(self, signature: bytes, message: bytes) -> None:
        """Raises ValueError, with the reason, unless `signature` (64 bytes) is of `message`.

        An ECDSA signature has to have the lower S: see `ecdsa`.
        """
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec

        if len(signature) != SIGNATURE_SIZE:
            raise ValueError(f"the signature has {len(signature)} bytes, not {SIGNATURE_SIZE}")
        key = serialization.load_der_public_key(self.der)
        try:
            if self.type == "ed25519":
                cast("Ed25519PublicKey", key).verify(signature, message)
            else:
                ecdsa.check(signature)
                cast("EllipticCurvePublicKey", key).verify(
                    ecdsa.der_from_raw(signature), message, ec.ECDSA(hashes.SHA256())
                )
        except InvalidSignature as error:
            raise ValueError("the signature is not this key's over these bytes") from error

    @staticmethod
    def from_pem(data: bytes) -> PublicKey:
        """The key in a PEM text. Raises BomError for anything but one P-256 or Ed25519 key."""
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.serialization import load_pem_public_key

        pem.check_public(data)
        try:
            return _public(load_pem_public_key(data))
        except (ValueError, UnsupportedAlgorithm) as error:
            raise BomError("its public key can't be read", hint="is the file complete?") from error

    @staticmethod
    def from_jwk(members: Mapping[str, object]) -> PublicKey:
        """The key of a JWK as `jwk` writes it. Raises ValueError for anything else."""
        return _public(jwk.parse(members))


@dataclass(frozen=True, slots=True, eq=False)
class PrivateKey:
    """A private key and its public one. The secret never shows in a repr."""

    public: PublicKey
    _key: EllipticCurvePrivateKey | Ed25519PrivateKey = field(repr=False)

    @property
    def key_id(self) -> str:
        """The public key's."""
        return self.public.key_id

    def sign(self, message: bytes) -> bytes:
        """The signature of `message`, 64 bytes: the same for the same message, always.

        ECDSA by RFC 6979, then with the lower S; Ed25519 by RFC 8032.
        Raises EnvironmentLacks where OpenSSL is older than 3.2 and can't do RFC 6979.
        """
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec

        if self.public.type == "ed25519":
            return cast("Ed25519PrivateKey", self._key).sign(message)
        try:
            scheme = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
        except UnsupportedAlgorithm as error:
            raise EnvironmentLacks(
                "this OpenSSL can't sign deterministically (RFC 6979)",
                hint="install cryptography from its wheel, or use a key of type ed25519",
            ) from error
        der = cast("EllipticCurvePrivateKey", self._key).sign(message, scheme)
        return ecdsa.lowered(ecdsa.raw_from_der(der))

    def pem(self, passphrase: bytes | None = None) -> bytes:
        """PEM of PKCS #8, encrypted when a passphrase is given."""
        from cryptography.hazmat.primitives import serialization

        der = self._key.private_bytes(
            serialization.Encoding.DER,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        if passphrase is None:
            return pem.text("PRIVATE KEY", der)
        if not passphrase:
            raise BomError("the passphrase is empty", hint="leave it out for a key without one")
        return pem.text("ENCRYPTED PRIVATE KEY", pkcs8.encrypted(der, passphrase))

    @staticmethod
    def generate(kind: KeyType = "ecdsa-p256") -> PrivateKey:
        """A new key from the system's random source."""
        from cryptography.hazmat.primitives.asymmetric import ec, ed25519

        if kind == "ed25519":
            return _private(ed25519.Ed25519PrivateKey.generate())
        return _private(ec.generate_private_key(ec.SECP256R1()))

    @staticmethod
    def from_pem(data: bytes, passphrase: bytes | None = None) -> PrivateKey:
        """The key in a PEM text: PKCS #8 or SEC 1, P-256 or Ed25519.

        A passphrase for a key that isn't encrypted is not used. Raises PassphraseNeeded, and
        BomError for a wrong passphrase and for anything that is not such a key.
        """
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        pem.check_private(data)
        try:
            try:
                key = load_pem_private_key(data, passphrase or None)
            except TypeError:
                if not passphrase:
                    raise PassphraseNeeded(
                        "it is encrypted", hint="put its passphrase into BOM_KEY_PASSPHRASE"
                    ) from None
                key = load_pem_private_key(data, None)
            return _private(key)
        except (ValueError, UnsupportedAlgorithm) as error:
            if passphrase and b"ENCRYPTED" in data:
                raise BomError(
                    "the passphrase is wrong, or the file is damaged",
                    hint="the passphrase is read from BOM_KEY_PASSPHRASE",
                ) from error
            raise BomError("its private key can't be read", hint="is the file complete?") from error


def load_private(path: Path, passphrase: bytes | None = None) -> PrivateKey:
    """The private key in a PEM file.

    Raises PassphraseNeeded; BomError, naming the file, where it is not there, holds no private
    key, or where group or others may read or write it.
    """
    data = keyfiles.read_private(path)
    with keyfiles.named(path):
        return PrivateKey.from_pem(data, passphrase)


def load_public(path: Path) -> PublicKey:
    """The public key in a PEM file or pipe. Raises BomError, naming the file."""
    data = keyfiles.read(path)
    with keyfiles.named(path):
        return PublicKey.from_pem(data)


def _kind(key: object) -> KeyType:
    """Raises BomError for a key that is neither P-256 nor Ed25519."""
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519

    if isinstance(key, (ed25519.Ed25519PublicKey, ed25519.Ed25519PrivateKey)):
        return "ed25519"
    name = type(key).__name__.removeprefix("_").removesuffix("Key")
    for suffix in ("Public", "Private"):
        name = name.removesuffix(suffix)
    if isinstance(key, (ec.EllipticCurvePublicKey, ec.EllipticCurvePrivateKey)):
        if isinstance(key.curve, ec.SECP256R1):
            return "ecdsa-p256"
        name = key.curve.name
    raise BomError(f"its key is of type {name}, not ECDSA P-256 or Ed25519", hint=pem.GENERATE)


def _public(key: object) -> PublicKey:
    from cryptography.hazmat.primitives import serialization

    kind = _kind(key)
    der = cast("EllipticCurvePublicKey | Ed25519PublicKey", key).public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return PublicKey(kind, der)


def _private(key: object) -> PrivateKey:
    _kind(key)
    known = cast("EllipticCurvePrivateKey | Ed25519PrivateKey", key)
    return PrivateKey(_public(known.public_key()), known)
