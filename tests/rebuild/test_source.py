"""The source of a rebuild: a clone of our own, with real repositories."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.e2e.builds import git

from bom.errors import BomError
from bom.model import Revision, Submodule
from bom.observe.source import revision
from bom.rebuild.recipe import SourceRecord
from bom.rebuild.source import Source, check_out
from bom.seal import is_left_by_bom

if TYPE_CHECKING:
    from bom.git import Git


def head(root: Path) -> str:
    return git(root, "rev-parse", "HEAD").strip()


def recorded(root: Path) -> SourceRecord:
    """What a BOM of this tree would record."""
    facts = revision(root, (), is_left_by_bom)
    found = next(fact for fact in facts if isinstance(fact, Revision))
    changed = (*found.modified, *found.untracked)
    return SourceRecord(found.commit, "", found.submodules, changed, found.tree_digest)


@pytest.fixture
def into(tmp_path: Path) -> Path:
    place = tmp_path / "private"
    place.mkdir()
    return place


def refused(record: SourceRecord, source: Source, into: Path, client: Git) -> str:
    with pytest.raises(BomError) as caught:
        check_out(record, source, into, client)
    assert caught.value.hint
    return caught.value.reason


def test_a_folder_is_cloned_with_its_tags(repository: Path, into: Path, client: Git) -> None:
    done = check_out(recorded(repository), Source(str(repository)), into, client)
    assert done.root == into / "app"
    assert done.notes == ()
    assert git(done.root, "describe").startswith("v1.0-1-g")
    assert (done.root / "README").read_text() == "two\n"


def test_a_folder_below_the_top_names_the_same_repository(
    repository: Path, into: Path, client: Git
) -> None:
    (repository / "docs").mkdir()
    place = Source(str(repository / "docs"))
    assert check_out(recorded(repository), place, into, client).root.name == "app"


def test_an_older_revision_is_what_is_built(repository: Path, into: Path, client: Git) -> None:
    record = SourceRecord(git(repository, "rev-parse", "v1.0^{commit}").strip())
    done = check_out(record, Source(str(repository)), into, client)
    assert (done.root / "README").read_text() == "one\n"


def test_a_commit_that_no_branch_leads_to_is_found(
    repository: Path, into: Path, client: Git
) -> None:
    record = recorded(repository)
    git(repository, "reset", "-q", "--hard", "HEAD~1")
    done = check_out(record, Source(str(repository)), into, client)
    assert (done.root / "README").read_text() == "two\n"


def test_a_bare_repository_and_a_bundle_are_sources(
    repository: Path, into: Path, client: Git, tmp_path: Path
) -> None:
    bundle, bare = tmp_path / "app.bundle", tmp_path / "app.git"
    git(repository, "bundle", "create", "-q", str(bundle), "--all")
    git(repository, "clone", "-q", "--bare", str(repository), str(bare))
    for number, place in enumerate((bundle, bare)):
        room = into / str(number)
        room.mkdir()
        done = check_out(recorded(repository), Source(str(place)), room, client)
        assert done.root.name == "app"
        assert git(done.root, "describe").startswith("v1.0-1-g")


def test_the_recorded_remote_is_reached_by_https(
    repository: Path, into: Path, client: Git, environment: dict[str, str]
) -> None:
    """By the user's own `insteadOf`: no public host is reached."""
    (Path(environment["HOME"]) / ".gitconfig").write_text(
        f'[url "file://{repository}"]\n  insteadOf = https://git.example.com/team/app\n'
    )
    record = SourceRecord(head(repository), "git.example.com/team/app")
    assert check_out(record, Source(), into, client).root.name == "app"


def test_a_remote_that_does_not_answer_is_said(into: Path, client: Git) -> None:
    record = SourceRecord("a" * 40, "localhost:1/team/app")
    said = refused(record, Source(), into, client)
    assert said.startswith("the source can't be had from https://localhost:1/team/app: ")
    assert list(into.iterdir()) == []


def test_without_a_remote_a_source_has_to_be_named(into: Path, client: Git) -> None:
    said = refused(SourceRecord("a" * 40), Source(), into, client)
    assert said == "the BOM records no remote that the source could be had from"


def test_a_revision_that_is_gone_is_said(repository: Path, into: Path, client: Git) -> None:
    said = refused(SourceRecord("a" * 40), Source(str(repository)), into, client)
    assert said.startswith(f"the source does not have the revision {'a' * 40}")


