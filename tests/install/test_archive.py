"""`bom install` of tar archives, and `bom verify --installed` of the folder."""

from __future__ import annotations

import fcntl
import json
import os
import stat
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.install.lab import TIME, entry, folder, hint, link, listed, packed, reason

from bom.install import renaming
from bom.install.folder import replacing

if TYPE_CHECKING:
    from tests.conftest import Need
    from tests.install.lab import Lab

FILES = (
    folder("app"),
    entry("app/README", b"hello\n"),
    folder("app/bin"),
    entry("app/bin/run", b"#!/bin/sh\necho hello\n", mode=0o777),
    link("app/bin/start", "run"),
    entry("app/bin/again", type=tarfile.LNKTYPE, linkname="app/bin/run"),
    link("app/readme", "bin/../README"),
)
TOP = ["app", "app/.bom", "app/.bom/bom.cdx.json", "app/.bom/bom.cdx.json.sigstore.json"]


def left_beside(prefix: Path) -> list[str]:
    return [path.name for path in prefix.parent.iterdir() if path.name.startswith(".bom")]


@pytest.mark.parametrize(
    ("name", "mode"), [("app.tar", ""), ("app.tar.gz", "gz"), ("app.tar.xz", "xz")]
)
def test_what_is_installed_is_what_was_packed_and_nothing_has_drifted(
    lab: Lab, name: str, mode: str
) -> None:
    artifact, prefix = lab.sealed(packed(FILES, mode), name), lab.root / "srv"
    done = lab.install(artifact, "--prefix", prefix)
    assert done.exit_code == 0, reason(done)
    found = listed(prefix)
    assert found["app/README"] == b"hello\n"
    assert found["app/bin/start"] == "-> run"
    run = prefix / "app/bin/run"
    assert stat.S_IMODE(run.stat().st_mode) == 0o755  # nobody but the owner may write
    assert run.samefile(prefix / "app/bin/again")
    assert run.stat().st_mtime == TIME
    assert (prefix / "app/bin").stat().st_mtime == TIME
    assert lab.drift(artifact, prefix) == []
    assert left_beside(prefix) == []
    assert list((lab.root / "tmp").iterdir()) == []


def test_it_is_unpacked_as_tar_does_it(lab: Lab, need: Need) -> None:
    need("tar")
    artifact, prefix, other = lab.sealed(packed(FILES)), lab.root / "srv", lab.root / "other"
    other.mkdir()
    subprocess.run(["tar", "xf", artifact, "-C", other], check=True)
    lab.install(artifact, "--prefix", prefix)
    assert listed(prefix) == listed(other)


def test_the_output_says_what_was_done(lab: Lab) -> None:
    artifact, prefix = lab.sealed(packed(FILES)), lab.root / "srv"
    planned = lab.install(artifact, "--prefix", prefix, "--dry-run")
    built = json.loads(lab.install(artifact, "--prefix", prefix, "--dry-run", "--json").stdout)
    digest = built["steps"][0]["digest"]
    detail = built["steps"][0]["detail"]
    assert not prefix.exists()
    assert (
        planned.stdout
        == f"""\
would install: app.tar into {prefix}
  install  app.tar  {digest}  {detail}
  nothing was changed (--dry-run)
"""
    )
    done = lab.install(artifact, "--prefix", prefix)
    assert (
        done.stdout
        == f"""\
installed: app.tar into {prefix}
  installed  app.tar  {digest}  {detail}
"""
    )
    assert lab.install(artifact, "--prefix", prefix).stdout.splitlines()[1].startswith("  replaced")


def test_from_standard_input_nothing_of_a_damaged_archive_is_unpacked(lab: Lab) -> None:
    artifact, prefix = lab.sealed(packed(FILES)), lab.root / "srv"
    data = artifact.read_bytes()
    assert lab.install("-", "--prefix", prefix, given=data).exit_code == 0
    before = listed(prefix)
    at = data.index(b"echo hello")
    bent = data[:at] + b"echo evil!" + data[at + 10 :]
    done = lab.install("-", "--prefix", prefix, given=bent)
    assert reason(done).startswith("standard input does not verify, so nothing is installed: ")
    assert listed(prefix) == before
    assert left_beside(prefix) == []


def test_whatever_was_changed_is_found_and_the_next_install_mends_it(lab: Lab) -> None:
    artifact, prefix = lab.sealed(packed(FILES)), lab.root / "srv"
    lab.install(artifact, "--prefix", prefix)
    (prefix / "app/README").write_bytes(b"hullo\n")
    (prefix / "app/bin/start").unlink()
    (prefix / "app/bin/start").symlink_to("/bin/sh")
    (prefix / "app/bin/run").chmod(0o4755)
    (prefix / "app/readme").unlink()
    (prefix / "app/new").mkdir()
    (prefix / "app/new/file").touch()
    (prefix / "app/.bom/bom.cdx.json").write_bytes(b"{}")
    assert lab.drift(artifact, prefix) == [
        "changed app/.bom/bom.cdx.json",
        "changed app/README",
        "changed app/bin/again",
        "changed app/bin/run",
        "changed app/bin/start",
        "additional app/new",
        "missing app/readme",
    ]
    assert lab.install(artifact, "--prefix", prefix).exit_code == 0
    assert lab.drift(artifact, prefix) == []


