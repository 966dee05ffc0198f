"""Roots that the real dpkg installed packages into, against what dpkg itself says of them."""

from __future__ import annotations

import hashlib
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from bom.catalog import WANTED
from bom.catalog.attribution import attribute
from bom.catalog.debian import Debian
from bom.catalog.protocol import Owned
from bom.catalog.view import directory_view
from bom.model import Component, Dependency, Finding
from bom.purl import parse

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Need

    from bom.catalog.protocol import FileView

RELEASE = 'ID=debian\nVERSION_ID="12"\n'


@dataclass
class Root:
    """A folder that dpkg takes for the root of a system."""

    need: Need
    folder: Path
    path: Path = field(init=False)

    def __post_init__(self) -> None:
        self.path = self.folder / "root"
        for name in ("etc", "usr/bin", "var/lib/dpkg/info", "var/lib/dpkg/updates"):
            (self.path / name).mkdir(parents=True)
        for name in ("bin", "sbin"):
            (self.path / name).symlink_to("usr/bin")
        (self.path / "var/lib/dpkg/status").touch()
        (self.path / "etc/os-release").write_text(RELEASE, encoding="utf-8")

    def dpkg(self, *arguments: str, tool: str = "dpkg") -> str:
        options = ["--root", str(self.path)]
        if tool == "dpkg":
            options += ["--force-not-root,script-chrootless,bad-path,depends,architecture"]
            options += ["--log", str(self.folder / "dpkg.log")]
        done = subprocess.run(
            [self.need(tool), *options, *arguments], check=False, capture_output=True, text=True
        )
        assert done.returncode == 0 or "--verify" in arguments, done.stderr
        return done.stdout

    def deb(
        self, name: str, version: str, files: dict[str, str], *fields: str, arch: str = "all"
    ) -> str:
        """A package of these files; those in etc/ are its conffiles."""
        tree = self.folder / f"{name}-{version}-{arch}"
        control = tree / "DEBIAN"
        control.mkdir(parents=True)
        sums = ""
        for path, content in files.items():
            (tree / path).parent.mkdir(parents=True, exist_ok=True)
            (tree / path).write_text(content, encoding="utf-8")
            digest = hashlib.md5(content.encode(), usedforsecurity=False).hexdigest()
            sums += "" if path.startswith("etc/") else f"{digest}  {path}\n"
        conffiles = "".join(f"/{path}\n" for path in files if path.startswith("etc/"))
        stated = [f"Package: {name}", f"Version: {version}", f"Architecture: {arch}"]
        stated += ["Maintainer: Demo <demo@example.org>", "Description: a demo", *fields]
        for part, text in (
            ("control", "\n".join(stated) + "\n"),
            ("md5sums", sums),
            ("conffiles", conffiles),
        ):
            if text:
                (control / part).write_text(text, encoding="utf-8")
        out = self.folder / f"{tree.name}.deb"
        command = [self.need("dpkg-deb"), "-Zgzip", "-b", str(tree), str(out)]
        subprocess.run(command, check=True, capture_output=True)
        return str(out)

    def view(self) -> FileView:
        return directory_view(self.path, WANTED)[0]

    def installed(self) -> list[Component]:
        found = Debian().installed(self.view())
        return [item.component for item in found if isinstance(item, Dependency)]

    def named(self, name: str) -> Component:
        (found,) = [item for item in self.installed() if item.name == name]
        return found

    def findings(self) -> list[Finding]:
        return [item for item in Debian().installed(self.view()) if isinstance(item, Finding)]

    def owners(self) -> dict[str, tuple[str, str]]:
        view, _ = directory_view(self.path, WANTED)
        owned = [item for item in Debian().installed(view) if isinstance(item, Owned)]
        return {item.path: (item.owner, item.rule) for item in attribute(view, owned).files}


@pytest.fixture
def root(need: Need, tmp_path: Path) -> Root:
    return Root(need, tmp_path)


def said(component: Component, name: str) -> list[str]:
    return [item.value for item in component.properties if item.name == name]


def test_the_packages_are_those_that_dpkg_query_lists(root: Root) -> None:
    root.dpkg("--add-architecture", "i386")
    same = ("Multi-Arch: same",)
    for deb in (
        root.deb("plain", "1:2.0-1", {"usr/share/plain": "1"}),
        root.deb("rebuilt", "2.0-1+b1", {"usr/share/rebuilt": "1"}, "Source: origin (2.0-1)"),
        root.deb("libssl3", "3.0.1-1", {"usr/lib/ssl": "1"}, "Source: openssl"),
        root.deb("both", "1~rc1", {"usr/share/both": "1", "usr/lib/a": "1"}, *same, arch="amd64"),
        root.deb("both", "1~rc1", {"usr/share/both": "1", "usr/lib/b": "2"}, *same, arch="i386"),
        root.deb("gone", "1", {"usr/share/gone": "1"}),
        root.deb("kept", "1", {"etc/kept.conf": "1"}),
    ):
        root.dpkg("-i", deb)
    root.dpkg("-r", "gone", "kept")
    root.dpkg("--unpack", root.deb("half", "3", {"usr/share/half": "1"}))
    form = "-f${Package} ${Version} ${Architecture} ${Status}\\n"
    listed = [line.split() for line in root.dpkg("-W", form, tool="dpkg-query").splitlines()]
    assert ["kept", "1", "all", "deinstall", "ok", "config-files"] in listed
    expected = {tuple(row[:3]) for row in listed if row[-1] != "config-files"}
    purls = [parse(item.purl) for item in root.installed()]
    found = [(item.name, item.version, dict(item.qualifiers)["arch"]) for item in purls]
    assert len(found) == len(set(found)) == 6
    assert set(found) == expected
    assert said(root.named("libssl3"), "bom-seal:deb:source") == ["openssl 3.0.1-1"]
    (source,) = said(root.named("rebuilt"), "bom-seal:source:purl")
    assert source == "pkg:deb/debian/origin@2.0-1?arch=source&distro=debian-12"
    assert root.named("plain").purl.startswith("pkg:deb/debian/plain@1:2.0-1?")
    lines = (root.path / "var/lib/dpkg/status").read_text(encoding="utf-8").splitlines()
    for item in root.installed():
        (seen,) = item.occurrences
        assert seen.location == "var/lib/dpkg/status"
        assert lines[seen.line - 1] == f"Package: {item.name}"
    both = [item for item in root.installed() if item.name == "both"]
    assert both[0].hashes != both[1].hashes


