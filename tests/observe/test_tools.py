"""The tools, found and asked for real."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bom.model import Gap, Observation, RunDetail, Tool
from bom.observe._programs import find
from bom.observe.packages import owner
from bom.observe.tools import ToolsObserver

Project = Any  # of conftest.py, which is no module to import
Need = Callable[[str], str]


def observe(project: Project, *command: str, **more: Any) -> list[Observation]:
    return list(ToolsObserver().observe(project.context(*command, **more)))


def tools(found: list[Observation]) -> dict[tuple[str, str], Tool]:
    return {(f.kind, f.name): f for f in found if isinstance(f, Tool)}


def output(*argv: str) -> str:
    return subprocess.run(argv, capture_output=True, check=True, text=True).stdout.strip()


def digest(path: str | Path) -> str:
    return hashlib.sha256(Path(path).resolve().read_bytes()).hexdigest()


def test_the_wrapped_executable_has_version_digest_and_package(
    project: Project, need: Need
) -> None:
    make = need("make")
    found = tools(observe(project, "make", "all"))["wrapped", "make"]
    assert found.version == output(make, "--version").splitlines()[0].split()[-1]
    assert [h.value for h in found.hashes] == [digest(make)]
    assert found.evidence == "used"
    if Path("/var/lib/dpkg/info/make.list").is_file():
        version = output("dpkg-query", "-W", "-f", "${Version}", "make")
        assert found.package.startswith(f"pkg:deb/debian/make@{version.replace('+', '%2B')}?arch=")


def test_what_the_files_call_for_is_found_on_path_and_marked_so(
    project: Project, need: Need
) -> None:
    need("make"), need("gcc")
    project.write("Makefile", "all:\n")
    project.write("src/deep/x.c", "int x;\n")
    found = tools(observe(project, "sh", "-c", "true"))
    assert found["build-backend", "make"].evidence == "path"
    compiler = found["compiler", "cc"]
    assert compiler.evidence == "path"
    assert compiler.version == output("gcc", "-dumpfullversion")


def test_what_the_files_call_for_and_is_not_there_is_a_gap(project: Project) -> None:
    project.write("pom.xml", "<project/>")
    found = observe(project, "no-such-program", PATH="/nowhere")
    assert not tools(found)
    assert {(f.what, f.where) for f in found if isinstance(f, Gap)} == {
        ("tool.hash", "no-such-program"),
        ("tool.path", "mvn"),
        ("tool.path", "javac"),
        ("tool.used", "no-such-program"),
    }


def test_the_projects_own_script_is_named_by_its_path_and_run_by_its_shell(
    project: Project,
) -> None:
    script = project.write("ci/build.sh", "#!/bin/sh\ntrue\n")
    script.chmod(0o755)
    found = tools(observe(project, "./ci/build.sh"))
    assert [h.value for h in found["wrapped", "ci/build.sh"].hashes] == [digest(script)]
    assert ("shell", "sh") in found


def test_python_m_build_names_interpreter_build_and_pip(project: Project, need: Need) -> None:
    need("pyproject-build")
    found = tools(observe(project, sys.executable, "-m", "build"))
    version = sys.version.split()[0]
    assert found["wrapped", "python"].version == version
    assert [h.value for h in found["interpreter", "cpython"].hashes] == [
        digest(getattr(sys, "_base_executable", sys.executable))
    ]
    build = found["build-frontend", "build"]
    assert build.package == f"pkg:pypi/build@{build.version}"
    assert build.hashes
    assert found["package-manager", "pip"].evidence == "used"
    alone = tools(observe(project, sys.executable, "-m", "build", "--no-isolation"))
    assert alone["package-manager", "pip"].evidence == "path"
    script = tools(observe(project, need("pyproject-build")))
    assert script["wrapped", "build"].hashes == build.hashes


def test_the_python_that_a_project_calls_for_is_found_on_path(project: Project, need: Need) -> None:
    need("python3"), need("make")
    project.write("pyproject.toml", "[project]\n")
    found = tools(observe(project, "make", "all"))["interpreter", "cpython"]
    assert found.evidence == "path"
    real = output("python3", "-c", "import sys; print(getattr(sys, '_base_executable', ''))")
    assert [h.value for h in found.hashes] == [digest(real)]


def test_a_module_that_builds_nothing_is_named_as_what_was_wrapped(project: Project) -> None:
    found = tools(observe(project, sys.executable, "-m", "pytest"))
    assert found["wrapped", "pytest"].hashes


def test_a_python_tools_hash_is_the_same_in_another_environment(
    project: Project, tmp_path: Path, need: Need
) -> None:
    uv = need("uv")
    wheel = _wheel(tmp_path)
    digests = []
    for name, copy in (("one", "copy"), ("two", "hardlink")):
        place = tmp_path / name
        output(uv, "venv", "-q", "--offline", "--python", sys.executable, str(place))
        install = [uv, "pip", "install", "-q", "--offline", "--link-mode", copy]
        output(*install, "--python", str(place / "bin/python"), str(wheel))
        (found,) = (
            tool
            for tool in tools(observe(project, str(place / "bin/python"), "-m", "thing")).values()
            if tool.name == "thing"
        )
        digests.append(found.hashes)
    lines = sorted(
        f"{hashlib.sha256(content).hexdigest()}  {name}\n"
        for name, content in FILES.items()
        if not name.endswith("RECORD")
    )
    expected = hashlib.sha256("".join(lines).encode()).hexdigest()
    assert [h.value for h in digests[0]] == [expected]
    assert digests[0] == digests[1]


FILES = {
    "thing/__init__.py": b"",
    "thing/__main__.py": b"print(1)\n",
    "thing-1.0.dist-info/METADATA": b"Metadata-Version: 2.1\nName: thing\nVersion: 1.0\n",
    "thing-1.0.dist-info/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    "thing-1.0.dist-info/entry_points.txt": b"[console_scripts]\nthing = thing.__main__:main\n",
    "thing-1.0.dist-info/RECORD": b"",
}


def _wheel(folder: Path) -> Path:
    import zipfile

    path = folder / "thing-1.0-py3-none-any.whl"
    rows = [f"{name},," for name in FILES]
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in FILES.items():
            record = "\n".join(rows).encode() + b"\n"
            archive.writestr(name, record if name.endswith("RECORD") else content)
    return path


def test_npm_states_its_version_without_being_run(project: Project, need: Need) -> None:
    npm, node = need("npm"), need("node")
    found = tools(observe(project, "npm", "pack"))
    assert found["wrapped", "npm"].version == output(npm, "--version")
    assert found["interpreter", "node"].version == output(node, "--version").lstrip("v")


def test_a_launcher_that_hides_the_program_is_a_gap(project: Project, tmp_path: Path) -> None:
    shim = tmp_path / "shims" / "cargo"
    shim.parent.mkdir()
    shim.write_text("#!/bin/sh\necho cargo 1.2.3\n")
    shim.chmod(0o755)
    found = observe(project, "cargo", "build", PATH=f"{shim.parent}:/usr/bin:/bin")
    assert not tools(found)["wrapped", "cargo"].hashes
    assert ("tool.hash", "cargo") in {(f.what, f.where) for f in found if isinstance(f, Gap)}


def test_image_builds_are_left_to_the_docker_builder(project: Project) -> None:
    assert observe(project, "/usr/bin/docker", "build", ".") == []


def test_an_unknown_program_is_never_run_for_its_version(project: Project, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    program = tmp_path / "deploy"
    program.write_text(f"#!/bin/sh\ntouch {mark}\n")
    program.chmod(0o755)
    found = observe(project, str(program))
    assert ("tool.version", "deploy") in {(f.what, f.where) for f in found if isinstance(f, Gap)}
    assert not mark.exists()


def test_the_home_folder_is_not_named_in_the_record(project: Project, tmp_path: Path) -> None:
    program = tmp_path / "someone" / "tool"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    found = observe(project, str(program), HOME=str(program.parent))
    paths = [f.value for f in found if isinstance(f, RunDetail)]
    assert "~/tool" in paths


@pytest.mark.parametrize("path", ["/usr/bin/env", "/bin/sh"])
def test_the_owning_package_is_the_one_that_dpkg_names(path: str, need: Need) -> None:
    need("dpkg-query")
    real = Path(path).resolve()
    listed = subprocess.run(
        ["dpkg-query", "-S", str(real)], capture_output=True, check=False, text=True
    ).stdout or output("dpkg-query", "-S", str(real).removeprefix("/usr"))
    name = listed.partition(":")[0]
    version = output("dpkg-query", "-W", "-f", "${Version}", name)
    assert owner(real).partition("?")[0] == (
        f"pkg:deb/debian/{name}@{version.replace('+', '%2B').replace(':', '%3A')}"
    )
    assert owner(Path("/nowhere/at/all")) == ""


def test_a_relative_program_is_found_from_the_working_directory(tmp_path: Path) -> None:
    program = tmp_path / "bin" / "x"
    program.parent.mkdir()
    program.write_text("#!/usr/bin/env -S node --x\n")
    program.chmod(0o755)
    found = find("bin/x", {"PATH": "/usr/bin"}, tmp_path)
    assert found is not None
    assert found.shebang == ("node",)
