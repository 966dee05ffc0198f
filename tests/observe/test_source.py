"""The revision, from real repositories, hostile ones among them."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from bom.model import Gap, Observation, Revision, RunDetail, Submodule
from bom.observe import project_root
from bom.observe._git import open_repository
from bom.observe.source import SourceObserver, is_ignored

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Project = Any  # of conftest.py, which is no module to import


def observe(project: Project, **changes: Any) -> list[Observation]:
    return list(SourceObserver().observe(replace(project.context("make"), **changes)))


def revision(project: Project, **changes: Any) -> Revision:
    return next(f for f in observe(project, **changes) if isinstance(f, Revision))


def gaps(project: Project) -> list[Gap]:
    return [f for f in observe(project) if isinstance(f, Gap)]


def details(project: Project) -> dict[str, str]:
    return {f.name: f.value for f in observe(project) if isinstance(f, RunDetail)}


def test_a_clean_tree_is_its_commit(project: Project) -> None:
    found = revision(project)
    assert found == Revision(
        commit=project.git("rev-parse", "HEAD"), commit_time="2026-11-24T07:20:30Z", state="clean"
    )


def test_modified_untracked_and_removed_files_are_named(project: Project) -> None:
    project.write("a.txt", "changed\n")
    (project.root / "src/b.txt").unlink()
    project.write("new/ü.txt", "new\n")
    project.write("ignored/x", "x")
    found = revision(project)
    assert found.state == "modified"
    assert found.modified == ("a.txt", "src/b.txt")
    assert found.untracked == ("new/ü.txt",)
    assert len(found.tree_digest) == 64


def test_the_digest_follows_content_mode_and_link_target(project: Project) -> None:
    digests = set()

    def note() -> None:
        digests.add(revision(project).tree_digest)

    note()
    place = project.write("new", "1")
    note()
    project.write("new", "2")
    note()
    place.chmod(0o755)
    note()
    place.unlink()
    place.symlink_to("a.txt")
    note()
    place.unlink()
    place.symlink_to("src")
    note()
    os.mkfifo(project.root / "pipe")
    note()
    assert len(digests) == 6  # git lists no pipe


def test_another_clone_path_umask_and_time_zone_give_the_same_revision(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.git("remote", "add", "origin", "https://git.example.com/team/app.git")
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    before = os.umask(0o077)
    try:
        project.git("clone", "-q", "--no-local", str(project.root), str(tmp_path / "an other"))
        other = type(project)(tmp_path / "an other")
        other.git("checkout", "-q", "--detach")
        other.git("remote", "set-url", "origin", "ssh://git@git.example.com/team/app.git")
        for one in (project, other):
            one.write("new.sh", "x").chmod(0o700 if one is other else 0o755)
            one.write("a.txt", "changed\n")
    finally:
        os.umask(before)
    assert revision(project) == revision(other)
    assert details(project)["source.branch"] == "main"
    assert details(other)["source.branch"] == "(detached)"


def test_own_files_are_no_part_of_the_state(project: Project) -> None:
    out = project.write("dist/app.tar", "x")
    project.write(".bom-tmp-x", "x")
    sealed = project.write("sealed.whl", "x")
    found = revision(project, own_files=(out,), is_own=lambda path: path == sealed)
    assert found.state == "clean"


def test_a_file_named_like_a_secret_leaves_no_digest(project: Project) -> None:
    project.write(".env", "PASSWORD=hunter2\n")
    one = revision(project)
    project.write(".env", "PASSWORD=other\n")
    assert revision(project) == one
    assert one.untracked == (".env",)
    assert [(gap.what, gap.where) for gap in gaps(project)] == [
        ("source.tree-digest", ".env"),
        ("source.remote", "source"),
    ]


def test_a_file_that_git_is_told_not_to_look_at_is_a_gap(project: Project) -> None:
    project.git("update-index", "--assume-unchanged", "a.txt")
    project.write("a.txt", "sly\n")
    assert ("source.tree", "a.txt") in [(gap.what, gap.where) for gap in gaps(project)]


def test_submodules_are_recorded_by_commit_and_their_changes_are_seen(
    project: Project, make_project: Callable[[str], Project]
) -> None:
    library = make_project("library")
    library.write("lib.c", "int x;\n")
    commit = library.commit()
    allow = ("-c", "protocol.file.allow=always")
    project.git(*allow, "submodule", "add", "-q", str(library.root), "vendor/lib")
    project.git(*allow, "submodule", "add", "-q", str(library.root), "vendor/gone")
    project.commit()
    project.git("submodule", "deinit", "-q", "vendor/gone")
    found = revision(project)
    assert found.submodules == (Submodule("vendor/lib", commit),)
    assert found.state == "clean"
    assert ("source.submodule", "vendor/gone") in [(g.what, g.where) for g in gaps(project)]
    project.write("vendor/lib/lib.c", "int y;\n")
    assert revision(project).modified == ("vendor/lib/lib.c",)


@pytest.mark.parametrize(
    ("url", "remote"),
    [("https://someone:hunter2@git.example.com/a/b.git", "git.example.com/a/b"),
     ("git@git.example.com:a/b.git", "git.example.com/a/b")],
)  # fmt: skip
def test_the_remote_is_named_without_credentials(project: Project, url: str, remote: str) -> None:
    project.git("remote", "add", "origin", url)
    assert revision(project).remote == remote
    assert "hunter2" not in repr(observe(project))


def test_origin_goes_before_the_upstream_and_that_before_an_only_remote(project: Project) -> None:
    project.git("remote", "add", "mine", "https://git.example.com/mine")
    assert revision(project).remote == "git.example.com/mine"
    project.git("remote", "add", "theirs", "https://git.example.com/theirs")
    assert revision(project).remote == ""
    project.git("config", "branch.main.remote", "theirs")
    assert revision(project).remote == "git.example.com/theirs"
    project.git("remote", "add", "origin", "https://git.example.com/origin")
    assert revision(project).remote == "git.example.com/origin"


def test_a_local_remote_is_the_same_gap_as_none(project: Project) -> None:
    before = gaps(project)
    project.git("remote", "add", "origin", str(project.root))
    assert gaps(project) == before
    assert [gap.what for gap in before] == ["source.remote"]


def test_branch_and_tags_stand_in_the_run_record(project: Project) -> None:
    project.git("tag", "v1")
    project.git("remote", "add", "origin", "ssh://git@git.example.com/a")
    found = details(project)
    assert found == {
        "source.branch": "main",
        "source.tag": "v1",
        "source.remote.form": "ssh",
    }


def test_an_ssh_signature_is_told_by_the_keys_fingerprint(
    project: Project, tmp_path: Path, need: Callable[[str], str]
) -> None:
    keygen = need("ssh-keygen")
    key = tmp_path / "signer"
    subprocess.run([keygen, "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    shown = subprocess.run([keygen, "-lf", key], capture_output=True, check=True, text=True).stdout
    project.git("config", "gpg.format", "ssh")
    project.git("config", "user.signingKey", str(key))
    project.git("commit", "-q", "--allow-empty", "-S", "-m", "signed")
    found = revision(project)
    assert (found.signature_kind, found.signature_key) == ("ssh", shown.split()[1])
    assert details(project)["source.signature"] == "not verified here"


def test_an_openpgp_signature_is_told_by_the_keys_fingerprint(
    project: Project, need: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    gpg = need("gpg")
    import tempfile

    with tempfile.TemporaryDirectory(prefix="gpg", dir="/tmp") as home:  # a short socket path
        monkeypatch.setenv("GNUPGHOME", home)
        made = ["--batch", "--passphrase", "", "--quick-gen-key", "someone@example.com", "ed25519"]
        subprocess.run([gpg, *made], check=True, capture_output=True)
        listed = subprocess.run(
            [gpg, "--list-keys", "--with-colons"], check=True, capture_output=True, text=True
        ).stdout
        fingerprint = next(
            line.split(":")[9] for line in listed.splitlines() if line.startswith("fpr")
        )
        project.git("-c", "user.signingKey=" + fingerprint, "commit", "-q", "--allow-empty",
                    "-S", "-m", "signed")  # fmt: skip
        found = revision(project)
        assert details(project)["source.signature"] == "valid here"
        subprocess.run(["gpgconf", "--kill", "all"], check=False)
    assert (found.signature_kind, found.signature_key) == ("openpgp", fingerprint.lower())


# --- what is no ordinary repository ------------------------------------------------------------


def test_no_repository_is_a_gap(tmp_path: Path, project: Project) -> None:
    plain = type(project)(tmp_path / "plain")
    plain.root.mkdir()
    assert observe(plain) == [
        Gap("source.revision", "source", "the project is not in a git repository")
    ]
    assert project_root(plain.root) == plain.root


def test_a_repository_without_a_commit_is_a_gap(make_project: Callable[[str], Project]) -> None:
    empty = make_project("empty")
    empty.write("a", "x")
    assert Gap("source.revision", "source", "the repository has no commit yet") in gaps(empty)


def test_a_broken_repository_is_a_gap(project: Project) -> None:
    (project.root / ".git/config").write_text("[core\n")
    assert [gap.what for gap in gaps(project)] == ["source.revision"]


def test_a_repository_of_another_user_is_a_gap_with_its_reason(project: Project) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give files away")
    for folder, _, _ in os.walk(project.root):
        os.chown(folder, 12345, 12345)
    (gap,) = gaps(project)
    assert "safe.directory" in gap.why


def test_no_git_on_the_machine_is_a_gap(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert gaps(project) == [Gap("source.revision", "source", "git is not on PATH")]


def test_a_linked_work_tree_and_a_shallow_clone_work(project: Project, tmp_path: Path) -> None:
    project.commit("second")
    project.git("worktree", "add", "-q", str(tmp_path / "linked"))
    linked = type(project)(tmp_path / "linked")
    assert revision(linked).commit == project.git("rev-parse", "HEAD")
    assert project_root(linked.root / "src") == linked.root
    url = project.root.as_uri()
    project.git("clone", "-q", "--depth=1", url, str(tmp_path / "shallow"))
    assert details(type(project)(tmp_path / "shallow"))["source.shallow"] == "true"


def test_a_bare_repository_is_a_gap(project: Project, tmp_path: Path) -> None:
    project.git("clone", "-q", "--bare", str(project.root), str(tmp_path / "bare" / ".git"))
    bare = type(project)(tmp_path / "bare")
    (gap,) = gaps(bare)
    assert "bare" in gap.why


def test_a_hostile_repository_runs_nothing(project: Project, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    program = tmp_path / "evil"
    program.write_text(f"#!/bin/sh\necho $0 >> {mark}\ncat\n")
    program.chmod(0o755)
    project.write(".gitattributes", "* filter=evil diff=evil\n")
    project.commit()
    project.git("-c", "gpg.format=ssh", "commit", "-q", "--allow-empty", "-m", "x")
    for key in (
        "core.fsmonitor", "filter.evil.clean", "filter.evil.smudge", "filter.evil.process",
        "diff.external", "diff.evil.command", "diff.evil.textconv", "gpg.program",
        "gpg.ssh.program", "core.sshCommand", "core.pager", "core.editor", "pager.config",
        "credential.helper", "core.askPass", "core.gitProxy", "remote.origin.uploadpack",
        "alias.status", "alias.config",
    ):  # fmt: skip
        project.git("config", key, f"!{program}" if key.startswith("alias") else str(program))
    project.git("config", "remote.origin.url", f"ext::{program}")
    project.git("config", "filter.evil.required", "true")
    hooks = project.root / ".git/hooks"
    for name in ("post-index-change", "fsmonitor-watchman", "reference-transaction"):
        (hooks / name).write_text(program.read_text())
        (hooks / name).chmod(0o755)
    project.write("a.txt", "changed, same size is not\n")
    os.utime(project.root / "src/b.txt")
    mark.unlink(missing_ok=True)
    subprocess.run(["git", "status"], cwd=project.root, capture_output=True, check=False)
    assert mark.exists()  # plain git does run what the repository names
    mark.unlink()
    os.utime(project.root / "src/b.txt")
    found = revision(project)
    assert is_ignored(project.root, project.root / "ignored/x")
    assert found.modified == ("a.txt",)
    assert not mark.exists(), mark.read_text()


def test_names_that_are_no_text_or_hold_control_characters_are_kept_apart(
    project: Project,
) -> None:
    (project.root / os.fsdecode(b"\xff\xfe")).write_bytes(b"1")
    (project.root / "line\nbreak").write_bytes(b"2")
    found = revision(project)
    assert found.untracked == ("\\xff\\xfe", "line\nbreak")
    repr(found).encode()


def test_a_repository_inside_the_tree_is_a_gap(project: Project) -> None:
    inner = type(project)(project.root / "inner")
    inner.root.mkdir()
    inner.git("init", "-q")
    inner.write("x", "x")
    inner.commit()
    assert ("source.tree", "inner/") in [(gap.what, gap.where) for gap in gaps(project)]


# --- ignored files -----------------------------------------------------------------------------


def test_what_git_ignores_is_known(project: Project, tmp_path: Path) -> None:
    root = project.root
    assert is_ignored(root, root / "ignored/release.key")
    assert is_ignored(root, root / ".git/release.key")
    assert is_ignored(root, tmp_path / "elsewhere.key")
    assert not is_ignored(root, root / "release.key")
    project.write("ignored/tracked", "x")
    project.git("add", "-f", "ignored/tracked")
    assert not is_ignored(root, root / "ignored/tracked")


def test_outside_git_nothing_is_ignored(tmp_path: Path, need: Callable[[str], str]) -> None:
    need("git")
    assert not is_ignored(tmp_path, tmp_path / "release.key")


def test_a_filter_whose_name_holds_an_equals_sign_runs_nothing(
    project: Project, tmp_path: Path
) -> None:
    project.write("a", "one\n")
    project.commit()
    proof = tmp_path / "ran"
    project.write(".gitattributes", "a filter=x=y\n")
    project.git("config", "filter.x=y.clean", f"touch {proof}; cat")
    project.write("a", "two\n")
    observe(project)
    assert not proof.exists()


def test_overrides_go_after_the_callers_own_variables(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    proof = tmp_path / "ran"
    project.write("a", "one\n")
    project.commit()
    project.write(".gitattributes", "a filter=x=y\n")
    project.git("config", "filter.x=y.process", f"touch {proof}")
    project.write("a", "two\n")
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "core.abbrev")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "12")
    assert open_repository(project.root).ask("config", "core.abbrev").text == "12"
    observe(project)
    assert not proof.exists()


def test_a_work_tree_that_is_configured_to_be_elsewhere_is_a_gap(
    project: Project, tmp_path: Path
) -> None:
    project.write("a", "one\n")
    project.commit()
    project.git("config", "core.worktree", str(tmp_path))
    assert [gap.what for gap in gaps(project)] == ["source.revision"]


def test_more_filters_than_can_be_overridden_are_a_gap(project: Project) -> None:
    project.write("a", "one\n")
    project.commit()
    with (project.root / ".git" / "config").open("a") as config:
        config.writelines(f'[filter "f{number}"]\n\tclean = cat\n' for number in range(5000))
    assert [gap.what for gap in gaps(project)] == ["source.revision"]
