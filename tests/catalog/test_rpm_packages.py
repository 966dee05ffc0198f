"""What is told of RPM packages, from databases made here: purls, files, graph, odd content."""

from __future__ import annotations

import hashlib
import shutil
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.catalog import rpm_made as made

from bom.archive.layer import LayerEntry
from bom.catalog import catalogue, catalogue_directory
from bom.catalog.filesystem import Tree, TreeView
from bom.catalog.rpm import graph, rich
from bom.catalog.rpm import header as tags
from bom.catalog.rpm.licence import rpm_licence
from bom.catalog.rpm.version import EQUAL, GREATER, LESS, overlap

if TYPE_CHECKING:
    from pathlib import Path

    from bom.catalog import Catalogue
    from bom.model import Component, Gap

FEDORA = 'ID=fedora\nVERSION_ID="40"\n'
DATABASE = "usr/lib/sysimage/rpm/Packages.db"


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def write(root: Path, files: dict[str, str | bytes]) -> None:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


def found(root: Path, *blobs: bytes, release: str = FEDORA) -> Catalogue:
    write(root, {DATABASE: made.ndb(blobs)})
    if release:
        write(root, {"etc/os-release": release})
    return catalogue_directory(root)


def parts(found: Catalogue) -> dict[str, Component]:
    shown = [item.component for item in found.installed if item.component.type == "library"]
    return {component.name: component for component in shown}


def gaps(found: Catalogue, what: str) -> list[Gap]:
    return [gap for gap in found.gaps if gap.what == what]


def test_a_purl_has_architecture_distribution_and_an_epoch_that_isnt_0(tmp_path: Path) -> None:
    result = found(
        tmp_path,
        made.package("Zero", "1.0+x", "1.fc40", arch="x86_64", more={tags.EPOCH: 0}),
        made.package("one", "1.0~rc1", "2", more={tags.EPOCH: 1}),
        made.package("gpg-pubkey", "d4082792"),
    )
    assert [(part.purl, part.version) for part in parts(result).values()] == [
        ("pkg:rpm/fedora/Zero@1.0%2Bx-1.fc40?arch=x86_64&distro=fedora-40", "1.0+x-1.fc40"),
        ("pkg:rpm/fedora/one@1.0~rc1-2?arch=noarch&distro=fedora-40&epoch=1", "1:1.0~rc1-2"),
    ]


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        (
            "etc/os-release",
            "ID=opensuse-leap\nVERSION_ID=15.5",
            "opensuse/a@1-1|opensuse-leap-15.5",
        ),
        ("usr/lib/os-release", "ID=rhel\nVERSION_ID=9.4", "rhel/a@1-1|rhel-9.4"),
        ("etc/redhat-release", "CentOS release 6.10 (Final)\n", "centos/a@1-1|centos-6.10"),
        (
            "etc/redhat-release",
            "Red Hat Enterprise Linux Server release 5.11 (Tikanga)\n",
            "rhel/a@1-1|rhel-5.11",
        ),
    ],
)
def test_the_namespace_is_what_the_system_says_of_itself(
    tmp_path: Path, path: str, text: str, expected: str
) -> None:
    write(tmp_path, {path: text})
    (part,) = parts(found(tmp_path, made.package("a"), release="")).values()
    name, _, distro = expected.partition("|")
    assert part.purl == f"pkg:rpm/{name}?arch=noarch&distro={distro}"


def test_packages_of_no_stated_system_have_no_purl_and_a_gap_says_so(tmp_path: Path) -> None:
    result = found(tmp_path, made.package("a"), made.package("b", "2"), release="")
    assert [(p.purl, p.bom_ref) for p in parts(result).values()] == [
        ("", "rpm:a-1-1.noarch"),
        ("", "rpm:b-2-1.noarch"),
    ]
    assert len(gaps(result, "component.purl")) == 1


def test_two_versions_of_a_package_are_two_components(tmp_path: Path) -> None:
    result = found(tmp_path, made.package("k", "1"), made.package("k", "2"), made.package("k", "2"))
    assert [item.component.version for item in result.installed[1:]] == ["1-1", "2-1"]


