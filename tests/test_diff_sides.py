"""What the two words of `bom diff` may stand for: BOMs, folders, images, revisions."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from click.testing import CliRunner
from tests.catalog.test_image_layers import member, tar
from tests.e2e.builds import git
from tests.sources.registries import Registry, Store

from bom.builder.protocol import Silent
from bom.cli import bom as command
from bom.diff import diff
from bom.diff.revision import at_revision
from bom.errors import BomError
from bom.private_folder import PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterator

    from click.testing import Result
    from tests.conftest import Need

ONE: Final = "click==8.0 --hash=sha256:" + "1" * 64 + "\nflask==2.0.0 --hash=sha256:" + "2" * 64
TWO: Final = "click==8.0 --hash=sha256:" + "9" * 64 + "\nflask==3.0.0 --hash=sha256:" + "3" * 64
OS_RELEASE: Final = member("etc/os-release", b'ID=debian\nVERSION_ID="12"\n')


def status(version: str) -> bytes:
    text = f"Package: tool\nStatus: install ok installed\nArchitecture: amd64\nVersion: {version}\n"
    return tar(OS_RELEASE, member("var/lib/dpkg/status", text.encode()))


def bom(*words: str) -> Result:
    return CliRunner().invoke(command, ["diff", *words])


def told(*words: str) -> dict[str, Any]:
    ran = bom(*words, "--json")
    assert ran.exit_code == 0, ran.output
    value = json.loads(ran.stdout)
    assert isinstance(value, dict)
    return value


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The current folder, and afterwards nothing is left of private ones."""
    private = tmp_path / "private"
    private.mkdir()
    monkeypatch.setenv("TMPDIR", str(private))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    here = tmp_path / "project"
    here.mkdir()
    monkeypatch.chdir(here)
    yield here
    assert not [path.name for path in private.iterdir() if path.name.startswith(PREFIX)]
    monkeypatch.setattr("tempfile.tempdir", None)


@pytest.fixture
def repository(folder: Path) -> Path:
    """Two tagged revisions. What the repository's own attributes ask for would hide the lock."""
    (folder / "requirements.txt").write_text(ONE)
    (folder / "Dockerfile").write_text("FROM python:3.11-slim\n")
    (folder / ".gitattributes").write_text("requirements.txt export-ignore filter=planted\n")
    (folder / "deep").mkdir()
    (folder / "deep" / "requirements.txt").write_text("six==1.0\n")
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "one")
    git(folder, "tag", "v1")
    (folder / "requirements.txt").write_text(TWO)
    (folder / "Dockerfile").write_text("FROM python:3.12-slim\n")
    (folder / "outside").symlink_to("/etc")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "two")
    git(folder, "tag", "v2")
    return folder


def test_two_revisions_are_compared_without_touching_the_tree(repository: Path) -> None:
    planted = repository.parent / "ran"
    git(repository, "config", "filter.planted.smudge", f"touch {planted}")
    git(repository, "config", "core.fsmonitor", f"touch {planted}")
    (repository / "requirements.txt").write_text("uncommitted==1\n")
    before = sorted((str(path), path.lstat().st_mtime_ns) for path in repository.rglob("*"))
    ran = bom("v1", "v2")
    commits = [
        subprocess.run(
            ["git", "rev-parse", name], cwd=repository, capture_output=True, text=True, check=True
        ).stdout.strip()
        for name in ("v1", "v2")
    ]
    assert ran.exit_code == 0, ran.output
    assert ran.stdout == (
        "different: v1 and v2\n"
        "  3 -> 3 components: 1 upgraded; 1 in the same version with OTHER BYTES\n"
        "\n"
        "  SAME VERSION, OTHER BYTES (1)\n"
        "    ! click 8.0 (published files): sha256:1111111111111111… -> sha256:9999999999999999…\n"
        "\n"
        "  changed (1)\n"
        "    ↑ flask 2.0.0 -> 3.0.0\n"
        "\n"
        "  source (1)\n"
        f"    commit: {commits[0]} -> {commits[1]}\n"
        "\n"
        "  base images and materials (1)\n"
        "    base-image python: 3.11-slim -> 3.12-slim\n"
    )
    after = sorted((str(path), path.lstat().st_mtime_ns) for path in repository.rglob("*"))
    assert after == before
    assert not planted.exists()


