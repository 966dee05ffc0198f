"""The workflows, the actions and every example of docs/action.md, held against their linters."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml

if TYPE_CHECKING:
    from tests.conftest import Need

ROOT: Final = Path(__file__).resolve().parents[2]
ACTIONS: Final = ("action.yml", "verify/action.yml")
OWN: Final = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PINNED: Final = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
# what stands for the commit that a reader takes, and our own actions of the very checkout
OURS: Final = re.compile(r"OWNER/bom-seal(/verify)?@[0-9a-f]{40}|\./(verify)?( #.*)?")
DOCUMENT: Final = (ROOT / "docs" / "action.md").read_text(encoding="utf-8")


def examples() -> dict[str, str]:
    """Workflow name -> text, of every one in docs/action.md."""
    found = re.findall(r"^```yaml\n(name: .*?)^```", DOCUMENT, re.DOTALL | re.MULTILINE)
    return {text.partition("\n")[0].removeprefix("name: "): text for text in found}


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with all of them."""
    folder = tmp_path_factory.mktemp("workflows")
    (folder / ".git").mkdir()
    target = folder / ".github" / "workflows"
    target.mkdir(parents=True)
    for path in OWN:
        (target / path.name).write_bytes(path.read_bytes())
    for name, text in examples().items():
        (target / f"example-{name}.yml").write_text(text, encoding="utf-8")
    for name in ACTIONS:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes((ROOT / name).read_bytes())
    dependabot = ROOT / ".github" / "dependabot.yml"
    (folder / ".github" / "dependabot.yml").write_bytes(dependabot.read_bytes())
    return folder


def test_the_documentation_has_the_examples_it_promises() -> None:
    assert list(examples()) == ["build", "image", "release", "deploy"]


def test_actionlint_finds_nothing_in_any_workflow(need: Need, repository: Path) -> None:
    files = sorted((repository / ".github" / "workflows").glob("*.yml"))
    assert len(files) == len(OWN) + 4
    linted = subprocess.run(
        [need("actionlint"), "-no-color", *map(str, files)],
        cwd=repository,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (linted.returncode, linted.stdout, linted.stderr) == (0, "", "")


def test_zizmor_finds_nothing_in_any_workflow_or_action(need: Need, repository: Path) -> None:
    environment = {name: text for name, text in os.environ.items() if name != "GH_TOKEN"}
    audited = subprocess.run(
        [need("zizmor"), "--offline", "--no-progress", "--strict-collection", "--color=never", "."],
        cwd=repository,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert audited.returncode == 0, audited.stdout
    assert audited.stdout.startswith("No findings to report."), audited.stdout
    assert "completed ./verify/action.yml" in audited.stderr


def used(text: str) -> list[str]:
    return re.findall(r"uses: (.+)", text)


def test_everything_that_is_used_is_pinned_by_its_commit_with_the_version_beside_it() -> None:
    texts = [path.read_text(encoding="utf-8") for path in OWN]
    texts += [(ROOT / name).read_text(encoding="utf-8") for name in ACTIONS]
    every = [line for text in (*texts, DOCUMENT) for line in used(text)]
    assert len(every) > 20
    assert [line for line in every if not (PINNED.fullmatch(line) or OURS.fullmatch(line))] == []
    commits: dict[str, set[str]] = {}
    for line in every:
        if PINNED.fullmatch(line):
            commits.setdefault(line.partition("@")[0], set()).add(line)
    assert [lines for lines in commits.values() if len(lines) > 1] == []


def test_no_workflow_runs_under_pull_request_target_or_grants_more_than_it_names() -> None:
    for text in [*(path.read_text(encoding="utf-8") for path in OWN), *examples().values()]:
        workflow = yaml.safe_load(text)
        assert "pull_request_target" not in text
        assert workflow["permissions"] == {}
        assert all("permissions" in job for job in workflow["jobs"].values())


def action(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("name", ACTIONS)
def test_inputs_reach_scripts_through_variables_alone_and_each_of_them_does(name: str) -> None:
    described = action(name)
    text = (ROOT / name).read_text(encoding="utf-8")
    for step in described["runs"]["steps"]:
        assert "${{" not in step.get("run", "")
        for variable, value in step.get("env", {}).items():
            if variable.startswith("BOM_INPUT_"):
                spelt = variable.removeprefix("BOM_INPUT_").lower().replace("_", "-")
                assert value == f"${{{{ inputs.{spelt} }}}}"
    for given in described["inputs"]:
        assert f"inputs.{given}" in text


def test_every_input_and_output_is_documented() -> None:
    described = action("action.yml")
    for name in (*described["inputs"], *described["outputs"]):
        assert f"`{name}`" in DOCUMENT, name
    for name, stated in described["inputs"].items():
        default = stated["default"]
        rows = [line for line in DOCUMENT.splitlines() if line.startswith("| `")]
        line = next(line for line in rows if f"`{name}`" in line.split("|")[1])
        if default and "${{" not in default:
            assert f"`{default}`" in line.split("|")[2], name
    for name in (*action("verify/action.yml")["inputs"], *action("verify/action.yml")["outputs"]):
        assert f"`{name}`" in DOCUMENT, name


def test_the_code_reads_no_input_that_no_action_gives() -> None:
    given = {name for action_name in ACTIONS for name in action(action_name)["inputs"]}
    asked = set()
    for path in (ROOT / "src" / "bom" / "github").glob("*.py"):
        text = path.read_text(encoding="utf-8")
        asked |= set(re.findall(r'inputs\.(?:text|raw|flag|lines|pairs)\(\s*"([a-z-]+)"', text))
    assert asked
    assert asked <= given


def test_the_examples_give_no_input_that_the_action_has_not() -> None:
    for name, text in examples().items():
        for job in yaml.safe_load(text)["jobs"].values():
            for step in job["steps"]:
                match = OURS.fullmatch(step.get("uses", ""))
                if match:
                    described = action("verify/action.yml" if match[1] else "action.yml")
                    assert set(step["with"]) <= set(described["inputs"]), name


def test_the_lock_that_audits_too_pins_what_the_lock_without_it_pins() -> None:
    def pins(name: str) -> set[str]:
        text = (ROOT / name).read_text(encoding="utf-8")
        return set(re.findall(r"^([\w.-]+==[^ ;\\]+)", text, re.MULTILINE))

    assert pins("requirements.lock") < pins("requirements-audit.lock"), "run `make lock`"


def test_the_example_for_gitlab_extends_jobs_and_sets_variables_that_the_template_has() -> None:
    text = (ROOT / "examples" / "gitlab" / "bom.gitlab-ci.yml").read_text(encoding="utf-8")
    template = yaml.safe_load(text)
    (example,) = re.findall(r"^```yaml\n(include:.*?)^```", DOCUMENT, re.DOTALL | re.MULTILINE)
    jobs = {name: job for name, job in yaml.safe_load(example).items() if name != "include"}
    assert {job["extends"] for job in jobs.values()} == {".bom-build", ".bom-verify"}
    for job in jobs.values():
        script = "\n".join(template[job["extends"]]["script"])
        for name in job["variables"]:
            assert re.search(rf"\${{?{name}\b", script), name
            assert f"#   {name} " in text or f", {name} " in text, name
