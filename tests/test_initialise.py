"""What `bom init` proposes and writes, and what it never touches."""

from __future__ import annotations

import json
import os
import pty
import re
import stat
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import jsonschema_rs
import pytest
import yaml
from click.testing import CliRunner

from bom.cli import bom
from bom.config import load
from bom.initialise import HOOKS, WORKFLOW
from bom.initialise.project import found
from bom.initialise.texts import HOOK_ID

if TYPE_CHECKING:
    from click.testing import Result
    from tests.conftest import Need

ROOT: Final = Path(__file__).resolve().parents[1]
ACTION: Final = "example/bom-seal@0123456789abcdef0123456789abcdef01234567"
# a project's files -> its kind, its command
PROJECTS: Final[dict[str, tuple[dict[str, str], str]]] = {
    "python": (
        {"pyproject.toml": "[build-system]\nrequires = []\n[tool.pytest]\n[tool.ruff]\n"},
        "python3 -m build",
    ),
    "npm": ({"package.json": '{"scripts": {"test": "true", "lint": "true"}}'}, "npm pack"),
    "go": ({"go.mod": "module example.com/it\n"}, "go build -trimpath -o bin/ ./..."),
    "rust": ({"Cargo.toml": '[package]\nname = "it"\n'}, "cargo build --release --locked"),
    "java": ({"pom.xml": "<project/>"}, "mvn -B package"),
    "image": ({"Dockerfile": "FROM scratch\n"}, "docker build -t shop:1 ."),
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project in a git work tree, and a home without a key."""
    project = tmp_path / "shop"
    (project / ".git").mkdir(parents=True)
    (project / ".git" / "HEAD").write_text("ref: refs/heads/trunk\n", encoding="utf-8")
    monkeypatch.chdir(project)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for variable in ("BOM_KEY", "BOM_KEY_PASSPHRASE", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(variable, raising=False)
    return project


def filled(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def init(*words: str) -> Result:
    return CliRunner().invoke(bom, ["init", *words])


def record(*words: str) -> dict[str, Any]:
    said = init("--json", *words)
    assert said.exit_code == 0, said.stderr
    value: dict[str, Any] = json.loads(said.stdout)
    return value


def tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize("kind", PROJECTS)
def test_what_is_written_is_valid_whatever_the_project_is(kind: str, folder: Path) -> None:
    files, command = PROJECTS[kind]
    filled(folder, files)
    said = record("--yes", "--action", ACTION)
    assert said["kind"] == kind
    assert [item["state"] for item in said["pieces"]] == ["written"] * 4
    config = load(folder)
    assert config.normalize
    assert f"-- {command}\n" in (folder / "bom.toml").read_text(encoding="utf-8")
    workflow = yaml.safe_load((folder / WORKFLOW).read_text(encoding="utf-8"))
    step = workflow["jobs"]["build"]["steps"][-1]
    assert step["uses"] == ACTION
    assert step["with"]["command"] == command
    inputs = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))["inputs"]
    assert set(step["with"]) <= set(inputs)
    # YAML 1.1 reads `on` as true
    assert workflow[True]["push"] == {"branches": ["trunk"]}
    checks = [line.split(": ")[0] for line in step["with"].get("checks", "").splitlines()]
    assert checks == [check.name for check in config.checks]
    hooks = yaml.safe_load((folder / HOOKS).read_text(encoding="utf-8"))["repos"][0]["hooks"]
    assert hooks[0]["id"] == HOOK_ID
    assert re.fullmatch(hooks[0]["files"], "bom.lock")
    assert not re.fullmatch(hooks[0]["files"], "src/app.py")


@pytest.mark.parametrize("kind", PROJECTS)
def test_actionlint_has_nothing_to_say_of_the_workflow(kind: str, folder: Path, need: Need) -> None:
    actionlint = need("actionlint")
    filled(folder, PROJECTS[kind][0])
    record("--workflow", "--action", ACTION)
    done = subprocess.run(
        [actionlint, str(folder / WORKFLOW)], capture_output=True, text=True, check=False
    )
    assert done.stdout == ""
    assert done.returncode == 0


def test_the_workflow_takes_actions_at_the_same_commits_as_this_project(folder: Path) -> None:
    filled(folder, PROJECTS["python"][0])
    record("--workflow")
    own = "".join(
        path.read_text(encoding="utf-8") for path in (ROOT / ".github" / "workflows").glob("*.yml")
    )
    lines = (folder / WORKFLOW).read_text(encoding="utf-8").splitlines()
    used = [line.strip(" -") for line in lines if "uses: actions/" in line]
    assert len(used) == 2
    assert not [line for line in used if line not in own]


def test_zizmor_has_nothing_to_say_of_the_workflow(folder: Path, need: Need) -> None:
    zizmor = need("zizmor")
    filled(folder, PROJECTS["python"][0])
    record("--workflow", "--action", ACTION)
    done = subprocess.run(
        [zizmor, "--offline", "--no-progress", str(folder / WORKFLOW)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_a_second_time_nothing_changes(folder: Path) -> None:
    filled(folder, PROJECTS["python"][0])
    record("--yes")
    before = tree(folder.parent)
    again = record("--yes")
    assert [item["state"] for item in again["pieces"]] == ["kept"] * 4
    record("--yes", "--force")
    assert tree(folder.parent) == before


def test_the_key_is_the_users_alone_and_never_in_the_project(folder: Path) -> None:
    filled(folder, PROJECTS["image"][0])
    record("--yes")
    place = folder.parent / "home" / ".config" / "bom"
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    assert stat.S_IMODE((place / "release.key").stat().st_mode) == 0o600
    assert not any(b"PRIVATE KEY" in data for data in tree(folder).values())


def test_the_passphrase_comes_from_the_environment(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(folder, PROJECTS["image"][0])
    monkeypatch.setenv("BOM_KEY_PASSPHRASE", "sesame")
    record("--key")
    key = folder.parent / "home" / ".config" / "bom" / "release.key"
    assert b"ENCRYPTED PRIVATE KEY" in key.read_bytes()


def test_who_names_a_key_of_his_own_gets_no_other(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(folder, PROJECTS["image"][0])
    monkeypatch.setenv("BOM_KEY", "/keys/mine.key")
    (piece,) = record("--key")["pieces"]
    assert (piece["path"], piece["state"]) == ("/keys/mine.key", "kept")
    assert not (folder.parent / "home").exists()


def test_a_configuration_folder_in_the_project_gets_no_key(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(folder, PROJECTS["image"][0])
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder / ".config"))
    before = tree(folder)
    said = init("--yes")
    assert said.exit_code == 2 or said.exception is not None
    assert "lies in the project" in str(said.exception)
    assert tree(folder) == before


def test_what_is_there_already_is_kept_without_force_and_hooks_even_with_it(folder: Path) -> None:
    filled(folder, PROJECTS["python"][0])
    filled(folder, {"bom.toml": "normalize = false\n", HOOKS.name: "repos: []\n"})
    before = tree(folder)
    said = record("--settings", "--hook")
    assert [item["state"] for item in said["pieces"]] == ["differs", "differs"]
    assert tree(folder) == before
    assert f"      - id: {HOOK_ID}" in said["next"]
    record("--settings", "--hook", "--force")
    after = tree(folder)
    assert after["bom.toml"] != before["bom.toml"]
    assert after[HOOKS.name] == before[HOOKS.name]


def test_settings_in_pyproject_toml_are_not_put_in_the_shade(folder: Path) -> None:
    text = PROJECTS["python"][0]["pyproject.toml"] + "[tool.bom]\nnormalize = false\n"
    filled(folder, {"pyproject.toml": text})
    (piece,) = record("--settings")["pieces"]
    assert (piece["path"], piece["state"]) == ("pyproject.toml", "kept")
    assert not (folder / "bom.toml").exists()


def test_the_checks_are_those_of_the_projects_own_settings(folder: Path) -> None:
    filled(folder, PROJECTS["python"][0])
    filled(folder, {"bom.toml": '[[checks]]\nname = "all"\ncommand = ["make", "test"]\n'})
    said = record("--workflow")
    assert said["next"][0] == "bom check all -- make test"
    assert "all: make test" in (folder / WORKFLOW).read_text(encoding="utf-8")


def test_a_dry_run_writes_nothing_and_says_what_it_would(folder: Path) -> None:
    filled(folder, PROJECTS["go"][0])
    before = tree(folder.parent)
    said = init("--yes", "--dry-run")
    assert said.exit_code == 0
    assert said.stdout.count(" would be written") == 4
    assert tree(folder.parent) == before


def test_in_a_part_of_a_repository_the_workflow_stands_at_its_top(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = folder / "services" / "my app"
    part.mkdir(parents=True)
    filled(part, PROJECTS["npm"][0])
    monkeypatch.chdir(part)
    record("--yes", "--no-key")
    assert (part / "bom.toml").is_file()
    job = yaml.safe_load((folder / WORKFLOW).read_text(encoding="utf-8"))["jobs"]["build"]
    assert job["steps"][-1]["with"]["working-directory"] == "services/my app"


def test_a_link_that_leads_out_of_the_project_is_not_followed(folder: Path) -> None:
    filled(folder, PROJECTS["go"][0])
    outside = folder.parent / "outside"
    outside.mkdir()
    (folder / ".github").symlink_to(outside)
    said = init("--workflow", "--settings")
    assert "leads out of the project" in str(said.exception)
    assert not list(outside.iterdir())
    assert not (folder / "bom.toml").exists()


@pytest.mark.parametrize(
    "name", ["${{ secrets.X }}", "a: b\n  run: evil", "::add-mask::x", '"; exit', "\U0001f600é"]
)
def test_a_folders_name_stays_a_word(
    name: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = folder / name.replace("/", "_")
    part.mkdir()
    filled(part, {"Dockerfile": "FROM scratch\n"})
    monkeypatch.chdir(part)
    record("--settings", "--workflow")
    text = (folder / WORKFLOW).read_text(encoding="utf-8")
    assert text.count("${{") == 2
    given = yaml.safe_load(text)["jobs"]["build"]["steps"][-1]["with"]
    assert given["command"] == "docker build -t app:1 ."
    assert given["working-directory"] == name.replace("${{", "$ {{")
    assert load(part).normalize
    assert tomllib.loads((part / "bom.toml").read_text(encoding="utf-8"))


def test_a_package_goes_before_the_image_it_ships_in_and_kind_chooses(folder: Path) -> None:
    filled(folder, PROJECTS["python"][0] | PROJECTS["image"][0] | PROJECTS["npm"][0])
    assert [item.kind for item in found(folder)] == ["python", "image", "npm"]
    assert record("--settings", "--dry-run", "--kind", "image")["kind"] == "image"


def test_a_command_says_how_a_project_without_manifests_is_built(folder: Path) -> None:
    said = record("--yes", "--no-key", "--", "make", "${{ x }}", "a\nb")
    assert said["kind"] == "other"
    given = yaml.safe_load((folder / WORKFLOW).read_text(encoding="utf-8"))
    assert given["jobs"]["build"]["steps"][-1]["with"]["command"] == "make '$ {{ x }}' 'a\nb'"
    assert load(folder).normalize


@pytest.mark.parametrize(
    "files",
    [
        {"pyproject.toml": "[build-system"},
        {"package.json": "[" * 100_000},
        {"package.json": '["a"]', "Cargo.toml": "package = 1"},
        {},
    ],
)
def test_a_project_that_says_nothing_is_told_so(files: dict[str, str], folder: Path) -> None:
    filled(folder, files)
    said = init("--yes")
    assert "says how it is built" in str(said.exception)


def test_a_pipe_in_place_of_a_manifest_is_not_waited_for(folder: Path) -> None:
    os.mkfifo(folder / "package.json")
    assert found(folder) == ()


def test_what_scripts_read_keeps_its_schema(folder: Path) -> None:
    filled(folder, PROJECTS["python"][0])
    schema = json.loads((ROOT / "schemas" / "init.schema.json").read_text(encoding="utf-8"))
    jsonschema_rs.validator_for(schema).validate(record("--yes"))


def test_on_a_terminal_it_asks_and_takes_no_for_an_answer(folder: Path) -> None:
    filled(folder, PROJECTS["image"][0])
    master, slave = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "bom", "init", "--no-hook"],
        stdin=slave,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        os.close(slave)
        os.write(master, b"y\nn\n\n")  # settings, key, workflow: yes is the default
        out, err = child.communicate(timeout=60)
    os.close(master)
    assert child.returncode == 0, err
    assert "this is built by `docker build -t shop:1 .` (image)" in err
    assert [line.split()[0] for line in out.splitlines()[1:3]] == ["settings", "workflow"]
    assert set(tree(folder)) == {".git/HEAD", "Dockerfile", "bom.toml", WORKFLOW.as_posix()}
    assert not (folder.parent / "home").exists()