def test_a_revision_is_compared_with_the_folder_as_it_lies_there(repository: Path) -> None:
    (repository / "requirements.txt").write_text(TWO.replace("3.0.0", "2.9.0"))
    found = told("git:v2", ".")
    assert (found["one"]["kind"], found["two"]["kind"]) == ("revision", "folder")
    assert [(item["name"], item["direction"]) for item in found["changes"]["changed"]] == [
        ("flask", "downgrade")
    ]
    assert found["changes"]["gaps"] == []


def test_in_a_folder_below_the_whole_project_counts(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repository / "deep")
    assert told("v1", "HEAD")["changes"]["components"] == [3, 3]


def test_the_exit_code_says_whether_they_differ_where_that_is_asked(repository: Path) -> None:
    assert bom("v1", "v2").exit_code == 0
    assert bom("v1", "v2", "--exit-code").exit_code == 1
    assert bom("v1", "v1", "--exit-code").exit_code == 0
    assert bom("v1", "v1").stdout == "same: v1\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("git:nope", "v1"), "error: nope is no revision here: "),
        (("git:-x", "v1"), "error: -x is no revision here: "),
        (("git:", "v1"), "error:  is no revision here: "),
        (("nope", "v1"), "error: nope is no file, and no revision of a repository here\n"),
        (("v1", "v2", "--accept", "normalised"), "error: --accept is about the exit code\n"),
        (("v1", "v2", "--json", "--format", "html"), "error: --json and --format html are two"),
        (("v1", "v2", "--max-size", "5000"), "error: --max-size is about --format markdown\n"),
        (("v1", "v2", "-o", "no/file"), "error: the folder of no/file is not there\n"),
    ],
)
def test_a_wrong_call_says_so(
    repository: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], message: str
) -> None:
    from bom.cli import _run

    assert _run(["diff", *words]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(message)


def test_outside_of_a_repository_no_revision_is_meant(folder: Path) -> None:
    (folder / "a.json").write_text('{"bomFormat": "CycloneDX"}')
    with (
        pytest.raises(BomError, match="is no file, and no revision"),
        diff("v1", "a.json", Silent(), {"PATH": os.environ["PATH"]}),
    ):
        pass
    with (
        pytest.raises(BomError, match="is no file, and no revision"),
        diff("v1", "a.json", Silent(), {"PATH": "/nonexistent"}),
    ):
        pass


def test_a_tree_that_leads_out_is_refused(repository: Path) -> None:
    blob = subprocess.run(
        ["git", "hash-object", "-w", "--stdin"],
        input="x==1\n", cwd=repository, capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    entry = b"100644 requirements.txt\0" + bytes.fromhex(blob)
    inner = _object(repository, "tree", entry)
    outer = _object(repository, "tree", b"40000 ..\0" + bytes.fromhex(inner))
    commit = _object(
        repository,
        "commit",
        f"tree {outer}\nauthor a <a> 0 +0000\ncommitter a <a> 0 +0000\n\nx\n".encode(),
    )
    with (
        pytest.raises(BomError, match="a path that leads out of it"),
        at_revision(commit, repository.parent / "out", os.environ),
    ):
        pass
    assert not (repository.parent / "requirements.txt").exists()


def _object(repository: Path, kind: str, content: bytes) -> str:
    made = subprocess.run(
        ["git", "hash-object", "-w", "-t", kind, "--literally", "--stdin"],
        input=content, cwd=repository, capture_output=True, check=True,
    )  # fmt: skip
    return made.stdout.decode().strip()


def test_a_repository_that_lacks_a_file_says_so(repository: Path) -> None:
    blob = subprocess.run(
        ["git", "rev-parse", "v1:requirements.txt"], cwd=repository, capture_output=True, text=True,
        check=True,
    ).stdout.strip()  # fmt: skip
    (repository / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    with (
        pytest.raises(BomError, match="the repository lacks a file of"),
        diff("v1", "v2", Silent(), os.environ),
    ):
        pass


def component(version: str, digest: str = "a") -> dict[str, Any]:
    return {
        "type": "library",
        "name": "left-pad",
        "version": version,
        "purl": f"pkg:npm/left-pad@{version}",
        "hashes": [{"alg": "SHA-512", "content": digest * 128}],
    }


def test_boms_of_others_are_compared(folder: Path) -> None:
    for name, part in (("a", component("1.0.0")), ("b", component("1.0.0", "b"))):
        document = {"bomFormat": "CycloneDX", "specVersion": "1.4", "components": [part]}
        (folder / f"{name}.json").write_text(json.dumps(document))
    found = told("a.json", "b.json")
    assert found["bytes"] is None
    assert [(item["name"], item["of"]) for item in found["changes"]["other_bytes"]] == [
        ("left-pad", "its bytes")
    ]
    assert bom("a.json", "b.json", "--exit-code").exit_code == 1
    (folder / "bad.json").write_text("{")
    with pytest.raises(BomError, match=r"bad\.json is no BOM: not JSON"):
        told_by_function("bad.json", "a.json")
    (folder / "text").write_text("nothing")
    with pytest.raises(BomError, match="text has no BOM, and none can be made of it"):
        told_by_function("text", "a.json")


def told_by_function(one: str, two: str) -> None:
    with diff(Path(one), Path(two), Silent(), os.environ):
        pass


def test_every_format_goes_into_a_file(repository: Path) -> None:
    for form, begins in (
        ("text", "different: v1 and v2\n"),
        ("json", '{\n  "format": 1,\n'),
        ("markdown", "### What changed from `v1` to `v2`\n"),
        ("html", "<!doctype html>\n"),
    ):
        out = repository.parent / f"report.{form}"
        ran = bom("v1", "v2", "--format", form, "-o", str(out), "--color", "never")
        assert (ran.exit_code, ran.output) == (0, "")
        assert out.read_text().startswith(begins)
        assert bom("v1", "v2", "--format", form).stdout == out.read_text()


def test_two_images_of_a_registry_are_compared(folder: Path) -> None:
    store = Store()
    store.image(status("1.0-1"), tag="1")
    store.image(status("1.0~rc1-1"), tag="2")
    with Registry(store) as registry:
        found = told(registry.name("1"), registry.name("2"))
    assert (found["one"]["kind"], found["changes"]["alike"]) == ("image", True)
    assert [(item["name"], item["direction"]) for item in found["changes"]["changed"]] == [
        ("tool (amd64)", "downgrade")
    ]


@pytest.mark.e2e
def test_images_in_the_engine_are_compared_by_their_names(
    folder: Path, need: Need, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = need.engine("modern")
    for name, value in engine.items():
        monkeypatch.setenv(name, value)
    names = [f"bom-test/rp-diff:{number}" for number in (1, 2)]
    try:
        for name, version in zip(names, ("1.0-1", "1.0-2"), strict=True):
            subprocess.run(
                ["docker", "import", "-", name],
                input=status(version), env=engine, capture_output=True, check=True,
            )  # fmt: skip
        found = told(names[0], f"docker:{names[1]}")
        assert [(item["one"], item["two"]) for item in found["changes"]["changed"]] == [
            ("1.0-1", "1.0-2")
        ]
    finally:
        subprocess.run(["docker", "rmi", *names], env=engine, capture_output=True, check=False)