def test_a_source_that_differs_by_a_byte_has_another_commit(
    repository: Path, into: Path, client: Git, tmp_path: Path
) -> None:
    record = recorded(repository)
    other = tmp_path / "other"
    git(repository, "clone", "-q", "--no-local", str(repository), str(other))
    (other / "README").write_text("twO\n")
    git(other, "commit", "-q", "-a", "--amend", "-m", "two")
    git(other, "remote", "remove", "origin")
    git(other, "reflog", "expire", "--expire=now", "--all")
    git(other, "gc", "-q", "--prune=now")
    assert "does not have the revision" in refused(record, Source(str(other)), into, client)


def test_an_object_that_was_tampered_with_is_found(
    repository: Path, into: Path, client: Git
) -> None:
    blob = git(repository, "rev-parse", "HEAD:README").strip()
    other = git(repository, "rev-parse", "v1.0:README").strip()
    objects = repository / ".git" / "objects"
    place = objects / blob[:2] / blob[2:]
    place.chmod(0o644)
    place.write_bytes((objects / other[:2] / other[2:]).read_bytes())
    assert "can't be had" in refused(recorded(repository), Source(str(repository)), into, client)


def test_a_shallow_source_is_refused(
    repository: Path, into: Path, client: Git, tmp_path: Path
) -> None:
    shallow = tmp_path / "shallow"
    git(repository, "clone", "-q", "--depth=1", f"file://{repository}", str(shallow))
    said = refused(recorded(repository), Source(str(shallow)), into, client)
    assert said.startswith(f"{shallow} is a shallow clone")