@pytest.mark.parametrize("can_exchange", [True, False])
def test_an_earlier_install_is_replaced_as_a_whole(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, can_exchange: bool
) -> None:
    if not can_exchange:
        monkeypatch.setattr(renaming, "_rename", lambda *_: False)
    old = lab.sealed(packed((folder("app"), entry("app/old", b"1"))), "old.tar")
    new = lab.sealed(packed((folder("app"), entry("app/new", b"2"))), "new.tar")
    prefix = lab.root / "srv"
    lab.install(old, "--prefix", prefix)
    assert lab.install(new, "--prefix", prefix).exit_code == 0
    assert list(listed(prefix)) == [*TOP, "app/new"]
    assert left_beside(prefix) == []


def test_a_folder_that_is_no_install_is_not_touched(lab: Lab) -> None:
    artifact, prefix = lab.sealed(packed(FILES)), lab.root / "srv"
    prefix.mkdir()
    assert lab.install(artifact, "--prefix", prefix).exit_code == 0  # it was empty
    mine = lab.root / "mine"
    mine.mkdir()
    (mine / "letter").write_text("dear\n")
    done = lab.install(artifact, "--prefix", mine)
    assert reason(done) == f"{mine} is there, and is no earlier install"
    (lab.root / "to").symlink_to(prefix)
    assert reason(lab.install(artifact, "--prefix", lab.root / "to")).endswith("/to is a link")
    assert reason(lab.install(artifact, "--prefix", "/")) == "/ can't be replaced as a whole"
    done = lab.install(artifact, "--prefix", lab.root / "no" / "where")
    assert hint(done) == "make that folder first"
    assert reason(lab.install(artifact)) == "an archive needs a folder to be installed into"
    assert listed(mine) == {"letter": b"dear\n"}


UNSAFE = {
    "app/../../evil is": (entry("app/../../evil"), "app/../../evil leads out of the folder"),
    "absolute": (entry("/etc/evil"), "/etc/evil is an absolute name"),
    "link to an absolute name": (link("app/l", "/etc"), "the link app/l leads out of the folder"),
    "link out": (link("app/l", "../../etc"), "the link app/l leads out of the folder"),
    "hard link out": (
        entry("app/h", type=tarfile.LNKTYPE, linkname="../../etc/passwd"),
        "../../etc/passwd leads out of the folder",
    ),
    "hard link to nothing": (
        entry("app/h", type=tarfile.LNKTYPE, linkname="app/none"),
        "app/h is a hard link to what is no file before it",
    ),
    "device": (entry("app/d", type=tarfile.CHRTYPE), "app/d is a character device"),
    "fifo": (entry("app/f", type=tarfile.FIFOTYPE), "app/f is a FIFO"),
    "twice": (entry("app/README", b"other"), "app/README stands in the archive twice"),
    "below a link": (entry("app/readme/x"), "app/readme/x stands below app/readme, no folder"),
    "below a file": (entry("app/README/x"), "app/README/x stands below app/README, no folder"),
    "setuid": (entry("app/su", b"x", mode=0o4755), "app/su is setuid"),
    "setgid folder": (folder("app/s", mode=0o2755), "app/s/ is setgid"),
}  # fmt: skip


@pytest.mark.parametrize("name", UNSAFE)
def test_an_unsafe_entry_is_refused_before_anything_is_written(lab: Lab, name: str) -> None:
    bad, said = UNSAFE[name]
    artifact, prefix = lab.sealed(packed((*FILES, bad))), lab.root / "srv"
    before = listed(lab.root)
    done = lab.install(artifact, "--prefix", prefix, "--json")
    assert reason(done) == f"app.tar is not installed: {said}"
    assert getattr(done.exception, "exit_code", 0) == 1
    assert [item["code"] for item in json.loads(done.stdout)["findings"]] == ["unsafe-entry"]
    assert listed(lab.root) == before


def test_setuid_is_installed_where_it_is_allowed(lab: Lab) -> None:
    artifact = lab.sealed(packed((*FILES, entry("app/su", b"x", mode=0o4755))))
    prefix = lab.root / "srv"
    refused = lab.install(artifact, "--prefix", prefix)
    assert hint(refused) == "--allow-setuid installs it"
    assert lab.install(artifact, "--prefix", prefix, "--allow-setuid").exit_code == 0
    assert stat.S_IMODE((prefix / "app/su").stat().st_mode) == 0o4755
    assert lab.drift(artifact, prefix) == []


