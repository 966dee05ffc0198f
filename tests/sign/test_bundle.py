"""Sigstore bundles: cosign takes them, and we take nothing but our own spelling of them."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import rfc8785
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bom.errors import BadArtifact
from bom.sign import bundle, dsse, ecdsa

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from bom.sign.keys import PrivateKey

shared = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
BOM = b'{"bomFormat":"CycloneDX","specVersion":"1.6"}'


def _statement(data: bytes = BOM, predicate: str = "https://slsa.dev/provenance/v1") -> bytes:
    return rfc8785.dumps(
        {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [
                {"name": "app.tar", "digest": {"sha256": hashlib.sha256(data).hexdigest()}}
            ],
            "predicateType": predicate,
            "predicate": {
                "buildDefinition": {"buildType": "https://example.org/b", "externalParameters": {}},
                "runDetails": {"builder": {"id": "https://example.org/builder"}},
            },
        }
    )


def _cosign(need: Callable[[str], str], *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [need("cosign"), *map(str, arguments), "--insecure-ignore-tlog=true"],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")},
    )


def test_cosign_verifies_the_bundle(
    tmp_path: Path, key: PrivateKey, need: Callable[[str], str]
) -> None:
    (tmp_path / "release.pub").write_bytes(key.public.pem())
    (tmp_path / "bom.json").write_bytes(BOM)
    (tmp_path / "bundle.json").write_bytes(bundle.message(BOM, key))
    call: list[str | Path] = ["--key", tmp_path / "release.pub"]
    call += ["--bundle", tmp_path / "bundle.json"]
    good = _cosign(need, "verify-blob", *call, tmp_path / "bom.json")
    assert good.returncode == 0, good.stderr
    (tmp_path / "bom.json").write_bytes(BOM + b" ")
    assert _cosign(need, "verify-blob", *call, tmp_path / "bom.json").returncode != 0


def test_cosign_verifies_the_attestation_of_the_blob(
    tmp_path: Path, key: PrivateKey, need: Callable[[str], str]
) -> None:
    (tmp_path / "release.pub").write_bytes(key.public.pem())
    (tmp_path / "app.tar").write_bytes(BOM)
    (tmp_path / "line.json").write_bytes(dsse.envelope(_statement(), key))
    call: list[str | Path] = ["verify-blob-attestation", "--key", tmp_path / "release.pub"]
    call += ["--bundle", tmp_path / "line.json"]
    good = _cosign(need, *call, "--type", "slsaprovenance1", tmp_path / "app.tar")
    assert good.returncode == 0, good.stderr
    wrong_type = _cosign(need, *call, "--type", "cyclonedx", tmp_path / "app.tar")
    assert wrong_type.returncode != 0
    (tmp_path / "app.tar").write_bytes(BOM + b" ")
    other_blob = _cosign(need, *call, "--type", "slsaprovenance1", tmp_path / "app.tar")
    assert other_blob.returncode != 0


def test_cosign_writes_the_same_bundle_but_for_spelling(
    tmp_path: Path, ecdsa_key: PrivateKey, need: Callable[[str], str]
) -> None:
    """A bundle that cosign made with the same key has the same fields and key hint as ours."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": os.environ.get("HOME", "/"),
        "COSIGN_PASSWORD": "word",
    }
    (tmp_path / "bom.json").write_bytes(BOM)
    (tmp_path / "release.key").write_bytes(ecdsa_key.pem())
    subprocess.run(
        [need("cosign"), "import-key-pair", "--key", "release.key", "--output-key-prefix", "c"],
        cwd=tmp_path,
        env=environment,
        check=True,
        capture_output=True,
    )
    call = ["sign-blob", "--key", "c.key", "--bundle", "b.json", "--yes"]
    call += ["--use-signing-config=false", "--tlog-upload=false", "bom.json"]
    subprocess.run(
        [need("cosign"), *call], cwd=tmp_path, env=environment, check=True, capture_output=True
    )
    theirs = json.loads((tmp_path / "b.json").read_bytes())
    ours = json.loads(bundle.message(BOM, ecdsa_key))
    assert len(theirs["messageSignature"].pop("signature")) > 90
    del ours["messageSignature"]["signature"]
    assert theirs == ours


@shared
@given(st.binary(max_size=300), st.binary(max_size=300))
def test_a_bundle_is_about_one_content_and_one_key(
    key: PrivateKey, other_key: PrivateKey, data: bytes, other: bytes
) -> None:
    made = bundle.message(data, key)
    assert made == bundle.message(data, key)
    assert rfc8785.dumps(json.loads(made)) == made
    bundle.verify_message(made, data, key.public)
    with pytest.raises(BadArtifact):
        bundle.verify_message(made, data, other_key.public)
    if other != data:
        with pytest.raises(BadArtifact) as caught:
            bundle.verify_message(made, other, key.public)
        assert caught.value.code == "bundle"


