"""Images in their normal form."""

from __future__ import annotations

import io
import struct
import tarfile
from typing import TYPE_CHECKING, Any

import pytest
from tests.normalise.images import (
    EPOCH,
    NOW,
    OLD,
    Entry,
    Image,
    Opened,
    docker,
    entry,
    folder,
    layer,
    layout,
    sha,
)

from bom.errors import BadArtifact, CannotNormalise
from bom.normalise import Change, normalise, normaliser_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CLAMPED = "2023-11-14T22:13:20Z"
FORMS = (docker, layout)
CAPABILITY = {"SCHILY.xattr.security.capability": "\1\0\0\2\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0"}


def made(path: Path, epoch: int = EPOCH) -> tuple[Opened, tuple[Change, ...]]:
    out = path.with_name("out.tar")
    changes = normalise(path, out, epoch)
    assert changes is not None
    again = path.with_name("again.tar")
    normalise(out, again, epoch)
    assert again.read_bytes() == out.read_bytes(), "normalising twice changes more"
    return Opened(out), changes


def refused(path: Path) -> str:
    with pytest.raises(CannotNormalise) as caught:
        normalise(path, path.with_name("out.tar"), EPOCH)
    assert path.with_name("out.tar").read_bytes() == b""
    return caught.value.reason


def link(name: str, target: str, kind: bytes = tarfile.LNKTYPE, **more: Any) -> Entry:
    return entry(name, b"", kind, linkname=target, **more)


def pyc(time: int, size: int) -> bytes:
    return struct.pack("<4sLLL", b"\xa7\r\r\n", 0, time, size) + b"code"


def stamp(data: bytes) -> int:
    return int.from_bytes(data[8:12], "little")


# --- layers --------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("packed", ["", "gzip"])
def test_times_order_and_owners_names_of_a_layer_are_made_stable(
    form: Callable[[Path, Image], Path], packed: str, tmp_path: Path
) -> None:
    built = layer(
        entry("b", b"2", uname="someone", uid=1000, gid=7),
        folder("a"),
        entry("a/c", b"1", mtime=NOW + 0.5),
        entry("a b", b"3", mtime=OLD),
    )
    opened, changes = made(form(tmp_path / "in.tar", Image([built], form=packed)))
    found = opened.entries()
    assert [(e.name, e.mtime) for e in found] == [
        ("a", EPOCH),
        ("a/c", EPOCH),
        ("a b", OLD),
        ("b", EPOCH),
    ]
    assert (found[3].uid, found[3].gid, found[3].uname) == (1000, 7, "")
    assert not any(e.pax_headers for e in found)
    assert {c.aspect for c in changes} >= {"order", "owners", "times", "configuration"}
    assert opened.config["rootfs"]["diff_ids"] == [f"sha256:{_plain(opened.layers[0])}"]
    assert (opened.layers[0][:2] == b"\x1f\x8b") is bool(packed)


def _plain(data: bytes) -> str:
    import gzip

    return sha(gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data)


def test_a_layer_with_nothing_as_late_as_the_epoch_stays_byte_for_byte(tmp_path: Path) -> None:
    base = layer(entry("z", b"1", mtime=OLD, uname="x"), entry("a", b"2", mtime=OLD))
    opened, changes = made(docker(tmp_path / "in.tar", Image([base, layer(entry("n", b"3"))])))
    assert opened.layers[0] == base
    assert {c.where for c in changes} == {"", "layer 2"}


def test_two_builds_of_one_image_at_different_times_come_out_equal(tmp_path: Path) -> None:
    def build(name: str, time: int, form: Callable[[Path, Image], Path]) -> bytes:
        tar = layer(folder("d", mtime=time), entry("d/f", b"x", mtime=time + 3))
        path = form(tmp_path / name, Image([tar], created=f"20{time % 50 + 40}-01-01T00:00:00Z"))
        made(path)
        return (tmp_path / "out.tar").read_bytes()

    for form in FORMS:
        assert build("one.tar", NOW, form) == build("two.tar", NOW + 777, form)