def test_only_files_that_rpm_put_there_are_a_packages_content(tmp_path: Path) -> None:
    files = {f"/usr/{n}": sha256(n) for n in ("own", "ghost", "replaced", "other-arch", "conf")}
    flags = {"/usr/ghost": 64, "/usr/conf": 1}
    write(tmp_path, {f"usr/{name}": name for name in ("own", "ghost", "replaced", "other-arch")})
    write(tmp_path, {"usr/conf": "edited"})
    states = {tags.FILE_STATES: [0, 0, 1, 4, 0]}
    result = found(tmp_path, made.package("a", files=files, flags=flags, more=states))
    (part,) = parts(result).values()
    lines = sorted(f"{sha256(text)}  usr/{name}\n" for name, text in CONTENT.items())
    assert part.hashes[0].value == sha256("".join(lines))
    assert not result.findings
    assert [(list(item.paths), item.rule) for item in result.owned] == [
        (["usr/own", "usr/conf"], ""),
        (["usr/ghost"], "rpm-ghost"),
    ]


CONTENT = {"own": "own", "conf": "edited"}


def test_a_file_that_differs_from_its_md5_of_an_old_header_is_found(tmp_path: Path) -> None:
    digests = [hashlib.md5(text).hexdigest() for text in (b"1", b"2")]
    more: dict[int, made.Value] = {
        tags.FILE_DIGEST_ALGORITHM: 1,
        tags.FILE_DIGESTS: [digests[0], digests[1]],
    }
    write(tmp_path, {"usr/a": "1", "usr/b": "other"})
    files = {"/usr/a": "", "/usr/b": ""}
    result = found(tmp_path, made.package("a", files=files, more=more))
    (finding,) = result.findings
    assert (finding.code, finding.where, finding.expected) == (
        "modified",
        "usr/b",
        f"md5:{digests[1]}",
    )


def test_files_are_found_where_usr_is_merged(tmp_path: Path) -> None:
    write(tmp_path, {"usr/bin/sh": "shell"})
    (tmp_path / "bin").symlink_to("usr/bin")
    result = found(
        tmp_path,
        made.package("shell", files={"/bin/sh": sha256("shell")}),
        made.package("script", requires=[("/usr/bin/sh", 0, "")]),
    )
    shell, script = parts(result)["shell"], parts(result)["script"]
    assert shell.hashes[0].value == sha256("shell")
    assert script.requires == (shell.purl,)


def test_packages_without_files_have_a_gap_for_their_hash(tmp_path: Path) -> None:
    result = found(
        tmp_path, made.package("meta"), made.package("lost", files={"/usr/lost": sha256("")})
    )
    assert {(gap.ref, gap.why) for gap in gaps(result, "component.hash")} == {
        (parts(result)["meta"].purl, "it has no files of its own"),
        (parts(result)["lost"].purl, "none of its files is in the final file system"),
    }


def test_lists_that_dont_fit_each_other_are_a_gap_of_that_package(tmp_path: Path) -> None:
    broken: list[dict[int, made.Value]] = [
        {tags.BASE_NAMES: ["x"], tags.DIR_NAMES: ["/"], tags.DIR_INDEXES: [7]},
        {tags.BASE_NAMES: ["x", "y"], tags.DIR_NAMES: ["/"], tags.DIR_INDEXES: [0]},
        {tags.OLD_FILE_NAMES: ["/x", "/y"], tags.FILE_MODES: [1]},
        {tags.OLD_FILE_NAMES: ["/x", "/y"], tags.FILE_DIGESTS: ["00"]},
    ]
    blobs = [made.package(f"p{n}", more=more) for n, more in enumerate(broken)]
    result = found(tmp_path, *blobs, made.package("good", files={"/usr/x": ""}))
    assert len(parts(result)) == 5
    assert {gap.why.split(" ")[1] for gap in gaps(result, "component.hash")} == {
        "list",
        "lists",
        "of",
    }


