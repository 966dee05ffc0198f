"""What was normalised, in the hands of the tools that people install it with."""

from __future__ import annotations

import gzip
import io
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Need
    from tests.normalise.conftest import Lab

pytestmark = pytest.mark.e2e

EXAMPLE = Path(__file__).parents[2] / "examples" / "python-package"


def run(*command: str | Path, cwd: Path | None = None, umask: int = 0o022) -> str:
    dropped = ("PIP_", "UV_", "PYTHON", "npm_", "SOURCE_DATE_EPOCH")
    clean = {k: v for k, v in os.environ.items() if not k.startswith(dropped)}
    done = subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        env=clean | {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=False,
        umask=umask,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_pip_and_uv_install_the_wheel_and_build_the_sdist(
    lab: Lab, need: Need, tmp_path: Path
) -> None:
    uv = need("uv")
    project = tmp_path / "project"
    shutil.copytree(EXAMPLE, project)
    run(sys.executable, "-m", "build", "--no-isolation", cwd=project)
    (wheel,) = (project / "dist").glob("*.whl")
    (sdist,) = (project / "dist").glob("*.tar.gz")
    for number, built in enumerate((wheel, sdist)):
        result = lab.normalise(built)
        assert result.read_bytes() != built.read_bytes()
        by_pip, by_uv = tmp_path / f"pip{number}", tmp_path / f"uv{number}"
        plain = ("--no-deps", "--no-index", "--no-build-isolation")
        run(sys.executable, "-m", "pip", "install", "-q", *plain, "--target", by_pip, result)
        run(uv, "pip", "install", *plain, "--python", sys.executable, "--target", by_uv, result)
        for folder in (by_pip, by_uv):
            assert (folder / "newest" / "__init__.py").read_bytes() == (
                project / "src" / "newest" / "__init__.py"
            ).read_bytes()


def test_npm_installs_the_package_and_a_build_under_another_umask_is_the_same(
    lab: Lab, need: Need, tmp_path: Path
) -> None:
    npm, results = need("npm"), []
    for umask in (0o022, 0o077):
        project = tmp_path / f"project{umask}"
        (project / "lib").mkdir(parents=True)
        (project / "package.json").write_text(
            '{"name": "law", "version": "1.0.0", "bin": {"law": "run.js"}}'
        )
        (project / "run.js").write_text('#!/usr/bin/env node\nconsole.log("ran")\n')
        (project / "run.js").chmod(0o777 & ~umask)
        (project / "lib" / "data.txt").write_text("data\n" * 99)
        run(npm, "pack", "--silent", cwd=project, umask=umask)
        results.append(lab.normalise(project / "law-1.0.0.tgz").read_bytes())
    assert results[0] == results[1]
    user = tmp_path / "user"
    user.mkdir()
    (user / "package.json").write_text("{}")
    run(npm, "install", "--offline", "--silent", lab.folder / "normalised/law-1.0.0.tgz", cwd=user)
    assert run(user / "node_modules" / ".bin" / "law") == "ran\n"


def test_two_tars_of_one_folder_by_gnu_tar_are_the_same_and_unpack_to_it(
    lab: Lab, need: Need, tmp_path: Path
) -> None:
    tar = need("tar")
    results = []
    for name, mode, form in (("one", "go-w", "gnu"), ("two", "g+w", "posix")):
        folder = tmp_path / name / "app"
        shutil.copytree(EXAMPLE, folder)
        (folder / "link").symlink_to("README.md")
        os.link(folder / "pyproject.toml", folder / "again.toml")
        packing: list[str | Path] = [
            tar,
            "-C",
            folder.parent,
            f"--mode={mode}",
            f"--format={form}",
            "--sort=inode",
        ]
        owner = ["--owner=joe:1000", "--group=staff:50"] if name == "two" else []
        run(*packing, *owner, "-czf", tmp_path / name / "app.tgz", "app")
        results.append(lab.normalise(tmp_path / name / "app.tgz").read_bytes())
    assert results[0] == results[1]
    there = tmp_path / "there"
    there.mkdir()
    run(tar, "-xzf", lab.folder / "normalised" / "app.tgz", "-C", there)
    assert run(need("diff"), "-r", "--no-dereference", there / "app", tmp_path / "one/app") == ""
    assert (there / "app/again.toml").samefile(there / "app/pyproject.toml")


def test_a_full_disk_leaves_nothing_half_written(tmp_path: Path) -> None:
    """The limit on a file's size stands for the disk: writing fails in the middle all the same."""
    built, out = tmp_path / "x.tar", tmp_path / "out"
    with tarfile.open(built, "w") as archive:
        info = tarfile.TarInfo("a")
        info.size = 4 << 20
        archive.addfile(info, io.BytesIO(os.urandom(info.size)))
    script = (
        "import resource, signal, sys, pathlib; from bom.normalise import normalise\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))\n"
        "normalise(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), 0)"
    )
    for path in (built, tmp_path / "x.tgz"):
        if path != built:
            path.write_bytes(gzip.compress(built.read_bytes(), 1))
        done = subprocess.run(
            [sys.executable, "-c", script, str(path), str(out)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert "OSError: [Errno 27] File too large" in done.stderr
        assert out.read_bytes() == b""
        assert {item.name for item in tmp_path.iterdir()} <= {"x.tar", "x.tgz", "out"}
