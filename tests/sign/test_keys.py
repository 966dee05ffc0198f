"""Keys: every form they come in, and every way in which a file is not one."""

from __future__ import annotations

import hashlib
import subprocess
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bom.errors import BomError
from bom.sign import base64, ecdsa
from bom.sign.keys import (
    KEY_TYPES,
    KeyType,
    PassphraseNeeded,
    PrivateKey,
    PublicKey,
    load_private,
    load_public,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PEM = serialization.Encoding.PEM
NONE = serialization.NoEncryption()
shared = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.parametrize("kind", KEY_TYPES)
def test_a_new_key_survives_every_form(kind: KeyType) -> None:
    key = PrivateKey.generate(kind)
    assert key.public.type == kind
    assert PublicKey.from_pem(key.public.pem()) == key.public
    assert PublicKey.from_jwk(key.public.jwk()) == key.public
    assert PrivateKey.from_pem(key.pem()).public == key.public
    assert PrivateKey.from_pem(key.pem(b"word"), b"word").public == key.public
    assert PrivateKey.generate(kind).key_id != key.key_id


def test_the_key_id_is_what_openssl_and_sha256sum_say(
    key: PrivateKey, need: Callable[[str], str]
) -> None:
    der = subprocess.run(
        [need("openssl"), "pkey", "-pubin", "-outform", "DER"],
        input=key.public.pem(),
        capture_output=True,
        check=True,
    ).stdout
    assert hashlib.sha256(der).hexdigest() == key.key_id


def test_openssl_reads_an_encrypted_key_with_its_passphrase_and_not_without(
    key: PrivateKey, need: Callable[[str], str]
) -> None:
    def public(word: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [need("openssl"), "pkey", "-pubout", "-passin", f"pass:{word}"],
            input=key.pem(b"correct horse"),
            capture_output=True,
            check=False,
        )

    assert public("correct horse").stdout == key.public.pem()
    assert public("battery staple").returncode != 0


def test_signing_is_deterministic_and_bound_to_key_and_bytes(
    key: PrivateKey, other_key: PrivateKey
) -> None:
    signature = key.sign(b"message")
    assert len(signature) == 64
    assert signature == key.sign(b"message")
    key.public.check(signature, b"message")
    for wrong, message in ((key, b"Message"), (other_key, b"message")):
        with pytest.raises(ValueError, match="not this key's"):
            wrong.public.check(signature, message)


def test_an_ecdsa_signature_is_the_one_of_rfc_6979() -> None:
    # RFC 6979 A.2.5: P-256, SHA-256, message "sample"; of its S the lower one is written.
    secret = 0xC9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721
    pem = ec.derive_private_key(secret, ec.SECP256R1()).private_bytes(
        PEM, serialization.PrivateFormat.PKCS8, NONE
    )
    r = 0xEFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716
    s = 0xF7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8
    raw = PrivateKey.from_pem(pem).sign(b"sample")
    assert int.from_bytes(raw[:32], "big") == r
    assert int.from_bytes(raw[32:], "big") == ecdsa.ORDER - s


def test_the_other_s_of_a_signature_is_refused(ecdsa_key: PrivateKey) -> None:
    raw = ecdsa_key.sign(b"message")
    other = raw[:32] + (ecdsa.ORDER - int.from_bytes(raw[32:], "big")).to_bytes(32, "big")
    assert ecdsa.lowered(other) == raw
    with pytest.raises(ValueError, match="lower"):
        ecdsa_key.public.check(other, b"message")


@pytest.mark.parametrize("size", [0, 63, 65, 128])
def test_a_signature_of_another_length_is_refused(key: PrivateKey, size: int) -> None:
    with pytest.raises(ValueError, match="bytes, not 64"):
        key.public.check(b"\x01" * size, b"message")


@pytest.mark.parametrize("r", [0, 1, ecdsa.ORDER, 2**256 - 1])
@pytest.mark.parametrize("s", [0, ecdsa.ORDER, 2**256 - 1])
def test_numbers_out_of_range_are_refused(ecdsa_key: PrivateKey, r: int, s: int) -> None:
    with pytest.raises(ValueError, match="range"):
        ecdsa_key.public.check(r.to_bytes(32, "big") + s.to_bytes(32, "big"), b"message")


@given(st.integers(1, ecdsa.ORDER - 1), st.integers(1, ecdsa.ORDER - 1))
def test_raw_and_der_say_the_same(r: int, s: int) -> None:
    raw = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    assert ecdsa.raw_from_der(ecdsa.der_from_raw(raw)) == raw


@pytest.mark.parametrize(
    "der",
    [
        "",
        "3000",
        "3006020101",
        "300602010102010200",  # a byte behind
        "30070202000102 0102",  # R with a zero in front
        "308106020101020102",  # the length in the long form
        "3006020100020102",  # R is zero
        "30060201ff020102",  # R is negative
        "3180020101020102",
    ],
)
def test_der_has_one_spelling(der: str) -> None:
    with pytest.raises(ValueError, match="signature"):
        ecdsa.raw_from_der(bytes.fromhex(der))


@given(st.binary(max_size=80))
def test_any_bytes_are_der_or_refused(data: bytes) -> None:
    try:
        raw = ecdsa.raw_from_der(data)
    except ValueError:
        return
    assert ecdsa.der_from_raw(raw) == data


@given(st.binary(max_size=70))
def test_base64_has_one_spelling(data: bytes) -> None:
    for encode, decode in (
        (base64.encode, base64.decode),
        (base64.encode_url, base64.decode_url),
    ):
        text = encode(data)
        assert decode(text) == data
        for other in (text + "=", text + "\n", " " + text, text + "A===", "\u0661" + text):
            with pytest.raises(ValueError, match="base64"):
                decode(other)


def test_the_bits_after_the_last_byte_are_zero() -> None:
    assert base64.decode_url("AA") == b"\0"
    for text in ("AB", "AP", "AA=="):
        with pytest.raises(ValueError, match="base64"):
            base64.decode_url(text)
    for other in ("AB==", "AA", "AA=", "-_8=", None, 7, b"AA=="):
        with pytest.raises(ValueError, match="base64"):
            base64.decode(other)


@pytest.mark.parametrize(
    "change",
    [
        {"d": "AA"},
        {"kid": "x"},
        {"kty": "RSA"},
        {"crv": "P-384"},
        {"crv": None},
        {"x": "AA"},
        {"x": ""},
        {"x": 7},
        {"x": "_" * 43},
    ],
    ids=str,
)
def test_a_jwk_is_taken_in_its_one_form_only(key: PrivateKey, change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        PublicKey.from_jwk({**key.public.jwk(), **change})


def test_a_coordinate_with_padding_or_stray_bits_is_refused(key: PrivateKey) -> None:
    jwk = key.public.jwk()
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    last = alphabet.index(jwk["x"][-1])
    for text in (jwk["x"] + "=", jwk["x"][:-1] + alphabet[last ^ 1], "AA" + jwk["x"]):
        with pytest.raises(ValueError, match=r"base64|bytes"):
            PublicKey.from_jwk({**jwk, "x": text})


@shared
@given(st.binary(min_size=32, max_size=32))
def test_a_point_off_the_edwards_curve_is_no_key(encoded: bytes) -> None:
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": base64.encode_url(encoded)}
    # Independent of our formula: OpenSSL decodes the point when it verifies, and fails before
    # it compares. So only acceptance of real keys is checked against it here.
    real = ed25519.Ed25519PrivateKey.from_private_bytes(encoded).public_key()
    real_jwk = {"kty": "OKP", "crv": "Ed25519", "x": base64.encode_url(real.public_bytes_raw())}
    assert PublicKey.from_jwk(real_jwk).der[-32:] == real.public_bytes_raw()
    try:
        PublicKey.from_jwk(jwk)
    except ValueError as error:
        assert "curve" in str(error)


def test_half_of_all_byte_strings_are_no_edwards_point() -> None:
    refused = 0
    for number in range(200):
        x = base64.encode_url(hashlib.sha256(bytes([number])).digest())
        try:
            PublicKey.from_jwk({"kty": "OKP", "crv": "Ed25519", "x": x})
        except ValueError:
            refused += 1
    assert 60 < refused < 140


# --- files ---------------------------------------------------------------------------------------


def _write(path: Path, data: bytes, mode: int = 0o600) -> Path:
    path.write_bytes(data)
    path.chmod(mode)
    return path


def test_keys_that_openssl_made_are_taken(tmp_path: Path, need: Callable[[str], str]) -> None:
    openssl = need("openssl")
    made = {
        "sec1": ["ecparam", "-name", "prime256v1", "-genkey"],  # with an EC PARAMETERS block
        "bare": ["ecparam", "-name", "prime256v1", "-genkey", "-noout"],
        "pkcs8": ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
        "ed": ["genpkey", "-algorithm", "ed25519"],
    }
    for name, arguments in made.items():
        path = tmp_path / name
        path.touch(mode=0o600)
        subprocess.run([openssl, *arguments, "-out", path], check=True, capture_output=True)
        path.chmod(0o600)
        public = tmp_path / f"{name}.pub"
        subprocess.run(
            [openssl, "pkey", "-in", path, "-pubout", "-out", public],
            check=True,
            capture_output=True,
        )
        assert load_private(path).public == load_public(public)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o660, 0o602, 0o777])
