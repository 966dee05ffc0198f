"""Two clones that differ in all that differs between two machines, built with --normalize: the
sealed files are the same bytes."""

from __future__ import annotations

import hashlib
import os
import subprocess
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.e2e.builds import Bom, Key, git, project

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.conftest import Need

pytestmark = pytest.mark.e2e

C_SOURCE = """\
#include <Python.h>
static PyObject *answer(PyObject *self, PyObject *none) { return PyLong_FromLong(42); }
static PyMethodDef methods[] = {{"answer", answer, METH_NOARGS, ""}, {0}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "quick", "", -1, methods};
PyMODINIT_FUNC PyInit_quick(void) { return PyModule_Create(&module); }
"""
SETUP = """\
from setuptools import Extension, setup
# debug information would name the folder that this is compiled in
quick = Extension("quick", ["quick.c"], extra_compile_args=["-g0"])
setup(name="quick", version="1", ext_modules=[quick])
"""
JAVA = 'public class Main { public static void main(String[] a) { System.out.println("hi"); } }\n'
CARGO = '[package]\nname = "app"\nversion = "1.0.0"\nedition = "2021"\n'


@dataclass(frozen=True)
class Machine:
    """Where and how one of the two builds runs. `ahead`: how far its clock is, for faketime."""

    folder: str
    umask: int
    variables: Mapping[str, str] = field(default_factory=dict)
    ahead: str = ""


ONE = Machine("a", 0o022, {"TZ": "UTC", "LANG": "C.UTF-8", "USER": "ada", "LOGNAME": "ada"})
OTHER = Machine(
    "somewhere else/by a longer name",
    0o077,
    {
        "TZ": "Asia/Kathmandu",
        "LANG": "de_DE.UTF-8",
        "LC_COLLATE": "de_DE.UTF-8",
        "LANGUAGE": "de",
        "USER": "somebody",
        "LOGNAME": "somebody",
        "HOSTNAME": "elsewhere",
        "EDITOR": "ed",
    },
    "+400d",
)


@dataclass(frozen=True)
class Both:
    """Builds one commit on both machines."""

    bom: Bom
    key: Key
    folder: Path
    clock: str

    def build(self, source: Path, *command: str) -> None:
        for machine in (ONE, OTHER):
            self._build(machine, source, command)

    def _build(self, machine: Machine, source: Path, command: tuple[str, ...]) -> None:
        clone = self.folder / machine.folder
        clone.parent.mkdir(parents=True, exist_ok=True)
        before = os.umask(machine.umask)
        try:
            git(self.folder, "clone", "-q", "--no-hardlinks", str(source), str(clone))
            clock = [self.clock, "-f", machine.ahead] if machine.ahead and self.clock else []
            wrapped = (
                "bom",
                "build",
                "--normalize",
                "--key",
                str(self.key.private),
                "--",
                *command,
            )
            home = self.folder / f"home-{machine.umask}"
            home.mkdir(exist_ok=True)
            environment = self.bom.variables(**machine.variables)
            environment["HOME"] = environment["XDG_CACHE_HOME"] = str(home)
            # the toolchain is the machine's, wherever the user's home is
            environment.setdefault("RUSTUP_HOME", str(Path.home() / ".rustup"))
            done = subprocess.run(
                [*clock, *wrapped],
                cwd=clone,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
                timeout=300,
            )
        finally:
            os.umask(before)
        assert done.returncode == 0, done.stdout + done.stderr

    def digests(self, name: str) -> list[str]:
        """Of the file that the glob names, of either build."""
        found = []
        for machine in (ONE, OTHER):
            (path,) = (self.folder / machine.folder).glob(name)
            found.append(hashlib.sha256(path.read_bytes()).hexdigest())
        return found

    def same(self, *names: str) -> None:
        for name in names:
            one, other = self.digests(name)
            assert one == other, f"{name} differs"


@pytest.fixture
def both(bom: Bom, key: Key, need: Need, tmp_path: Path) -> Both:
    return Both(bom, key, tmp_path / "both", need("faketime"))


def a_project(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "project")
    return folder