def test_a_package_without_a_name_or_version_is_a_gap(tmp_path: Path) -> None:
    result = found(tmp_path, made.header({tags.VERSION: "1"}), made.header({tags.NAME: "a"}))
    assert not parts(result) and len(gaps(result, "component")) == 2


def test_of_several_databases_the_one_that_rpm_uses_is_read(tmp_path: Path) -> None:
    write(tmp_path, {"var/lib/rpm/Packages": made.bdb([made.package("old")])})
    (tmp_path / "usr/share").mkdir(parents=True)
    (tmp_path / "usr/share/rpm").symlink_to("../lib/sysimage/rpm")  # no other one
    result = found(tmp_path, made.package("new"))
    assert list(parts(result)) == ["new"]
    assert [gap.where for gap in gaps(result, "component")] == ["var/lib/rpm/Packages"]


def test_a_link_to_the_databases_folder_is_followed(tmp_path: Path) -> None:
    write(tmp_path, {"etc/os-release": FEDORA, DATABASE: made.ndb([made.package("a")])})
    (tmp_path / "var/lib").mkdir(parents=True)
    (tmp_path / "var/lib/rpm").symlink_to("../../usr/lib/sysimage/rpm")
    result = catalogue_directory(tmp_path)
    assert list(parts(result)) == ["a"] and not gaps(result, "component")


@pytest.mark.parametrize("content", [b"Package: a\n", b"RpmP", b"SQLite format 3\0" + bytes(600)])
def test_what_is_no_database_is_a_gap(tmp_path: Path, content: bytes) -> None:
    write(tmp_path, {"etc/os-release": FEDORA, "var/lib/rpm/Packages": content})
    result = catalogue_directory(tmp_path)
    (gap,) = gaps(result, "component")
    assert gap.where == "var/lib/rpm/Packages" and gap.why.startswith("rpm's database ")


def test_a_distroless_list_of_packages_is_a_gap(tmp_path: Path) -> None:
    write(tmp_path, {"var/lib/rpmmanifest/container-manifest-2": "a\t1-1\n"})
    assert len(gaps(catalogue_directory(tmp_path), "component")) == 1


def test_the_database_and_the_notes_of_dnf_and_yum_belong_to_them(tmp_path: Path) -> None:
    state = ["usr/lib/sysimage/rpm/Index.db", "usr/lib/sysimage/rpm/.rpm.lock"]
    history = ["var/lib/dnf/history.sqlite", "var/lib/dnf/history.sqlite-wal"]
    others = ["usr/lib/sysimage/rpm/miner", "var/lib/dnf/miner", "usr/lib/sysimage/rpm/x/Packages"]
    write(tmp_path, dict.fromkeys([*state, *history, *others], "x"))
    result = found(tmp_path, made.package("rpm"), made.package("dnf"))
    names = {part.bom_ref: part.name for part in parts(result).values()}
    assert [(names[item.ref], list(item.paths), item.rule) for item in result.owned] == [
        ("rpm", sorted([*state, DATABASE]), "rpm-state"),
        ("dnf", history, "rpm-state"),
    ]


def test_a_package_is_of_the_layer_that_most_of_its_files_came_in_with() -> None:
    files = {f"/usr/{name}": sha256(name) for name in ("a", "b", "c")}
    database = made.ndb([made.package("a", files=files), made.package("none")])
    contents = {hashlib.sha256(raw).digest(): raw for raw in (database, FEDORA.encode())}
    tree = Tree()
    for layer, names in enumerate((["a", "b"], ["c"])):
        placed = [("usr/" + name, name.encode()) for name in names]
        placed += [(DATABASE, database), ("etc/os-release", FEDORA.encode())] * layer
        entries = [
            LayerEntry(path, "f", len(raw), digest=hashlib.sha256(raw).digest(), wanted=True)
            for path, raw in placed
        ]
        tree.apply(entries, layer)
    result = catalogue(TreeView(tree, contents, ["sha256:one", "sha256:two"]))
    layers = {
        name: [item.value for item in part.properties if item.name == "bom-seal:layer"]
        for name, part in parts(result).items()
    }
    assert layers == {"a": ["sha256:one"], "none": []}
    assert parts(result)["a"].hash_of == "installed-files"


