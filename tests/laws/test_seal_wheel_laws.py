"""The laws that the wheel's seal keeps, over wheels that zipfile makes of anything."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import tempfile
import zipfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bom.errors import BadArtifact
from bom.model import Envelope
from bom.seal.wheel import WheelFormat

INFO = "law-1.dist-info"
PART = st.text(
    st.characters(codec="utf-8", exclude_characters='/\\\0,"\r\n', exclude_categories=["Cs"]),
    min_size=1,
    max_size=12,
).filter(lambda part: part not in (".", ".."))
NAME = st.lists(PART, min_size=1, max_size=3).map("/".join)
METHOD = st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
MEMBER = st.tuples(NAME, st.binary(max_size=300), METHOD)


@st.composite
def wheels(draw: st.DrawFn) -> bytes:
    """A sound wheel: any members, RECORD anywhere, any comment, folders with entries."""
    drawn = draw(st.lists(MEMBER, max_size=6, unique_by=lambda member: member[0].casefold()))
    # Only cp437's ASCII half and UTF-8 names; zipfile reads both the same way.
    members = [m for m in drawn if not m[0].split("/")[0].endswith(".dist-info")]
    members.append((f"{INFO}/METADATA", b"Name: law\nVersion: 1\n", draw(METHOD)))
    rows = []
    for name, content, _ in members:
        digest = hashlib.sha256(content).digest()
        text = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        rows.append(f"{name},sha256={text},{len(content)}\n")
    record = "".join(draw(st.permutations([*rows, f"{INFO}/RECORD,,\n"]))).encode()
    place = draw(st.integers(0, len(members)))
    members.insert(place, (f"{INFO}/RECORD", record, draw(METHOD)))
    if draw(st.booleans()):
        members.insert(draw(st.integers(0, len(members))), (f"{INFO}/", b"", zipfile.ZIP_STORED))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content, method in members:
            archive.writestr(name, content, method)
        archive.comment = draw(st.binary(max_size=40).filter(lambda c: b"PK\x05\x06" not in c))
    return out.getvalue()


def sealed(built: bytes, bundle: bytes) -> tuple[bytes, Envelope]:
    form = WheelFormat()
    with tempfile.TemporaryDirectory() as folder:
        path, out = Path(folder, "law.whl"), Path(folder, "sealed.whl")
        path.write_bytes(built)
        rows = [{"name": p.name, "value": p.value} for p in form.parameters(path)]
        document = {"metadata": {"component": {"properties": rows}}}
        envelope = Envelope(json.dumps(document).encode(), bundle)
        form.seal(path, envelope, out)
        return out.read_bytes(), envelope


LAW = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@LAW
@given(wheels(), st.binary(max_size=50))
def test_stripping_undoes_sealing(built: bytes, bundle: bytes) -> None:
    data, envelope = sealed(built, bundle)
    back = bytearray()
    unsealed = WheelFormat().unseal(io.BytesIO(data), back.extend)
    assert unsealed.findings == ()
    assert unsealed.envelope == envelope
    assert bytes(back) == built


@LAW
@given(wheels(), st.binary(max_size=50))
def test_every_other_reader_sees_the_built_members_and_the_seal(
    built: bytes, bundle: bytes
) -> None:
    data, envelope = sealed(built, bundle)
    with zipfile.ZipFile(io.BytesIO(built)) as before, zipfile.ZipFile(io.BytesIO(data)) as after:
        assert after.testzip() is None
        contents = {name: after.read(name) for name in after.namelist()}
        kept = {n: before.read(n) for n in before.namelist() if n != f"{INFO}/RECORD"}
        assert after.comment == before.comment
    assert contents.pop(f"{INFO}/sboms/bom-seal.cdx.json") == envelope.bom
    if bundle:
        assert contents.pop(f"{INFO}/bom-seal.sigstore.json") == bundle
    del contents[f"{INFO}/RECORD"]
    assert contents == kept


@LAW
@given(wheels(), st.data())
def test_no_change_of_any_byte_goes_unseen(built: bytes, data: st.DataObject) -> None:
    whole, envelope = sealed(built, b"bundle")
    bent = bytearray(whole)
    at = data.draw(st.integers(0, len(bent) - 1))
    bent[at] ^= data.draw(st.integers(1, 255))
    back = bytearray()
    try:
        unsealed = WheelFormat().unseal(io.BytesIO(bent), back.extend)
    except BadArtifact:
        return
    assert unsealed.findings or unsealed.envelope != envelope or bytes(back) != built


@LAW
@given(wheels(), st.data())
def test_no_splice_goes_unseen(built: bytes, data: st.DataObject) -> None:
    whole, envelope = sealed(built, b"bundle")
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(start, len(whole)))
    bent = whole[:start] + data.draw(st.binary(max_size=20)) + whole[end:]
    if bent == whole:
        return
    back = bytearray()
    try:
        unsealed = WheelFormat().unseal(io.BytesIO(bent), back.extend)
    except BadArtifact:
        return
    assert unsealed.findings or unsealed.envelope != envelope or bytes(back) != built


@LAW
@given(st.binary(max_size=400))
def test_any_bytes_at_all_give_a_finding_and_never_a_traceback(data: bytes) -> None:
    try:
        WheelFormat().unseal(io.BytesIO(b"PK\x03\x04" + data), bytearray().extend)
    except BadArtifact as error:
        assert error.reason
    else:
        raise AssertionError("these bytes are no sealed wheel")
