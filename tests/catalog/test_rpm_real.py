"""Packages that rpm itself installed, and databases of real systems, against what rpm says.

The databases come with the Go module github.com/knqyf263/go-rpmdb (`.ci/run` gets it).
"""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from bom.catalog import catalogue_directory
from bom.catalog.rpm import database, version
from bom.catalog.rpm.package import Package

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Need

    from bom.catalog import Catalogue
    from bom.model import Component

MODULE = ("github.com/knqyf263/go-rpmdb", "v0.1.1")
SYSTEMS = {
    "cbl-mariner-2.0": 129,
    "centos5-plain": 110,
    "centos6-devtools": 262,
    "centos6-many": 325,
    "centos6-plain": 129,
    "centos7-devtools": 263,
    "centos7-httpd24": 222,
    "centos7-many": 395,
    "centos7-plain": 144,
    "centos7-python35": 342,
    "centos8-modularitylabel": 517,
    "fedora35": 137,
    "fedora35-plus-mongo": 141,
    "libuuid": 1,
    "ubi8-s390x": 181,
}
BACKENDS = {"Packages": "bdb_ro", "rpmdb.sqlite": "sqlite"}
# What one package says of itself, a line each, then its files; `(none)` for what it doesn't say.
ASKED = (
    "%{NAME}\t%|EPOCH?{%{EPOCH}}:{0}|\t%{VERSION}-%{RELEASE}\t%{ARCH}\t%{LICENSE}\t%{VENDOR}"
    "\t%{SOURCERPM}\t%{SIGMD5}\t%{MODULARITYLABEL}\n"
    "[\t%{FILENAMES}\t%{FILEDIGESTS}\t%{FILEFLAGS}\t%{FILESTATES}\t%{FILEMODES}\n]"
)


def asked_of_rpm(rpm: str, folder: Path, backend: str) -> list[str]:
    command = [rpm, "--dbpath", str(folder), "--define", f"_db_backend {backend}"]
    done = subprocess.run(
        [*command, "-qa", "--qf", ASKED], capture_output=True, check=True, encoding="latin-1"
    )
    packages = re.split(r"\n(?=[^\t])", done.stdout.removesuffix("\n"))
    heads = (package.partition("\n") for package in packages)
    return sorted(re.sub(" +", " ", head) + end + files for head, end, files in heads)


def as_rpm_says(package: Package) -> str:
    stated = [package.licence, package.supplier, package.source, package.signed_md5, package.module]
    stated = [item or "(none)" for item in stated]
    where = [package.version_release, package.architecture or "(none)"]
    lines = ["\t".join([package.name, str(package.epoch), *where, *stated])]
    columns = (package._header.numbers(tag) for tag in (1037, 1029, 1030))
    for file, flags, state, mode in zip(package.files(), *columns, strict=True):
        row = ["", f"/{file.path}", file.digest, *map(str, (flags, state, mode))]
        assert file.ghost == bool(flags & 64)
        assert file.present == (state == 0)
        lines.append("\t".join(row))
    return "\n".join(lines).encode("utf-8", "surrogateescape").decode("latin-1")


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_real_database_says_what_rpm_says(need: Need, tmp_path: Path, system: str) -> None:
    rpm = need("rpm")
    (source,) = (need.go_module(*MODULE) / "pkg/testdata" / system).iterdir()
    path = tmp_path / source.name
    shutil.copyfile(source, path)
    headers, problems = database._headers(path.read_bytes())
    expected = asked_of_rpm(rpm, tmp_path, BACKENDS[path.name])
    assert not problems
    packages = [Package(item) for item in headers]
    assert len([package for package in packages if not package.is_key]) == SYSTEMS[system]
    assert sorted(map(as_rpm_says, packages)) == expected