def test_extended_attributes_devices_and_set_user_id_stay(tmp_path: Path) -> None:
    built = layer(
        entry("ping", b"x", mode=0o4755, pax_headers={**CAPABILITY, "atime": "5.5", "ctime": "1"}),
        entry("null", b"", tarfile.CHRTYPE, devmajor=1, devminor=3),
        entry("pipe", b"", tarfile.FIFOTYPE),
        link("to", "somewhere/else", tarfile.SYMTYPE),
    )
    opened, _ = made(docker(tmp_path / "in.tar", Image([built])))
    by_name = {e.name: e for e in opened.entries()}
    assert by_name["ping"].pax_headers == CAPABILITY
    assert by_name["ping"].mode == 0o4755
    assert (by_name["null"].devmajor, by_name["null"].devminor) == (1, 3)
    assert by_name["pipe"].isfifo()
    assert by_name["to"].linkname == "somewhere/else"


def test_removals_stand_before_everything_else_in_their_folder(tmp_path: Path) -> None:
    built = layer(
        folder("d"),
        entry("d/!", b"1"),
        entry("d/.wh.gone", b""),
        entry("d/.wh..wh..opq", b""),
        entry("d/x", b"1"),
    )
    opened, _ = made(docker(tmp_path / "in.tar", Image([built])))
    assert opened.paths() == ["d", "d/.wh..wh..opq", "d/.wh.gone", "d/!", "d/x"]


def test_a_hard_link_stands_after_its_file_even_if_its_name_sorts_first(tmp_path: Path) -> None:
    built = layer(
        entry("z", b"1"), link("b", "z"), link("a", "b"), entry("c", b""), link("y", "lower")
    )
    opened, _ = made(docker(tmp_path / "in.tar", Image([built])))
    assert [(e.name, e.linkname) for e in opened.entries()] == [
        ("c", ""),
        ("y", "lower"),
        ("z", ""),
        ("a", "z"),
        ("b", "z"),
    ]


def test_long_and_foreign_names_come_through(tmp_path: Path) -> None:
    names = ["é" * 60, "l" * 150, "d/" * 60 + "x", "bad\udcff"]
    built = layer(*(entry(name, b"1") for name in names), form=tarfile.GNU_FORMAT)
    opened, _ = made(docker(tmp_path / "in.tar", Image([built])))
    assert sorted(opened.paths()) == sorted(names)


def test_a_sparse_file_keeps_its_content(tmp_path: Path, need: Any) -> None:
    import subprocess

    holes = tmp_path / "holes"
    with holes.open("wb") as file:
        file.seek(1 << 20)
        file.write(b"end")
    for form in ("gnu", "pax"):
        tar = tmp_path / "layer.tar"
        command = [need("tar"), "-cSf", str(tar), f"--format={form}", "-C", str(tmp_path), "holes"]
        subprocess.run(command, check=True)
        opened, _ = made(docker(tmp_path / "in.tar", Image([tar.read_bytes()])), EPOCH)
        assert opened.content("holes") == holes.read_bytes()


@pytest.mark.parametrize(
    ("entries", "why"),
    [
        ([entry("a", b"1"), entry("./a", b"2")], "twice"),
        ([entry("a", b"1"), entry("a/b", b"2")], "no folder"),
        ([link("a", "/etc", tarfile.SYMTYPE), entry("a/b", b"2")], "no folder"),
        ([entry("a", b"1"), entry(".wh.a", b"")], "after putting it there"),
        ([link("a", "b"), link("b", "a")], "leads to itself"),
        ([entry("a", b"1", b"V")], "type"),
    ],
)
def test_a_layer_that_could_mean_two_things_is_refused(
    entries: list[Entry], why: str, tmp_path: Path
) -> None:
    assert why in refused(docker(tmp_path / "in.tar", Image([layer(*entries)])))


def test_what_could_be_lost_is_refused(tmp_path: Path) -> None:
    tar = layer(entry("a", b"1"))
    assert "follows" in refused(docker(tmp_path / "in.tar", Image([tar + b"more".ljust(512)])))
    with tarfile.open(fileobj=(stream := io.BytesIO()), mode="w", pax_headers={"x": "y"}) as file:
        file.addfile(entry("a")[0])
    assert "global" in refused(docker(tmp_path / "in.tar", Image([stream.getvalue()])))


def test_a_replaced_file_may_stand_after_its_removal(tmp_path: Path) -> None:
    built = layer(entry(".wh.a", b""), entry("a", b"1"))
    opened, _ = made(docker(tmp_path / "in.tar", Image([built])))
    assert opened.paths() == [".wh.a", "a"]