def test_a_private_key_that_others_may_read_is_refused(
    tmp_path: Path, key: PrivateKey, mode: int
) -> None:
    path = _write(tmp_path / "release.key", key.pem(), mode)
    with pytest.raises(BomError) as caught:
        load_private(path)
    assert f"mode {mode:04o}" in caught.value.reason
    assert caught.value.hint.startswith(f"chmod 600 {path}")


def test_passphrases(tmp_path: Path, key: PrivateKey) -> None:
    encrypted = _write(tmp_path / "encrypted.key", key.pem(b"word"))
    assert load_private(encrypted, b"word").public == key.public
    with pytest.raises(PassphraseNeeded, match=r"encrypted\.key: it is encrypted"):
        load_private(encrypted)
    for wrong in (b"Word", b"", b"\xff", b"x" * 2000):
        with pytest.raises(BomError):
            load_private(encrypted, wrong)
    plain = _write(tmp_path / "plain.key", key.pem())
    assert load_private(plain, b"of no use").public == key.public
    with pytest.raises(BomError, match="empty"):
        key.pem(b"")


def test_a_secret_never_shows_in_a_repr(key: PrivateKey) -> None:
    secret = key.pem().split(b"\n")[1].decode()
    assert secret not in repr(key)
    assert "_key" not in repr(key)