@pytest.mark.parametrize("system", SYSTEMS)
def test_what_is_required_and_not_installed_is_what_rpm_misses(
    need: Need, tmp_path: Path, system: str
) -> None:
    rpm = need("rpm")
    (source,) = (need.go_module(*MODULE) / "pkg/testdata" / system).iterdir()
    folder = tmp_path / "var/lib/rpm"
    folder.mkdir(parents=True)
    shutil.copyfile(source, folder / source.name)
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/os-release").write_text("ID=fedora\n")
    found = catalogue_directory(tmp_path)
    names = {part.bom_ref: f"{part.name}-{part.version}" for part in components(found)}
    missed = {
        (re.sub(r"it depends on (\S+?),? .*", r"\1", gap.why), names[gap.ref])
        for gap in found.gaps
        if gap.what == "dependency"
    }
    # rpm needs its own format's indexes for this
    subprocess.run([rpm, "--dbpath", str(folder), "--rebuilddb"], check=True, capture_output=True)
    done = subprocess.run(
        [rpm, "--dbpath", str(folder), "-Va", "--nofiles"], capture_output=True, text=True
    )
    expected = set(re.findall(r"^\t(\S+).* is needed by \(installed\) (\S+)$", done.stdout, re.M))
    assert missed == {(what, re.sub(r"-0:|\.[^.]+$", _unlike_rpm, by)) for what, by in expected}
    assert sum(len(part.requires) for part in components(found)) >= len(names) - 1


def _unlike_rpm(found: re.Match[str]) -> str:
    return "-" if found[0] == "-0:" else ""


def test_an_ndb_database_says_what_rpm_said_in_its_image(need: Need) -> None:
    module = need.go_module(*MODULE) / "pkg"
    headers, problems = database._headers((module / "testdata/sle15-bci/Packages.db").read_bytes())
    tests = (module / "rpmdb_testcase_test.go").read_text()
    (block,) = re.findall(r"SLE15WithNDB = .*?return", tests, re.S)
    rows = re.findall(r"\{intRef\((\d*)\), (\"[^\n]*)\},\n", block)
    expected = []
    for epoch, row in rows:
        name, ver, release, arch, source, licence, vendor, _, summary, md5 = re.findall(
            r'"((?:[^"\\]|\\.)*)"', row
        )
        expected.append([name, int(epoch or 0), f"{ver}-{release}", arch, source, licence, vendor])
        expected[-1] += [summary, md5]
    packages = [Package(item) for item in headers]
    stated = []
    for p in packages:
        stated.append([p.name, p.epoch, p.version_release, p.architecture, p.source, p.licence])
        stated[-1] += [p.supplier, p.summary, p.signed_md5]
    assert not problems and len(expected) == 35
    assert sorted(stated) == sorted(expected)


def components(found: Catalogue) -> list[Component]:
    return [item.component for item in found.installed if item.component.type == "library"]


# --- packages made and installed here ----------------------------------------------------------

HEAD = "Version: {version}\nRelease: {release}\nSummary: The {name} package\nLicense: {licence}\n"
HEAD += "URL: https://example.org/{name}\nVendor: Example\nPackager: Builder <b@example.org>\n"
SPECS = {
    "base": (
        "Epoch: 2\nProvides: base-api = 3.1\n",
        {"/usr/bin/base": "%attr(0755,root,root) ", "/etc/base.conf": "%config(noreplace) "}
        | {"/etc/loose": "%verify(not md5) ", "/usr/share/base/data": "", "/usr/share/base/d é": ""}
        | {"/var/log/base.log": "%ghost ", "/usr/share/doc/base/README": "%doc "},
    ),
    "app": (
        "Requires: /usr/bin/base\nRequires: base-api >= 3\nRequires: (lib >= 2 or nothing)\n"
        "Requires: (nothing if other)\nRequires: kernel-api = 5.2\n",
        {"/usr/share/app/app": "", "/usr/share/app/empty": ""},
    ),
    "lib": ("", {"/usr/lib/lib.so": ""}),
    "kernel": ("Provides: kernel-api = %{version}\n", {"/usr/lib/k/%{version}/k": ""}),
    "broken": ("Requires: nothing > 1\nRequires: base-api < 3\n", {}),
    "same": ("", {"/usr/share/base/data": ""}),
}
BUILT = [
    ("base", "1.0~rc1", "1", "(GPLv2+ or MIT) and ASL 2.0"),
    ("app", "1.0^git1", "3.fc40", "Apache-2.0 AND MIT"),
    ("lib", "2.10", "1", "LGPLv2+ with exceptions"),
    ("kernel", "5.1", "1", "GPLv2"),
    ("kernel", "5.2", "1", "GPLv2"),
    ("broken", "1", "1", "Public Domain"),
    ("same", "1", "1", "MIT and BSD"),
]