def test_odd_layers_matter_only_where_they_would_have_to_be_rewritten(tmp_path: Path) -> None:
    odd = layer(entry("a", b"1", mtime=OLD), entry("a", b"2", mtime=OLD))
    opened, _ = made(docker(tmp_path / "in.tar", Image([odd, layer(entry("n", b"3"))])))
    assert opened.layers[0] == odd


# --- bytecode ------------------------------------------------------------------------------------

SOURCE, CODE = "app/m.py", "app/__pycache__/m.cpython-311.pyc"


def test_a_pyc_stays_in_step_with_a_source_in_another_layer(tmp_path: Path) -> None:
    below = layer(folder("app"), entry(SOURCE, b"x = 1", mtime=NOW + 7))
    above = layer(folder("app/__pycache__"), entry(CODE, pyc(NOW + 7, 5)))
    opened, changes = made(docker(tmp_path / "in.tar", Image([below, above])))
    assert stamp(opened.content(CODE, 1)) == EPOCH
    assert Change("bytecode", "layer 2", 1) in changes


def test_a_pyc_in_an_old_layer_follows_a_source_that_is_clamped(tmp_path: Path) -> None:
    below = layer(entry(CODE, pyc(NOW, 5), mtime=OLD))
    above = layer(entry(SOURCE, b"x = 1", mtime=NOW))
    opened, _ = made(docker(tmp_path / "in.tar", Image([below, above])))
    assert stamp(opened.content(CODE, 0)) == EPOCH


@pytest.mark.parametrize("stated", [EPOCH, NOW + 3])
def test_a_stale_pyc_never_comes_to_match(stated: int, tmp_path: Path) -> None:
    """A base made at the same epoch, and a source of the same size put over its own."""
    below = layer(entry(SOURCE, b"x = 1", mtime=EPOCH), entry(CODE, pyc(stated, 5), mtime=EPOCH))
    above = layer(entry(SOURCE, b"x = 2", mtime=NOW))
    opened, _ = made(docker(tmp_path / "in.tar", Image([below, above])))
    assert opened.entries(1)[0].mtime == EPOCH
    assert stamp(opened.content(CODE, 0)) not in (EPOCH, NOW)


def test_a_pyc_whose_source_is_removed_or_reached_by_links_is_told(tmp_path: Path) -> None:
    linked = layer(
        entry("app/real.py", b"x = 1", mtime=NOW),
        link(SOURCE, "real.py", tarfile.SYMTYPE),
        entry(CODE, pyc(NOW, 5)),
    )
    opened, _ = made(docker(tmp_path / "in.tar", Image([linked])))
    assert stamp(opened.content(CODE)) == EPOCH
    gone = layer(entry("app/.wh.m.py", b""))
    plain = layer(entry(SOURCE, b"x = 1", mtime=NOW), entry(CODE, pyc(NOW, 5)))
    opened, _ = made(docker(tmp_path / "in.tar", Image([plain, gone])))
    assert stamp(opened.content(CODE)) == EPOCH  # nothing is there that it could match


def test_a_hash_based_pyc_is_left_alone(tmp_path: Path) -> None:
    data = struct.pack("<4sLQ", b"\xa7\r\r\n", 1, 12345) + b"code"
    built = layer(entry(SOURCE, b"x = 1"), entry(CODE, data))
    opened, _ = made(docker(tmp_path / "in.tar", Image([built])))
    assert opened.content(CODE) == data


# --- documents -----------------------------------------------------------------------------------


def test_what_the_classic_builder_writes_of_itself_goes(tmp_path: Path) -> None:
    config = {
        "container": "142084fa93c2",
        "container_config": {"Hostname": "vm"},
        "docker_version": "20.10.24",
        "config": {"Image": "sha256:1", "Hostname": "142084fa93c2", "Env": ["B=2", "A=1"]},
    }
    built = Image([layer(entry("a", b"1"))], config)
    opened, _ = made(docker(tmp_path / "in.tar", built))
    assert opened.config["config"] == {"Env": ["B=2", "A=1"]}
    assert not {"container", "container_config", "docker_version"} & opened.config.keys()
    assert opened.config["created"] == opened.config["history"][0]["created"] == CLAMPED
    assert opened.names[-1] == "manifest.json"
    assert not any(name.endswith("VERSION") for name in opened.names)


def test_an_earlier_time_in_the_configuration_stays(tmp_path: Path) -> None:
    built = Image([layer(entry("a", b"1"))], created="2020-01-01T00:00:00.5Z")
    opened, _ = made(docker(tmp_path / "in.tar", built))
    assert opened.config["created"] == "2020-01-01T00:00:00.5Z"