@shared
@given(st.binary(max_size=300))
def test_a_line_gives_its_statement_back_to_its_key_only(
    key: PrivateKey, other_key: PrivateKey, statement: bytes
) -> None:
    line = dsse.envelope(statement, key)
    assert line == dsse.envelope(statement, key)
    assert b"\n" not in line
    assert dsse.verify(line, key.public) == statement
    with pytest.raises(BadArtifact) as caught:
        dsse.verify(line, other_key.public)
    assert caught.value.code == "dsse"


def test_the_signature_covers_the_payload_type(key: PrivateKey) -> None:
    """PAE, from the text of the DSSE protocol: a signature of the bare payload is not taken."""
    statement = _statement()
    line = json.loads(dsse.envelope(statement, key))
    kind = line["dsseEnvelope"]["payloadType"]
    signed = f"DSSEv1 {len(kind)} {kind} {len(statement)} ".encode() + statement
    signature = base64.b64decode(line["dsseEnvelope"]["signatures"][0]["sig"])
    raw = ecdsa.raw_from_der(signature) if key.public.type == "ecdsa-p256" else signature
    key.public.check(raw, signed)
    with pytest.raises(ValueError, match="not this key's"):
        key.public.check(raw, statement)


def _verifiers(key: PrivateKey) -> list[tuple[bytes, Callable[[bytes], object]]]:
    return [
        (bundle.message(BOM, key), lambda data: bundle.verify_message(data, BOM, key.public)),
        (dsse.envelope(_statement(), key), lambda line: dsse.verify(line, key.public)),
    ]


def test_every_flipped_bit_is_found(key: PrivateKey) -> None:
    for good, verify in _verifiers(key):
        data = bytearray(good)
        for at in range(len(data)):
            for bit in (1, 32) if at % 7 else (1, 2, 4, 8, 16, 32, 64, 128):
                data[at] ^= bit
                with pytest.raises(BadArtifact):
                    verify(bytes(data))
                data[at] ^= bit
        verify(bytes(data))


def _respelled(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The same document, once for each text in it, with that text spelt otherwise."""

    def walk(value: Any, path: tuple[str | int, ...]) -> Iterator[tuple[str | int, ...]]:
        if isinstance(value, dict):
            for name in value:
                yield from walk(value[name], (*path, name))
        elif isinstance(value, list):
            for at, item in enumerate(value):
                yield from walk(item, (*path, at))
        else:
            yield path

    for path in walk(document, ()):
        for change in (
            lambda text: text + "=",
            lambda text: text + "\n",
            lambda text: " " + text,
            lambda text: text.rstrip("="),
            lambda text: text.replace("+", "-").replace("/", "_"),
            lambda text: text.upper(),
            lambda text: None,
            lambda text: [text],
            lambda text: {"a": text},
        ):
            changed = copy.deepcopy(document)
            at: Any = changed
            for step in path[:-1]:
                at = at[step]
            at[path[-1]] = change(at[path[-1]])
            if changed != document:
                yield changed


def test_every_other_spelling_of_a_value_is_refused(key: PrivateKey) -> None:
    for good, verify in _verifiers(key):
        count = 0
        for changed in _respelled(json.loads(good)):
            count += 1
            with pytest.raises(BadArtifact):
                verify(rfc8785.dumps(changed))
        assert count > 30


def test_every_further_field_is_refused(key: PrivateKey) -> None:
    for good, verify in _verifiers(key):
        document = json.loads(good)
        places: list[dict[str, Any]] = [document]
        for place in places:
            children = [item for item in place.values() if isinstance(item, dict)]
            places += children
            for name, value in (("extra", 1), ("tlogEntries", []), ("keyid", "")):
                place[name] = value
                with pytest.raises(BadArtifact):
                    verify(rfc8785.dumps(document))
                del place[name]
            for name in list(place):
                value = place.pop(name)
                with pytest.raises(BadArtifact):
                    verify(rfc8785.dumps(document))
                place[name] = value
        verify(rfc8785.dumps(document))


@pytest.mark.parametrize("count", [0, 2])
def test_a_line_has_exactly_one_signature(key: PrivateKey, count: int) -> None:
    document = json.loads(dsse.envelope(_statement(), key))
    document["dsseEnvelope"]["signatures"] *= count
    with pytest.raises(BadArtifact, match="exactly one"):
        dsse.verify(rfc8785.dumps(document), key.public)


@pytest.mark.parametrize(
    "data",
    [b"", b"{}", b"[]", b"null", b"\xff", b"{" * 100_000, b" " * 20_000, b'{"a":1,"a":1}'],
    ids=lambda data: ascii(data[:10]),
)
def test_what_is_no_bundle_is_a_finding(key: PrivateKey, data: bytes) -> None:
    with pytest.raises(BadArtifact) as caught:
        bundle.verify_message(data, BOM, key.public)
    assert caught.value.code == "bundle"
    with pytest.raises(BadArtifact) as caught:
        dsse.verify(data, key.public)
    assert caught.value.code == "dsse"


def test_white_space_around_a_bundle_is_refused(key: PrivateKey) -> None:
    for good, verify in _verifiers(key):
        for data in (good + b"\n", b" " + good, json.dumps(json.loads(good)).encode()):
            with pytest.raises(BadArtifact):
                verify(data)
