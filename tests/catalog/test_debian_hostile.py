"""dpkg's files as nobody should write them: a gap or nothing, in bounded time; and the rules about
derived files."""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st
from tests.catalog.memory import memory_view
from tests.catalog.test_debian_packages import stanza

from bom.catalog.attribution import attribute
from bom.catalog.debian import Debian, dpkg, wanted
from bom.catalog.debian.derived import expanded
from bom.catalog.licences import debian_licences
from bom.catalog.protocol import Owned
from bom.model import Component, Dependency, Finding, Gap

if TYPE_CHECKING:
    from collections.abc import Mapping

RELEASE = {"etc/os-release": b'ID=debian\nVERSION_ID="12"\n'}
Found = Dependency | Gap | Finding | Owned


def found(files: Mapping[str, bytes], links: Mapping[str, str] | None = None) -> list[Found]:
    return list(Debian().installed(memory_view({**RELEASE, **files}, links)))


def components(items: list[Found]) -> dict[str, Component]:
    return {i.component.name: i.component for i in items if isinstance(i, Dependency)}


def said(component: Component, name: str) -> list[str]:
    return [item.value for item in component.properties if item.name == name]


def rules(files: Mapping[str, bytes]) -> dict[str, tuple[str, str]]:
    view = memory_view({**RELEASE, **files})
    owned = [item for item in Debian().installed(view) if isinstance(item, Owned)]
    names = {ref: ref.partition("@")[0].rpartition("/")[2] for ref in (o.ref for o in owned)}
    return {
        item.path: (names.get(item.owner, ""), item.rule) for item in attribute(view, owned).files
    }


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def test_an_image_verifies_empty_files_too_and_reads_rows_in_any_of_their_forms() -> None:
    rows = f"{md5(b'')}  usr/empty\n{md5(b'1')} *usr/one\n{md5(b'2')}  ./usr/a b\nbroken\nx  y\n"
    files = {
        wanted.STATUS: stanza("a").encode(),
        "var/lib/dpkg/info/a.list": b"/.\n/usr\n/usr/empty\n/usr/one\n/usr/a b\n",
        "var/lib/dpkg/info/a.md5sums": rows.encode(),
        "usr/empty": b"",
        "usr/one": b"1",
        "usr/a b": b"2",
    }
    assert said(components(found(files))["a"], "bom-seal:integrity") == ["verified 3"]
    files["usr/a b"] = b"other"
    (wrong,) = [item for item in found(files) if isinstance(item, Finding)]
    assert (wrong.code, wrong.where) == ("modified", "usr/a b")


def test_conffiles_are_read_with_their_flags_and_states() -> None:
    text = f"\n /etc/a {'0' * 32}\n /etc/with blank {'1' * 32} obsolete\n /etc/new newconffile\n x"
    fields = {"conffiles": text.replace("\n ", "\n")}
    package = dpkg.Package("a", "all", "1", "installed", wanted.STATUS, 1, fields)
    assert dpkg.conffiles(package) == {
        "etc/a": "0" * 32,
        "etc/with blank": "1" * 32,
        "etc/new": "",
    }


def test_distroless_records_may_have_any_name_and_no_maintainer_script_ran_there() -> None:
    files = {
        "var/lib/dpkg/status.d/YmFzZS1maWxlcw==": b"Package: base-files\nVersion: 1\n\n",
        "var/lib/dpkg/status.d/YmFzZS1maWxlcw==.md5sums": f"{md5(b'1')}  usr/x\n".encode(),
        "usr/x": b"1",
        "etc/profile": b"written by whoever built the image",
    }
    (component,) = components(found(files)).values()
    assert (component.name, said(component, "bom-seal:integrity")) == ("base-files", ["verified 1"])
    owners = rules(files)
    assert owners["usr/x"] == ("base-files", "")
    assert owners["var/lib/dpkg/status.d/YmFzZS1maWxlcw=="] == ("base-files", "dpkg-control")
    assert owners["etc/profile"] == ("", "")


def test_what_lists_packages_without_dpkgs_database_is_a_gap() -> None:
    (gap,) = found({"var/lib/chisel/manifest.wall": b"x"})
    assert isinstance(gap, Gap)
    assert (gap.what, gap.where) == ("component", "var/lib/chisel/manifest.wall")