def _rsa() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


SIGSTORE = b"-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\neyJrZGYi\n-----END ENCRYPTED SIGSTORE PRIVATE KEY-----\n"  # noqa: E501
SUBJECT = serialization.PublicFormat.SubjectPublicKeyInfo
PKCS8 = serialization.PrivateFormat.PKCS8


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "no PEM key"),
        (b"\x00\xff" * 100, "no PEM key"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "can't be read"),
        (b"-----BEGIN PRIVATE KEY-----\n", "can't be read"),
        (SIGSTORE, "cosign's own format"),
        (_rsa().private_bytes(PEM, PKCS8, NONE), "type RSA"),
        (ec.generate_private_key(ec.SECP384R1()).private_bytes(PEM, PKCS8, NONE), "secp384r1"),
        (
            ed25519.Ed25519PrivateKey.generate().private_bytes(
                PEM, serialization.PrivateFormat.OpenSSH, NONE
            ),
            "SSH key",
        ),
        (PrivateKey.generate().public.pem(), "a public key, where a private"),
        (PrivateKey.generate().pem() * 2, "2 PEM blocks"),
        (b"x" * 100_000, "too large"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_private_key_is_said_plainly(tmp_path: Path, data: bytes, reason: str) -> None:
    path = _write(tmp_path / "some.key", data)
    with pytest.raises(BomError) as caught:
        load_private(path)
    assert reason in caught.value.reason
    assert caught.value.reason.startswith(f"{path}: ")
    assert caught.value.hint


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"ssh-ed25519 AAAA someone", "no PEM key"),
        (PrivateKey.generate().pem(), "a private key, where a public"),
        (_rsa().public_key().public_bytes(PEM, SUBJECT), "type RSA"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "a certificate"),
        (b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "can't be read"),
        (PrivateKey.generate().public.pem() + PrivateKey.generate().public.pem(), "2 PEM blocks"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_public_key_is_said_plainly(tmp_path: Path, data: bytes, reason: str) -> None:
    path = _write(tmp_path / "some.pub", data)
    with pytest.raises(BomError) as caught:
        load_public(path)
    assert reason in caught.value.reason
    assert caught.value.reason.startswith(f"{path}: ")
    assert caught.value.hint


def test_a_path_that_is_no_file_is_said_plainly(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.key", tmp_path / "a" / "b"):
        with pytest.raises(BomError, match="can't be read"):
            load_private(path)


@shared
@given(st.binary(max_size=300))
def test_any_bytes_are_a_key_or_an_error(data: bytes) -> None:
    for wrap in (b"%s", b"-----BEGIN PUBLIC KEY-----\n%s\n-----END PUBLIC KEY-----\n"):
        with pytest.raises(BomError):
            PublicKey.from_pem(wrap % data)
    with pytest.raises(BomError):
        PrivateKey.from_pem(b"-----BEGIN PRIVATE KEY-----\n%s\n-----END PRIVATE KEY-----" % data)