def test_module_and_digests_of_the_package_file_are_properties(tmp_path: Path) -> None:
    more: dict[int, made.Value] = {
        tags.MODULARITY_LABEL: "nodejs:18:8090:abc",
        tags.SIGNED_MD5: bytes(16),
        tags.SHA256_HEADER: "ab" * 32,
        tags.SOURCE_RPM: "node-js-18-1.nosrc.rpm",
    }
    (part,) = parts(found(tmp_path, made.package("a", more=more))).values()
    assert {item.name: item.value for item in part.properties} == {
        "bom-seal:integrity": "not checkable: its record states no digests",
        "bom-seal:rpm:module": "nodejs:18:8090:abc",
        "bom-seal:rpm:signed-md5": "0" * 32,
        "bom-seal:rpm:header-sha256": "ab" * 32,
        "bom-seal:rpm:source": "node-js-18-1.nosrc.rpm",
        "bom-seal:source:purl": "pkg:rpm/fedora/node-js@18-1?arch=nosrc&distro=fedora-40",
    }


# --- the graph ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "one_sense", "two", "two_sense", "expected"),
    [
        ("1.0-1", EQUAL, "1.0", EQUAL, True),  # a release that isn't asked for
        ("1.0-1", EQUAL, "1.0", GREATER, False),
        ("1:1.0", EQUAL, "2.0", GREATER | EQUAL, True),
        ("2.0", EQUAL, "1:1.0", GREATER | EQUAL, False),
        ("0:1", EQUAL, "1", EQUAL, True),
        ("2", GREATER, "3", LESS, True),
        ("3", GREATER, "2", LESS, False),
        ("2", LESS, "2", LESS, True),
        ("2", LESS, "2", GREATER, False),
        ("", 0, "2", EQUAL, True),
    ],
)
def test_ranges_overlap_as_rpm_has_it(
    one: str, one_sense: int, two: str, two_sense: int, expected: bool
) -> None:
    assert overlap(one, one_sense, two, two_sense) is expected
    assert overlap(two, two_sense, one, one_sense) is expected


def find(name: str, sense: int, version: str) -> frozenset[int]:
    have = {"a": {1}, "b": {2}, "ab": {1, 2}, "font(:lang=en)": {3}}
    return frozenset(have.get(name, set())) if version != "9" else frozenset()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(a)", rich.Answer(True, frozenset([1]))),
        ("(a and b)", rich.Answer(True, frozenset([1, 2]))),
        ("(a and x and b)", rich.Answer(False, frozenset([1, 2]))),
        ("(x or b or a)", rich.Answer(True, frozenset([1, 2]))),
        ("(a >= 9 or b)", rich.Answer(True, frozenset([2]))),
        ("(ab with b)", rich.Answer(True, frozenset([2]))),
        ("(a with b)", rich.Answer(False)),
        ("(ab without b)", rich.Answer(True, frozenset([1]))),
        ("(x if y)", rich.Answer(True)),
        ("(x if a)", rich.Answer(False)),
        ("(x if y else b)", rich.Answer(True, frozenset([2]))),
        ("(b unless y)", rich.Answer(True, frozenset([2]))),
        ("(b unless a else x)", rich.Answer(False)),
        ("(font(:lang=en) if (a and (b or x)))", rich.Answer(True, frozenset([3]))),
    ],
)
def test_boolean_dependencies_are_met_as_rpm_says(text: str, expected: rich.Answer) -> None:
    assert rich.evaluate(text, find) == expected


@given(st.text(alphabet="()ab <>=ifornd", max_size=60) | st.just("(" * 5000))
def test_a_boolean_dependency_is_evaluated_or_refused(text: str) -> None:
    try:
        rich.evaluate(text, find)
    except rich.Unparsed:
        return


