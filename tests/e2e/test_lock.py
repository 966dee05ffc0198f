"""`bom lock` and `bom build --locked` with real engines, apt, uv and npm."""

from __future__ import annotations

import hashlib
import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from tests.e2e.builds import ENGINES, Bom, Key, git
from tests.loopback import folder_served

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Need

pytestmark = pytest.mark.e2e


class Project:
    """An image's project in git, on one engine; `name` prefixes all images that are made."""

    def __init__(self, root: Path, bom: Bom, engine: dict[str, str], name: str) -> None:
        self.root, self.bom, self.engine, self.name = root, bom, engine, name
        self.made: list[str] = []

    def docker(self, *arguments: str, given: str = "") -> str:
        return subprocess.run(
            ["docker", *arguments],
            env=self.engine,
            check=True,
            capture_output=True,
            text=True,
            input=given,
        ).stdout

    def base(self, tag: str, *lines: str) -> str:
        """An image of this name from these Dockerfile lines."""
        name = f"{self.name}-base:{tag}"
        text = "\n".join(lines) + "\n"
        self.docker("build", "-q", "--network=host", "-t", name, "-", given=text)
        self.made.append(name)
        return name

    def commit(self, **files: str) -> None:
        for name, content in files.items():
            (self.root / name).write_text(content)
        if not (self.root / ".git").exists():
            git(self.root, "init", "-q")
        git(self.root, "add", "-A")
        git(self.root, "commit", "-q", "-m", "state")

    @property
    def command(self) -> tuple[str, ...]:
        return ("docker", "build", "-q", "--network=host", "-t", f"{self.name}:1", ".")

    def lock(self) -> dict[str, Any]:
        self.bom("lock", "--", *self.command, cwd=self.root)
        found: dict[str, Any] = json.loads((self.root / "bom.lock").read_text())
        return found

    def build(self, code: int) -> str:
        out = self.root.parent / "app.tar"
        out.unlink(missing_ok=True)
        self.made.append(f"{self.name}:1")
        done = self.bom(
            "build",
            "--unsigned",
            "--locked",
            "-o",
            out,
            "--",
            *self.command,
            cwd=self.root,
            code=code,
        )
        assert out.exists() == (code == 0)
        return done.stderr


@pytest.fixture(params=ENGINES)
def project(
    request: pytest.FixtureRequest, bom: Bom, need: Need, tmp_path: Path
) -> Iterator[Project]:
    engine = need.engine(request.param)
    root = tmp_path / "app"
    root.mkdir()
    made = Project(root, bom.on(engine), engine, f"bom-test/lock-{request.param}")
    yield made
    for name in dict.fromkeys(made.made):
        subprocess.run(
            ["docker", "image", "rm", "--force", name], env=engine, capture_output=True, check=False
        )


def test_what_is_locked_builds_and_a_base_image_that_moved_does_not(project: Project) -> None:
    base = project.base("1", "FROM scratch", "LABEL one=1")
    project.commit(Dockerfile=f"FROM {base}\nCOPY Dockerfile /\n")
    locked = project.lock()
    assert [item["name"] for item in locked["images"]] == [base]
    assert {item["name"] for item in locked["tools"]} >= {"docker"}
    project.commit()
    project.build(0)

    project.base("1", "FROM scratch", "LABEL two=2")
    said = project.build(125)
    assert f"error: not what bom.lock has: image {base}: sha256:" in said
    assert f"hint: bom lock --update {base}" in said
    project.bom("lock", "--check", cwd=project.root, code=1)
    project.bom("lock", "--update", base, cwd=project.root)
    project.build(0)


def test_an_image_that_no_lock_names_is_refused_before_the_build(project: Project) -> None:
    base = project.base("1", "FROM scratch", "LABEL one=1")
    project.commit(Dockerfile=f"FROM {base}\nCOPY Dockerfile /\n")
    project.lock()
    other = project.base("2", "FROM scratch", "LABEL two=2")
    project.commit(Dockerfile=f"FROM {base}\nCOPY --from={other} / /\nRUN exit 9\n")
    said = project.build(125)  # never run, or it would be 1
    assert f"image {other} is not in bom.lock" in said


def test_the_packages_of_apt_are_locked_by_version_and_hash(
    project: Project, need: Need, tmp_path: Path
) -> None:
    need("dpkg-deb")
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    first = _package(mirror, "1.0")
    with folder_served(mirror) as url:
        base = project.base(
            "apt",
            f"FROM {need.base_image(project.engine)}",
            "RUN rm -rf /etc/apt/sources.list.d/* &&"
            f" echo 'deb [trusted=yes] {url} ./' > /etc/apt/sources.list",
        )
        install = "apt-get update -qq && apt-get install -yqq bom-lock-thing"
        project.commit(Dockerfile=f"FROM {base}\nRUN {install}\n")
        locked = project.lock()
        (found,) = locked["installs"]
        assert found["packages"] == [
            {"purl": "pkg:deb/debian/bom-lock-thing@1.0?arch=all", "sha256": first}
        ]
        assert any(entry.startswith("dpkg=") for entry in found["present"])
        project.build(0)

        _package(mirror, "1.1")
        project.docker("image", "rm", "--force", f"{project.name}:1")
        project.commit(Dockerfile=f"FROM {base}\nRUN {install}\nRUN true\n")
        # another step, so that nothing of it comes from the build's cache
        project.commit(Dockerfile=f"FROM {base}\nRUN true && {install}\n")
        said = project.build(125)
        assert "package bom-lock-thing: 1.0 -> 1.1" in said
        project.bom("lock", "--update", "bom-lock-thing", cwd=project.root)
        project.build(0)


