"""The seal in front of a plain tar, and everything that can be done to it."""

from __future__ import annotations

import io
import json
import os
import tarfile
import threading
from hashlib import sha256
from typing import TYPE_CHECKING, Protocol

import pytest

from bom.archive.tar import encode_head, padding
from bom.errors import BadArtifact, BomError, CannotSeal, Refused
from bom.model import Envelope
from bom.seal.protocol import ENVELOPE_LIMIT
from bom.seal.tar import TarFormat

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from bom.seal.protocol import ArtifactFormat, Unsealed

TAR = TarFormat()

Entry = tuple[str, bytes]


class TarLab(Protocol):
    """The fixture of conftest.py, as its users see it."""

    files: tuple[Entry, ...]
    folder: Path

    def tar(self, files: Sequence[Entry] | None = None, form: int = ...) -> bytes: ...
    def gz(self, data: bytes | None = None, level: int = ...) -> bytes: ...
    def write(self, data: bytes, name: str = ...) -> Path: ...
    def envelope(self, path: Path, *, bundle: bytes = ...) -> Envelope: ...
    def seal(self, path: Path, *, bundle: bytes = ...) -> Path: ...
    def unseal(self, form: ArtifactFormat, data: bytes) -> tuple[Unsealed, bytes]: ...
    def codes(self, form: ArtifactFormat, envelope: Envelope, data: bytes) -> list[str]: ...


def _entry(name: str, content: bytes, kind: bytes = b"0") -> bytes:
    head = bytearray(encode_head(name, len(content), "gnu"))
    head[156:157] = kind
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % sum(head)
    return bytes(head) + content + padding(len(content))


@pytest.mark.parametrize(
    "form",
    [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT, tarfile.USTAR_FORMAT],
    ids=["gnu", "pax", "ustar"],
)
def test_the_built_bytes_come_back_bit_for_bit(lab: TarLab, form: int) -> None:
    built = lab.tar([("päckchen/ü", b"x"), ("päckchen/b", b"y" * 5000)], form)
    path = lab.write(built)
    sealed = lab.seal(path).read_bytes()
    unsealed, back = lab.unseal(TAR, sealed)
    assert back == built
    assert sealed.endswith(built)
    assert unsealed.findings == ()
    assert unsealed.envelope == lab.envelope(path)


def test_the_envelope_stands_under_the_directory_that_all_entries_share(lab: TarLab) -> None:
    sealed = lab.seal(lab.write(lab.tar()))
    with tarfile.open(sealed) as archive:
        assert archive.getnames()[:2] == [
            "hello-1.0/.bom/bom.cdx.json",
            "hello-1.0/.bom/bom.cdx.json.sigstore.json",
        ]


@pytest.mark.parametrize(
    ("names", "prefix"),
    [
        (["a/b", "a/c"], "a/"),
        (["./a", "./b"], "./"),
        (["a/b", "c/d"], ""),
        (["a"], ""),
        (["a", "a/b"], ""),
        (["/a/b", "/a/c"], ""),
        (["../a", "../b"], ""),
        (["manifest.json", "repositories"], ""),
    ],
)
def test_only_a_directory_shared_by_all_entries_is_a_prefix(
    lab: TarLab, names: list[str], prefix: str
) -> None:
    path = lab.write(lab.tar([(name, b"x") for name in names]))
    assert {p.name: p.value for p in TAR.parameters(path)}["bom-seal:seal:prefix"] == prefix


def test_our_entries_have_the_header_format_of_the_first_built_one(lab: TarLab) -> None:
    for form, magic in ((tarfile.GNU_FORMAT, b"ustar  \0"), (tarfile.PAX_FORMAT, b"ustar\x0000")):
        sealed = lab.seal(lab.write(lab.tar(form=form))).read_bytes()
        assert sealed[257:265] == magic


def test_a_directory_name_of_ninety_characters_is_sealed_in_both_formats(lab: TarLab) -> None:
    for form in (tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT):
        built = lab.tar([("d" * 90 + "/a", b"x"), ("d" * 90 + "/b", b"y")], form)
        path = lab.write(built)
        sealed = lab.seal(path)
        assert lab.codes(TAR, lab.envelope(path), sealed.read_bytes()) == []
        with tarfile.open(sealed) as archive:
            assert archive.getnames()[0] == "d" * 90 + "/.bom/bom.cdx.json"


