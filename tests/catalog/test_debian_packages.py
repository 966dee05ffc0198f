"""dpkg's database, read from directories: states, relations, diversions, licences, odd content."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from bom.catalog import catalogue_directory
from bom.catalog.debian.dpkg import relations
from bom.catalog.licences import classified_licence, debian_licences, stated_licence
from bom.model import Component, Dependency, Gap, Licence

if TYPE_CHECKING:
    from pathlib import Path


def write(root: Path, files: dict[str, str | bytes]) -> None:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


def stanza(name: str, version: str = "1", **fields: str) -> str:
    stated = {
        "Package": name,
        "Status": "install ok installed",
        "Architecture": "amd64",
        "Version": version,
        **{key.replace("_", "-"): value for key, value in fields.items()},
    }
    return "".join(f"{key}: {value}\n" for key, value in stated.items()) + "\n"


def packages(root: Path) -> list[Component]:
    items = catalogue_directory(root).observations
    components = [item.component for item in items if isinstance(item, Dependency)]
    return [component for component in components if component.type == "library"]


def found(root: Path, *stanzas: str) -> tuple[dict[str, Component], list[Gap]]:
    write(root, {"var/lib/dpkg/status": "".join(stanzas)})
    write(root, {"etc/os-release": 'ID=debian\nVERSION_ID="12"\n'})
    gaps = [item for item in catalogue_directory(root).observations if isinstance(item, Gap)]
    return {component.name: component for component in packages(root)}, gaps


def test_the_operating_system_is_a_component_of_its_own(tmp_path: Path) -> None:
    write(tmp_path, {"usr/lib/os-release": 'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian 12"\n'})
    (item,) = catalogue_directory(tmp_path).observations
    assert isinstance(item, Dependency)
    system = item.component
    assert (system.type, system.name, system.version) == ("operating-system", "debian", "12")
    assert (system.bom_ref, system.description) == ("os:debian@12", "Debian 12")


def test_only_packages_with_files_on_the_disk_are_listed(tmp_path: Path) -> None:
    states = ["installed", "config-files", "not-installed", "unpacked", "half-configured"]
    states += ["triggers-pending", "triggers-awaited", "half-installed"]
    components, gaps = found(tmp_path, *(stanza(s, Status=f"install ok {s}") for s in states))
    assert set(components) == set(states) - {"config-files", "not-installed"}
    assert [g.where for g in gaps if g.what == "component"] == [components["half-installed"].purl]


def test_relations_are_read_with_alternatives_architectures_and_versions() -> None:
    text = "a (>= 1:2~), b | c:any (<< 3) [amd64], ${misc:Depends}, d:arm64"
    assert list(relations(text)) == [
        (("a", ""),),
        (("b", ""), ("c", "any")),
        (("d", "arm64"),),
    ]


def test_the_graph_goes_through_provides_and_architectures_and_tells_of_what_is_missing(
    tmp_path: Path,
) -> None:
    components, gaps = found(
        tmp_path,
        stanza("app", Depends="lib, mail | none, awk:any, gone, app", Pre_Depends="dpkg"),
        stanza("lib"),
        stanza("exim", Provides="mail (= 4)"),
        stanza("gawk", Architecture="arm64", Provides="awk"),
        stanza("dpkg"),
        stanza("data", Architecture="all", Depends="lib"),
        stanza("foreign", Architecture="arm64", Depends="lib"),
    )
    names = {c.purl: c.name for c in components.values()}
    assert [names[ref] for ref in components["app"].requires] == ["dpkg", "exim", "gawk", "lib"]
    assert [names[ref] for ref in components["data"].requires] == ["lib"]
    assert components["foreign"].requires == ()
    unmet = {(g.ref, g.why) for g in gaps if g.what == "dependency"}
    assert unmet == {
        (components["app"].purl, "it depends on gone, which is not installed"),
        (components["foreign"].purl, "it depends on lib, which is not installed"),
    }


def test_two_architectures_of_one_package_are_two_components(tmp_path: Path) -> None:
    write(tmp_path, {"var/lib/dpkg/status": stanza("a") + stanza("a", Architecture="arm64")})
    write(tmp_path, {"etc/os-release": "ID=debian\n"})
    refs = [component.purl for component in packages(tmp_path)]
    assert refs == [f"pkg:deb/debian/a@1?arch={a}&distro=debian" for a in ("amd64", "arm64")]


def test_the_hash_follows_a_merged_usr_and_diversions(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "usr/bin/tool": "1",
            "usr/bin/sh.distrib": "2",
            "usr/bin/sh": "not its own",
            "var/lib/dpkg/info/tool:amd64.list": "/.\n/bin\n/bin/tool\n/usr/bin/sh\n/gone\n",
            "var/lib/dpkg/diversions": "/usr/bin/sh\n/usr/bin/sh.distrib\nother\n",
        },
    )
    (tmp_path / "bin").symlink_to("usr/bin")
    components, _ = found(tmp_path, stanza("tool"))
    one, two = (hashlib.sha256(content).hexdigest() for content in (b"1", b"2"))
    lines = sorted([f"{one}  bin/tool\n", f"{two}  usr/bin/sh.distrib\n"])
    assert components["tool"].hashes[0].value == hashlib.sha256("".join(lines).encode()).hexdigest()


def test_distroless_packages_are_found_with_their_files(tmp_path: Path) -> None:
    digest = hashlib.sha256(b"1").hexdigest()
    write(
        tmp_path,
        {
            "usr/lib/os-release": "ID=debian\nVERSION_ID=13\n",
            "usr/share/x": "1",
            "var/lib/dpkg/status.d/base": "Package: base\nVersion: 2:1\nArchitecture: all\n",
            "var/lib/dpkg/status.d/base.md5sums": "c4ca4238a0b923820dcc509a6f75849b  usr/share/x\n",
        },
    )
    (component,) = packages(tmp_path)
    assert component.purl == "pkg:deb/debian/base@2:1?arch=all&distro=debian-13"
    assert [item.value for item in component.hashes] == [digest]
    assert component.hash_of == "file"


def test_copyright_files_in_the_format_are_read_and_others_are_gaps(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "usr/share/doc/a/copyright": "Format: https://example.org/copyright-format/1.0/\n\n"
            "Files: *\nLicense: GPL-2+ or Expat\n Text\n\nLicense: Unused\n More\n",
            "usr/share/doc/b/copyright": "This package is free. License: whatever\n",
        },
    )
    (tmp_path / "usr/share/doc/c").symlink_to("a")
    components, gaps = found(tmp_path, stanza("a"), stanza("b"), stanza("c"), stanza("d"))
    assert components["a"].licences == (Licence("GPL-2.0-or-later OR MIT", "expression"),)
    assert components["c"].licences == components["a"].licences
    assert components["b"].licences == components["d"].licences == ()
    lacking = [g.ref for g in gaps if g.what == "component.licence"]
    assert lacking == [components["b"].purl, components["d"].purl]


def test_no_licence_is_guessed() -> None:
    def one(text: str) -> tuple[Licence, ...] | None:
        head = b"Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n"
        return debian_licences(head + b"\nFiles: *\nLicense: " + text.encode() + b"\n")

    assert one("GPL-1+ or Artistic") == (Licence("GPL-1+ or Artistic"),)
    assert one("GPL-2, and BSD-3-clause") == (Licence("GPL-2, and BSD-3-clause"),)
    assert one("BSD-3-clause or GPL") == (Licence("BSD-3-clause or GPL"),)
    assert one("GPL-2 with Linux-syscall-note exception") == (
        Licence("GPL-2.0-only WITH Linux-syscall-note", "expression"),
    )
    assert one("GFDL-NIV-1.3+") == (Licence("GFDL-1.3-no-invariants-or-later", "id"),)
    assert one("Permission to use, copy, modify and distribute this and everything else ") == ()
    assert stated_licence("BSD") == Licence("BSD")
    assert stated_licence("mit OR (apache-2.0 and isc)") == Licence(
        "MIT OR (Apache-2.0 AND ISC)", "expression"
    )
    assert classified_licence("License :: OSI Approved :: BSD License") == Licence("BSD License")
    assert classified_licence("License :: OSI Approved") is None
    assert classified_licence("Programming Language :: Python") is None


def test_broken_databases_give_gaps_or_nothing_but_never_a_traceback(tmp_path: Path) -> None:
    components, gaps = found(
        tmp_path,
        " folded without a field\n\nno colon at all\n\n",
        "Package: half",
        "\n\n",
        stanza("../../etc/passwd"),
        stanza("odd", "1:2/3?x#y"),
        stanza("e\u0301vil\x1b]0;", "1"),
        stanza("noversion", ""),
    )
    assert components["odd"].purl.endswith("odd@1:2%2F3%3Fx%23y?arch=amd64&distro=debian-12")
    assert {"half 1", "noversion "} & {gap.where for gap in gaps}
    write(tmp_path, {"var/lib/dpkg/status": b"Package: x\xff\nVersion: \xfe\n\n\0\0\n"})
    for item in catalogue_directory(tmp_path).observations:
        repr(item).encode("utf-8")
