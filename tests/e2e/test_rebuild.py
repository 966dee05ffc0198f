"""`bom rebuild` of what builds files: wheels, sdists, tars, npm packages; and what goes wrong."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.e2e.builds import Bom, Key, git
from tests.e2e.rebuilds import TAR, Rebuilder, commit, sealed

if TYPE_CHECKING:
    from tests.conftest import Need


@pytest.mark.e2e
@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_a_python_package_comes_out_the_same(
    kind: str, package: object, bom: Bom, key: Key, need: Need, rebuild: Rebuilder
) -> None:
    from tests.e2e.builds import Package

    assert isinstance(package, Package)
    artifact = package.wheel if kind == "wheel" else package.sdist
    done = rebuild(artifact, "--source", package.root, "--json")
    assert json.loads(done.stdout) == {"verdict": "same", "differences": [], "normalised": []}
    assert "another tool" not in done.stderr


def test_a_tar_comes_out_the_same_and_can_be_kept(
    tars: Path, bom: Bom, key: Key, rebuild: Rebuilder, tmp_path: Path
) -> None:
    artifact = sealed(bom, key, tars)
    (tmp_path / "again").mkdir()
    done = rebuild(artifact, "--source", tars, "-o", tmp_path / "again")
    assert done.stdout == "same: app.tar\n"
    bom("strip", artifact, "-o", tmp_path / "stripped", cwd=tars)
    assert (tmp_path / "again" / "app.tar").read_bytes() == (tmp_path / "stripped").read_bytes()
    assert git(tars, "status", "--porcelain") == ""


def test_an_npm_package_comes_out_the_same(
    bom: Bom, key: Key, need: Need, rebuild: Rebuilder, tmp_path: Path
) -> None:
    npm = need("npm")
    root = tmp_path / "npm"
    root.mkdir()
    (root / "package.json").write_text('{"name": "app", "version": "1.0.0"}\n')
    (root / "index.js").write_text("module.exports = 1\n")
    (root / ".gitignore").write_text("*.tgz\n*.sigstore.jsonl\n")
    git(root, "init", "-q")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "app")
    path = os.pathsep.join([str(Path(npm).parent), os.environ["PATH"]])
    bom("build", "--key", key.private, "--", "npm", "pack", cwd=root, more={"PATH": path})
    done = rebuild(root / "app-1.0.0.tgz", "--source", root, PATH=path)
    assert done.stdout == "same: app-1.0.0.tgz\n"


def test_what_two_keys_sealed_is_the_same_stripped(
    tars: Path, bom: Bom, key: Key, tmp_path: Path
) -> None:
    bom("key", "generate", "--out", tmp_path / "other", cwd=tmp_path)
    files = []
    for name, private in (("one", key.private), ("two", tmp_path / "other.key")):
        clone = tmp_path / name
        git(tmp_path, "clone", "-q", str(tars), str(clone))
        artifact = sealed(bom, Key(private, private), clone)
        bom("strip", artifact, "-o", tmp_path / f"{name}.tar", cwd=tmp_path)
        files.append((artifact.read_bytes(), (tmp_path / f"{name}.tar").read_bytes()))
    assert files[0][0] != files[1][0]
    assert files[0][1] == files[1][1]


def test_a_build_that_writes_the_clock_is_different_and_names_the_file(
    tars: Path, bom: Bom, key: Key, rebuild: Rebuilder
) -> None:
    commit(tars, build_sh="date +%s%N >README\n" + TAR)
    artifact = sealed(bom, key, tars)
    git(tars, "checkout", "-q", "README")
    found = json.loads(rebuild(artifact, "--source", tars, "--json", code=1).stdout)
    assert found["verdict"] == "different"
    (difference,) = found["differences"]
    assert (difference["path"], difference["cause"]) == ("README", "timestamp")
    assert set(difference) == {"path", "cause", "candidates", "evidence", "remedy"}


def test_settings_are_as_they_were_and_not_as_they_are_here(
    tars: Path, bom: Bom, key: Key, rebuild: Rebuilder
) -> None:
    commit(
        tars, build_sh='echo "$CFLAGS $LDFLAGS $PWD_IN" >README; (cd in; pwd -P) >/dev/null\n' + TAR
    )
    (tars / "in").mkdir()
    (tars / "in" / "keep").write_text("")
    commit(tars)
    more = {"CFLAGS": "-O2"}
    bom("build", "--key", key.private, "--", "sh", "build.sh", cwd=tars, more=more)
    git(tars, "checkout", "-q", "README")
    done = rebuild(tars / "app.tar", "--source", tars, CFLAGS="-O0", LDFLAGS="-s")
    assert done.stdout == "same: app.tar\n"


def test_it_is_built_in_the_folder_that_was_built_in(
    tars: Path, bom: Bom, key: Key, rebuild: Rebuilder
) -> None:
    (tars / "sub").mkdir()
    (tars / "sub" / "build.sh").write_text("cp ../README . && " + TAR)
    commit(tars)
    sealed(bom, key, tars / "sub")
    (tars / "sub" / "README").unlink()
    assert rebuild(tars / "sub" / "app.tar", "--source", tars).stdout == "same: app.tar\n"


def test_an_artifact_that_was_named_by_a_glob_is_found_again(
    tars: Path, bom: Bom, key: Key, rebuild: Rebuilder
) -> None:
    commit(tars, build_sh="mkdir -p out; cp README out/app.bin\n", _gitignore="out\n")
    bom(
        *("build", "--key", key.private, "--artifact", "out/*.bin", "--", "sh", "build.sh"),
        cwd=tars,
    )
    assert rebuild(tars / "out" / "app.bin", "--source", tars).stdout == "same: app.bin\n"


# --- refused, before anything is run -----------------------------------------------------------


def test_what_does_not_verify_is_not_run(
    tars: Path, bom: Bom, key: Key, rebuild: Rebuilder, tmp_path: Path
) -> None:
    artifact = sealed(bom, key, tars)
    data = bytearray(artifact.read_bytes())
    data[data.index(b"hello\n")] ^= 1
    bad = tmp_path / "bad.tar"
    bad.write_bytes(data)
    done = rebuild(bad, "--source", tars, code=1)
    assert done.stderr.startswith("error: bad.tar does not verify, so nothing is built: ")
    assert done.stderr.endswith("hint: `bom verify bad.tar` says more\n")
    bom("key", "generate", "--out", tmp_path / "other", cwd=tmp_path)
    bom(
        *("rebuild", artifact, "--key", tmp_path / "other.pub", "--source", tars),
        cwd=tmp_path,
        code=1,
    )


def test_a_bom_of_a_tree_with_changes_is_refused_but_for_that_very_tree(
    tars: Path, bom: Bom, key: Key, rebuild: Rebuilder, tmp_path: Path
) -> None:
    clean = tmp_path / "clean"
    git(tmp_path, "clone", "-q", str(tars), str(clean))
    (tars / "README").write_text("changed\n")
    artifact = sealed(bom, key, tars)
    done = rebuild(artifact, "--source", clean, code=2)
    assert done.stderr.startswith(
        "error: this was built from a tree with changes that are in no commit: README;"
        " --source has other ones\nhint: commit, "
    )
    assert rebuild(artifact, "--source", tars).stdout == "same: app.tar\n"


def test_a_bom_without_a_revision_is_refused(
    tars: Path, bom: Bom, key: Key, rebuild: Rebuilder
) -> None:
    shutil.rmtree(tars / ".git")
    artifact = sealed(bom, key, tars)
    done = rebuild(artifact, "--source", tars, code=2)
    assert done.stderr.startswith("error: app.tar: its BOM records no revision of the source")


def test_a_secret_that_the_bom_leaves_out_has_to_be_given(
    tars: Path, bom: Bom, key: Key, rebuild: Rebuilder
) -> None:
    artifact = sealed(bom, key, tars, "env", "API_TOKEN=s3cret-Value9", "sh", "build.sh")
    done = rebuild(artifact, "--source", tars, code=2)
    assert done.stderr == (
        "error: the BOM leaves out secrets that the build was given: API_TOKEN\n"
        "hint: give each one here: --env API_TOKEN takes it from this environment\n"
    )
    done = rebuild(artifact, "--source", tars, "--env", "API_TOKEN", API_TOKEN="s3cret-Value9")
    assert done.stdout == "same: app.tar\n"
    assert "s3cret" not in done.stderr
    done = rebuild(artifact, "--source", tars, "--env", "API_TOKEN", code=2)
    assert done.stderr.startswith("error: --env API_TOKEN: it is not set here\n")


def test_a_secret_is_not_shown_when_the_build_fails(
    tars: Path, bom: Bom, key: Key, rebuild: Rebuilder
) -> None:
    commit(tars, build_sh='test -e ../../broken && exit 3\ntest "$BROKEN" && exit 3\n' + TAR)
    artifact = sealed(bom, key, tars, "env", "API_TOKEN=s3cret-Value9", "sh", "build.sh")
    done = rebuild(
        *(artifact, "--source", tars, "--env", "API_TOKEN=s3cret-Value9"), code=1, BROKEN="1"
    )
    assert done.stderr.splitlines()[0] == (
        "error: it does not build: `env 'API_TOKEN=[redacted]' sh build.sh` ended with exit code 3"
    )
    assert "s3cret" not in done.stderr


def test_a_tool_that_is_missing_is_said_with_exit_code_3(
    tars: Path, bom: Bom, key: Key, rebuild: Rebuilder, tmp_path: Path
) -> None:
    tool = tmp_path / "bin" / "packer"
    tool.parent.mkdir()
    tool.write_text("#!/bin/sh\nexec sh build.sh\n")
    tool.chmod(0o755)
    path = os.pathsep.join([str(tool.parent), os.environ["PATH"]])
    bom("build", "--key", key.private, "--", "packer", cwd=tars, more={"PATH": path})
    done = rebuild(tars / "app.tar", "--source", tars, code=3)
    assert done.stderr.startswith("error: packer is not here, and the build is run by it\nhint: ")
    tool.write_text(tool.read_text() + "# other bytes\n")
    done = rebuild(tars / "app.tar", "--source", tars, PATH=path)
    assert "warning: another tool than was recorded: wrapped packer: " in done.stderr
    done = rebuild(tars / "app.tar", "--source", tars, "--strict-tools", code=1, PATH=path)
    assert "error: --strict-tools: 1 of the recorded tools are others here" in done.stderr


CALLS = [
    (("--sign-key", "nope.key"), "error: --sign-key: there is no file nope.key\n"),
    (("--attestation-out", "x"), "error: --attestation-out needs --sign-key\n"),
    (("-o", "nope/"), "error: -o: nope is no folder\n"),
    (("--html", "nope/r.html"), "error: the folder of nope/r.html is not there\n"),
    (("--env", "=x"), "error: --env =x has no name\n"),
    (("--source", "nope"), "error: --source: there is no nope\n"),
    (("--accept", "different"), "error: Invalid value for '--accept'"),
]


def test_a_wrong_call_is_said_before_the_build(
    tars: Path, bom: Bom, key: Key, rebuild: Rebuilder
) -> None:
    artifact = sealed(bom, key, tars)
    for arguments, said in CALLS:
        assert rebuild(artifact, *arguments, code=2).stderr.startswith(said)


# --- while it is built -------------------------------------------------------------------------


def test_a_build_that_fails_half_way_leaves_nothing(
    tars: Path, bom: Bom, key: Key, rebuild: Rebuilder
) -> None:
    script = "mkdir -p deep/er; touch deep/er/x; chmod 500 deep/er deep\n" + TAR
    commit(tars, build_sh=script + 'test -z "$BROKEN" || exit 3\n', _gitignore="*.tar\ndeep\n")
    artifact = sealed(bom, key, tars)
    done = rebuild(artifact, "--source", tars, code=1, BROKEN="1")
    assert done.stderr == (
        "error: it does not build: `sh build.sh` ended with exit code 3\n"
        "hint: its own output above says why\n"
    )
    assert done.stdout == ""


def test_a_build_that_makes_nothing_is_a_finding(
    tars: Path, bom: Bom, key: Key, rebuild: Rebuilder
) -> None:
    commit(tars, build_sh='test -n "$BROKEN" && exit 0\n' + TAR)
    artifact = sealed(bom, key, tars)
    done = rebuild(artifact, "--source", tars, code=1, BROKEN="1")
    assert done.stderr.startswith("error: it does not build: the build made no artifact")


def test_a_disk_that_is_full_is_said_and_nothing_is_left(
    tars: Path, bom: Bom, key: Key, tmp_path: Path
) -> None:
    if os.geteuid():
        pytest.skip("a small file system can be mounted by root only")
    small = tmp_path / "small"
    small.mkdir()
    (tars / "large").write_bytes(os.urandom(3_000_000))
    commit(tars)
    artifact = sealed(bom, key, tars)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", small], check=True)
    try:
        rebuild = Rebuilder(bom, key, small)
        done = rebuild(artifact, "--source", tars, code=2)
        assert done.stderr.startswith(f"error: the source can't be had from {tars}: ")
    finally:
        subprocess.run(["umount", small], check=True)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_leaves_nothing(
    number: signal.Signals, tars: Path, bom: Bom, key: Key, tmp_path: Path
) -> None:
    commit(tars, build_sh='test -z "$MARK" || { touch "$MARK"; sleep 60; }\n' + TAR)
    artifact = sealed(bom, key, tars)
    room, mark = tmp_path / "tmp", tmp_path / "mark"
    room.mkdir()
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "bom", "rebuild", artifact),
            *("--key", key.public, "--source", tars),
        ],
        cwd=tmp_path,
        env=bom.variables(TMPDIR=str(room), MARK=str(mark)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    end = time.monotonic() + 60
    while not mark.exists() and time.monotonic() < end:
        time.sleep(0.05)
    process.send_signal(number)
    out, said = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert out == ""
    assert "Traceback" not in said
    assert said.splitlines()[-1].startswith("error: the build was stopped: `sh build.sh`")
    assert list(room.iterdir()) == []


def test_no_folder_of_a_rebuild_is_open_to_others(
    tars: Path, bom: Bom, key: Key, rebuild: Rebuilder, tmp_path: Path
) -> None:
    commit(tars, build_sh='test -z "$MARK" || stat -c %a "$TMPDIR"/* >"$MARK"\n' + TAR)
    artifact = sealed(bom, key, tars)
    rebuild(artifact, "--source", tars, MARK=str(tmp_path / "mark"))
    assert (tmp_path / "mark").read_text() == "700\n"
    assert tempfile.gettempdir() != str(tmp_path)
