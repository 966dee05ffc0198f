"""Images that real engines built and saved, against what dpkg and pip say inside them."""

from __future__ import annotations

import hashlib
import json
import subprocess
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from bom.catalog.image import ImageCataloguer, ImageContents
from bom.model import Component, Dependency, Gap
from bom.purl import parse, pypi_name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Need

pytestmark = pytest.mark.e2e

DOCKERFILE = """\
FROM {base}
COPY debs wheels /packages/
ENV PIP_NO_INDEX=1 PIP_FIND_LINKS=/packages PIP_BREAK_SYSTEM_PACKAGES=1 \
PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1
RUN dpkg -i /packages/gone_1_all.deb /packages/conf_1_all.deb /packages/old_1*1.0-1_all.deb
RUN pip install -q 'demo.alpha[more]==1.0' demo-gamma==1.0 demo-vanishing==1.0
RUN dpkg -r conf && dpkg -P gone && dpkg -i /packages/old_1*2.0-1+b1_all.deb \
&& dpkg --unpack /packages/half_1_all.deb
RUN pip install -q -U demo.alpha && pip uninstall -q -y demo-vanishing && rm -r /packages/gone*
COPY wheels /packages/
RUN for file in share/half/data share/base-files/motd; do echo tampered >> /usr/$file; done; \
echo edited >> /etc/bash.bashrc
RUN python3 -m venv /opt/venv && /opt/venv/bin/pip install -q demo-gamma==1.0 demo-beta==1.0
"""


@dataclass(frozen=True)
class Built:
    """An image as the engine saved it, read, and what its own tools say about it."""

    contents: ImageContents
    dpkg: frozenset[tuple[str, str, str]]
    verified: tuple[str, ...]
    pip: dict[str, frozenset[tuple[str, str]]]
    inspected: dict[str, object]

    def components(self, type: str) -> list[Component]:
        found = [
            item.component for item in self.contents.observations if isinstance(item, Dependency)
        ]
        return [item for item in found if item.purl.startswith(f"pkg:{type}/")]

    def named(self, name: str) -> Component:
        (found,) = [c for type in ("deb", "pypi") for c in self.components(type) if c.name == name]
        return found


def write_deb(need: Need, folder: Path, name: str, version: str, extra: str = "") -> None:
    root = folder / "roots" / f"{name}-{version}"
    (root / "DEBIAN").mkdir(parents=True)
    (root / "etc").mkdir()
    (root / "etc" / f"{name}.conf").write_text(f"{name}\n", encoding="utf-8")
    (root / "usr/share" / name).mkdir(parents=True)
    data = f"{name} {version}\n".encode()
    (root / "usr/share" / name / "data").write_bytes(data)
    (root / "DEBIAN/conffiles").write_text(f"/etc/{name}.conf\n", encoding="utf-8")
    digest = hashlib.md5(data, usedforsecurity=False).hexdigest()
    (root / "DEBIAN/md5sums").write_text(f"{digest}  usr/share/{name}/data\n", encoding="utf-8")
    (root / "DEBIAN/control").write_text(
        f"Package: {name}\nVersion: {version}\nArchitecture: all\n"
        f"Maintainer: Demo <demo@example.org>\nDescription: a demo\n{extra}",
        encoding="utf-8",
    )
    out = folder / "debs" / f"{name}_{version}_all.deb"
    out.parent.mkdir(exist_ok=True)
    command = [need("dpkg-deb"), "--root-owner-group", "-Zgzip", "-b", str(root), str(out)]
    subprocess.run(command, check=True, capture_output=True)


