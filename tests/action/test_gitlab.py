"""The template for GitLab CI: its scripts, run by the shell that GitLab's runner would use."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml
from tests.action.conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Need

    from bom.sign.keys import PrivateKey

TEMPLATE: Final = ROOT / "examples" / "gitlab" / "bom.gitlab-ci.yml"


def jobs() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(TEMPLATE.read_text(encoding="utf-8"))
    return found


def script(name: str) -> str:
    """As the runner puts it together: the job's own lines after those before it."""
    job = jobs()[name]
    before = jobs()[job["extends"]]["before_script"]
    return "\n".join([*before, *job["script"]]) + "\n"


@pytest.fixture
def repository(machine: Path, variables: dict[str, str], tmp_path: Path) -> tuple[str, str]:
    """Where bom is cloned from, and which commit."""
    folder = tmp_path / "bom"
    subprocess.run(["cp", "-R", str(machine / "action"), str(folder)], check=True)
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "bom"]):
        subprocess.run(["git", *words], cwd=folder, env=variables, check=True)
    told = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=folder, env=variables, check=True, capture_output=True
    )
    return str(folder), told.stdout.decode().strip()


def test_shellcheck_finds_nothing_in_its_scripts(need: Need, tmp_path: Path) -> None:
    for name in (".bom-build", ".bom-verify"):
        place = tmp_path / f"{name}.sh"
        place.write_text(f"#!/bin/sh\n{script(name)}", encoding="utf-8")
        checked = subprocess.run(
            [need("shellcheck"), "--shell=sh", str(place)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert checked.stdout == ""
    checked = subprocess.run(
        [need("shellcheck"), str(ROOT / "action" / "install.sh")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.stdout == ""


def test_a_job_builds_signs_verifies_and_leaves_no_key(
    project: Path,
    variables: dict[str, str],
    repository: tuple[str, str],
    key: PrivateKey,
    tmp_path: Path,
) -> None:
    """Both jobs in one, so that bom is installed once; then a pipeline without the key."""
    secret = tmp_path / "BOM_KEY_FILE"
    secret.write_bytes(key.pem())
    secret.chmod(0o666)
    public = tmp_path / "release.pub"
    public.write_bytes(key.public.pem())
    temp = tmp_path / "temp"
    temp.mkdir()
    own = jobs()
    verify = "\n".join(own[".bom-verify"]["script"])
    unsigned = "unset BOM_KEY_FILE; rm -r out bom-report\n" + "\n".join(own[".bom-build"]["script"])
    ran = subprocess.run(
        ["bash", "-eo", "pipefail", "-c", f"{script('.bom-build')}{verify}\n{unsigned}"],
        cwd=project,
        env=variables
        | {
            "BOM_ARTIFACT": "out/*.tar",
            "BOM_CHECKS": "unit: sh unit.sh",
            "BOM_COMMAND": "sh build.sh && true",
            "BOM_COMMIT": repository[1],
            "BOM_KEY_FILE": str(secret),
            "BOM_OPTIONS": "--artifact out/app.tar",
            "BOM_PUBLIC_KEY": str(public),
            "BOM_REPOSITORY": repository[0],
            "TMPDIR": str(temp),
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout
    assert "bom: check unit: passed" in ran.stdout
    assert "good: app.tar" in ran.stdout
    assert f"signed by  {key.key_id} (release.pub)" in ran.stdout
    last = ran.stdout.partition("good: app.tar")[2]
    assert "(a fork's has none): the build is UNSIGNED" in last
    assert "UNSIGNED out/app.tar" in last
    document = json.loads((project / "bom-report" / "gl-sbom-1.cdx.json").read_bytes())
    assert document["bomFormat"] == "CycloneDX"
    assert not list(temp.iterdir())