def test_what_a_package_provides_itself_it_needs_of_no_other(tmp_path: Path) -> None:
    result = found(
        tmp_path,
        made.package("a", provides=[("api", 0, "")], requires=[("api", 0, ""), ("b", 0, "")]),
        made.package("b", provides=[("api", 0, "")], requires=[("rpmlib(X)", 1 << 24, "1")]),
    )
    assert parts(result)["a"].requires == (parts(result)["b"].purl,)
    assert not gaps(result, "dependency")


def test_a_graph_without_end_is_a_gap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph, "_EDGES", 500)
    everyone = [("x", 0, "")]
    blobs = [made.package(f"p{n}", provides=everyone, requires=[("x", 0, "")]) for n in range(40)]
    blobs += [made.package(f"q{n}", requires=[("x", 0, "")]) for n in range(40)]
    result = found(tmp_path, *blobs)
    assert len(parts(result)) == 80
    assert 0 < len(gaps(result, "dependency.graph")) < 80


# --- words of strangers ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "form", "value"),
    [
        ("GPLv2+", "id", "GPL-2.0-or-later"),
        ("ASL 2.0", "id", "Apache-2.0"),
        ("MIT OR Apache-2.0 AND Zlib", "expression", "MIT OR Apache-2.0 AND Zlib"),
        ("GPLv2 and LGPLv2+ or MIT", "name", "GPLv2 and LGPLv2+ or MIT"),
        ("(GPLv2 or MIT) and zlib", "expression", "(GPL-2.0-only OR MIT) AND Zlib"),
        ("BSD and GPLv2+", "name", "BSD and GPLv2+"),
        ("GPLv2+ with exceptions", "name", "GPLv2+ with exceptions"),
        ("GPL+ or Artistic", "name", "GPL+ or Artistic"),
        ("GPLv3+ and BSD-3-Clause", "expression", "GPL-3.0-or-later AND BSD-3-Clause"),
    ],
)
def test_licences_are_put_into_spdx_words_where_that_is_sure(
    text: str, form: str, value: str
) -> None:
    licence = rpm_licence(text)
    assert licence is not None and (licence.form, licence.value) == (form, value)


def test_names_that_are_no_text_are_written_down_printably(tmp_path: Path) -> None:
    files = {"/usr/\udcff\udcfe": sha256("x")}
    more: dict[int, made.Value] = {
        tags.SUMMARY: "a\udcff\nb",
        tags.URL: "https://u:p@example.org/x",
    }
    (tmp_path / "usr").mkdir()
    (tmp_path / "usr/\udcff\udcfe").write_text("x")
    result = found(tmp_path, made.package("n\udcff", files=files, more=more))
    (part,) = parts(result).values()
    assert (part.name, part.description) == ("n\\xff", "a\\xff b")
    assert part.homepage == "https://example.org/x"
    assert part.hashes[0].value == sha256("x")


TAGS = sorted(tags._READ)
VALUES = st.one_of(
    st.text(max_size=12).filter(lambda text: "\0" not in text and text.isprintable()),
    st.integers(0, 2**32 - 1),
    st.binary(min_size=1, max_size=8),
    st.lists(
        st.sampled_from(["/", "a", "(a or b)", "..", "../../x", "", "/a"]), min_size=1, max_size=3
    ),
    st.lists(st.integers(0, 3), min_size=1, max_size=3),
)


@given(st.lists(st.dictionaries(st.sampled_from(TAGS), VALUES, max_size=8), max_size=4))
def test_any_header_gives_components_gaps_and_findings(
    tmp_path_factory: pytest.TempPathFactory, headers: list[dict[int, made.Value]]
) -> None:
    root = tmp_path_factory.mktemp("root")
    blobs = [made.header({tags.NAME: "a", tags.VERSION: "1", **values}) for values in headers]
    result = found(root, *blobs)
    shutil.rmtree(root)
    repr(result.installed).encode()
    repr(result.gaps).encode()
    hashed = {part.bom_ref for part in (i.component for i in result.installed) if part.hashes}
    told = {gap.ref for gap in gaps(result, "component.hash")}
    shown = {
        item.component.bom_ref for item in result.installed if item.component.type == "library"
    }
    assert shown <= hashed | told
