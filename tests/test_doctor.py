"""What `bom doctor` says of a machine: programs, engines, keys, rights, disks, the project."""

from __future__ import annotations

import json
import os
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import jsonschema_rs
import pytest
from click.testing import CliRunner

from bom.cli import bom
from bom.doctor import engines, examine, keys, machine_at, project, surroundings, usable
from bom.doctor.getting import advice, manager_of
from bom.doctor.programs import stated_version
from bom.report.machine import AnswerRecord, DoctorRecord, doctor_text
from bom.sign.keyfiles import write_pair
from bom.sign.keys import PrivateKey

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Need

    from bom.doctor import Answer, Machine

SCHEMA: Final = Path(__file__).resolve().parents[1] / "schemas" / "doctor.schema.json"


def at(folder: Path, **variables: str) -> Machine:
    return machine_at(folder, {"PATH": os.environ["PATH"], "HOME": str(folder), **variables})


def named(answers: Iterator[Answer] | tuple[Answer, ...], name: str) -> Answer:
    return next(item for item in answers if item.name == name)


def program(folder: Path, name: str, script: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    (folder / name).chmod(0o755)


@pytest.fixture
def project_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, need: Need) -> Path:
    """A project of which nothing is known, on a machine with next to nothing."""
    folder = tmp_path / "project"
    folder.mkdir()
    (tmp_path / "few").mkdir()
    for name in ("sh", "git"):
        (tmp_path / "few" / name).symlink_to(need(name))
    monkeypatch.setenv("PATH", str(tmp_path / "few"))
    monkeypatch.chdir(folder)
    for variable in ("BOM_KEY", "SOURCE_DATE_EPOCH", "XDG_CONFIG_HOME", "DOCKER_CONTEXT"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")
    return folder


def test_a_machine_without_what_bom_toml_names_is_not_usable(project_folder: Path) -> None:
    (project_folder / "bom.toml").write_text(
        '[[checks]]\nname = "unit"\ncommand = ["no-such-program", "-q"]\n', encoding="utf-8"
    )
    said = CliRunner().invoke(bom, ["doctor"])
    assert said.exit_code == 1
    assert "  missing  no-such-program  for the check unit\n" in said.stdout
    assert "           hint: install no-such-program\n" in said.stdout
    assert said.stdout.endswith(
        "not usable: something that this project's bom.toml needs is missing\n"
    )


def test_what_scripts_read_keeps_its_schema(project_folder: Path) -> None:
    said = CliRunner().invoke(bom, ["doctor", "--json"])
    assert said.exit_code == 0
    record = json.loads(said.stdout)
    jsonschema_rs.validator_for(json.loads(SCHEMA.read_text(encoding="utf-8"))).validate(record)
    assert {item["area"] for item in record["answers"]} == {
        *("observe", "build", "rebuild", "sign", "use", "machine", "project")
    }


def test_quiet_says_only_what_is_missing_or_wrong(project_folder: Path) -> None:
    said = CliRunner().invoke(bom, ["-q", "doctor"])
    lines = said.stdout.splitlines()
    assert not [line for line in lines if line.startswith("  good")]
    assert any(line.startswith("  missing  signing key") for line in lines)


def test_a_bom_toml_that_cannot_be_read_is_no_traceback(project_folder: Path) -> None:
    (project_folder / "bom.toml").write_text("enviroment = []\n", encoding="utf-8")
    said = CliRunner().invoke(bom, ["doctor"])
    assert said.exit_code == 1
    assert "unknown key enviroment; did you mean environment?" in said.stdout


def test_trusted_keys_that_bom_toml_names_have_to_be_there(tmp_path: Path) -> None:
    (tmp_path / "bom.toml").write_text('trusted_keys = ["a.pub", "b.pub"]\n', encoding="utf-8")
    write_pair(tmp_path / "a", PrivateKey.generate("ed25519"), None)
    answers = tuple(project.examine(at(tmp_path)))
    assert named(answers, "a.pub").status == "good"
    assert named(answers, "b.pub").status == "bad"
    assert not usable(answers)


def test_an_engine_that_accepts_and_says_nothing_does_not_hold_the_doctor_up(
    tmp_path: Path,
) -> None:
    program(tmp_path / "bin", "docker", "echo Docker version 28.1.2")
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "s"))
        silent.listen()
        machine = at(tmp_path, DOCKER_HOST=f"unix://{tmp_path}/s", PATH=f"{tmp_path}/bin")
        started = time.monotonic()
        answers = examine(machine, patience=2.0)
        assert time.monotonic() - started < 5
    assert named(answers, "docker").said == "gives no answer within 2 s"
    # and all the others have answered
    assert [item.name for item in answers if item.said.startswith("gives no")] == ["docker"]
    assert named(answers, "git work tree").status == "absent"


