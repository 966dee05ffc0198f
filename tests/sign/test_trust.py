"""Which keys count: only those that the user named or keeps, and that nobody else can change."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from bom.errors import BomError, EnvironmentLacks
from bom.sign.keyfiles import write_pair
from bom.sign.keys import PrivateKey, load_private
from bom.sign.trust import config_dir, default_stem, signing_key, trusted_keys

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    return {"HOME": str(tmp_path)}


@pytest.fixture
def folder(home: dict[str, str]) -> Path:
    stem = default_stem(home)
    (stem.parent / "trust").mkdir(mode=0o700)
    return stem.parent


def _public(path: Path) -> str:
    key = PrivateKey.generate()
    path.write_bytes(key.public.pem())
    path.chmod(0o644)
    return key.key_id


def test_the_users_folder_follows_the_xdg_rules(tmp_path: Path) -> None:
    home = str(tmp_path)
    assert config_dir({"HOME": home}) == tmp_path / ".config" / "bom"
    assert config_dir({"HOME": home, "XDG_CONFIG_HOME": f"{home}/c"}) == tmp_path / "c" / "bom"
    assert config_dir({"HOME": home, "XDG_CONFIG_HOME": "rel"}) == tmp_path / ".config" / "bom"
    assert config_dir({"HOME": home, "XDG_CONFIG_HOME": ""}) == tmp_path / ".config" / "bom"
    assert config_dir({}) is None
    assert config_dir({"HOME": "rel"}) is None


def test_the_default_place_is_made_private(home: dict[str, str], tmp_path: Path) -> None:
    stem = default_stem(home)
    assert stem == tmp_path / ".config" / "bom" / "release"
    assert stem.parent.stat().st_mode & 0o777 == 0o700
    with pytest.raises(EnvironmentLacks):
        default_stem({})
    (tmp_path / "file").touch()
    with pytest.raises(BomError, match="can't be made"):
        default_stem({"XDG_CONFIG_HOME": str(tmp_path / "file")})


def test_the_signing_key_is_the_named_one_then_the_variables_then_the_users(
    home: dict[str, str], folder: Path, tmp_path: Path
) -> None:
    assert signing_key(None, home) is None
    assert signing_key(None, {}) is None
    write_pair(folder / "release", PrivateKey.generate(), None)
    assert signing_key(None, home) == folder / "release.key"
    assert signing_key(None, {**home, "BOM_KEY": ""}) == folder / "release.key"
    other, third = tmp_path / "other.key", tmp_path / "third.key"
    for path in (other, third):
        with pytest.raises(BomError, match=f"--key: there is no file {path}"):
            signing_key(path, home)
        with pytest.raises(BomError, match="BOM_KEY: there is no file"):
            signing_key(None, {**home, "BOM_KEY": str(path)})
        path.touch()
    assert signing_key(None, {**home, "BOM_KEY": str(other)}) == other
    assert signing_key(third, {**home, "BOM_KEY": str(other)}) == third


def test_a_user_without_keys_trusts_none(home: dict[str, str], folder: Path) -> None:
    assert trusted_keys((), (), home) == ()
    assert trusted_keys((), (), {}) == ()
    (folder / "trust").rmdir()
    assert trusted_keys((), (), home) == ()


def test_the_users_own_key_and_those_in_trust_count(home: dict[str, str], folder: Path) -> None:
    own = PrivateKey.generate()
    write_pair(folder / "release", own, None)
    b, a = _public(folder / "trust" / "b.pub"), _public(folder / "trust" / "a.pub")
    (folder / "trust" / "README").write_text("not a key")
    (folder / "trust" / "again.pub").write_bytes(own.public.pem())
    found = trusted_keys((), (), home)
    assert [item.name for item in found] == ["release.pub", "a.pub", "b.pub"]
    assert [item.key.key_id for item in found] == [own.key_id, a, b]


def test_named_keys_replace_the_users(home: dict[str, str], folder: Path, tmp_path: Path) -> None:
    _public(folder / "release.pub")
    named, configured = tmp_path / "named.pub", tmp_path / "configured.pub"
    first, second = _public(named), _public(configured)
    both = trusted_keys([named], [configured], home)
    assert [item.key.key_id for item in both] == [first, second]
    assert [item.key.key_id for item in trusted_keys([], [configured], home)] == [second]


def test_what_cannot_be_used_is_named_and_never_left_out(
    home: dict[str, str], folder: Path, tmp_path: Path
) -> None:
    _public(folder / "trust" / "good.pub")
    bad = folder / "trust" / "bad.pub"
    bad.write_bytes(b"garbage")
    with pytest.raises(BomError, match=r"bad\.pub: it holds no PEM key"):
        trusted_keys((), (), home)
    bad.unlink()
    bad.symlink_to(folder / "nowhere")
    with pytest.raises(BomError, match=r"bad\.pub"):
        trusted_keys((), (), home)
    bad.unlink()
    os.mkfifo(bad)
    with pytest.raises(BomError, match=r"bad\.pub is not a file"):
        trusted_keys((), (), home)
    bad.unlink()
    bad.mkdir()
    with pytest.raises(BomError, match=r"bad\.pub is not a file"):
        trusted_keys((), (), home)
    with pytest.raises(BomError, match=r"none\.pub"):
        trusted_keys([tmp_path / "none.pub"], (), home)


def test_a_private_key_is_no_key_to_trust(tmp_path: Path) -> None:
    private, _ = write_pair(tmp_path / "release", PrivateKey.generate(), None)
    with pytest.raises(BomError, match="a private key, where a public"):
        trusted_keys([private], (), {})


@pytest.mark.parametrize("place", ["", "trust", "trust/a.pub", "release.pub"])
def test_what_everybody_may_change_is_not_trusted(
    home: dict[str, str], folder: Path, place: str
) -> None:
    _public(folder / "release.pub")
    _public(folder / "trust" / "a.pub")
    path = folder / place
    path.chmod(path.stat().st_mode | 0o002)
    with pytest.raises(BomError, match="everybody on this machine may change") as caught:
        trusted_keys((), (), home)
    assert str(path) in caught.value.reason


def test_a_link_is_judged_by_what_it_points_to(
    home: dict[str, str], folder: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere.pub"
    key_id = _public(elsewhere)
    (folder / "trust" / "link.pub").symlink_to(elsewhere)
    assert [item.key.key_id for item in trusted_keys((), (), home)] == [key_id]
    elsewhere.chmod(0o646)
    with pytest.raises(BomError, match="everybody"):
        trusted_keys((), (), home)


def test_a_pair_is_written_privately_and_never_over_another(tmp_path: Path) -> None:
    key = PrivateKey.generate()
    private, public = write_pair(tmp_path / "release", key, b"word")
    assert (private.name, public.name) == ("release.key", "release.pub")
    assert private.stat().st_mode & 0o777 == 0o600
    assert load_private(private, b"word").public == key.public
    assert sorted(path.name for path in tmp_path.iterdir()) == ["release.key", "release.pub"]
    before = private.read_bytes()
    with pytest.raises(BomError, match="is there already"):
        write_pair(tmp_path / "release", PrivateKey.generate(), None)
    private.unlink()
    with pytest.raises(BomError, match="is there already"):
        write_pair(tmp_path / "release", PrivateKey.generate(), None)
    public.unlink()
    private.symlink_to(tmp_path / "nowhere")
    with pytest.raises(BomError, match="is there already"):
        write_pair(tmp_path / "release", PrivateKey.generate(), None)
    assert before
    with pytest.raises(BomError, match="can't be written"):
        write_pair(tmp_path / "no folder" / "release", key, None)