def test_rules_name_an_owner_only_where_it_is_installed() -> None:
    names = ["libc-bin", "base-passwd", "libgdk-pixbuf-2.0-0", "python3.11-minimal", "man-db"]
    names += ["fontconfig", "openjdk-17-jre-headless", "gtk-update-icon-cache", "app", "apt"]
    lists = {
        "openjdk-17-jre-headless": b"/usr/lib/jvm/a/lib/server/libjvm.so\n",
        "app": b"/usr/share/icons/x/index.theme\n/etc/apparmor.d/usr.bin.app\n",
    }
    derived = {
        "etc/ld.so.cache": ("libc-bin", "ldconfig"),
        "etc/passwd": ("base-passwd", "accounts"),
        "usr/lib/x86_64-linux-gnu/gdk-pixbuf-2.0/2.10.0/loaders.cache": (
            "libgdk-pixbuf-2.0-0",
            "gdk-pixbuf",
        ),
        "var/lib/python/python3.11_installed": ("python3.11-minimal", "postinst"),
        "var/cache/man/de/index.db": ("man-db", "man-db"),
        "var/cache/fontconfig/3830d5c3-le64.cache-8": ("fontconfig", "fontconfig"),
        "usr/lib/jvm/a/lib/server/classes.jsa": ("openjdk-17-jre-headless", "java-cds"),
        "usr/share/icons/x/icon-theme.cache": ("gtk-update-icon-cache", "icon-cache"),
        "etc/apparmor.d/local/usr.bin.app": ("app", "postinst"),
        "var/lib/apt/lists/deb.example.org_dists_a_main_binary-amd64_Packages.lz4": (
            "apt",
            "apt-state",
        ),
    }
    nobody = ["etc/shadow", "var/cache/man/evil", "var/lib/apt/lists/evil", "etc/x"]
    nobody += ["var/cache/apt/archives/a_1_all.deb", "var/cache/debconf/config.dat"]
    files = {
        wanted.STATUS: "".join(map(stanza, names)).encode(),
        **{f"var/lib/dpkg/info/{name}.list": lines for name, lines in lists.items()},
        **dict.fromkeys([*derived, *nobody], b"x"),
    }
    owners = rules(files)
    assert {path: owners[path] for path in derived} == derived
    assert {owners[path] for path in nobody} == {("", "")}


def test_files_that_a_step_made_out_of_nothing_belong_to_nobody() -> None:
    files = {wanted.STATUS: stanza("dpkg").encode()}
    files |= {f"var/junk/{n % 100}/{n}": b"x" for n in range(20_000)}
    owners = rules(files)
    assert sum(1 for path, (name, _) in owners.items() if name) == 1  # the status itself


def test_alternatives_in_braces_are_all_tried() -> None:
    assert list(expanded("{a,b}/c/{d,e}", "")) == ["a/c/d", "a/c/e", "b/c/d", "b/c/e"]
    assert list(expanded("usr/lib/{triplet}/x", "t")) == ["usr/lib/t/x"]


def test_a_huge_field_and_names_that_all_provide_are_read_in_bounded_time() -> None:
    start = time.monotonic()
    status = "Package: a\nVersion: 1\nDescription: x\n" + " y\n" * 300_000
    assert components(found({wanted.STATUS: status.encode()}))["a"].description == "x"
    many = "".join(stanza(f"p{n}", Depends="same, " * 50, Provides="same") for n in range(3000))
    items = found({wanted.STATUS: many.encode()})
    assert len(components(items)) == 3000
    assert debian_licences(b"Format: copyright-format\n\n" + b"License: MIT\n" * 300_000) == ()
    assert time.monotonic() - start < 30


def test_two_packages_that_depend_on_each_other_through_provides_see_the_right_architecture() -> (
    None
):
    status = (
        stanza("lib", Architecture="i386")
        + stanza("other", Architecture="amd64", Provides="lib")
        + stanza("app", Architecture="amd64", Depends="lib")
    )
    app = components(found({wanted.STATUS: status.encode()}))["app"]
    assert ["/other@" in ref for ref in app.requires] == [True]


STATUS = (
    stanza("a", "1:2-3+b1", Depends="b (>= 1) | c:any, d", Source="s (1)", Conffiles="\n /etc/a 0")
    + stanza("b", Provides="v (= 1)", Multi_Arch="same")
).encode()
HEAD = b"Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\n"
NOISE = st.one_of(
    st.binary(max_size=200),
    st.text("Package:Version \n/.|,()=é\x00\x1b\udc80", max_size=200).map(
        lambda text: text.encode("utf-8", "surrogateescape")
    ),
)


@given(NOISE, NOISE, NOISE, st.integers(0, len(STATUS)), st.integers(0, 60), st.binary(max_size=10))
def test_any_files_of_dpkg_give_facts_and_gaps_but_never_an_exception(
    one: bytes, two: bytes, three: bytes, at: int, length: int, into: bytes
) -> None:
    files = {
        wanted.STATUS: STATUS[:at] + into + STATUS[at + length :],
        f"{wanted.STATUS_FOLDER}x": one,
        f"{wanted.STATUS_FOLDER}x.md5sums": two,
        "var/lib/dpkg/info/a.list": two,
        "var/lib/dpkg/info/a.md5sums": three,
        wanted.DIVERSIONS: three,
        "var/lib/ucf/registry": one,
        "usr/share/doc/a/copyright": HEAD + two,
        "usr/share/doc/b/copyright": three,
        "etc/os-release": one,
    }
    for item in Debian().installed(memory_view(files)):
        assert isinstance(item, Dependency | Gap | Finding | Owned)
        if not isinstance(item, Owned):
            repr(item).encode("utf-8")