def test_a_hatchling_wheel_and_sdist_are_the_same(both: Both, need: Need, tmp_path: Path) -> None:
    source = project("python-package", tmp_path / "source")
    both.build(source, need("python"), "-m", "build", "--no-isolation")
    both.same("dist/*.whl", "dist/*.tar.gz")


def test_a_setuptools_wheel_with_a_c_extension_is_the_same(
    both: Both, need: Need, tmp_path: Path
) -> None:
    need("gcc")
    files = {"setup.py": SETUP, "quick.c": C_SOURCE, ".gitignore": "build/\ndist/\n*.egg-info/\n"}
    source = a_project(tmp_path / "source", files)
    both.build(source, need("python"), "-m", "build", "--no-isolation")
    both.same("dist/*.whl", "dist/*.tar.gz")


def test_an_npm_package_is_the_same(both: Both, need: Need, tmp_path: Path) -> None:
    manifest = '{"name": "demo", "version": "1.0.0", "license": "MIT", "files": ["index.js"]}'
    source = a_project(
        tmp_path / "source", {"package.json": manifest, "index.js": "module.exports = 1\n"}
    )
    both.build(source, need("npm"), "pack")
    both.same("demo-1.0.0.tgz")


def test_a_tar_by_gnu_tar_is_the_same(both: Both, need: Need, tmp_path: Path) -> None:
    files = {"src/ä.txt": "1\n", "src/Z.txt": "2\n", "src/b/c.txt": "3\n", ".gitignore": "*.gz\n"}
    source = a_project(tmp_path / "source", files)
    both.build(source, need("tar"), "czf", "src.tar.gz", "src")
    both.same("src.tar.gz")


def test_a_jar_by_the_jdk_is_the_same(both: Both, need: Need, tmp_path: Path) -> None:
    need("javac")
    need("jar")
    script = "javac -d out Main.java && jar --create --file app.jar -C out ."
    files = {"Main.java": JAVA, "build.sh": script, ".gitignore": "out/\n*.jar\n"}
    source = a_project(tmp_path / "source", files)
    both.build(source, "sh", "build.sh")
    both.same("app.jar", "app.jar.bom.cdx.json")


def test_a_go_and_a_rust_program_in_a_tar_are_the_same(
    both: Both, need: Need, tmp_path: Path
) -> None:
    need("go")
    need("cargo")
    script = (
        "set -e\nmkdir -p out\n"
        "GOFLAGS=-mod=mod GOPROXY=off go build -trimpath -o out/goes .\n"
        "cargo build -q --release --offline && cp target/release/app out/rusts\n"
        "tar cf programs.tar out\n"
    )
    files = {
        "build.sh": script,
        "go.mod": "module example.org/goes\n\ngo 1.21\n",
        "main.go": 'package main\n\nfunc main() { println("hi") }\n',
        "Cargo.toml": CARGO,
        "Cargo.lock": 'version = 3\n\n[[package]]\nname = "app"\nversion = "1.0.0"\n',
        "src/main.rs": 'fn main() { println!("hi") }\n',
        ".gitignore": "out/\ntarget/\n*.tar\n",
    }
    # with the machine's own clock: cargo and go were seen to wait for ever under faketime
    still = replace(both, clock="")
    still.build(a_project(tmp_path / "source", files), "sh", "build.sh")
    still.same("programs.tar")


def test_a_tree_that_is_older_than_its_commit_gives_what_its_clone_gives(
    bom: Bom, key: Key, tmp_path: Path
) -> None:
    source = a_project(tmp_path / "one" / "app", {"d/f": "text\n", ".gitignore": "*.tar\n"})
    for path in (source / "d" / "f", source / "d", source):
        os.utime(path, (1_500_000_000, 1_500_000_000))
    clone = tmp_path / "two" / "app"
    clone.parent.mkdir()
    git(tmp_path, "clone", "-q", str(source), str(clone))
    found = []
    for root in (source, clone):
        bom(
            *("build", "--normalize", "--key", key.private, "--artifact", "app.tar"),
            *("--", "tar", "-cf", "app.tar", "d"),
            cwd=root,
        )
        found.append((root / "app.tar").read_bytes())
    assert found[0] == found[1]
