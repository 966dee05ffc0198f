"""Each factor is changed for real, and its probe sees it."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import pytest

from bom.model import Revision
from bom.vary import FACTORS, varied
from bom.vary.clone import checked_out, tracked
from bom.vary.machine import Clock, Processors
from bom.vary.protocol import Circumstance, Host, NotVaried, Place
from bom.vary.sight import claims, sight
from bom.vary.source import scratch_folder
from bom.vary.variables import Locale

NAMES = [factor.name for factor in FACTORS]


class _Need(Protocol):
    def __call__(self, tool: str) -> str: ...


def environment() -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": os.environ.get("HOME", "/"),
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
    }


def repository(folder: Path) -> str:
    """A commit of some files; its ID."""
    folder.mkdir(parents=True)
    for name in ("zeta", "alpha", "inside/deep", "inside/beta", "gamma", "delta", "one", "two"):
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"{name}\n")
        path.chmod(0o644)
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "all")
    return git(folder, "rev-parse", "HEAD")


def git(folder: Path, *words: str) -> str:
    who = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", *who, *words], cwd=folder, capture_output=True, check=True)
    return done.stdout.decode().strip()


def places(tmp_path: Path, scratch: Path, *names: str) -> tuple[Place, Place, list[str]]:
    """Both places, the second with these factors changed, and what could not be."""
    source = tmp_path / "source"
    commit = repository(source)
    first = Place(source, environment(), files=tracked(source, environment()))
    factors = tuple(factor for factor in FACTORS if factor.name in names)
    start = Circumstance(scratch, "source", environment())
    found = varied(start, Host(scratch, first), factors=factors)
    checked_out(Revision(commit), source, found.circumstance)
    there = found.circumstance
    second = Place(there.source, there.environment, there.prefix, first.files)
    return first, second, [name for name, _ in found.kept]


@pytest.mark.parametrize("name", NAMES)
def test_a_factor_is_seen_by_its_own_probe_and_changes_no_other(
    name: str, tmp_path: Path, need: _Need
) -> None:
    need({"clock": "faketime", "processors": "taskset"}.get(name, "unshare"))
    with scratch_folder() as scratch:
        first, second, kept = places(tmp_path, scratch, name)
        seen = sight(first, second)
        if kept and os.environ.get("BOM_REQUIRE_TOOLS") != "1":
            pytest.skip(f"this user or file system can't vary it: {name}")
        assert not kept
        differing = {other for other in NAMES if seen.differs(other)}
    # a clone has to lie somewhere else in any case; the order of files may change its file system
    assert differing - {"path"} == {name} - {"path"}
    assert seen.differs(name)


def test_all_factors_at_once_are_seen(tmp_path: Path, need: _Need) -> None:
    for tool in ("faketime", "taskset", "unshare"):
        need(tool)
    with scratch_folder() as scratch:
        first, second, kept = places(tmp_path, scratch, *NAMES)
        seen = sight(first, second)
        assert not kept
        assert claims(NAMES, seen) == (tuple(sorted(NAMES)), ())
        assert git(second.source, "status", "--porcelain") == ""
        memory = list(Path("/dev/shm").glob(f"{scratch.name}-*"))
    assert not scratch.exists()
    assert not any(path.exists() for path in memory)


def test_what_a_machine_has_no_means_for_is_not_varied_and_says_why(tmp_path: Path) -> None:
    source = tmp_path / "source"
    repository(source)
    bare = {**environment(), "PATH": str(tmp_path)}
    host = Host(tmp_path, Place(source, bare))
    start = Circumstance(tmp_path, "source", bare)
    with pytest.raises(NotVaried, match="faketime is not installed"):
        Clock().apply(start, host)
    found = varied(start, host, factors=(Clock(),))
    assert found.kept == (("clock", "faketime is not installed"),)
    assert found.circumstance == start


def test_a_locale_of_a_folder_of_its_own_is_one_to_build_with(tmp_path: Path, need: _Need) -> None:
    localedef = need("localedef")
    if not Path("/usr/share/i18n/locales/de_DE").is_file():
        pytest.skip("the locales that localedef compiles are not installed (Debian: locales)")
    made = tmp_path / "locales" / "zz_ZZ.UTF-8"
    made.parent.mkdir()
    subprocess.run([localedef, "-i", "de_DE", "-f", "UTF-8", made], check=True, capture_output=True)
    for place in (str(made.parent), f":{tmp_path / 'nothing'}:{made.parent}"):
        variables = {**environment(), "LOCPATH": place}
        host = Host(tmp_path, Place(tmp_path, variables))
        found = Locale().apply(Circumstance(tmp_path, "source", variables), host)
        assert found.environment["LC_ALL"] == made.name


def test_one_processor_can_not_be_fewer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {3})
    host = Host(tmp_path, Place(tmp_path, environment()))
    with pytest.raises(NotVaried, match="only one"):
        Processors().apply(Circumstance(tmp_path, "source", environment()), host)


def test_what_no_probe_sees_is_not_claimed(tmp_path: Path) -> None:
    with scratch_folder() as scratch:
        first, _, _ = places(tmp_path, scratch, "path")
        # changed as it is said, but not in the place that the program runs in
        unseen = sight(first, replace(first))
        varied_names, kept = claims(("clock", "hostname"), unseen)
    assert varied_names == ()
    assert [name for name, _ in kept] == ["clock", "hostname"]


def test_a_second_checkout_has_the_tags_branch_and_remote_of_the_first(tmp_path: Path) -> None:
    source = tmp_path / "source"
    commit = repository(source)
    git(source, "tag", "v1.0")
    git(source, "remote", "add", "origin", "https://example.org/project.git")
    hook = source / ".git/hooks/post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/hooked\n")
    hook.chmod(0o755)
    with scratch_folder() as scratch:
        there = Circumstance(scratch, "again", environment())
        checked_out(Revision(commit), source, there)
        assert git(there.source, "describe", "--tags") == "v1.0"
        assert git(there.source, "rev-parse", "--abbrev-ref", "HEAD") == "main"
        assert git(there.source, "remote", "get-url", "origin") == "https://example.org/project.git"
    assert not (tmp_path / "hooked").exists()


def test_a_read_only_folder_of_a_second_build_is_removed(tmp_path: Path) -> None:
    with scratch_folder() as scratch:
        (scratch / "cache").mkdir()
        (scratch / "cache/file").touch()
        (scratch / "cache").chmod(0o500)
        assert scratch.stat().st_mode & 0o777 == 0o700
    assert not scratch.exists()
