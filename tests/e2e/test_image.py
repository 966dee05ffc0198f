"""`bom build -- docker build`, on both engines, to a client that loads what came out."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import tarfile
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Need
    from tests.e2e.builds import Image, Key

pytestmark = pytest.mark.e2e


def document(image: Image) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(
        image.bom("show", "--json", image.tar, cwd=image.context).stdout
    )
    return value


def properties(part: dict[str, Any]) -> dict[str, str]:
    return {entry["name"]: entry["value"] for entry in part.get("properties", [])}


def test_the_sealed_image_verifies(image: Image, key: Key) -> None:
    done = image.bom("verify", image.tar, "--key", key.public, cwd=image.context)
    assert done.stdout.startswith("good: app.tar\n")


def test_strip_gives_exactly_what_the_engine_exports(image: Image, tmp_path: Path) -> None:
    out = tmp_path / "original.tar"
    image.bom("strip", image.tar, "-o", out, cwd=tmp_path)
    saved = tmp_path / "saved.tar"
    image.docker("save", "-o", saved, image.tag)
    assert out.read_bytes() == saved.read_bytes()


def test_the_engine_loads_it_as_the_same_image(image: Image) -> None:
    fields = "{{.Id}} {{json .RootFS.Layers}}"
    before = image.docker("image", "inspect", "--format", fields, image.tag)
    image.docker("image", "rm", "--force", image.tag)
    image.docker("load", "-i", image.tar)
    assert image.docker("image", "inspect", "--format", fields, image.tag) == before
    assert image.docker("run", "--rm", "--network=none", image.tag) == "hello\n"


def test_the_other_engine_loads_it_with_equal_config_and_diff_ids(image: Image, need: Need) -> None:
    other = need.engine("classic" if image.kind == "modern" else "modern")

    def docker(*arguments: str) -> str:
        return subprocess.run(
            ["docker", *arguments], env=other, check=True, capture_output=True, text=True
        ).stdout

    docker("load", "-i", str(image.tar))
    try:
        layers = json.loads(
            docker("image", "inspect", "--format", "{{json .RootFS.Layers}}", image.tag)
        )
        stated = [
            entry["value"].split()[1]
            for entry in document(image)["metadata"]["component"]["properties"]
            if entry["name"] == "bom-seal:image:layer"
        ]
        assert layers == stated
        if image.kind == "modern":  # the classic store's image ID is the config's digest
            subject = properties(document(image)["metadata"]["component"])
            found = docker("image", "inspect", "--format", "{{.Id}}", image.tag).strip()
            assert found == subject["bom-seal:image:config"]
    finally:
        docker("image", "rm", "--force", image.tag)


def test_skopeo_reads_it(image: Image, need: Need) -> None:
    command = [need("skopeo"), "inspect", "--config", f"docker-archive:{image.tar}"]
    config = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    assert config["config"]["Labels"]["mode"] == "fast"


def test_the_envelope_stands_in_front_as_plain_tar_entries(image: Image) -> None:
    with tarfile.open(image.tar) as archive:
        first, second = archive.next(), archive.next()
    assert first is not None
    assert second is not None
    assert [first.name, second.name] == [".bom/bom.cdx.json", ".bom/bom.cdx.json.sigstore.json"]


def test_an_equal_build_gives_an_equal_sealed_image(image: Image, key: Key, tmp_path: Path) -> None:
    again = tmp_path / "other-name.tar"
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", image.context, clone], check=True)
    subprocess.run(["git", "remote", "remove", "origin"], cwd=clone, check=True)
    image.bom(
        *("build", "-o", again, "--key", key.private, "--"),
        *("docker", "build", "--network=host", "--build-arg", "MODE=fast", "-t", image.tag, "."),
        cwd=clone,
        more={"TZ": "Asia/Kathmandu"},
    )
    assert hashlib.sha256(again.read_bytes()).digest() == (
        hashlib.sha256(image.tar.read_bytes()).digest()
    )


def test_the_packages_equal_what_dpkg_and_pip_say_inside(image: Image) -> None:
    said = image.docker(
        *("run", "--rm", "--network=none", image.tag, "dpkg-query", "-W"),
        *("-f", "${db:Status-Abbrev}|${Package}|${Version}|${Architecture}\n"),
    )
    wanted = {
        tuple(line.split("|")[1:]) for line in said.splitlines() if line.startswith(("ii", "hi"))
    }
    debs = [
        part
        for part in document(image)["components"]
        if part.get("purl", "").startswith("pkg:deb/")
    ]
    found = {
        (part["name"], part["version"], part["purl"].split("arch=")[1].split("&")[0])
        for part in debs
    }
    assert found == wanted
    assert len(debs) == len(found)


def test_the_tools_are_recorded_as_the_engine_states_them(image: Image) -> None:
    formula = document(image)["formulation"][0]
    tools = {
        (properties(part)["bom-seal:tool:kind"], part["name"]): part
        for part in formula["components"]
        if "bom-seal:tool:kind" in properties(part)
    }
    client = next(part for (kind, _), part in tools.items() if kind == "client")
    assert client["hashes"]
    engine = next(part for (kind, _), part in tools.items() if kind == "engine")
    wanted = image.docker("version", "--format", "{{.Server.Version}}").strip()
    assert engine["version"] == wanted
    assert "hashes" not in engine
    runtime = [part for (kind, _), part in tools.items() if kind == "runtime"]
    assert all("hashes" not in part for part in runtime)


def test_build_arguments_context_and_dockerfile_are_recorded(image: Image) -> None:
    workflow = document(image)["formulation"][0]["workflows"][0]
    parameters = [item for entry in workflow["inputs"] for item in entry.get("parameters", [])]
    assert {"name": "MODE", "value": "fast", "dataType": "build-arg"} in parameters
    refs = {entry["resource"]["ref"] for entry in workflow["inputs"] if "resource" in entry}
    assert any(ref.startswith("material:dockerfile:") for ref in refs)
    assert any(ref.startswith("material:context:") for ref in refs)


def test_a_failing_build_leaves_nothing_and_passes_its_code_on(
    image: Image, key: Key, tmp_path: Path
) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY missing /\n")
    own: list[str | Path] = ["build", "-o", "out/app.tar", "--key", key.private, "--"]
    (tmp_path / "out").mkdir()
    done = image.bom(*own, "docker", "build", ".", cwd=tmp_path, code=None)
    assert done.returncode == 1
    assert list((tmp_path / "out").iterdir()) == []


def test_without_an_output_it_stops_before_it_builds(
    image: Image, key: Key, tmp_path: Path
) -> None:
    done = image.bom(
        "build", "--key", key.private, "--", "docker", "build", ".", cwd=tmp_path, code=125
    )
    assert "hint: " in done.stderr
    assert "-o" in done.stderr


def test_an_output_inside_the_context_is_warned_about(
    image: Image, key: Key, tmp_path: Path
) -> None:
    shutil.copy(image.context / "message.txt", tmp_path)
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY message.txt /\n")
    tag = f"bom-e2e/{image.kind}-inside:1"
    done = image.bom(
        *("build", "-o", "app.tar", "--key", key.private, "--", "docker", "build", "-t", tag, "."),
        cwd=tmp_path,
    )
    assert "warning: " in done.stderr
    assert ".dockerignore" in done.stderr
    image.docker("image", "rm", "--force", tag)


def test_a_private_key_in_the_context_stops_the_build(
    image: Image, key: Key, tmp_path: Path
) -> None:
    context = tmp_path / "context"
    context.mkdir()
    (context / "Dockerfile").write_text("FROM scratch\nCOPY . /\n")
    shutil.copy2(key.private, context / "release.key")
    command: list[str | Path] = ["build", "-o", tmp_path / "app.tar", "--key", "release.key", "--"]
    done = image.bom(*command, "docker", "build", "-t", "bom-e2e/key:1", ".", cwd=context, code=125)
    assert "private key" in done.stderr
    assert not (tmp_path / "app.tar").exists()
    (context / ".dockerignore").write_text("*.key\n")
    image.bom(*command, "docker", "build", "-t", "bom-e2e/key:1", ".", cwd=context)
    image.docker("image", "rm", "--force", "bom-e2e/key:1")
