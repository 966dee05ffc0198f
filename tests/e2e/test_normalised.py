"""`bom build --normalize` and `--as-is` on the command line: what is sealed, what is told, and what
is refused."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from tests.e2e.builds import Bom, Key, git

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Need

pytestmark = pytest.mark.e2e

TAR = ("tar", "czf", "one.tar.gz", "one")
SHOWN = "env | grep -E '^(LANG|LANGUAGE|LC_.*|TZ|PYTHONHASHSEED|SOURCE_DATE_EPOCH)=' | sort"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    (folder / "one").mkdir(parents=True)
    (folder / "one" / "file").write_text("content\n")
    (folder / ".gitignore").write_text("*.gz\n*.bz2\n*.tar\n*.txt\n")
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "one")
    return folder


def show(bom: Bom, artifact: Path) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(bom("show", "--json", artifact, cwd=artifact.parent).stdout)
    return value


def facts(bom: Bom, path: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for entry in show(bom, path)["metadata"]["component"]["properties"]:
        found.setdefault(entry["name"], []).append(entry["value"])
    return found


def run_details(path: Path) -> dict[str, Any]:
    """What the run record says that differs from run to run."""
    record = path.with_name(path.name + ".sigstore.jsonl").read_text().splitlines()[0]
    statement = json.loads(base64.b64decode(json.loads(record)["dsseEnvelope"]["payload"]))
    found: dict[str, Any] = statement["predicate"]["buildDefinition"]["internalParameters"]
    return found


def test_the_normalised_file_is_sealed_and_both_digests_are_told(
    bom: Bom, key: Key, source: Path, tmp_path: Path
) -> None:
    result = tmp_path / "result.json"
    bom("build", "--normalize", "--result", result, "--key", key.private, "--", *TAR, cwd=source)
    sealed = source / "one.tar.gz"
    told = json.loads(result.read_text())["artifacts"][0]
    out = tmp_path / "stripped"
    bom("strip", sealed, "-o", out, cwd=source)
    assert hashlib.sha256(out.read_bytes()).hexdigest() == told["built_sha256"]
    details = run_details(sealed)
    assert details["original.sha256"] == told["original_sha256"] != told["built_sha256"]
    assert details["normalised.times"] == "2"
    found = facts(bom, sealed)
    assert found["bom-seal:normalised:epoch"] == ["1767225600"]
    assert {"order", "times", "owners", "modes"} <= set(found["bom-seal:normalised"])
    bom("verify", sealed, "--key", key.public, cwd=source)


def test_a_second_build_that_makes_nothing_new_leaves_it_as_it_is(
    bom: Bom, key: Key, source: Path
) -> None:
    script = "test -e one.tar.gz || tar czf one.tar.gz one"
    for word in ("sealed", "already sealed"):
        wrapped = ("--key", key.private, "--", "sh", "-c", script)
        done = bom("build", "--normalize", *wrapped, cwd=source)
        assert done.stderr.startswith(f"{word} one.tar.gz: "), done.stderr


def test_a_project_says_it_for_all_and_the_command_line_wins(
    bom: Bom, key: Key, source: Path
) -> None:
    (source / "bom.toml").write_text("normalize = true\n")
    bom("build", "--key", key.private, "--", *TAR, cwd=source)
    assert "bom-seal:normalised" in facts(bom, source / "one.tar.gz")
    bom("build", "--no-normalize", "--key", key.private, "--", *TAR, cwd=source)
    assert "bom-seal:normalised" not in facts(bom, source / "one.tar.gz")


def test_what_no_normaliser_knows_is_sealed_as_built_and_says_so(
    bom: Bom, key: Key, source: Path, need: Need
) -> None:
    need("bzip2")
    command = ("tar", "cjf", "o.tar.bz2", "one")
    done = bom("build", "--normalize", "--key", key.private, "--", *command, cwd=source)
    told = "o.tar.bz2 is not normalised: this version normalises no file of this format"
    assert told in done.stderr
    document = json.loads((source / "o.tar.bz2.bom.cdx.json").read_text())
    gaps = [entry["text"] for entry in document["annotations"]]
    why = "it is sealed as it was built: this version normalises no file of this format"
    assert f"artifact.normalised: file: {why}" in gaps


def test_without_a_time_it_is_refused_before_the_command_runs(
    bom: Bom, key: Key, tmp_path: Path
) -> None:
    folder = tmp_path / "no-commit"
    folder.mkdir()
    done = bom(
        "build", "--normalize", "--key", key.private, "--", "touch", "ran", cwd=folder, code=125
    )
    assert done.stderr == (
        "error: --normalize needs a time to set, and there is none: the project has no commit, and"
        " SOURCE_DATE_EPOCH is not set\n"
        "hint: commit first, or set SOURCE_DATE_EPOCH to seconds since 1970\n"
        "bom: this exit code 125 is bom's own, not the command's\n"
    )
    assert list(folder.iterdir()) == []


def test_the_command_gets_one_environment_and_as_is_its_own(
    bom: Bom, key: Key, source: Path
) -> None:
    script = f"({SHOWN}; umask) > seen.txt && tar cf seen.tar one seen.txt"
    mine = {"TZ": "Asia/Tokyo", "LANG": "C.UTF-8", "LC_ALL": "", "LANGUAGE": "de"}

    def seen(*options: str) -> list[str]:
        command = ("sh", "-c", f"umask 027; exec bom build {' '.join(options)} --unsigned -- sh x")
        (source / "x").write_text(script)
        done = subprocess.run(
            command,
            cwd=source,
            env={k: v for k, v in bom.variables().items() if not k.startswith("LC_")} | mine,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return (source / "seen.txt").read_text().splitlines()

    fixed = ["LC_ALL=C.UTF-8", "PYTHONHASHSEED=0", "SOURCE_DATE_EPOCH=1767225600", "TZ=UTC"]
    assert seen() == [*fixed, "0022"]
    inputs = str(show(bom, source / "seen.tar")["formulation"])
    assert "'TZ', 'value': 'UTC'" in inputs
    assert "LANG" not in inputs
    assert seen("--as-is") == ["LANG=C.UTF-8", "LANGUAGE=de", "LC_ALL=", "TZ=Asia/Tokyo", "0027"]
    inputs = str(show(bom, source / "seen.tar")["formulation"])
    assert "'name': 'as-is', 'value': 'true'" in inputs
    assert "Tokyo" not in inputs