def test_an_engine_that_talks_nonsense_is_named(tmp_path: Path) -> None:
    program(tmp_path / "bin", "docker", "echo Docker version 28.1.2")
    machine = at(tmp_path, PATH=f"{tmp_path}/bin", DOCKER_HOST="unix:///nowhere.sock")
    engine = named(engines.docker(machine), "docker engine")
    assert engine.status == "bad"
    assert "nowhere.sock" in engine.said


@pytest.mark.e2e
@pytest.mark.parametrize(("kind", "store"), [("modern", "containerd"), ("classic", "classic")])
def test_a_real_engine_says_which_store_it_has(
    need: Need, tmp_path: Path, kind: str, store: str
) -> None:
    machine = machine_at(tmp_path, need.engine(kind))
    answers = tuple(engines.docker(machine))
    engine = named(answers, "docker engine")
    assert engine.status == "good"
    assert engine.said.endswith(f", {store} store")
    assert named(answers, "docker").said.split(".")[0] in ("20", "28")


def test_a_project_with_a_dockerfile_and_no_engine_asks_for_one(tmp_path: Path) -> None:
    machine = at(tmp_path, PATH=f"{tmp_path}/bin")
    assert named(engines.docker(machine), "docker").status == "absent"
    (tmp_path / "Dockerfile").write_text("FROM scratch\n", encoding="utf-8")
    assert named(engines.docker(machine), "docker").status == "missing"
    program(tmp_path / "bin", "podman", "echo podman version 4.3.1")
    assert named(engines.docker(machine), "docker").status == "absent"


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("git version 2.39.5", "2.39.5"),
        ("go version go1.19.8 linux/amd64", "1.19.8"),
        ("diffoscope 240", "240"),
        ("Docker version 28.5.2+dfsg4, build 1234abc", "28.5.2+dfsg4"),
        ("github.com/docker/buildx v0.29.1 abcdef0", "0.29.1"),
        ("no number", ""),
    ],
)
def test_a_version_is_found_in_what_a_program_says(said: str, version: str, tmp_path: Path) -> None:
    program(tmp_path / "bin", "it", f"echo '{said}'")
    assert stated_version((str(tmp_path / "bin" / "it"),), at(tmp_path)) == version


def test_a_program_that_fails_or_is_none_has_no_version(tmp_path: Path) -> None:
    program(tmp_path / "bin", "it", "echo 1.2.3; exit 1")
    assert stated_version((str(tmp_path / "bin" / "it"),), at(tmp_path)) == ""
    assert stated_version((str(tmp_path / "nothing"),), at(tmp_path)) == ""


def test_a_private_key_that_others_may_read_is_bad(tmp_path: Path) -> None:
    private, _ = write_pair(tmp_path / "mine", PrivateKey.generate("ecdsa-p256"), None)
    assert named(keys.examine(at(tmp_path, BOM_KEY=str(private))), "signing key").status == "good"
    private.chmod(0o644)
    answer = named(keys.examine(at(tmp_path, BOM_KEY=str(private))), "signing key")
    assert answer.status == "bad"
    assert answer.advice.startswith("chmod 600 ")


def test_a_private_key_inside_the_project_is_bad(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "HEAD").write_text("ref: refs/heads/main\n", encoding="utf-8")
    private, _ = write_pair(tmp_path / "mine", PrivateKey.generate("ecdsa-p256"), None)
    answer = named(keys.examine(at(tmp_path, BOM_KEY=str(private))), "signing key")
    assert answer.said.endswith("lies in the project")