def test_the_journal_of_an_interrupted_dpkg_counts(root: Root) -> None:
    for name in ("a", "b", "c"):
        root.dpkg("-i", root.deb(name, "1", {f"usr/share/{name}": name}))
    status = (root.path / "var/lib/dpkg/status").read_text(encoding="utf-8")
    second = next(part for part in status.split("\n\n") if part.startswith("Package: b"))
    third = next(part for part in status.split("\n\n") if part.startswith("Package: c"))
    for number, text in (
        ("0000", second.replace("ok installed", "ok half-configured")),
        ("0001", third.replace("install ok installed", "deinstall ok config-files")),
    ):
        path = root.path / "var/lib/dpkg/updates" / number
        path.write_text(text + "\n", encoding="utf-8")
    listed = root.dpkg("-W", "-f${Package} ${db:Status-Status}\n", tool="dpkg-query").split("\n")
    assert listed[:3] == ["a installed", "b half-configured", "c config-files"]
    states = {item.name: said(item, "bom-seal:deb:status") for item in root.installed()}
    assert states == {"a": ["installed"], "b": ["half-configured"]}


def test_exactly_the_files_that_dpkg_verify_names_are_findings(root: Root) -> None:
    files = {f"usr/share/a/{name}": name for name in ("one", "two", "three")}
    doc = {"usr/share/doc/a/readme": "x", "bin/tool": "1", "etc/a.conf": "as shipped"}
    root.dpkg(
        "--path-exclude=/usr/share/doc/*", "-i", root.deb("a", "1", {**files, **doc}, arch="amd64")
    )
    root.dpkg("-i", root.deb("b", "1", {"usr/share/b": "b", "etc/b.conf": "as shipped"}))
    assert root.findings() == []
    assert said(root.named("a"), "bom-seal:integrity") == ["verified 4 of 5"]
    for name in ("usr/share/a/two", "usr/bin/tool", "etc/a.conf"):
        (root.path / name).write_text("tampered", encoding="utf-8")
    (root.path / "usr/share/a/three").unlink()
    verified = root.dpkg("--verify").splitlines()
    named = {line.split()[-1].lstrip("/") for line in verified if line[2:3] == "5"}
    conffiles = {line.split()[-1].lstrip("/") for line in verified if " c " in line}
    assert conffiles == {"etc/a.conf"}
    findings = root.findings()
    assert {item.where for item in findings} == named - conffiles == {"usr/share/a/two", "bin/tool"}
    assert {item.code for item in findings} == {"modified"}
    assert {item.ref for item in findings} == {root.named("a").purl}
    assert said(root.named("a"), "bom-seal:integrity") == ["modified 2 of 5"]
    assert said(root.named("a"), "bom-seal:deb:edited") == ["etc/a.conf"]
    assert said(root.named("b"), "bom-seal:deb:edited") == []


def test_a_diverted_file_is_looked_at_where_it_stands(root: Root) -> None:
    root.dpkg("-i", root.deb("shell", "1", {"usr/bin/sh": "original"}))
    root.dpkg("--package", "other", "--divert", "/usr/bin/sh.distrib", "--rename",
              "--add", "/usr/bin/sh", tool="dpkg-divert")  # fmt: skip
    root.dpkg("-i", root.deb("other", "1", {"usr/bin/sh": "replaced"}))
    assert root.dpkg("--verify") == ""
    assert root.findings() == []
    owners = root.owners()
    assert owners["usr/bin/sh"] == (root.named("other").purl, "")
    assert owners["usr/bin/sh.distrib"] == (root.named("shell").purl, "")


def test_dpkgs_own_files_are_accounted_for_by_a_rule_and_strangers_are_not(root: Root) -> None:
    root.dpkg("-i", root.deb("dpkg", "1.21", {"usr/bin/dpkg": "1", "bin/alias": "2"}))
    root.dpkg("-i", root.deb("app", "1", {"usr/bin/app": "1"}))
    strange = ["var/lib/dpkg/junk", "var/lib/dpkg/info/stranger.list", "etc/stranger", "opt/x"]
    for name in strange:
        (root.path / name).parent.mkdir(parents=True, exist_ok=True)
        (root.path / name).write_text("made by nobody", encoding="utf-8")
    owners = root.owners()
    dpkg, app = root.named("dpkg").purl, root.named("app").purl
    assert owners["usr/bin/app"] == (app, "")
    assert owners["usr/bin/alias"] == (dpkg, "")
    assert owners["var/lib/dpkg/status"] == (dpkg, "dpkg-state")
    assert owners["var/lib/dpkg/info/app.md5sums"] == (app, "dpkg-control")
    assert {path for path, (ref, _) in owners.items() if not ref} == {*strange, "etc/os-release"}
