"""The BOM's own signature, checked straight from RFC 8785 and the JSF rules as well."""

from __future__ import annotations

import base64
import copy
import json
from typing import TYPE_CHECKING, Any

import pytest
import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bom import canonical
from bom.errors import BadArtifact, BomError
from bom.sign import jsf

if TYPE_CHECKING:
    from bom.sign.keys import PrivateKey

shared = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
text = st.text(st.characters(codec="utf-8"), max_size=8)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-9999, 9999) | text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
    max_leaves=12,
)
documents = st.dictionaries(text, values, max_size=5)

DOCUMENT: dict[str, Any] = {
    "bomFormat": "CycloneDX",
    "components": [{"name": "é\U0001f600", "type": "library", "version": "1"}],
    "specVersion": "1.6",
    "version": 1,
}


def independent_check(data: bytes) -> None:
    """JSF 0.82 with RFC 8785 and RFC 7518, from their texts; nothing of ours is called."""

    def octets(part: str) -> bytes:
        return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))

    document = json.loads(data)
    assert rfc8785.dumps(document) == data
    signature = document["signature"]
    value = octets(signature.pop("value"))
    message = rfc8785.dumps(document)
    jwk = signature["publicKey"]
    assert len(value) == 64
    if signature["algorithm"] == "ES256":
        assert (jwk["kty"], jwk["crv"]) == ("EC", "P-256")
        numbers = ec.EllipticCurvePublicNumbers(
            int.from_bytes(octets(jwk["x"]), "big"),
            int.from_bytes(octets(jwk["y"]), "big"),
            ec.SECP256R1(),
        )
        r, s = int.from_bytes(value[:32], "big"), int.from_bytes(value[32:], "big")
        numbers.public_key().verify(encode_dss_signature(r, s), message, ec.ECDSA(hashes.SHA256()))
    else:
        assert signature["algorithm"] == "Ed25519"
        assert (jwk["kty"], jwk["crv"]) == ("OKP", "Ed25519")
        ed25519.Ed25519PublicKey.from_public_bytes(octets(jwk["x"])).verify(value, message)


@shared
@given(documents)
def test_an_independent_verifier_accepts_it(key: PrivateKey, document: dict[str, object]) -> None:
    independent_check(canonical.dumps(jsf.sign(document, key)))


def test_the_independent_verifier_can_say_no(key: PrivateKey) -> None:
    signed = jsf.sign(DOCUMENT, key)
    with pytest.raises(InvalidSignature):
        independent_check(canonical.dumps({**signed, "version": 2}))


@shared
@given(documents)
def test_signing_is_deterministic_and_names_its_key(
    key: PrivateKey, document: dict[str, object]
) -> None:
    signed = jsf.sign(document, key)
    assert jsf.sign(document, key) == signed
    assert jsf.sign(signed, key) == signed
    assert jsf.verify(signed) == key.public
    assert {name: item for name, item in signed.items() if name != "signature"} == {
        name: item for name, item in document.items() if name != "signature"
    }


def test_the_given_document_is_left_as_it_is(key: PrivateKey) -> None:
    before = copy.deepcopy(DOCUMENT)
    jsf.sign(DOCUMENT, key)
    assert before == DOCUMENT


@shared
@given(documents, text, values)
def test_any_change_of_the_document_is_found(
    key: PrivateKey, document: dict[str, object], name: str, value: object
) -> None:
    signed = jsf.sign(document, key)
    changed = {**signed, name: value}
    if canonical.dumps(changed) == canonical.dumps(signed):
        return
    with pytest.raises(BadArtifact) as caught:
        jsf.verify(changed)
    assert caught.value.code == "signature"


def _changed(document: dict[str, Any], *path: str | int, value: object) -> dict[str, Any]:
    result = copy.deepcopy(document)
    at: Any = result
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    return result


def test_a_change_deep_inside_is_found(key: PrivateKey) -> None:
    signed = jsf.sign(DOCUMENT, key)
    with pytest.raises(BadArtifact, match="does not verify"):
        jsf.verify(_changed(signed, "components", 0, "version", value="2"))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("algorithm", "HS256"),
        ("algorithm", "none"),
        ("algorithm", "RS256"),
        ("algorithm", "https://example.org/algorithm"),
        ("algorithm", ["ES256"]),
        ("algorithm", None),
        ("excludes", []),
        ("excludes", ["components"]),
        ("certificatePath", []),
        ("signers", []),
        ("chain", []),
        ("extra", 1),
        ("keyId", "another"),
        ("keyId", None),
        ("publicKey", None),
        ("publicKey", "ES256"),
        ("publicKey", {}),
        ("value", ""),
        ("value", None),
        ("value", 7),
        ("value", "AA"),
        ("value", "A" * 86),
        ("value", "\ud800"),
    ],
    ids=ascii,
)
def test_what_jsf_allows_but_we_do_not_is_refused(
    key: PrivateKey, field: str, value: object
) -> None:
    signed = _changed(jsf.sign(DOCUMENT, key), "signature", field, value=value)
    with pytest.raises(BadArtifact) as caught:
        jsf.verify(signed)
    assert caught.value.code == "signature"
    assert caught.value.where == "signature"