def test_a_trust_folder_that_everybody_may_write_is_bad(tmp_path: Path) -> None:
    trust = tmp_path / ".config" / "bom" / "trust"
    trust.mkdir(parents=True)
    write_pair(trust / "team", PrivateKey.generate("ed25519"), None)
    assert named(keys.examine(at(tmp_path)), "trusted keys").said == "team.pub"
    trust.chmod(0o777)
    assert named(keys.examine(at(tmp_path)), "trusted keys").status == "bad"


@pytest.mark.parametrize("given", ["now", "9" * 19, "9" * 5000, "-1"])
def test_a_source_date_epoch_that_is_none_is_bad(given: str, tmp_path: Path) -> None:
    machine = at(tmp_path, SOURCE_DATE_EPOCH=given)
    assert named(surroundings.examine(machine), "SOURCE_DATE_EPOCH").status == "bad"


def test_a_folder_for_temporary_files_that_is_not_there_is_bad(tmp_path: Path) -> None:
    answer = named(surroundings.examine(at(tmp_path, TMPDIR="/nope")), "temporary files")
    assert (answer.status, answer.said) == ("bad", "/nope: No such file or directory")


@pytest.mark.parametrize(
    ("os_release", "manager"),
    [
        ('ID=debian\nVERSION_ID="12"\n', "apt"),
        ("ID=linuxmint\nID_LIKE='ubuntu debian'\n", "apt"),
        ('ID="rocky"\nID_LIKE="rhel centos fedora"\n', "dnf"),
        ("ID=alpine\n", "apk"),
        ("ID=plan9\n", ""),
        ("", ""),
    ],
)
def test_the_package_manager_is_that_of_the_system(os_release: str, manager: str) -> None:
    assert manager_of(os_release) == manager


def test_what_to_type_is_said_where_it_is_known() -> None:
    assert advice("podman", "apt") == "apt install podman"
    assert advice("cargo", "apk") == "apk add cargo"
    assert advice("podman", "") == "install podman"
    assert advice("dotnet", "apt") == "install dotnet"
    assert advice("uv", "apt") == "pip install uv"


def test_an_examiner_that_fails_is_an_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(machine: Machine) -> Iterator[Answer]:
        raise RuntimeError(machine.cwd)

    monkeypatch.setattr("bom.doctor.EXAMINERS", (("it", fails), ("project", project.examine)))
    answers = examine(at(tmp_path))
    assert named(answers, "it").said == "can't be looked at (RuntimeError)"
    assert named(answers, "git work tree").status == "absent"


def test_words_of_strangers_stay_words() -> None:
    word = "\x1b]0;x\x07<img>\n::add-mask::x"
    answer = AnswerRecord(
        area="build", name=word, status="bad", said=word, purpose=word, advice=word, needed=False
    )
    text = doctor_text(DoctorRecord(usable=True, answers=[answer]))
    assert "\x1b" not in text and "\x07" not in text
    assert len(text.splitlines()) == 4


def test_the_whole_text_of_what_was_found() -> None:
    def answer(area: str, name: str, status: str, said: str = "", advice: str = "") -> AnswerRecord:
        return AnswerRecord.model_validate(
            {
                "area": area,
                "name": name,
                "status": status,
                "said": said,
                "advice": advice,
                "purpose": "this and that",
                "needed": area == "project",
            }
        )

    answers = [
        answer("observe", "git", "good", "2.39.5"),
        answer("build", "docker engine", "bad", "nobody answers", "start it"),
        answer("build", "cargo", "absent", advice="apt install cargo"),
        answer("build", "go", "absent", advice="apt install golang-go"),
        answer("project", "ruff", "missing", advice="pip install ruff"),
    ]
    assert doctor_text(DoctorRecord(usable=False, answers=answers)).splitlines() == [
        "observe",
        "  good     git  2.39.5",
        "build",
        "  bad      docker engine  nobody answers, for this and that",
        "           hint: start it",
        "  not here, and not asked for: cargo, go",
        "this project",
        "  missing  ruff  for this and that",
        "           hint: pip install ruff",
        "not usable: something that this project's bom.toml needs is missing",
    ]
    assert doctor_text(DoctorRecord(usable=True, answers=answers[1:3])).splitlines()[-1] == (
        "usable; 1 thing is to be looked at"
    )
    assert (
        doctor_text(DoctorRecord(usable=True, answers=answers[:1])).splitlines()[-1] == "all good"
    )