def test_an_unsigned_bom_is_one_entry(lab: TarLab) -> None:
    path = lab.write(lab.tar())
    sealed = lab.seal(path, bundle=b"")
    assert TAR.read(sealed) == lab.envelope(path, bundle=b"")
    assert lab.unseal(TAR, sealed.read_bytes())[1] == path.read_bytes()


def test_a_built_file_has_no_envelope(lab: TarLab) -> None:
    path = lab.write(lab.tar())
    assert TAR.read(path) is None
    with pytest.raises(BadArtifact) as caught:
        lab.unseal(TAR, path.read_bytes())
    assert caught.value.code == "no-seal"


def test_every_changed_byte_is_found(lab: TarLab) -> None:
    path = lab.write(lab.tar()[: 512 * 8])
    sealed = bytearray(lab.seal(path).read_bytes())
    envelope = lab.envelope(path)
    assert lab.codes(TAR, envelope, bytes(sealed)) == []
    for position, byte in enumerate(sealed):
        for changed in {byte ^ 0x01, byte ^ 0x80, 0x20, 0} - {byte}:
            sealed[position] = changed
            assert lab.codes(TAR, envelope, bytes(sealed)), (position, changed)
        sealed[position] = byte


def test_every_truncation_is_found(lab: TarLab) -> None:
    path = lab.write(lab.tar()[: 512 * 8])
    sealed = lab.seal(path).read_bytes()
    envelope = lab.envelope(path)
    for size in range(0, len(sealed), 7):
        assert lab.codes(TAR, envelope, sealed[:size]), size


def _front(sealed: bytes, built: bytes) -> bytes:
    return sealed[: len(sealed) - len(built)]