def test_indexes_and_annotations_name_what_was_written(tmp_path: Path) -> None:
    built = Image([layer(entry("a", b"1"))], form="gzip")
    opened, changes = made(layout(tmp_path / "in.tar", built, attested=True))
    assert len(opened.inner["manifests"]) == 1  # a statement on the image as built goes
    notes = opened.inner["manifests"][0]["annotations"]
    assert notes["config.digest"] == opened.manifest["config"]["digest"]
    outer = opened.index["manifests"][0]["annotations"]
    assert outer["org.opencontainers.image.created"] == CLAMPED
    assert Change("configuration", "attestations") in changes


def test_a_layer_with_an_index_of_its_bytes_is_refused(tmp_path: Path) -> None:
    notes = {"containerd.io/snapshot/stargz/toc.digest": "sha256:1"}
    built = Image([layer(entry("a", b"1"))], form="gzip")
    assert "index of its bytes" in refused(layout(tmp_path / "in.tar", built, notes=notes))


def test_a_layer_that_stands_twice_is_written_once(tmp_path: Path) -> None:
    tar = layer(entry("a", b"1"))
    opened, _ = made(layout(tmp_path / "in.tar", Image([tar, tar], form="gzip")))
    assert opened.layers[0] == opened.layers[1]
    assert len(opened.names) == len(set(opened.names))
    two = Image([layer(folder("d")), layer(folder("d", mtime=NOW + 1))])
    opened, _ = made(docker(tmp_path / "two.tar", two))
    assert opened.manifest["Layers"][0] == opened.manifest["Layers"][1]


# --- what comes from strangers -------------------------------------------------------------------


def test_a_plain_tar_that_looks_like_an_image_is_normalised_as_a_tar(tmp_path: Path) -> None:
    path = tmp_path / "in.tar"
    path.write_bytes(layer(folder("blobs"), entry("blobs/x", b"1", mode=0o600)))
    found = normaliser_of(path)
    assert found is not None
    assert found.name == "image"
    assert normalise(path, tmp_path / "out.tar", EPOCH)
    with tarfile.open(tmp_path / "out.tar") as tar:
        assert [item.mode for item in tar] == [0o755, 0o644]


@pytest.mark.parametrize("form", FORMS)
def test_no_byte_that_is_wrong_goes_into_a_new_archive_as_if_it_were_right(
    form: Callable[[Path, Image], Path], tmp_path: Path
) -> None:
    """A normalised archive has digests of its own: damage has to show before."""
    path = form(tmp_path / "in.tar", Image([layer(entry("a", b"content" * 100))]))
    data = path.read_bytes()
    path.write_bytes(data.replace(b"content", b"c0ntent", 1))
    with pytest.raises(BadArtifact):
        normalise(path, tmp_path / "out.tar", EPOCH)
    assert (tmp_path / "out.tar").read_bytes() == b""


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("manifest.json", b"[]"),
        ("manifest.json", b"[1]"),
        ("manifest.json", b'[{"Config":"../x","Layers":[]}]'),
        ("manifest.json", b'[{"Config":"a.json","Layers":"a"}]'),
        ("manifest.json", b"[" * 100_000),
        ("index.json", b"{}"),
        ("index.json", b'{"manifests":[{"digest":1}]}'),
        ("index.json", b'{"manifests":[{"digest":"sha256:zz"}]}'),
        ("index.json", b'{"manifests":[],"manifests":[]}'),
        ("index.json", b"\xff"),
    ],
)
def test_broken_documents_are_told(name: str, text: bytes, tmp_path: Path) -> None:
    path = tmp_path / "in.tar"
    path.write_bytes(layer(entry(name, text)))
    with pytest.raises((BadArtifact, CannotNormalise)):
        normalise(path, tmp_path / "out.tar", EPOCH)


@pytest.mark.parametrize("form", FORMS)
def test_an_archive_that_ends_early_is_told(
    form: Callable[[Path, Image], Path], tmp_path: Path
) -> None:
    path = form(tmp_path / "in.tar", Image([layer(entry("a", b"1" * 3000))], form="gzip"))
    data = path.read_bytes()
    for size in range(700, len(data) - 12_000, 512):
        path.write_bytes(data[:size])
        with pytest.raises((BadArtifact, CannotNormalise)):
            normalise(path, tmp_path / "out.tar", EPOCH)
