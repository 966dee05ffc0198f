"""From package URLs to what OSV calls a package."""

from __future__ import annotations

import pytest

from bom import purl
from bom.audit.ecosystems import NotListed, covers, lookups, same_name
from bom.audit.model import Lookup


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("pkg:pypi/jinja2@3.1", Lookup("PyPI", "", "jinja2", "3.1")),
        ("pkg:npm/%40types/node@20.1.0", Lookup("npm", "", "@types/node", "20.1.0")),
        ("pkg:maven/org.a/b@1.0", Lookup("Maven", "", "org.a:b", "1.0")),
        ("pkg:golang/golang.org/x/net@v0.1.0", Lookup("Go", "", "golang.org/x/net", "v0.1.0")),
        ("pkg:golang/stdlib@1.21rc2", Lookup("Go", "", "stdlib", "1.21.0-rc.2")),
        ("pkg:golang/stdlib@1.21", Lookup("Go", "", "stdlib", "1.21.0")),
        ("pkg:cargo/serde@1.0.0", Lookup("crates.io", "", "serde", "1.0.0")),
        ("pkg:composer/a/b@1.0", Lookup("Packagist", "", "a/b", "1.0")),
        ("pkg:gem/rails@7.0.0", Lookup("RubyGems", "", "rails", "7.0.0")),
        ("pkg:nuget/A.B@1.0.0", Lookup("NuGet", "", "A.B", "1.0.0")),
        (
            "pkg:deb/debian/glibc@2.36-9?arch=source&distro=debian-12",
            Lookup("Debian", "12", "glibc", "2.36-9"),
        ),
        (
            "pkg:deb/debian/libc6@2.36-9?distro=debian-trixie&upstream=glibc",
            Lookup("Debian", "13", "glibc", "2.36-9"),
        ),
        (
            "pkg:deb/ubuntu/libc6@2.35-0?distro=ubuntu-22.04&upstream=glibc%402.35",
            Lookup("Ubuntu", "22.04", "glibc", "2.35"),
        ),
        (
            "pkg:apk/alpine/musl@1.2.4-r2?distro=alpine-3.18.4",
            Lookup("Alpine", "3.18", "musl", "1.2.4-r2"),
        ),
        ("pkg:apk/wolfi/musl@1.2.4-r2", Lookup("Wolfi", "", "musl", "1.2.4-r2")),
        (
            "pkg:rpm/rocky/bash@5.1-6.el9?distro=rocky-9.3&epoch=1",
            Lookup("Rocky Linux", "9", "bash", "1:5.1-6.el9"),
        ),
        (
            "pkg:rpm/opensuse/bash@5?distro=opensuse-leap-15.5",
            Lookup("openSUSE", "Leap 15.5", "bash", "5"),
        ),
        ("pkg:rpm/sles/bash@5?distro=sles-15.5", Lookup("SUSE", "15 SP5", "bash", "5")),
        ("pkg:rpm/rhel/bash@5?distro=rhel-9.4", Lookup("Red Hat", "9.4", "bash", "5")),
    ],
)
def test_a_package_url_is_looked_up_as(text: str, found: Lookup) -> None:
    assert lookups(purl.parse(text), "") == (found,)


def test_a_debian_package_is_looked_up_by_its_source_and_the_source_s_version() -> None:
    found = purl.parse("pkg:deb/debian/libgcc-s1@12.2.0-14?distro=debian-12")
    source = "pkg:deb/debian/gcc-12@12.2.0-14?arch=source&distro=debian-12"
    assert lookups(found, source) == (Lookup("Debian", "12", "gcc-12", "12.2.0-14"),)


def test_an_rpm_is_looked_up_by_both_names() -> None:
    found = purl.parse("pkg:rpm/almalinux/openssl-libs@3.0-1.el9?distro=almalinux-9.2&epoch=1")
    source = "pkg:rpm/almalinux/openssl@3.0-1.el9?arch=source&epoch=1"
    assert [item.name for item in lookups(found, source)] == ["openssl", "openssl-libs"]
    assert {item.version for item in lookups(found, source)} == {"1:3.0-1.el9"}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("pkg:pypi/jinja2", "no version"),
        ("pkg:generic/python@3.11", "packages of type generic"),
        ("pkg:deb/debian/libc6@2.36?distro=debian-12", "source package is not stated"),
        ("pkg:deb/debian/libc6@2.36?upstream=glibc", "release of its distribution"),
        ("pkg:deb/debian/libc6@2.36?upstream=glibc&distro=debian-sid", "is no release"),
        ("pkg:deb/raspbian/libc6@2.36?upstream=glibc&distro=raspbian-12", "for raspbian"),
        ("pkg:rpm/fedora/bash@5?distro=fedora-40", "for fedora"),
        ("pkg:apk/postmarketos/musl@1", "for postmarketos"),
    ],
)
def test_what_can_t_be_looked_up_is_told_with_its_reason(text: str, why: str) -> None:
    with pytest.raises(NotListed, match=why):
        lookups(purl.parse(text), "")


@pytest.mark.parametrize(
    ("listed", "ecosystem", "release", "expected"),
    [
        ("Debian:12", "Debian", "12", True),
        ("Debian:11", "Debian", "12", False),
        ("Debian", "Debian", "12", True),
        ("Alpine:v3.18", "Alpine", "3.18", True),
        ("Alpine:v3.1", "Alpine", "3.18", False),
        ("Ubuntu:22.04:LTS", "Ubuntu", "22.04", True),
        ("Ubuntu:Pro:22.04:LTS", "Ubuntu", "22.04", True),
        ("Ubuntu:Pro:FIPS:22.04:LTS", "Ubuntu", "22.04", False),
        ("Ubuntu:23.10", "Ubuntu", "23.10", True),
        ("Red Hat:enterprise_linux:9::appstream", "Red Hat", "9.4", True),
        ("Red Hat:enterprise_linux:8::appstream", "Red Hat", "9.4", False),
        ("Red Hat:rhel_eus:9.4::appstream", "Red Hat", "9.4", False),
        ("SUSE:Linux Enterprise Server 15 SP5", "SUSE", "15 SP5", True),
        ("SUSE:Linux Enterprise Server 15 SP4", "SUSE", "15 SP5", False),
        ("openEuler:24.03-LTS-SP1", "openEuler", "24.03", True),
        ("npm", "npm", "", True),
        ("npm:other", "npm", "", False),
    ],
)
def test_an_ecosystem_of_a_release_covers_that_release(
    listed: str, ecosystem: str, release: str, expected: bool
) -> None:
    assert covers(listed, Lookup(ecosystem, release, "x", "1")) is expected


def test_names_are_the_same_as_their_ecosystem_has_it() -> None:
    assert same_name("PyPI", "Ruamel.Yaml", "ruamel-yaml")
    assert same_name("NuGet", "Newtonsoft.Json", "newtonsoft.json")
    assert not same_name("npm", "JSONStream", "jsonstream")