ATTACKS: dict[str, Callable[[bytes, bytes], bytes]] = {
    "a second manifest.json between": lambda front, built: (
        front + _entry("manifest.json", b"[]") + built
    ),
    "a pax global header between": lambda front, built: (
        front + _entry("pax_global_header", b"18 path=other.txt\n"[:18], b"g") + built
    ),
    "a pax global header before": lambda front, built: (
        _entry("pax_global_header", b"15 comment=hey\n", b"g") + front + built
    ),
    "an entry before": lambda front, built: _entry("manifest.json", b"[]") + front + built,
    "the envelope twice": lambda front, built: front + front + built,
    "zero blocks between": lambda front, built: front + bytes(1024) + built,
    "bytes at the end": lambda front, built: front + built + b"x",
    "zeros at the end": lambda front, built: front + built + bytes(512),
    "an entry at the end": lambda front, built: front + built + _entry("a", b"b"),
    "the bundle removed": lambda front, built: front[: front.rindex(b"hello-1.0/.bom")] + built,
    "the bundle first": lambda front, built: (
        front[front.rindex(b"hello-1.0/.bom") :] + front[: front.rindex(b"hello-1.0/.bom")] + built
    ),
    "a pax header before the BOM": lambda front, built: (
        _entry("x", b"16 comment=heyy\n", b"x") + front + built
    ),
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_nothing_stands_before_between_or_behind(
    lab: TarLab, attack: Callable[[bytes, bytes], bytes]
) -> None:
    built = lab.tar()
    path = lab.write(built)
    bent = attack(_front(lab.seal(path).read_bytes(), built), built)
    assert lab.codes(TAR, lab.envelope(path), bent)


def test_another_spelling_of_our_own_headers_is_found(lab: TarLab) -> None:
    built = lab.tar()
    path = lab.write(built)
    sealed = lab.seal(path).read_bytes()
    for start, field in ((100, b"0000755\0"), (136, b"00000000001\0"), (265, b"root")):
        head = bytearray(sealed[:512])
        head[start : start + len(field)] = field
        head[148:156] = b" " * 8
        head[148:156] = b"%06o\0 " % sum(head)
        assert lab.codes(TAR, lab.envelope(path), bytes(head) + sealed[512:]) == ["seal-mismatch"]


def test_a_swapped_bom_is_found(lab: TarLab) -> None:
    one = lab.write(lab.tar(), "one.tar")
    two = lab.write(lab.tar([("hello-1.0/other", b"x")]), "two.tar")
    swapped = _front(lab.seal(two).read_bytes(), two.read_bytes()) + one.read_bytes()
    assert lab.codes(TAR, lab.envelope(two), swapped) == ["subject"]


def test_an_envelope_under_another_directory_is_found(lab: TarLab) -> None:
    path = lab.write(lab.tar())
    envelope = lab.envelope(path)
    bent = bytearray()
    for name, content in (
        (".bom/bom.cdx.json", envelope.bom),
        (".bom/bom.cdx.json.sigstore.json", envelope.bundle),
    ):
        bent += _entry(name, content)
    codes = lab.codes(TAR, envelope, bytes(bent) + path.read_bytes())
    assert codes == ["seal-mismatch"]


def test_a_size_beyond_the_limit_is_refused_before_it_is_read(lab: TarLab) -> None:
    head = encode_head(".bom/bom.cdx.json", ENVELOPE_LIMIT + 1, "gnu")
    with pytest.raises(BadArtifact) as caught:
        lab.unseal(TAR, head + bytes(1024))
    assert caught.value.code == "oversized"
    with pytest.raises(BadArtifact):
        TAR.read(lab.write(head + bytes(1024)))


def test_an_envelope_beyond_the_limit_is_not_sealed(lab: TarLab) -> None:
    path = lab.write(lab.tar())
    envelope = lab.envelope(path)
    large = Envelope(envelope.bom, bytes(ENVELOPE_LIMIT))
    with pytest.raises(Refused):
        TAR.seal(path, large, lab.folder / "out.tar")


@pytest.mark.parametrize("bom", [b"{", b"[]", b"[" * 100_000, b"{}", b"\xff", b'{"metadata":[]}'])
def test_an_envelope_without_a_sound_document_is_damaged(lab: TarLab, bom: bytes) -> None:
    with pytest.raises(BadArtifact) as caught:
        lab.unseal(TAR, _entry(".bom/bom.cdx.json", bom) + lab.tar())
    assert caught.value.code == "damaged"
    with pytest.raises(BomError):
        TAR.seal(lab.write(lab.tar()), Envelope(bom), lab.folder / "out.tar")


UNSEALABLE: dict[str, bytes] = {
    "empty": bytes(10240),
    "of its own .bom": _entry(".bom/x", b"1") + bytes(1024),
    "of its own .bom under the prefix": _entry("a/.bom/x", b"1") + _entry("a/b", b"") + bytes(1024),
    "of a .bom behind dots": _entry("a/./b/../.bom", b"1") + _entry("a/b", b"") + bytes(1024),
    "trailing bytes": _entry("a", b"1") + bytes(1024) + b"x",
    "a wrong checksum later": _entry("a", b"1") + b"x" * 512,
    "a lone zero block": _entry("a", b"1") + bytes(512) + _entry("b", b"1") + bytes(1024),
    "a truncated member": _entry("a", b"1" * 5000)[:1024],
    "a volume label": _entry("label", b"", b"V") + _entry("a", b"1") + bytes(1024),
    "a global header that renames": _entry("g", b"18 path=other.txt\n", b"g") + _entry("a", b"1"),
    "two manifests": _entry("manifest.json", b"[]") * 2 + bytes(1024),
}


@pytest.mark.parametrize("data", UNSEALABLE.values(), ids=UNSEALABLE.keys())
def test_what_cannot_be_sealed_strictly_is_not_sealed(lab: TarLab, data: bytes) -> None:
    with pytest.raises(CannotSeal):
        TAR.parameters(lab.write(data))


def test_a_git_archive_with_its_global_comment_is_sealed(lab: TarLab) -> None:
    comment = b"52 comment=0123456789012345678901234567890123456789\n"
    built = _entry("pax_global_header", comment, b"g") + lab.tar(form=tarfile.PAX_FORMAT)
    path = lab.write(built)
    sealed = lab.seal(path)
    assert lab.codes(TAR, lab.envelope(path), sealed.read_bytes()) == []
    with tarfile.open(sealed) as archive:
        assert archive.getnames()[2:] == [name for name, _ in lab.files]


def test_a_pipe_that_gives_few_bytes_at_a_time_is_read(lab: TarLab) -> None:
    path = lab.write(lab.tar([("big", os.urandom(3_000_000))]))
    sealed = lab.seal(path).read_bytes()
    reading, writing = os.pipe()

    def feed() -> None:
        with os.fdopen(writing, "wb", buffering=0) as out:
            for start in range(0, len(sealed), 70_001):
                out.write(sealed[start : start + 70_001])

    thread = threading.Thread(target=feed)
    thread.start()
    digest = sha256()
    with os.fdopen(reading, "rb", buffering=0) as source:
        unsealed = TAR.unseal(source, digest.update)
    thread.join()
    assert unsealed.findings == ()
    assert digest.hexdigest() == sha256(path.read_bytes()).hexdigest()


def test_damage_names_the_member(lab: TarLab) -> None:
    path = lab.write(lab.tar())
    sealed = lab.seal(path)
    document = json.loads(lab.envelope(path).bom)
    assert TAR.damage(sealed, document) == ()
    sealed.write_bytes(sealed.read_bytes().replace(b"print('hello')", b"print('hullo')", 1))
    (finding,) = TAR.damage(sealed, document)
    assert finding.where == "hello-1.0/src/hello.py"
    assert finding.expected != finding.found
    sealed.write_bytes(sealed.read_bytes()[: -len(path.read_bytes()) + 600])
    assert [finding.code for finding in TAR.damage(sealed, document)] == ["truncated"]


def test_members_with_names_that_are_not_text_can_stand_in_a_document(lab: TarLab) -> None:
    path = lab.write(lab.tar([("caf\udce9", b"x")]))
    assert [member.name for member in TAR.members(path)] == ["caf\\xe9"]


def test_a_top_directory_that_is_not_text_cannot_be_sealed(lab: TarLab) -> None:
    with pytest.raises(CannotSeal):
        TAR.parameters(lab.write(lab.tar([("caf\udce9/a", b"x"), ("caf\udce9/b", b"x")])))


def test_tars_without_any_magic_are_known_by_checksum_and_name(lab: TarLab) -> None:
    built = bytearray(_entry("a/b", b"x"))
    built[257:265] = bytes(8)
    built[148:156] = b" " * 8
    built[148:156] = b"%06o\0 " % sum(built[:512])
    assert TAR.recognises(bytes(built[:1024]), "old.tar")
    assert not TAR.recognises(bytes(built[:1024]), "old.bin")
    path = lab.write(bytes(built) + bytes(1024))
    sealed = lab.seal(path)
    assert lab.codes(TAR, lab.envelope(path), sealed.read_bytes()) == []
    with tarfile.open(sealed) as archive:
        assert archive.getnames()[-1] == "a/b"
    for head in (b"", bytes(1024), b"x" * 1024, os.urandom(1024)):
        assert not TAR.recognises(head, "x.tar")


def test_sealing_copies_across_file_systems(lab: TarLab, monkeypatch: pytest.MonkeyPatch) -> None:
    path = lab.write(lab.tar([("big", os.urandom(2_500_000))]))
    fast = lab.seal(path).read_bytes()

    def refuse(*_arguments: object, **_options: object) -> int:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "copy_file_range", refuse)
    assert lab.seal(path).read_bytes() == fast


def test_reading_is_lazy(lab: TarLab) -> None:
    class Watched(io.BytesIO):
        largest = 0

        def read(self, size: int | None = -1) -> bytes:
            assert size is not None and size >= 0
            Watched.largest = max(Watched.largest, size)
            return super().read(size)

    path = lab.write(lab.tar([("big", bytes(9_000_000))]))
    TAR.unseal(Watched(lab.seal(path).read_bytes()), lambda piece: None)
    assert Watched.largest <= 1024 * 1024