def _package(mirror: Path, version: str) -> str:
    """A Debian package alone in a flat repository; its SHA-256."""
    tree = mirror.parent / f"thing-{version}"
    (tree / "DEBIAN").mkdir(parents=True)
    control = (
        f"Package: bom-lock-thing\nVersion: {version}\nArchitecture: all\n"
        "Maintainer: T <t@example.invalid>\nDescription: nothing\n"
    )
    (tree / "DEBIAN" / "control").write_text(control)
    file = mirror / f"bom-lock-thing_{version}_all.deb"
    subprocess.run(["dpkg-deb", "--build", tree, file], check=True, capture_output=True)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    stanza = f"{control}Filename: ./{file.name}\nSize: {file.stat().st_size}\nSHA256: {digest}\n"
    (mirror / "Packages").write_text(stanza)
    return digest


# --- files ---------------------------------------------------------------------------------------


def test_a_lock_file_that_changed_is_refused_and_the_build_is_not_run(
    bom: Bom, key: Key, tmp_path: Path
) -> None:
    (tmp_path / "uv.lock").write_text("version = 1\n")
    build = ("sh", "-c", "tar cf out.tar uv.lock")
    bom("lock", "--", *build, cwd=tmp_path)
    sealed = ("build", "--locked", "--key", key.private, "--artifact", "out.tar", "--", *build)
    bom(*sealed, cwd=tmp_path)
    (tmp_path / "out.tar").unlink()
    (tmp_path / "uv.lock").write_text("version = 2\n")
    done = bom(*sealed, cwd=tmp_path, code=125)
    assert "error: not what bom.lock has: lock-file uv.lock: sha256:" in done.stderr
    assert "hint: bom lock --update uv.lock" in done.stderr
    assert not (tmp_path / "out.tar").exists()


def test_the_bom_says_that_the_build_was_locked(bom: Bom, tmp_path: Path) -> None:
    build = ("sh", "-c", "echo 1 > f; tar cf out.tar f")
    bom("lock", "--", *build, cwd=tmp_path)
    bom(*("build", "--locked", "--unsigned", "--artifact", "out.tar", "--", *build), cwd=tmp_path)
    digest = hashlib.sha256((tmp_path / "bom.lock").read_bytes()).hexdigest()
    shown = json.loads(bom("show", "--json", "out.tar", cwd=tmp_path).stdout)
    (formula,) = shown["formulation"]
    (part,) = [item for item in formula["components"] if item["name"] == "bom.lock"]
    assert part["hashes"] == [{"alg": "SHA-256", "content": digest}]


def test_without_a_lock_a_locked_build_is_refused(bom: Bom, tmp_path: Path) -> None:
    done = bom("build", "--locked", "--unsigned", "--", "true", cwd=tmp_path, code=125)
    assert done.stderr.startswith(
        "error: there is no bom.lock\nhint: `bom lock -- COMMAND` makes it\n"
    )


def test_a_tool_of_another_version_is_refused(bom: Bom, tmp_path: Path) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    tool = tools / "packer"
    root = tmp_path / "app"
    root.mkdir()
    more = {"PATH": f"{tools}:{bom.variables()['PATH']}"}
    for version, code in (("1.0", 0), ("1.1", 125)):
        tool.write_text(
            f'#!/bin/sh\n[ "$1" = --version ] && echo packer {version} && exit\n'
            "tar cf out.tar --files-from=/dev/null\n"
        )
        tool.chmod(0o755)
        if version == "1.0":
            bom("lock", "--", "packer", cwd=root, more=more)
        done = bom(
            *("build", "--locked", "--unsigned", "--artifact", "out.tar", "--", "packer"),
            cwd=root,
            code=code,
            more=more,
        )
    assert "error: not what bom.lock has: tool wrapped packer: " in done.stderr


def test_a_python_project_without_a_lock_gets_one_by_uv(
    bom: Bom, need: Need, tmp_path: Path
) -> None:
    need("uv")
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "x"\nversion = "1"\nrequires-python = ">=3.11"\n'
        'dependencies = ["y"]\n[tool.uv.sources]\ny = { path = "y" }\n'
    )
    (tmp_path / "y").mkdir()
    (tmp_path / "y" / "pyproject.toml").write_text(
        '[project]\nname = "y"\nversion = "1"\nrequires-python = ">=3.11"\n'
    )
    bom("lock", cwd=tmp_path, more={"UV_OFFLINE": "1"})
    locked = json.loads((tmp_path / "bom.lock").read_text())
    assert [item["path"] for item in locked["files"]] == ["uv.lock"]


def test_a_node_project_without_a_lock_gets_one_by_npm_which_runs_no_script(
    bom: Bom, need: Need, tmp_path: Path
) -> None:
    need("npm")
    (tmp_path / "package.json").write_text('{"name": "x", "dependencies": {"y": "file:./y"}}')
    (tmp_path / "y").mkdir()
    (tmp_path / "y" / "package.json").write_text(
        '{"name": "y", "version": "1.0.0", "scripts": {"install": "touch ../../ran"}}'
    )
    bom("lock", cwd=tmp_path, more={"npm_config_offline": "true"})
    assert not (tmp_path.parent / "ran").exists()
    locked = json.loads((tmp_path / "bom.lock").read_text())
    assert [item["path"] for item in locked["files"]] == ["package-lock.json"]


def test_a_locker_that_fails_is_told_and_no_lock_is_written(bom: Bom, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "x"\nversion = "1"\ndependencies = ["no-such-package-is-here"]\n'
    )
    done = bom("lock", cwd=tmp_path, code=3, more={"UV_OFFLINE": "1"})
    assert done.stderr.startswith("error: `uv lock` failed in ")
    assert not (tmp_path / "bom.lock").exists()
