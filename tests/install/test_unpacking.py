"""Where links lead, and tars that are no tars."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.install.lab import entry, folder, packed

from bom.errors import BadArtifact
from bom.installed.contents import is_tar, items
from bom.installed.unpacking import granted, leads_out

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("path", "links", "out"),
    [
        ("a/l", {"a/l": "b"}, False),
        ("a/l", {"a/l": "../b"}, False),
        ("a/l", {"a/l": "../../b"}, True),
        ("l", {"l": ".."}, True),
        ("l", {"l": "./a/.."}, False),
        ("l", {"l": "/a"}, True),
        # by its letters it stays inside, by where `up` leads it doesn't
        ("l", {"up": "a/b/c", "a/b/c": "../..", "l": "up/.."}, True),
        ("l", {"up": "a/b/c", "a/b/c": "..", "l": "up/.."}, False),
        ("l", {"d": "/etc", "l": "d/passwd"}, True),
        ("l", {"l": "m", "m": "l"}, False),
        ("l", {"l": "none/../.."}, True),
    ],
)
def test_a_link_is_followed_as_the_kernel_does_it(
    path: str, links: dict[str, str], out: bool
) -> None:
    assert leads_out(path, links[path], links) is out


def test_rights_are_what_others_may_have() -> None:
    assert granted(0o777, is_folder=False) == 0o755
    assert granted(0o000, is_folder=False) == 0o600
    assert granted(0o666, is_folder=True) == 0o744
    assert granted(0o4711, is_folder=False) == 0o711


@pytest.mark.parametrize("mode", ["", "gz", "bz2", "xz"])
def test_contents_are_read_whole_or_not_at_all(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "a.tar"
    large = bytes(3_000_000) + b"end"
    path.write_bytes(packed((folder("d"), entry("d/a", b"first"), entry("d/b", large)), mode))
    assert is_tar(path)
    found = {}
    for item, content in items(path):
        if item.member.name == "d/b":
            found[item.member.name] = b"".join(piece for _, piece in content.pieces())
    assert found == {"d/b": large}
    path.write_bytes(path.read_bytes()[: -len(path.read_bytes()) // 2])
    with pytest.raises(BadArtifact):
        list(items(path))
    path.write_bytes(b"no tar at all")
    assert not is_tar(path)