@pytest.mark.parametrize("place", ["nowhere", "--upload-pack=touch ran"])
def test_a_place_that_is_not_there_is_said(
    place: str, into: Path, client: Git, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    refused(SourceRecord("a" * 40), Source(place), into, client)
    assert not (tmp_path / "ran").exists()


def test_a_folder_that_is_no_repository_is_said(into: Path, client: Git, tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.mkdir()
    said = refused(SourceRecord("a" * 40), Source(str(plain)), into, client)
    assert said.startswith(f"the source can't be had from {plain}")


def test_changes_in_the_source_are_left_out_and_that_is_said(
    repository: Path, into: Path, client: Git
) -> None:
    record = recorded(repository)
    (repository / "README").write_text("three\n")
    (repository / "new").write_text("new\n")
    done = check_out(record, Source(str(repository)), into, client)
    assert (done.root / "README").read_text() == "two\n"
    assert not (done.root / "new").exists()
    (note,) = done.notes
    assert note.startswith(f"what is built is the commit {record.commit[:12]}")
    assert (repository / "README").read_text() == "three\n"


def test_nothing_that_a_hostile_source_names_is_run(
    repository: Path, into: Path, client: Git, tmp_path: Path
) -> None:
    mark = tmp_path / "ran"
    run = tmp_path / "run"
    run.write_text(f"#!/bin/sh\ntouch {mark}\nexec cat\n")
    run.chmod(0o755)
    (repository / ".gitattributes").write_text("* filter=evil\n")
    git(repository, "add", "-A")
    git(repository, "commit", "-q", "-m", "attributes")
    for key in (
        *("filter.evil.smudge", "filter.evil.clean", "filter.evil.process", "core.fsmonitor"),
        *("uploadpack.packObjectsHook", "core.sshCommand", "core.alternateRefsCommand"),
    ):
        git(repository, "config", key, str(run))
    for name in ("post-checkout", "post-merge", "reference-transaction", "pre-commit"):
        hook = repository / ".git" / "hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(run.read_text())
        hook.chmod(0o755)
    mark.unlink(missing_ok=True)
    record = SourceRecord(head(repository))
    mark.unlink(missing_ok=True)
    check_out(record, Source(str(repository)), into, client)
    assert not mark.exists()


def test_the_user_s_own_template_hooks_do_not_run(
    repository: Path, into: Path, client: Git, environment: dict[str, str], tmp_path: Path
) -> None:
    hooks = tmp_path / "template" / "hooks"
    hooks.mkdir(parents=True)
    (hooks / "post-checkout").write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    (hooks / "post-checkout").chmod(0o755)
    (Path(environment["HOME"]) / ".gitconfig").write_text(
        f"[init]\n  templateDir = {hooks.parent}\n[core]\n  hooksPath = {hooks}\n"
    )
    check_out(recorded(repository), Source(str(repository)), into, client)
    assert not (tmp_path / "ran").exists()


def test_the_modes_of_files_do_not_hang_on_the_user_s_umask(
    repository: Path, into: Path, client: Git
) -> None:
    before = os.umask(0o077)
    try:
        done = check_out(recorded(repository), Source(str(repository)), into, client)
    finally:
        os.umask(before)
    assert stat.S_IMODE((done.root / "README").stat().st_mode) == 0o644


# --- submodules --------------------------------------------------------------------------------


@pytest.fixture
def with_submodules(repository: Path, tmp_path: Path) -> Path:
    """A submodule in a submodule, each named by a relative URL."""
    for name in ("inner", "outer"):
        root = tmp_path / "origin" / name
        root.mkdir()
        (root / "file").write_text(f"{name}\n")
        git(root, "init", "-q")
        git(root, "add", "-A")
        git(root, "commit", "-q", "-m", name)
    allow = ("-c", "protocol.file.allow=always")
    git(tmp_path / "origin" / "outer", "remote", "add", "origin", f"{tmp_path}/origin/outer")
    git(repository, "remote", "add", "origin", str(repository))
    git(tmp_path / "origin" / "outer", *allow, "submodule", "add", "-q", "../inner", "deep/in")
    git(tmp_path / "origin" / "outer", "commit", "-q", "-m", "submodule")
    git(repository, *allow, "submodule", "add", "-q", "../outer", "lib")
    git(repository, *allow, "submodule", "update", "-q", "--init", "--recursive")
    git(repository, "commit", "-q", "-m", "submodule")
    git(repository, "remote", "remove", "origin")
    return repository


def test_submodules_come_from_the_folder_that_is_named(
    with_submodules: Path, into: Path, client: Git, tmp_path: Path
) -> None:
    record = recorded(with_submodules)
    assert [part.path for part in record.submodules] == ["lib", "lib/deep/in"]
    for name in ("inner", "outer"):  # only the checked out copies are left
        (tmp_path / "origin" / name).rename(tmp_path / "origin" / f"gone-{name}")
    done = check_out(record, Source(str(with_submodules)), into, client)
    assert (done.root / "lib" / "deep" / "in" / "file").read_text() == "inner\n"
    assert done.notes == ()


def test_a_submodule_that_is_not_as_recorded_is_said(
    with_submodules: Path, into: Path, client: Git
) -> None:
    record = recorded(with_submodules)
    other = SourceRecord(record.commit, submodules=(Submodule("lib", "b" * 40),))
    said = refused(other, Source(str(with_submodules)), into, client)
    assert said == f"the submodule lib is not at {'b' * 40}, as it was built"


def test_a_submodule_that_is_gone_is_said(
    with_submodules: Path, into: Path, client: Git, tmp_path: Path
) -> None:
    bundle = tmp_path / "app.bundle"
    git(with_submodules, "bundle", "create", "-q", str(bundle), "--all")
    record = recorded(with_submodules)
    said = refused(record, Source(str(bundle)), into, client)
    assert said.startswith("the submodule lib can't be had")


# --- trees that were not clean -----------------------------------------------------------------


@pytest.fixture
def dirty(repository: Path) -> Path:
    (repository / "README").write_text("changed\n")
    (repository / "gone").write_text("gone\n")
    git(repository, "add", "gone")
    git(repository, "commit", "-q", "-m", "gone", "--", "gone")
    (repository / "gone").unlink()
    (repository / "bin").mkdir()
    (repository / "bin" / "run").write_text("#!/bin/sh\n")
    (repository / "bin" / "run").chmod(0o755)
    (repository / "link").symlink_to("README")
    return repository


def test_a_tree_with_changes_is_refused(dirty: Path, into: Path, client: Git) -> None:
    record = recorded(dirty)
    said = refused(record, Source(), into, client)
    assert said == (
        "this was built from a tree with changes that are in no commit: README, gone, bin/run, link"
    )
    (dirty / "README").write_text("otherwise\n")
    said = refused(record, Source(str(dirty)), into, client)
    assert said.endswith("; --source has other ones")


def test_the_very_tree_with_its_changes_can_be_built(dirty: Path, into: Path, client: Git) -> None:
    done = check_out(recorded(dirty), Source(str(dirty)), into, client)
    assert (done.root / "README").read_text() == "changed\n"
    assert not (done.root / "gone").exists()
    assert os.access(done.root / "bin" / "run", os.X_OK)
    assert (done.root / "link").readlink() == Path("README")
    assert done.notes == ()