def test_files_belong_to_who_installs_them_unless_owners_are_kept(lab: Lab) -> None:
    artifact = lab.sealed(packed((folder("app"), entry("app/a", b"x", uid=4711, gid=4712))))
    prefix = lab.root / "srv"
    assert lab.install(artifact, "--prefix", prefix).exit_code == 0
    assert (prefix / "app/a").stat().st_uid == os.geteuid()
    done = lab.install(artifact, "--prefix", prefix, "--keep-owner")
    if os.geteuid():
        assert reason(done) == "only root can give files to others"
    else:
        there = (prefix / "app/a").stat()
        assert (there.st_uid, there.st_gid) == (4711, 4712)


def test_sparse_files_of_gnu_tar_are_unpacked(lab: Lab, need: Need) -> None:
    need("tar")
    source = lab.root / "s"
    source.mkdir()
    with (source / "disk").open("wb") as out:
        out.seek(5_000_000)
        out.write(b"middle")
        out.truncate(20_000_000)
    for form in ("--format=gnu", "--format=pax"):
        built = lab.root / "sparse.tar"
        subprocess.run(["tar", "-S", form, "-cf", built, "s"], cwd=lab.root, check=True)
        artifact = lab.sealed(built.read_bytes(), f"{form[9:]}.tar")
        prefix = lab.root / form[9:]
        assert lab.install(artifact, "--prefix", prefix).exit_code == 0
        disk = prefix / "s/disk"
        assert disk.read_bytes() == (source / "disk").read_bytes()
        assert disk.stat().st_blocks * 512 < 1_000_000
        assert lab.drift(artifact, prefix) == []


def test_two_installs_at_once_do_not_mix(lab: Lab) -> None:
    artifact, prefix = lab.sealed(packed(FILES)), lab.root / "srv"
    with replacing(prefix) as place:
        done = lab.install(artifact, "--prefix", prefix)
        assert reason(done) == f"another install into {prefix} is running"
        (place.new / "mine").touch()
        place.publish()
    assert list(listed(prefix)) == ["mine"]
    assert left_beside(prefix) == []


def test_a_lock_that_is_waited_for_and_removed_is_taken_anew(lab: Lab) -> None:
    prefix = lab.root / "srv"
    beside = lab.root / ".bom-install-srv"
    beside.mkdir(mode=0o700)
    stale = os.open(beside, os.O_RDONLY)
    beside.rmdir()
    fcntl.flock(stale, fcntl.LOCK_EX)
    with replacing(prefix) as place:
        assert place.new.is_dir()
    os.close(stale)
    assert left_beside(prefix) == []


def test_a_folder_of_somebody_else_beside_it_is_not_used(lab: Lab) -> None:
    artifact, prefix = lab.sealed(packed(FILES)), lab.root / "srv"
    (lab.root / ".bom-install-srv").mkdir(mode=0o777)
    (lab.root / ".bom-install-srv").chmod(0o777)
    done = lab.install(artifact, "--prefix", prefix)
    assert reason(done).endswith(".bom-install-srv is not a folder of an install by this user")
    assert not prefix.exists()


def test_a_full_disk_leaves_the_old_install(lab: Lab) -> None:
    disk = lab.root / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(disk)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"a tmpfs can't be mounted here: {mounted.stderr.strip()}")
    try:
        prefix = disk / "srv"
        old = lab.sealed(packed((folder("app"), entry("app/old", b"1"))), "old.tar")
        new = lab.sealed(packed((folder("app"), entry("app/new", bytes(2_000_000)))), "new.tar")
        assert lab.install(old, "--prefix", prefix).exit_code == 0
        before = listed(prefix)
        done = lab.install(new, "--prefix", prefix)
        assert reason(done) == f"{prefix} can't be installed: No space left on device"
        assert hint(done) == "make room on its disk; what was there before is still there"
        assert getattr(done.exception, "exit_code", 0) == 3
        assert listed(prefix) == before
        assert left_beside(prefix) == []
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


@pytest.mark.parametrize(("way", "moments"), [("exchange", 20), ("two-steps", 10)])
def test_killed_at_any_moment_the_old_install_or_the_new_one_stands_there(
    lab: Lab, way: str, moments: int
) -> None:
    for name in ("one", "two"):
        many = [entry(f"app/{name}-{number}", b"x" * number) for number in range(20)]
        entries = (folder("app"), folder("app/d"), *many, link("app/l", "d"))
        lab.sealed(packed(entries), f"{name}.tar")
    command = [sys.executable, str(Path(__file__).with_name("killing.py")), str(lab.root)]
    # in memory where that can be: every install waits for its disk, which others use, too
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else lab.root) as place:
        command += [f"{place}/srv", way, str(moments)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout.startswith(f"{moments} moments: old "), done.stdout + done.stderr
    assert "new " in done.stdout
    assert ("restored" in done.stdout) == (way == "two-steps")
