"""Builds that write files, as their maintainers run them: what is sealed, reported, refused."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from tests.e2e.builds import Bom, Key, git, project

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Need

MAKEFILE = """\
all: app.zip app.tar
app.zip: README
\tpython3 -m zipfile -c $@ README
app.tar: README
\ttar cf $@ README
"""


def show(bom: Bom, artifact: Path) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(bom("show", "--json", artifact, cwd=artifact.parent).stdout)
    return value


@pytest.fixture
def made(tmp_path: Path, need: Need) -> Path:
    """A project whose Makefile writes a zip, which gets its BOM beside it, and a tar."""
    need("make"), need("tar")
    root = tmp_path / "made"
    root.mkdir()
    (root / "Makefile").write_text(MAKEFILE)
    (root / "README").write_text("hello\n")
    (root / ".gitignore").write_text("app.*\n")
    git(root, "init", "-q")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "made")
    return root


def test_what_an_unchanged_build_left_is_already_sealed_inside_and_beside(
    bom: Bom, key: Key, made: Path
) -> None:
    bom("build", "--key", key.private, "--", "make", cwd=made)
    again = bom("build", "--key", key.private, "--json", "--", "make", cwd=made)
    states = {
        item["path"].rpartition("/")[2]: item for item in json.loads(again.stdout)["artifacts"]
    }
    assert {name: item["state"] for name, item in states.items()} == {
        "app.zip": "unchanged",
        "app.tar": "unchanged",
    }
    assert states["app.zip"]["sealed_as"] == "beside"
    for name in states:
        bom("verify", "--key", key.public, name, cwd=made)


def test_after_a_commit_an_unchanged_file_is_not_sealed_for_what_did_not_make_it(
    bom: Bom, key: Key, made: Path
) -> None:
    bom("build", "--key", key.private, "--", "make", cwd=made)
    git(made, "commit", "-q", "--allow-empty", "-m", "other")
    done = bom("build", "--key", key.private, "--", "make", cwd=made, code=125)
    assert "sealed for an earlier build: app.tar, app.zip" in done.stderr
    (made / "app.zip").unlink()
    done = bom("build", "--key", key.private, "--", "make", cwd=made)
    assert "left alone: app.tar is sealed for an earlier build" in done.stderr
    head = git(made, "rev-parse", "HEAD").strip()
    stated = show(bom, made / "app.zip")["metadata"]["component"]["pedigree"]["commits"]
    assert stated == [{"uid": head}]


def test_a_key_that_one_artifact_packed_seals_none_of_them(
    bom: Bom, key: Key, need: Need, tmp_path: Path
) -> None:
    root = project("python-package", tmp_path / "newest")
    (root / "release.key").write_bytes(key.private.read_bytes())
    (root / "release.key").chmod(0o600)
    with (root / ".gitignore").open("a") as ignored:
        ignored.write("dist/\nrelease.key\n")
    with (root / "pyproject.toml").open("a") as settings:
        settings.write(
            '\n[tool.hatch.build.targets.sdist.force-include]\n"release.key" = "oops.txt"\n'
        )
    command = [need("python"), "-m", "build", "--no-isolation"]
    done = bom("build", "--key", "release.key", "--", *command, cwd=root, code=125)
    assert "newest-1.0.0.tar.gz holds the private key: newest-1.0.0/oops.txt" in done.stderr
    for artifact in (*root.glob("dist/*.whl"), *root.glob("dist/*.tar.gz")):
        bom("show", artifact, cwd=root, code=1)
    assert not list(root.glob("dist/*.jsonl"))


def test_what_was_sealed_before_one_failed_is_said(
    bom: Bom, key: Key, made: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    words = ("sh", "-c", f"tar cf a.tar README; tar cf b.tar README; mkdir {out}/b.tar")
    done = bom("build", "-o", out, "--key", key.private, "--", *words, cwd=made, code=125)
    assert "warning: before this, sealed whole: a.tar\n" in done.stderr
    bom("verify", out / "a.tar", "--key", key.public, cwd=tmp_path)
    assert sorted(path.name for path in out.iterdir()) == [
        "a.tar",
        "a.tar.sigstore.jsonl",
        "b.tar",
    ]


def test_a_project_of_a_monorepo_is_built_from_its_own_folder_and_from_the_root(
    bom: Bom, key: Key, need: Need, tmp_path: Path
) -> None:
    mono = tmp_path / "mono"
    for name in ("one", "two"):
        root = project("python-package", mono / name)
        subprocess.run(["rm", "-rf", root / ".git"], check=True)
    git(mono, "init", "-q")
    git(mono, "add", "-A")
    git(mono, "commit", "-q", "-m", "mono")
    command = [need("python"), "-m", "build", "--no-isolation", "--wheel"]
    bom("build", "--key", key.private, "--", *command, cwd=mono / "one")
    bom("build", "--key", key.private, "--", *command, "two", cwd=mono)
    (one,), (two,) = mono.glob("one/dist/*.whl"), mono.glob("two/dist/*.whl")
    for wheel, folder in ((one, "one"), (two, "two")):
        bom("verify", "--key", key.public, wheel, cwd=mono)
        places = [
            place["location"]
            for part in show(bom, wheel)["components"]
            for place in part["evidence"]["occurrences"]
        ]
        assert places
        assert all(place.startswith(f"{folder}/") for place in places)


def test_a_part_of_a_monorepo_has_a_configuration_of_its_own(
    bom: Bom, key: Key, made: Path
) -> None:
    part = made / "part"
    part.mkdir()
    (part / "bom.toml").write_text('artifacts = ["out.bin"]\nenvironment = ["MY_FLAG"]\n')
    more = {"MY_FLAG": "fast"}
    bom("build", "--key", key.private, "--", "touch", "out.bin", cwd=part, more=more)
    (workflow,) = show(bom, part / "out.bin")["formulation"][0]["workflows"]
    variables = [item for entry in workflow["inputs"] for item in entry.get("environmentVars", [])]
    assert {"name": "MY_FLAG", "value": "fast"} in variables