def write_wheel(folder: Path, name: str, version: str, metadata: str = "") -> None:
    stem = f"{name.replace('-', '_').replace('.', '_')}-{version}"
    module = stem.split("-", 1)[0] + ".py"
    info = f"{stem}.dist-info"
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(folder / f"{stem}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(module, f"VERSION = {version!r}\n")
        wheel.writestr(
            f"{info}/METADATA",
            f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{metadata}",
        )
        wheel.writestr(
            f"{info}/WHEEL",
            "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        wheel.writestr(f"{info}/RECORD", f"{module},,\n{info}/METADATA,,\n{info}/WHEEL,,\n")


def write_context(need: Need, folder: Path, base: str) -> None:
    write_deb(need, folder, "gone", "1")
    write_deb(need, folder, "conf", "1")
    write_deb(need, folder, "old", "1:1.0-1")
    write_deb(
        need,
        folder,
        "old",
        "1:2.0-1+b1",
        "Source: older (1:2.0-1)\nDepends: nothing-real | bash, python3:any\n"
        "Provides: virtual-old\n",
    )
    write_deb(need, folder, "half", "1", "Depends: virtual-old\n")
    for number in ("1.0", "2.0"):
        write_wheel(
            folder / "wheels",
            "demo.alpha",
            number,
            "License-Expression: mit\nSummary: first\nProvides-Extra: more\n"
            "Requires-Dist: demo-gamma ; python_version >= '3'\n"
            "Requires-Dist: nowhere ; sys_platform == 'win32'\n"
            "Requires-Dist: demo-delta ; extra == 'more'\n",
        )
    write_wheel(folder / "wheels", "demo-beta", "1.0", "Requires-Dist: demo.alpha[more]\n")
    write_wheel(folder / "wheels", "demo-delta", "1.0")
    write_wheel(folder / "wheels", "demo-gamma", "1.0", "Requires-Dist: demo_delta\n")
    write_wheel(folder / "wheels", "demo-vanishing", "1.0")
    (folder / "Dockerfile").write_text(DOCKERFILE.format(base=base), encoding="utf-8")


@pytest.fixture(scope="session", params=["modern", "classic"])
def built(
    need: Need, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Built]:
    engine = need.engine(request.param)
    folder = tmp_path_factory.mktemp(f"image-{request.param}")
    write_context(need, folder, need.base_image(engine))
    tag = f"catalog-{request.param}/demo:1"

    def docker(*arguments: str) -> bytes:
        done = subprocess.run(["docker", *arguments], env=engine, check=False, capture_output=True)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    docker("build", "--network=host", "-q", "-t", tag, str(folder))
    with ImageCataloguer() as cataloguer:
        saving = subprocess.Popen(["docker", "save", tag], env=engine, stdout=subprocess.PIPE)
        assert saving.stdout is not None
        with saving:
            while piece := saving.stdout.read(1 << 20):
                cataloguer.feed(piece)
        assert saving.returncode == 0
        contents = cataloguer.finish()
    run = ("run", "--rm", "--network=host", "-e", "PIP_DISABLE_PIP_VERSION_CHECK=1", tag)
    form = "${Package}\t${Version}\t${Architecture}\t${db:Status-Abbrev}\n"
    printed = docker(*run, "dpkg-query", "-W", "-f", form).decode()
    rows = [row.split("\t") for row in printed.splitlines()]
    verified = docker(*run, "sh", "-c", "dpkg --verify || true").decode()
    lists = {
        where: json.loads(docker(*run, pip, "list", "--format", "json"))
        for where, pip in (("system", "pip"), ("venv", "/opt/venv/bin/pip"))
    }
    yield Built(
        contents,
        frozenset((row[0], row[1], row[2]) for row in rows if row[3][1] not in "nc"),
        tuple(verified.splitlines()),
        {
            where: frozenset((pypi_name(item["name"]), item["version"]) for item in listed)
            for where, listed in lists.items()
        },
        json.loads(docker("image", "inspect", tag))[0],
    )
    docker("image", "rm", "-f", tag)


def test_the_debian_components_are_exactly_what_dpkg_query_lists(built: Built) -> None:
    found = {
        (item.name, item.version, dict(parse(item.purl).qualifiers)["arch"])
        for item in built.components("deb")
    }
    assert found == built.dpkg
    assert {"half", "old"} <= {name for name, _, _ in found}
    assert not {"gone", "conf"} & {name for name, _, _ in found}


def test_exactly_the_files_that_dpkg_verify_calls_changed_are_findings(built: Built) -> None:
    changed = {
        line.split()[-1].lstrip("/")
        for line in built.verified
        if line[2:3] == "5" and " c " not in line
    }
    found = [item for item in built.contents.inside.findings if "pkg:deb/" in item.ref]
    assert {item.where for item in found} == changed
    assert changed == {"usr/share/half/data", "usr/share/base-files/motd"}
    edited = {
        (item.name, p.value)
        for item in built.components("deb")
        for p in item.properties
        if p.name == "bom-seal:deb:edited"
    }
    assert edited == {("bash", "etc/bash.bashrc")}
    whole = [
        p.value
        for item in built.components("deb")
        for p in item.properties
        if p.name == "bom-seal:integrity" and p.value.startswith("verified ")
    ]
    assert len(whole) > 100


def test_the_python_components_are_exactly_what_pip_lists_in_each_environment(
    built: Built,
) -> None:
    found: dict[str, set[tuple[str, str]]] = {"system": set(), "venv": set()}
    for item in built.components("pypi"):
        shadowed = any(p.name == "bom-seal:python:shadowed-by" for p in item.properties)
        for seen in item.occurrences:
            where = "venv" if seen.location.startswith("opt/venv/") else "system"
            if not shadowed:
                found[where].add((pypi_name(item.name), item.version))
    assert found == built.pip
    assert ("demo-alpha", "2.0") in found["system"]
    assert "demo-vanishing" not in {name for name, _ in found["system"]}


def test_no_component_stands_twice_and_every_edge_leads_to_one(built: Built) -> None:
    items = built.components("deb") + built.components("pypi")
    refs = [item.bom_ref for item in items]
    assert refs == sorted(set(refs))
    assert all(set(item.requires) <= set(refs) for item in items)


def test_epochs_rebuilds_and_source_packages_are_kept(built: Built) -> None:
    old = built.named("old")
    assert old.purl == "pkg:deb/debian/old@1:2.0-1%2Bb1?arch=all&distro=debian-12"
    stated = {item.name: item.value for item in old.properties}
    assert stated["bom-seal:deb:source"] == "older 1:2.0-1"
    assert stated["bom-seal:source:purl"] == (
        "pkg:deb/debian/older@1:2.0-1?arch=source&distro=debian-12"
    )
    assert old.maintainer == "Demo <demo@example.org>"
    assert {parse(ref).name for ref in old.requires} == {"bash", "python3"}
    assert [parse(ref).name for ref in built.named("half").requires] == ["old"]


def test_each_package_came_in_with_the_layer_of_its_step(built: Built) -> None:
    steps = {layer.diff_id: layer.created_by for layer in built.contents.identity.layers}

    def steps_of(name: str) -> list[str]:
        properties = built.named(name).properties
        return sorted(steps[item.value] for item in properties if item.name == "bom-seal:layer")

    (old,) = steps_of("old")
    assert "dpkg -r conf" in old
    (base,) = steps_of("bash")
    assert "demo" not in base
    both = steps_of("demo.alpha")
    assert len(both) == 2
    assert any("pip install -q -U" in step for step in both)
    assert any("python3 -m venv" in step for step in both)


def test_the_hash_is_what_sha256sum_gives_over_the_installed_files(built: Built) -> None:
    def digest(content: str) -> str:
        return hashlib.sha256(content.encode()).hexdigest()

    lines = sorted(
        [
            f"{digest('old' + chr(10))}  etc/old.conf\n",
            f"{digest('old 1:2.0-1+b1' + chr(10))}  usr/share/old/data\n",
        ]
    )
    assert [item.value for item in built.named("old").hashes] == [digest("".join(lines))]
    assert built.named("old").hash_of == "installed-files"


def test_one_distribution_in_two_environments_is_one_component_with_two_occurrences(
    built: Built,
) -> None:
    gamma = built.named("demo-gamma")
    assert [seen.location.split("/")[0] for seen in gamma.occurrences] == ["opt", "usr"]
    assert [parse(ref).name for ref in gamma.requires] == ["demo-delta"]
    different = [
        item.where
        for item in built.contents.observations
        if isinstance(item, Gap) and item.what == "component.hash"
    ]
    assert gamma.purl not in different


def test_requirements_follow_markers_and_the_extras_that_others_ask_for(built: Built) -> None:
    alpha = built.named("demo.alpha")
    assert [parse(ref).name for ref in alpha.requires] == ["demo-delta", "demo-gamma"]
    assert [(item.value, item.form) for item in alpha.licences] == [("MIT", "id")]


def test_the_identity_is_what_the_engine_says(built: Built) -> None:
    identity = built.contents.identity
    root = built.inspected["RootFS"]
    assert isinstance(root, dict)
    assert [layer.diff_id for layer in identity.layers] == root["Layers"]
    assert built.inspected["Id"] in (identity.config, identity.manifest, identity.index)
    assert list(identity.tags) == built.inspected["RepoTags"]
    assert identity.platform.startswith("linux/")
    system = built.contents.os_release
    assert system is not None and (system.name, system.version) == ("debian", "12")
