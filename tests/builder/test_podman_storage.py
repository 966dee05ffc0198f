"""What podman and buildah say about images is read with care."""

from __future__ import annotations

import json
import os
import stat
from typing import TYPE_CHECKING

import pytest

from bom.builder.podman.program import Program
from bom.builder.podman.storage import Storage
from bom.errors import BomError

if TYPE_CHECKING:
    from pathlib import Path

DIGEST = "a" * 64


def storage(name: str, answer: str, folder: Path, code: int = 0) -> Storage:
    """A storage whose program is a script that answers so."""
    script = folder / name
    (folder / "answer").write_text(answer)
    target = "cat" if code == 0 else "cat >&2"
    script.write_text(f'#!/bin/sh\n{target} < "{folder}/answer"\nexit {code}\n')
    script.chmod(stat.S_IRWXU)
    return Storage(Program(name, script, (str(script),), dict(os.environ), folder))


@pytest.mark.parametrize("name", ["podman", "buildah"])
@pytest.mark.parametrize("answer", ["", "null", "{}", "[]", "[1]", '[{"Id": 5}]', "{", "[" * 9000])
def test_an_answer_that_says_nothing_is_an_error_with_words(
    name: str, answer: str, tmp_path: Path
) -> None:
    with pytest.raises(BomError, match="no answer that can be read about app"):
        storage(name, answer, tmp_path).inspect("app")


def test_what_is_left_out_or_null_is_not_known(tmp_path: Path) -> None:
    nothing = {"Id": DIGEST, "Size": None, "RootFS": None, "History": None, "Annotations": None}
    found = storage("podman", json.dumps([nothing]), tmp_path).inspect("app")
    assert found is not None
    assert (found.id, found.size, found.layers, found.history) == (f"sha256:{DIGEST}", 0, (), ())
    config = {"rootfs": None, "history": [{"created": None, "empty_layer": True}]}
    answer = {"FromImageID": DIGEST, "Config": json.dumps(config), "Manifest": ""}
    found = storage("buildah", json.dumps(answer), tmp_path).inspect("app")
    assert found is not None
    assert (found.layers, found.history) == ((), ('["", "", "", true]',))


@pytest.mark.parametrize("name", ["podman", "buildah"])
def test_an_image_that_is_not_there_is_none_and_other_refusals_are_errors(
    name: str, tmp_path: Path
) -> None:
    unknown = storage(name, "Error: app: image not known\n", tmp_path, code=125)
    assert unknown.inspect("app") is None
    broken = storage(name, "Error: database is locked \x1b[2J\n", tmp_path, code=125)
    with pytest.raises(BomError, match=r"refuses: database is locked \?\[2J"):
        broken.inspect("app")


@pytest.mark.parametrize("name", ["podman", "buildah"])
def test_an_export_that_breaks_off_is_an_error_with_a_hint(name: str, tmp_path: Path) -> None:
    failing = storage(name, "Error: write: no space left on device\n", tmp_path, code=125)
    with pytest.raises(BomError, match="broke off the export: write: no space left") as caught:
        list(failing.export(["app"]))
    assert caught.value.hint
