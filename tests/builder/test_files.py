"""Builds that write files, with the real build tools."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import zipfile
from typing import TYPE_CHECKING

import pytest

from bom.builder import FilesBuilder
from bom.builder.protocol import BuildRequest
from bom.config import Config
from bom.errors import BomError
from bom.model import Dependency, Envelope, Gap, Property, Tool
from bom.seal import recognise

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bom.builder.protocol import Artifact, Collected

    Need = Callable[[str], str]

HATCHLING = """\
[build-system]
requires = ["hatchling>=1.27"]
build-backend = "hatchling.build"

[project]
name = "lantern-demo"
version = "1.2.0"
requires-python = ">=3.11"
license = "MIT"
dependencies = ["click==8.1.8", "rich>=13"]
"""
SETUPTOOLS = """\
[build-system]
requires = ["setuptools>=80"]
build-backend = "setuptools.build_meta"

[project]
name = "lantern-demo"
version = "1.2.0"
dynamic = ["dependencies"]
"""


class Silent:
    def start(self, label: str, total: int) -> None: ...
    def advance(self, amount: int) -> None: ...
    def done(self) -> None: ...


def request(
    root: Path,
    *command: str,
    cwd: Path | None = None,
    output: Path | None = None,
    artifacts: tuple[str, ...] = (),
    forbidden: frozenset[str] = frozenset(),
) -> BuildRequest:
    return BuildRequest(
        command=command,
        cwd=cwd or root,
        root=root,
        environment=dict(os.environ),
        config=Config(),
        output=output,
        artifacts=artifacts,
        forbidden=forbidden,
    )


def build(asked: BuildRequest) -> Collected:
    with FilesBuilder().prepare(asked) as prepared:
        run = prepared.invocation
        assert run.argv == asked.command
        assert run.environment == asked.environment
        subprocess.run(run.argv, cwd=asked.cwd, env=run.environment, check=True)
        return prepared.collect(Silent())


def script(root: Path, text: str, **more: object) -> Collected:
    return build(request(root, "sh", "-ec", text, **more))  # type: ignore[arg-type]


def names(collected: Collected) -> list[str]:
    return [item.built.name for item in collected.artifacts]


@pytest.fixture
def package(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / "lantern_demo").mkdir(parents=True)
    (root / "lantern_demo/__init__.py").write_text("light = 1\n")
    (root / "pyproject.toml").write_text(HATCHLING)
    return root


def archive(path: Path, **content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    source = path.parent / "source.txt"
    source.write_text("content\n")
    with tarfile.open(path, "w:gz" if path.name.endswith("gz") else "w") as tar:
        tar.add(source, "top/source.txt")
    source.unlink()


def seal(path: Path) -> None:
    form = recognise(path)
    assert form is not None
    properties = [{"name": p.name, "value": p.value} for p in form.parameters(path)]
    document = {"metadata": {"component": {"properties": properties}}}
    envelope = Envelope(json.dumps(document).encode())
    out = path.with_name("sealed.out")
    form.seal(path, envelope, out)
    out.replace(path)


# --- real tools --------------------------------------------------------------------------------


def test_python_build_with_hatchling_gives_a_wheel_and_an_sdist(package: Path) -> None:
    collected = build(request(package, sys.executable, "-m", "build", "--no-isolation"))
    wheel, sdist = collected.artifacts
    assert (wheel.built.name, wheel.subject.kind) == (
        "lantern_demo-1.2.0-py3-none-any.whl",
        "wheel",
    )
    assert (sdist.built.name, sdist.subject.kind) == ("lantern_demo-1.2.0.tar.gz", "sdist")
    for item in collected.artifacts:
        assert item.target == item.built
        assert item.subject.size == item.built.stat().st_size
        assert item.subject.purl == "pkg:pypi/lantern-demo@1.2.0"
        assert [licence.value for licence in item.subject.licences] == ["MIT"]
        what = {(gap.what, gap.where) for gap in item.observations if isinstance(gap, Gap)}
        assert what == {
            ("build-environment.packages", "hatchling.build"),
            ("dependency.hash", "click"),
            ("dependency.hash", "hatchling"),
            ("dependency.hash", "rich"),
            ("dependency.version", "hatchling"),
            ("dependency.version", "rich"),
        }
        parts = {
            (fact.component.purl, fact.role, fact.direct)
            for fact in item.observations
            if isinstance(fact, Dependency)
        }
        assert parts == {
            ("pkg:pypi/click@8.1.8", "shipped", True),
            ("pkg:pypi/rich", "shipped", True),
            ("pkg:pypi/hatchling", "build", False),
        }
        (tool,) = [fact for fact in item.observations if isinstance(fact, Tool)]
        assert (tool.kind, tool.name, tool.evidence) == ("build-backend", "hatchling", "stated")
        assert tool.version


@pytest.mark.e2e
def test_setuptools_dynamic_dependencies_come_from_the_built_wheel(package: Path) -> None:
    (package / "pyproject.toml").write_text(SETUPTOOLS)
    (package / "setup.py").write_text(
        "from setuptools import setup\nsetup(install_requires=['click==8.1.8'])\n"
    )
    collected = build(request(package, sys.executable, "-m", "build"))
    by_kind = {item.subject.kind: item for item in collected.artifacts}
    assert set(by_kind) == {"wheel", "sdist"}
    (tool,) = [f for f in by_kind["wheel"].observations if isinstance(f, Tool)]
    assert tool.name == "setuptools"
    assert tool.version.split(".")[0].isdecimal()
    shipped = [
        fact.component.purl
        for fact in by_kind["wheel"].observations
        if isinstance(fact, Dependency) and fact.role == "shipped"
    ]
    assert shipped == ["pkg:pypi/click@8.1.8"]
    undecided = {
        kind: [g for g in item.observations if isinstance(g, Gap) and "declared" in g.what]
        for kind, item in by_kind.items()
    }
    assert undecided["wheel"] == []
    assert len(undecided["sdist"]) == 2  # there the requirements are marked dynamic


def test_an_sdist_alone_does_not_state_its_backend_s_version(package: Path) -> None:
    collected = build(request(package, sys.executable, "-m", "build", "-n", "--sdist"))
    assert names(collected) == ["lantern_demo-1.2.0.tar.gz"]
    gaps = [fact for fact in collected.artifacts[0].observations if isinstance(fact, Gap)]
    assert ("tool.version", "hatchling.build") in [(gap.what, gap.where) for gap in gaps]


def test_an_old_sealed_wheel_says_nothing_about_the_backend_of_a_new_one(package: Path) -> None:
    command = (sys.executable, "-m", "build", "-nw")
    (old,) = build(request(package, *command)).artifacts
    seal(old.built)
    project = package / "pyproject.toml"
    project.write_text(HATCHLING.replace("1.2.0", "1.3.0"))
    backend = package / "backend.py"
    backend.write_text(
        "from hatchling.build import *\n"
        "import hatchling.builders.wheel as w\n"
        "w.__version__ = '0.0.1'\n"
    )
    project.write_text(
        project.read_text().replace(
            'build-backend = "hatchling.build"',
            'build-backend = "backend"\nbackend-path = ["."]',
        )
    )
    collected = build(request(package, *command))
    (new,), (left,) = collected.artifacts, collected.sealed_already

    def backends(item: Artifact) -> set[str]:
        return {fact.version for fact in item.observations if isinstance(fact, Tool)}

    assert backends(new).isdisjoint(backends(left))


def test_a_folder_given_to_the_build_is_the_project(package: Path) -> None:
    root = package.parent
    collected = build(request(root, sys.executable, "-m", "build", "-nw", "project"))
    (wheel,) = collected.artifacts
    places = {
        place.location
        for fact in wheel.observations
        if isinstance(fact, Dependency)
        for place in fact.component.occurrences
    }
    assert places == {"project/pyproject.toml"}


def test_npm_pack_gives_an_npm_package(tmp_path: Path, need: Need) -> None:
    npm = need("npm")
    (tmp_path / "package.json").write_text(
        '{"name": "@lantern/demo", "version": "2.0.1", "license": "ISC", "main": "a.js"}'
    )
    (tmp_path / "a.js").write_text("module.exports = 1\n")
    collected = build(request(tmp_path, npm, "pack", "--silent"))
    (item,) = collected.artifacts
    assert item.subject.kind == "npm"
    assert item.subject.purl == "pkg:npm/%40lantern/demo@2.0.1"
    assert [licence.value for licence in item.subject.licences] == ["ISC"]
    gaps = [(fact.what, fact.where) for fact in item.observations if isinstance(fact, Gap)]
    assert gaps == []


def test_make_and_tar_give_a_plain_tar_and_a_compressed_one(tmp_path: Path, need: Need) -> None:
    (tmp_path / "hello.txt").write_text("hello\n")
    (tmp_path / "Makefile").write_text(
        "all:\n\tmkdir -p out\n\ttar -cf out/hello.tar hello.txt\n"
        "\ttar -czf out/hello.tar.gz hello.txt\n"
    )
    collected = build(request(tmp_path, need("make"), "-s"))
    kinds = {item.built.name: item.subject.kind for item in collected.artifacts}
    assert kinds == {"hello.tar": "tar", "hello.tar.gz": "tar.gz"}
    assert not any(isinstance(f, Tool) for item in collected.artifacts for f in item.observations)


def test_formats_that_can_t_be_sealed_inside_are_found_too(tmp_path: Path, need: Need) -> None:
    need("xz")
    with zipfile.ZipFile(tmp_path / "made.zip", "w") as made:
        made.writestr("a.txt", "a")
    collected = script(
        tmp_path,
        "mkdir out; cp made.zip out/app.jar; (echo '#!/usr/bin/env python3'; cat made.zip)"
        " > out/tool.pyz; echo text > a.txt; tar -cJf out/a.tar.xz a.txt",
    )
    kinds = {item.built.name: item.subject.kind for item in collected.artifacts}
    assert kinds == {"a.tar.xz": "file", "app.jar": "file", "tool.pyz": "file"}


# --- what counts -------------------------------------------------------------------------------


def test_only_new_and_changed_files_are_artifacts(tmp_path: Path) -> None:
    for name in ("old.tar", "rewritten.tar", "replaced.tar"):
        archive(tmp_path / name)
    kept = (tmp_path / "rewritten.tar").stat()
    collected = script(
        tmp_path,
        "cp old.tar new.tar; cp replaced.tar x; mv x replaced.tar; cp old.tar rewritten.tar; "
        f"touch -d @{int(kept.st_mtime)} rewritten.tar",
    )
    assert names(collected) == ["new.tar", "replaced.tar", "rewritten.tar"]


@pytest.mark.parametrize(
    "folder", [".git", "node_modules/a", ".tox", "__pycache__", ".cache", "venv/lib"]
)
def test_caches_and_environments_are_not_looked_into(tmp_path: Path, folder: str) -> None:
    (tmp_path / "venv").mkdir()
    (tmp_path / "venv/pyvenv.cfg").touch()
    archive(tmp_path / "input/a.tar")
    collected = script(
        tmp_path, f"mkdir -p {folder} dist; cp input/a.tar {folder}; cp input/a.tar dist"
    )
    assert [item.built.parent.name for item in collected.artifacts] == ["dist"]


@pytest.mark.parametrize("folder", ["dist", "build", "target", "out/deep/er"])
def test_the_usual_output_folders_are_looked_into(tmp_path: Path, folder: str) -> None:
    archive(tmp_path / "input/a.tar")
    collected = script(tmp_path, f"mkdir -p {folder}; cp input/a.tar {folder}/b.tar")
    assert names(collected) == ["b.tar"]


def test_our_own_outputs_are_never_artifacts(tmp_path: Path) -> None:
    archive(tmp_path / "input/a.tar")
    collected = script(
        tmp_path,
        "cp input/a.tar a.tar; cp input/a.tar a.tar.bom.cdx.json; cp input/a.tar .bom-tmp-a.tar;"
        " cp input/a.tar a.tar.sigstore.jsonl; cp input/a.tar a.tar.bom.cdx.json.sigstore.json",
        artifacts=(),
    )
    assert names(collected) == ["a.tar"]


def test_a_build_that_makes_nothing_is_an_error_with_a_hint(tmp_path: Path) -> None:
    archive(tmp_path / "old.tar")
    with pytest.raises(BomError, match="made no artifact") as caught:
        script(tmp_path, "echo hello > notes.txt")
    assert "--artifact GLOB" in caught.value.hint


def test_an_unchanged_sealed_file_is_reported_and_no_error(tmp_path: Path) -> None:
    archive(tmp_path / "old.tar")
    archive(tmp_path / "other.tar")
    seal(tmp_path / "old.tar")
    collected = script(tmp_path, "true")
    assert collected.artifacts == ()
    assert [item.built.name for item in collected.sealed_already] == ["old.tar"]


def test_an_unchanged_file_with_its_bom_beside_it_is_reported_too(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "app.zip", "w") as made:
        made.writestr("a", "a")
    (tmp_path / "app.zip.bom.cdx.json").write_text("{}")
    collected = script(tmp_path, "true")
    assert [item.built.name for item in collected.sealed_already] == ["app.zip"]


def test_a_symlink_to_a_folder_is_not_followed_but_can_be_named(tmp_path: Path) -> None:
    root, elsewhere = tmp_path / "project", tmp_path / "elsewhere"
    root.mkdir()
    elsewhere.mkdir()
    archive(tmp_path / "a.tar")
    (root / "dist").symlink_to(elsewhere)
    with pytest.raises(BomError, match="made no artifact"):
        script(root, "cp ../a.tar dist/a.tar")
    collected = script(root, "cp ../a.tar dist/a.tar", artifacts=("dist/*.tar",))
    assert [item.target for item in collected.artifacts] == [elsewhere / "a.tar"]


# --- --artifact --------------------------------------------------------------------------------


def test_a_glob_names_files_of_any_format(tmp_path: Path) -> None:
    archive(tmp_path / "input/a.tar")
    collected = script(
        tmp_path,
        "mkdir -p bin/x; echo one > bin/x/app; cp input/a.tar other.tar",
        artifacts=("bin/**/app",),
    )
    (item,) = collected.artifacts
    assert (item.built.name, item.subject.kind) == ("app", "file")


def test_a_glob_reaches_into_skipped_folders_and_outside_the_project(tmp_path: Path) -> None:
    root, outside = tmp_path / "project", tmp_path / "outside"
    (root / "node_modules").mkdir(parents=True)
    outside.mkdir()
    (outside / "before.bin").write_text("before")
    collected = script(
        root,
        "echo a > node_modules/a.bin; echo b > ../outside/b.bin",
        artifacts=("node_modules/*.bin", f"{outside}/*.bin"),
    )
    assert names(collected) == ["b.bin", "a.bin"]
    assert collected.warnings == (
        f"{outside}/before.bin was not changed by this build: it is not sealed",
    )


def test_a_glob_of_the_configuration_is_relative_to_the_project(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    collected = script(
        tmp_path,
        "mkdir ../dist; echo a > ../dist/app",
        cwd=tmp_path / "sub",
        artifacts=("dist/app",),
    )
    assert names(collected) == ["app"]


def test_a_glob_that_matches_nothing_or_only_old_files_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "old.bin").write_text("old")
    with pytest.raises(BomError, match=r"no file matches \*\.exe"):
        script(tmp_path, "true", artifacts=("*.exe",))
    with pytest.raises(BomError, match=r"old\.bin is as it was before"):
        script(tmp_path, "true", artifacts=("*.bin",))


# --- -o ----------------------------------------------------------------------------------------


def test_one_artifact_goes_where_output_says_and_the_built_one_stays(tmp_path: Path) -> None:
    archive(tmp_path / "input/a.tar")
    output = tmp_path / "release.tar"
    collected = script(tmp_path, "cp input/a.tar b.tar", output=output)
    (item,) = collected.artifacts
    assert (item.built, item.target) == (tmp_path / "b.tar", output)
    assert item.subject.name == "release.tar"


def test_several_artifacts_need_a_folder(tmp_path: Path) -> None:
    archive(tmp_path / "input/a.tar")
    text = "cp input/a.tar b.tar; cp input/a.tar c.tar"
    with pytest.raises(BomError, match="made 2 artifacts") as caught:
        script(tmp_path, text, output=tmp_path / "release.tar")
    assert "--artifact" in caught.value.hint
    folder = tmp_path / "release"
    folder.mkdir()
    collected = script(tmp_path, text, output=folder)
    assert [item.target for item in collected.artifacts] == [folder / "b.tar", folder / "c.tar"]
    with pytest.raises(BomError, match="same name"):
        script(tmp_path, "mkdir d e; cp input/a.tar d; cp input/a.tar e", output=folder)


# --- keys --------------------------------------------------------------------------------------


def test_a_forbidden_file_is_found_in_every_kind_of_archive(tmp_path: Path, need: Need) -> None:
    need("xz")
    need("bzip2")
    import hashlib

    secret = b"-----BEGIN PRIVATE KEY-----\n"
    (tmp_path / "release.key").write_bytes(secret)
    with zipfile.ZipFile(tmp_path / "made.zip", "w") as made:
        made.writestr("in/side.key", secret)
    collected = script(
        tmp_path,
        "mkdir o; cp made.zip o; tar -cf o/a.tar release.key; tar -czf o/a.tar.gz release.key;"
        " tar -cJf o/a.tar.xz release.key; tar -cjf o/a.tar.bz2 release.key",
        forbidden=frozenset({hashlib.sha256(secret).hexdigest()}),
    )
    assert {item.built.name: item.forbidden for item in collected.artifacts} == {
        "a.tar": ("release.key",),
        "a.tar.bz2": ("release.key",),
        "a.tar.gz": ("release.key",),
        "a.tar.xz": ("release.key",),
        "made.zip": ("in/side.key",),
    }


def test_a_file_of_the_project_is_packed_unless_git_ignores_it(tmp_path: Path, need: Need) -> None:
    subprocess.run([need("git"), "init", "-q", str(tmp_path)], check=True)
    (tmp_path / ".gitignore").write_text("ignored.key\n")
    with FilesBuilder().prepare(request(tmp_path, "true")) as prepared:
        assert prepared.packs(tmp_path / "release.key")
        assert not prepared.packs(tmp_path / "ignored.key")
        assert not prepared.packs(tmp_path.parent / "outside.key")


def test_facts_are_sorted_and_the_same_in_every_run(package: Path) -> None:
    command = (sys.executable, "-m", "build", "-nw")
    first = build(request(package, *command))
    second = build(request(package, *command))
    assert first == second
    assert Property("bom-seal:python:specifier", ">=13") in {
        item
        for fact in first.artifacts[0].observations
        if isinstance(fact, Dependency)
        for item in fact.component.properties
    }
