"""An engine of its own, in a network that leads nowhere."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bom.capsule.engine import StoreKind, private_engine, refuse_elsewhere, store_kind
from bom.errors import BomError, EnvironmentLacks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Need


@pytest.fixture
def folder() -> Iterator[Path]:
    """Of a short path, for the engine's sockets."""
    if os.geteuid() != 0:
        pytest.skip("an engine of its own takes root")
    with tempfile.TemporaryDirectory(prefix="bom-test-") as name:
        yield Path(name)


def processes(folder: Path) -> list[Path]:
    """Those whose command line has this folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if os.fsencode(folder) in (path / "cmdline").read_bytes():
                found.append(path)
        except OSError:
            continue
    return found


def interfaces(process: Path) -> set[str]:
    lines = (process / "net" / "dev").read_text().splitlines()[2:]
    return {line.partition(":")[0].strip() for line in lines}


@pytest.mark.parametrize(("engine", "kind"), [("modern", "containerd"), ("classic", "classic")])
def test_it_keeps_images_as_is_asked_and_sees_no_network(
    engine: str, kind: StoreKind, need: Need, folder: Path
) -> None:
    environment = need.engine(engine)
    with private_engine(kind, folder, environment) as (found, variables):
        assert found.has_containerd_store() == (kind == "containerd")
        assert variables["DOCKER_HOST"] == f"unix://{folder}/s"
        (daemon,) = [
            path for path in processes(folder) if (path / "comm").read_text() == "dockerd\n"
        ]
        assert interfaces(daemon) <= {"lo", "docker0"}
        assert (daemon / "ns" / "net").readlink() != Path("/proc/self/ns/net").readlink()
    assert processes(folder) == []
    assert str(folder) not in Path("/proc/self/mounts").read_text()


def test_nothing_is_left_of_it_after_an_error(need: Need, folder: Path) -> None:
    with (
        pytest.raises(ZeroDivisionError),
        private_engine("containerd", folder, need.engine("modern")),
    ):
        raise ZeroDivisionError
    assert processes(folder) == []


def test_an_engine_that_cannot_keep_images_that_way_is_not_taken(need: Need, folder: Path) -> None:
    with (
        pytest.raises(EnvironmentLacks, match="no containerd store for images"),
        private_engine("containerd", folder, need.engine("classic")),
    ):
        pass
    assert processes(folder) == []


def test_without_dockerd_there_is_none(
    need: Need, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for tool in ("unshare", "setpriv"):
        (folder / tool).symlink_to(need(tool))
    monkeypatch.setattr("bom.capsule.engine._SYSTEM_FOLDERS", ())
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with (
        pytest.raises(EnvironmentLacks, match="dockerd is not here"),
        private_engine("classic", folder, {"PATH": str(folder)}),
    ):
        pass


def test_a_user_who_is_not_root_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with (
        pytest.raises(EnvironmentLacks, match="takes root"),
        private_engine("classic", tmp_path, {}),
    ):
        pass


def test_an_engine_that_ends_at_once_is_told_by_its_own_words(need: Need, folder: Path) -> None:
    (folder / "dockerd").write_text("#!/bin/sh\necho it has no disk >&2\nexit 1\n")
    (folder / "dockerd").chmod(0o755)
    environment = need.engine("modern")
    environment["PATH"] = f"{folder}:{environment['PATH']}"
    with (
        pytest.raises(EnvironmentLacks, match="its own: it has no disk"),
        private_engine("containerd", folder, environment),
    ):
        pass


def test_too_long_a_folder_is_told(need: Need, tmp_path: Path) -> None:
    with (
        pytest.raises(EnvironmentLacks, match="too long a path"),
        private_engine("containerd", tmp_path / ("x" * 80), need.engine("modern")),
    ):
        pass


@pytest.mark.parametrize(
    "command",
    [
        ("docker", "-H", "ssh://build.example", "build", "."),
        ("docker", "--context", "far", "build", "."),
        ("docker", "--context=far", "buildx", "build", "."),
        ("docker", "buildx", "--builder", "far", "build", "."),
        ("docker", "buildx", "build", "--builder=far", "."),
        ("docker-buildx", "build", "--builder=far", "."),
    ],
)
def test_a_build_that_names_its_engine_is_refused(command: tuple[str, ...], tmp_path: Path) -> None:
    with pytest.raises(BomError, match="names its engine by --"):
        refuse_elsewhere(command, {}, tmp_path)


def test_a_build_that_names_none_is_not(tmp_path: Path) -> None:
    refuse_elsewhere(("docker", "build", "-t", "app", "."), {}, tmp_path)


def test_podman_by_the_name_of_docker_is_refused(tmp_path: Path) -> None:
    (tmp_path / "podman").write_text("#!/bin/sh\n")
    (tmp_path / "podman").chmod(0o755)
    (tmp_path / "docker").symlink_to("podman")
    with pytest.raises(EnvironmentLacks, match="is podman here"):
        refuse_elsewhere(("docker", "build", "."), {"PATH": str(tmp_path)}, tmp_path)


@pytest.mark.parametrize(
    ("layers", "kind"),
    [
        (["000 sha256:aa sha256:bb 12"], "containerd"),
        (["000 sha256:aa sha256:aa 12"], "classic"),
        (["000 sha256:aa sha256:aa 12", "001 sha256:cc sha256:dd 12"], "containerd"),
        ([], "containerd"),
    ],
)
def test_the_layers_tell_which_store_built_it(layers: list[str], kind: str) -> None:
    properties = [{"name": "bom-seal:image:layer", "value": text} for text in layers]
    assert store_kind({"metadata": {"component": {"properties": properties}}}) == kind