@pytest.mark.parametrize("signature", [None, [], "x", {}, {"signers": []}, {"chain": []}], ids=str)
def test_what_is_no_signature_is_refused(signature: object) -> None:
    with pytest.raises(BadArtifact):
        jsf.verify({**DOCUMENT, "signature": signature})
    with pytest.raises(BadArtifact):
        jsf.verify(DOCUMENT)


def test_a_part_excluded_by_a_validly_signed_list_is_refused(key: PrivateKey) -> None:
    """JSF would take this: the signer says that `components` is not covered."""
    bare: dict[str, Any] = {
        "algorithm": key.public.algorithm,
        "publicKey": key.public.jwk(),
        "excludes": ["components"],
    }
    covered = {name: item for name, item in DOCUMENT.items() if name != "components"}
    value = key.sign(rfc8785.dumps({**covered, "signature": bare}))
    encoded = base64.urlsafe_b64encode(value).rstrip(b"=").decode()
    with pytest.raises(BadArtifact, match="fields that are not taken"):
        jsf.verify({**DOCUMENT, "signature": {**bare, "value": encoded}})


def test_a_signature_without_key_id_is_taken(key: PrivateKey) -> None:
    bare: dict[str, Any] = {"algorithm": key.public.algorithm, "publicKey": key.public.jwk()}
    value = key.sign(rfc8785.dumps({**DOCUMENT, "signature": bare}))
    encoded = base64.urlsafe_b64encode(value).rstrip(b"=").decode()
    signed = {**DOCUMENT, "signature": {**bare, "value": encoded}}
    assert jsf.verify(signed) == key.public


def test_another_key_put_in_place_does_not_verify(key: PrivateKey, other_key: PrivateKey) -> None:
    signed = jsf.sign(DOCUMENT, key)
    swapped = _changed(signed, "signature", "publicKey", value=other_key.public.jwk())
    with pytest.raises(BadArtifact, match="names another key"):
        jsf.verify(swapped)
    swapped["signature"]["keyId"] = other_key.key_id
    with pytest.raises(BadArtifact, match="does not verify"):
        jsf.verify(swapped)


def test_every_other_spelling_of_the_value_is_refused(key: PrivateKey) -> None:
    signed = jsf.sign(DOCUMENT, key)
    value = str(signed["signature"]["value"])  # type: ignore[index]
    raw = base64.urlsafe_b64decode(value + "==")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    last = alphabet.index(value[-1])
    stray = [value[:-1] + alphabet[last ^ bits] for bits in range(1, 16)]
    others = [value + "=", value + "==", value + "\n", " " + value, value[:40] + "\n" + value[40:]]
    standard = base64.b64encode(raw).decode()
    assert all(base64.urlsafe_b64decode(other[:86] + "==") == raw for other in stray)
    for other in [*stray, *others, standard, standard.rstrip("=") + ".", raw.hex()]:
        with pytest.raises(BadArtifact):
            jsf.verify(_changed(signed, "signature", "value", value=other))


def test_every_flipped_bit_of_the_value_is_found(key: PrivateKey) -> None:
    signed = jsf.sign(DOCUMENT, key)
    raw = bytearray(base64.urlsafe_b64decode(str(signed["signature"]["value"]) + "=="))  # type: ignore[index]
    for bit in range(8 * len(raw)):
        raw[bit // 8] ^= 1 << bit % 8
        value = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
        raw[bit // 8] ^= 1 << bit % 8
        with pytest.raises(BadArtifact):
            jsf.verify(_changed(signed, "signature", "value", value=value))


def test_a_document_that_json_cannot_spell_is_not_signed(key: PrivateKey) -> None:
    with pytest.raises(BomError):
        jsf.sign({"a": float("nan")}, key)
    signed = jsf.sign({"a": 1}, key)
    with pytest.raises(BadArtifact):
        jsf.verify({**signed, "a": "\ud800"})
