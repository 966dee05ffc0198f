"""The examples do what their README says, wrapped by `bom`, with the real tools."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT: Final = Path(__file__).resolve().parents[1]
BIN: Final = Path(sys.executable).parent
# Fails the process as soon as anything in it starts a process or opens a socket.
WATCH: Final = """
import sys
def refuse(event, arguments):
    if event.startswith(("subprocess.", "socket.", "os.exec", "os.fork", "os.spawn", "os.system",
                         "os.posix_spawn", "pty.", "ctypes.dlopen", "webbrowser.")):
        sys.stderr.write(f"REFUSED {event} {arguments}\\n")
        sys.stderr.flush()
        import os
        os._exit(99)
from bom.cli import main
sys.addaudithook(refuse)
sys.argv = ["bom", *sys.argv[1:]]
main()
"""


class Need(Protocol):
    """What tests/conftest.py offers."""

    def __call__(self, tool: str) -> str: ...
    def engine(self, kind: str) -> dict[str, str]: ...
    def base_image(self, engine: dict[str, str]) -> str: ...


@dataclass(frozen=True, slots=True)
class Workshop:
    """A scratch folder with a key pair, and projects in it that are git repositories."""

    folder: Path
    environment: Mapping[str, str]

    @property
    def key(self) -> str:
        return str(self.folder / "release.key")

    @property
    def pub(self) -> str:
        return str(self.folder / "release.pub")

    def run(
        self, *argv: str, cwd: Path, code: int = 0, environment: Mapping[str, str] | None = None
    ) -> str:
        """What the command printed to stdout; it has to end with `code`."""
        ran = subprocess.run(
            argv,
            cwd=cwd,
            env={**self.environment, **(environment or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == code, f"{argv}: exit {ran.returncode}\n{ran.stdout}\n{ran.stderr}"
        return ran.stdout

    def project(self, name: str) -> Path:
        """A copy of an example as a repository with one commit."""
        project = self.folder / name
        left = shutil.ignore_patterns("dist", "build", "__pycache__", ".pytest_cache", "*.tar")
        shutil.copytree(ROOT / "examples" / name, project, ignore=left)
        self.run("git", "init", "-q", cwd=project)
        self.run("git", "add", "-A", cwd=project)
        self.run("git", "commit", "-q", "-m", "the example", cwd=project)
        return project

    def document(self, artifact: Path) -> dict[str, object]:
        text = self.run("bom", "show", str(artifact), "--json", cwd=self.folder)
        document: dict[str, object] = json.loads(text)
        return document


@pytest.fixture
def workshop(tmp_path: Path, need: Need) -> Workshop:
    need("git")
    keep = ("PIP_", "SSL_", "LANG", "REQUESTS_", "CURL_")
    environment = {name: value for name, value in os.environ.items() if name.startswith(keep)}
    environment |= {
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(tmp_path / "home"),
        "GIT_CONFIG_NOSYSTEM": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    for role in ("AUTHOR", "COMMITTER"):
        environment[f"GIT_{role}_NAME"] = "builder"
        environment[f"GIT_{role}_EMAIL"] = "builder@example.invalid"
        environment[f"GIT_{role}_DATE"] = "2026-01-01T00:00:00Z"
    made = Workshop(tmp_path, environment)
    made.run("bom", "key", "generate", "--out", str(tmp_path / "release"), cwd=tmp_path)
    return made


def names(document: Mapping[str, object]) -> set[str]:
    components = document["components"]
    assert isinstance(components, list)
    return {str(component["name"]) for component in components}


def checks(document: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """(name, outcome) of the checks, read straight from the JSON."""
    formulation = document["formulation"]
    assert isinstance(formulation, list)
    for formula in formulation:
        for workflow in formula["workflows"]:
            for task in workflow.get("tasks", []):
                facts = {entry["name"]: entry["value"] for entry in task["properties"]}
                yield task["name"], facts["bom-seal:check:outcome"]


def test_the_python_example_is_checked_built_sealed_and_still_installs(workshop: Workshop) -> None:
    project = workshop.project("python-package")
    test = ("python", "-m", "pytest", "-q", "-p", "no:cacheprovider", "--junitxml=unit.xml")
    workshop.run("bom", "check", "unit", "--junit", "unit.xml", "--", *test, cwd=project)
    build = ("python", "-m", "build", "--no-isolation")
    workshop.run("bom", "build", "--key", workshop.key, "--", *build, cwd=project)
    wheel = project / "dist" / "newest-1.0.0-py3-none-any.whl"
    sdist = project / "dist" / "newest-1.0.0.tar.gz"
    for artifact in (wheel, sdist):
        workshop.run("bom", "verify", str(artifact), "--key", workshop.pub, cwd=workshop.folder)
        document = workshop.document(artifact)
        assert names(document) == {"packaging"}
        assert list(checks(document)) == [("unit", "passed")]
    site = str(workshop.folder / "site")
    pip = ("python", "-m", "pip", "install", "-q", "--no-index", "--no-deps", "--target", site)
    workshop.run(*pip, str(wheel), cwd=workshop.folder)
    code = "import newest; print(newest.newest(['1.9', '1.10']))"
    said = workshop.run("python", "-c", code, cwd=workshop.folder, environment={"PYTHONPATH": site})
    assert said == "1.10\n"


def test_the_python_example_without_its_check_says_that_it_was_not_run(workshop: Workshop) -> None:
    project = workshop.project("python-package")
    build = ("python", "-m", "build", "--no-isolation", "--wheel")
    workshop.run("bom", "build", "--key", workshop.key, "--", *build, cwd=project)
    document = workshop.document(project / "dist" / "newest-1.0.0-py3-none-any.whl")
    assert list(checks(document)) == [("unit", "not-run")]
    gate = ("bom", "build", "--require-checks", "--key", workshop.key, "--", *build)
    workshop.run(*gate, cwd=project, code=125)


def test_the_make_example_is_sealed_and_still_unpacks(workshop: Workshop, need: Need) -> None:
    need("make")
    project = workshop.project("make-project")
    epoch = workshop.run("git", "log", "-1", "--format=%ct", cwd=project).strip()
    workshop.run("make", cwd=project, environment={"SOURCE_DATE_EPOCH": epoch})
    built = (project / "dist" / "hello-1.0.tar.gz").read_bytes()
    workshop.run("make", "clean", cwd=project)
    workshop.run("bom", "build", "--key", workshop.key, "--", "make", cwd=project)
    sealed = project / "dist" / "hello-1.0.tar.gz"
    assert sealed.read_bytes() != built
    workshop.run("bom", "verify", str(sealed), "--key", workshop.pub, cwd=workshop.folder)
    out = workshop.folder / "out"
    out.mkdir()
    workshop.run("tar", "-xzf", str(sealed), "--strip-components=1", "-C", str(out), cwd=out)
    assert workshop.run("sh", str(out / "bin" / "hello"), cwd=out) == "Hello from 1.0\n"
    original = workshop.folder / "original.tar.gz"
    workshop.run("bom", "strip", str(sealed), "-o", str(original), cwd=workshop.folder)
    assert original.read_bytes() == built


def test_verifying_runs_no_process_and_opens_no_socket(workshop: Workshop) -> None:
    project = workshop.project("make-project")
    workshop.run("bom", "build", "--key", workshop.key, "--", "make", cwd=project)
    sealed = project / "dist" / "hello-1.0.tar.gz"
    damaged = workshop.folder / "damaged.tar.gz"
    data = bytearray(sealed.read_bytes())
    data[-20] ^= 1
    damaged.write_bytes(data)
    for path, code in ((sealed, 0), (damaged, 1)):
        argv = (sys.executable, "-c", WATCH, "verify", str(path), "--key", workshop.pub)
        workshop.run(*argv, cwd=workshop.folder, code=code)


@pytest.mark.e2e
@pytest.mark.parametrize("kind", ["modern", "classic"])
def test_the_flask_example_is_built_sealed_and_still_loads(
    workshop: Workshop, need: Need, kind: str
) -> None:
    engine = need.engine(kind)
    need.base_image(engine)
    reach = {n: v for n, v in engine.items() if n.startswith("DOCKER_")}
    reach["PATH"] = f"{BIN}{os.pathsep}{engine['PATH']}"
    project = workshop.project("flask-image")
    if certificates := os.environ.get("PIP_CERT"):
        shutil.copyfile(certificates, project / "ca.crt")
    image, sealed = "bom-example/flask:1", workshop.folder / "app.tar"
    build = ("docker", "build", "--network=host", "-t", image, ".")
    key = ("--key", workshop.key)
    try:
        workshop.run(
            "bom", "build", "-o", str(sealed), *key, "--", *build, cwd=project, environment=reach
        )
        workshop.run("bom", "verify", str(sealed), "--key", workshop.pub, cwd=workshop.folder)
        assert {"flask", "waitress", "werkzeug"} <= {
            n.lower() for n in names(workshop.document(sealed))
        }
        workshop.run("docker", "load", "-i", str(sealed), cwd=project, environment=reach)
        ask = "import app; print(app.app.test_client().get('/').text, end='')"
        once = ("docker", "run", "--rm", "--network=none", image)
        said = workshop.run(
            *once, "/opt/app/bin/python3", "-c", ask, cwd=project, environment=reach
        )
        assert said == "This image carries its own bill of materials.\n"
    finally:
        subprocess.run(
            ["docker", "image", "rm", "-f", image],
            env={**workshop.environment, **reach},
            capture_output=True,
            check=False,
        )


def test_the_examples_hold_nothing_that_was_built() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "examples"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("this is not a git checkout")
    assert not [name for name in listed.stdout.splitlines() if is_built(name)]


def is_built(name: str) -> bool:
    return name.endswith((".whl", ".tar", ".gz", ".key", ".sigstore.jsonl"))