@pytest.fixture(scope="module")
def root(need: Need, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with packages that rpm installed, and a few files altered since."""
    rpmbuild, rpm = need("rpmbuild"), need("rpm")
    work = tmp_path_factory.mktemp("rpm")
    for name, number, release, licence in BUILT:
        extra, files = SPECS[name]
        text = f"Name: {name}\n" + extra
        text += HEAD.format(name=name, version=number, release=release, licence=licence)
        text += "" if name == "lib" else "BuildArch: noarch\n"
        text += "%description\nOne.\n%install\n"
        for path in files:
            text += f"install -D /dev/null '%{{buildroot}}{path}'\n"
            if not path.endswith("empty"):
                text += f"echo {path} > '%{{buildroot}}{path}'\n"
        text += "%files\n" + "".join(f'{how}"{path}"\n' for path, how in files.items())
        spec = work / f"{name}.spec"
        spec.write_text(text)
        defined = ["--define", f"_topdir {work}/top", "--define", "debug_package %{nil}"]
        command = [rpmbuild, "-bb", *defined, str(spec)]
        subprocess.run(command, check=True, capture_output=True)
    installed = work / "root"
    rpms = sorted(map(str, (work / "top/RPMS").rglob("*.rpm")))
    command = [rpm, "--root", str(installed), "--define", "_dbpath /usr/lib/sysimage/rpm"]
    installed.mkdir()
    subprocess.run([*command, "-i", "--nodeps", *rpms], check=True, capture_output=True)
    (installed / "etc/os-release").write_text('ID=fedora\nVERSION_ID="40"\n')
    for path in ("usr/share/base/d é", "etc/base.conf", "etc/loose", "usr/share/app/app"):
        (installed / path).write_text("altered")
    (installed / "usr/share/doc/base/README").unlink()
    (installed / "var/log").mkdir(parents=True)
    (installed / "var/log/base.log").write_text("written")
    return installed


def rpm_in(need: Need, root: Path, *options: str) -> str:
    command = [need("rpm"), "--root", str(root), "--define", "_dbpath /usr/lib/sysimage/rpm"]
    done = subprocess.run([*command, *options], capture_output=True, text=True)
    return done.stdout


def test_every_installed_package_is_found_and_no_other(need: Need, root: Path) -> None:
    form = "pkg:rpm/fedora/%{NAME}@%{VERSION}-%{RELEASE}?arch=%{ARCH}&distro=fedora-40"
    asked = rpm_in(need, root, "-qa", "--qf", form + "%|EPOCH?{&epoch=%{EPOCH}}|\n")
    expected = {line.replace("^", "%5E") for line in asked.splitlines()}
    assert len(expected) == len(BUILT)
    assert {part.purl for part in components(catalogue_directory(root))} == expected


def test_the_altered_files_are_those_that_rpm_says(need: Need, root: Path) -> None:
    found = catalogue_directory(root)
    modified = {item.where for item in found.findings if item.code == "modified"}
    lines = rpm_in(need, root, "-Va", "--nodeps").splitlines()
    verified = [re.fullmatch(r"(\S{9}|missing) +([a-z] )? *(/.*)", line) for line in lines]
    expected = {
        line[3].strip("/")
        for line in verified
        if line and line[1][2:3] == "5" and line[2] not in ("c ", "g ")
    }
    assert modified == expected == {"usr/share/base/d é", "usr/share/app/app"}
    integrity = {
        part.name: item.value
        for part in components(found)
        for item in part.properties
        if item.name == "bom-seal:integrity"
    }
    assert integrity["base"] == "modified 1 of 4"
    assert integrity["lib"] == "verified 1"
    assert integrity["broken"] == "not checkable: its record states no digests"


def test_edges_go_by_file_by_version_and_by_boolean_dependencies(need: Need, root: Path) -> None:
    found = catalogue_directory(root)
    names = {part.bom_ref: f"{part.name} {part.version}" for part in components(found)}
    edges = {names[part.bom_ref]: [names[r] for r in part.requires] for part in components(found)}
    assert edges.pop("app 1.0^git1-3.fc40") == ["base 2:1.0~rc1-1", "kernel 5.2-1", "lib 2.10-1"]
    assert not any(edges.values())
    unmet = {gap.why for gap in found.gaps if gap.what == "dependency"}
    assert unmet == {
        "it depends on base-api 3, which is not installed",
        "it depends on nothing 1, which is not installed",
    }


def test_every_file_that_rpm_lists_is_owned_and_its_database_by_a_rule(
    need: Need, root: Path
) -> None:
    found = catalogue_directory(root)
    names = {part.bom_ref: part.name for part in components(found)}
    owned = {(names[o.ref], path, o.rule) for o in found.owned for path in o.paths}
    asked = rpm_in(need, root, "-qa", "--qf", "[%{=NAME} %{FILENAMES}\n]")
    listed = {tuple(line.replace(" /", "\0").split("\0")) for line in asked.splitlines()}
    assert {(name, path) for name, path, _ in owned} == listed
    assert {item for item in owned if item[2]} == {("base", "var/log/base.log", "rpm-ghost")}


def test_licences_supplier_and_source_are_as_stated(root: Path) -> None:
    parts = {part.name: part for part in components(catalogue_directory(root))}
    licences = {name: (p.licences[0].form, p.licences[0].value) for name, p in parts.items()}
    assert licences == {
        "base": ("expression", "(GPL-2.0-or-later OR MIT) AND Apache-2.0"),
        "app": ("expression", "Apache-2.0 AND MIT"),
        "lib": ("name", "LGPLv2+ with exceptions"),
        "kernel": ("id", "GPL-2.0-only"),
        "broken": ("name", "Public Domain"),
        "same": ("name", "MIT and BSD"),
    }
    base = parts["base"]
    assert (base.supplier, base.maintainer) == ("Example", "Builder <b@example.org>")
    assert (base.homepage, base.description) == ("https://example.org/base", "The base package")
    properties = {item.name: item.value for item in base.properties}
    assert properties["bom-seal:rpm:source"] == "base-1.0~rc1-1.src.rpm"
    source = "pkg:rpm/fedora/base@1.0~rc1-1?arch=src&distro=fedora-40"
    assert properties["bom-seal:source:purl"] == source
    assert len(properties["bom-seal:rpm:header-sha256"]) == 64


def test_versions_compare_as_rpm_compares_them(need: Need) -> None:
    words = ["0", "1", "01", "1.0", "1.0.0", "1.0a", "1.0b", "1.0~rc1", "1.0~", "1.0^git1"]
    words += ["1.0^", "1.0^~1", "a", "a1", "1a", "1..0", "10", "2", "1_0", "1.0.", "~", "^", "A"]
    words += ["9" * 40, "1" + "0" * 40, "1.é", "fc40", "fc9"]
    pairs = [(one, two) for one in words for two in words]
    script = "".join(f"print(rpm.vercmp('{one}', '{two}') .. ' ')" for one, two in pairs)
    done = subprocess.run(
        [need("rpm"), "--eval", "%{lua: " + script + "}"], capture_output=True, text=True
    )
    assert list(map(int, done.stdout.split())) == [version.compare(*pair) for pair in pairs]
