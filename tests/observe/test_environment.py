"""What of the environment goes into the BOM, what into the record, and what nowhere."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bom.config import Config
from bom.model import Gap, Observation, RunDetail, Setting, Tool
from bom.observe.environment import EnvironmentObserver

Project = Any  # of conftest.py, which is no module to import


def observe(project: Project, *command: str, **more: Any) -> list[Observation]:
    return list(EnvironmentObserver().observe(project.context(*(command or ("make",)), **more)))


def settings(found: list[Observation]) -> dict[str, str]:
    return {f.name: f.value for f in found if isinstance(f, Setting) and f.kind == "environment"}


def record(found: list[Observation]) -> list[tuple[str, str]]:
    return [(f.name, f.value) for f in found if isinstance(f, RunDetail)]


def test_values_of_steering_variables_stand_in_the_bom_and_names_of_others_in_the_record(
    project: Project,
) -> None:
    found = observe(project, CFLAGS="-O2", LC_ALL="C.UTF-8", GOOS="linux", EDITOR="vi")
    assert settings(found) == {"CFLAGS": "-O2", "LC_ALL": "C.UTF-8", "GOOS": "linux"}
    assert ("environment.name", "EDITOR") in record(found)
    assert "vi" not in [value for _, value in record(found)]


def test_the_time_zone_stands_in_the_record_unless_the_project_says_it_matters(
    project: Project,
) -> None:
    found = observe(project, TZ="Europe/Vienna")
    assert settings(found) == {}
    assert ("environment.TZ", "Europe/Vienna") in record(found)
    listed = observe(project, config=Config(environment=["TZ"]), TZ="Europe/Vienna")
    assert settings(listed) == {"TZ": "Europe/Vienna"}
    assert ("environment.TZ", "Europe/Vienna") in record(listed)


def test_what_bom_set_stands_in_the_bom_and_what_gave_way_in_the_record(project: Project) -> None:
    context = replace(
        project.context("make", TZ="UTC", LC_ALL="C.UTF-8"),
        fixed=frozenset({"TZ", "LC_ALL"}),
        replaced={"TZ": "Asia/Tokyo", "LANG": "de_DE.UTF-8"},
    )
    found = list(EnvironmentObserver().observe(context))
    assert settings(found) == {"TZ": "UTC", "LC_ALL": "C.UTF-8"}
    kept = [item for item in record(found) if item[0].startswith("environment.")]
    assert ("environment.TZ", "Asia/Tokyo") in kept
    assert ("environment.LANG", "de_DE.UTF-8") in kept
    assert ("environment.TZ", "UTC") not in kept


def test_the_project_extends_the_list_but_a_secret_stays_out(project: Project) -> None:
    config = Config(environment=["FLAVOUR", "MY_TOKEN", "LEAKY"])
    leaky = "ghp_" + "a1B2" * 9
    found = observe(project, config=config, FLAVOUR="plain", MY_TOKEN="hunter2", LEAKY=leaky)
    assert settings(found) == {
        "FLAVOUR": "plain",
        "LEAKY": "[redacted]",
        "MY_TOKEN": "[redacted]",
    }
    assert [f.where for f in found if isinstance(f, Gap)] == ["LEAKY", "MY_TOKEN"]
    assert "hunter2" not in repr(found)
    assert leaky not in repr(found)


def test_places_in_flags_are_the_same_in_every_clone(project: Project) -> None:
    flags = f"-O2 -ffile-prefix-map={project.root}=. -I{project.root}/inc -I/usr/include/x"
    found = observe(project, CFLAGS=flags, CC=str(project.root / "cc"))
    assert settings(found) == {"CC": "cc", "CFLAGS": "-O2 -ffile-prefix-map=.=. -Iinc -Ix"}


def test_what_a_make_above_passes_down_is_no_input(project: Project) -> None:
    assert settings(observe(project, MAKEFLAGS="w -j4 --jobserver-auth=3,4")) == {}
    assert settings(observe(project, MAKEFLAGS="w -- V=1"))["MAKEFLAGS"] == "V=1"


def test_the_command_line_is_redacted_and_names_no_place(project: Project) -> None:
    found = observe(project, "make", "-C", f"{project.root}/src", "TOKEN=hunter2")
    assert Setting("command", "command", "make -C src 'TOKEN=[redacted]'") in found


def test_platform_and_c_library_are_those_of_a_local_build_only(project: Project) -> None:
    local = observe(project, "make")
    assert any(isinstance(f, Setting) and f.kind == "platform" for f in local)
    assert any(isinstance(f, Tool | Gap) and "libc" in repr(f) + "-libc" for f in local)
    image = observe(project, "/usr/bin/docker", "build", ".")
    assert not any(isinstance(f, Tool) for f in image)
    assert not any(isinstance(f, Setting) and f.kind == "platform" for f in image)


def test_host_and_user_are_recorded_only_where_asked_for(project: Project) -> None:
    names = {name for name, _ in record(observe(project))}
    assert {"host.kernel", "host.os", "host.cpu"} <= names
    assert not {"host.name", "host.user"} & names
    asked = {name for name, _ in record(observe(project, config=Config(record_host=True)))}
    assert {"host.name", "host.user"} <= asked


def test_a_ci_run_stands_in_the_record(project: Project) -> None:
    found = record(observe(project, GITHUB_ACTIONS="true", GITHUB_RUN_ID="42"))
    assert ("ci.system", "github") in found
    assert ("ci.GITHUB_RUN_ID", "42") in found


def test_bytes_that_are_no_text_become_text(project: Project) -> None:
    found = observe(project, CFLAGS="-D\udcff", **{"X\udcfe": "1"})
    repr(found).encode()
    assert settings(found)["CFLAGS"] == "-D\\xff"
