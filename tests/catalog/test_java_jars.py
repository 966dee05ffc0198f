"""Jars: real ones that Maven and Spring Boot made (tests/cases/java-*), and hostile ones.

The jars in tests/cases are what `mvn package` made with spring-boot-maven-plugin 3.5.7 and
maven-shade-plugin 3.6.2, then made smaller: without classes and other resources, their POMs
without people and places to deploy to, the digests in the SBOM those of the smaller jars.
dependency-list.txt is the answer of maven-dependency-plugin 3.11.0 for the same project.
"""

from __future__ import annotations

import hashlib
import io
import json
import struct
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bom.archive.layer import LayerEntry
from bom.catalog import catalogue
from bom.catalog.filesystem import Tree, TreeView
from bom.catalog.interest import Wanted
from bom.catalog.java import Java, jar
from bom.catalog.java.installed import GROUP_FROM
from bom.catalog.java.wanted import PART
from bom.catalog.protocol import Owned
from bom.catalog.view import directory_view
from bom.model import Component, Dependency, Gap, Licence

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

CASES = Path(__file__).parents[1] / "cases"
Found = list[Dependency | Gap | Owned]


def installed(root: Path) -> Found:
    view, _ = directory_view(root, Wanted([Java()]))
    found = list(Java().installed(view))
    assert all(isinstance(item, Dependency | Gap | Owned) for item in found)
    return found  # type: ignore[return-value]


def components(found: Iterable[object]) -> dict[str, Component]:
    return {
        item.component.bom_ref: item.component for item in found if isinstance(item, Dependency)
    }


def gaps(found: Iterable[object]) -> set[tuple[str, str]]:
    return {(item.what, item.why) for item in found if isinstance(item, Gap)}


def zipped(members: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, (1980, 2, 1, 0, 0, 0)), content, method)
    return out.getvalue()


def properties(group: str, artifact: str, version: str) -> dict[str, bytes]:
    text = f"#made\ngroupId={group}\nartifactId={artifact}\nversion={version}\n"
    return {f"META-INF/maven/{group}/{artifact}/pom.properties": text.encode()}


def pom(group: str, artifact: str, inside: str) -> dict[str, bytes]:
    text = (
        f"<project><groupId>{group}</groupId><artifactId>{artifact}</artifactId>{inside}</project>"
    )
    return {f"META-INF/maven/{group}/{artifact}/pom.xml": text.encode()}


def manifest(**headers: str) -> dict[str, bytes]:
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    text = "\r\n".join(["Manifest-Version: 1.0", *lines, "", ""])
    return {"META-INF/MANIFEST.MF": text.encode()}


def written(root: Path, path: str, content: bytes) -> Path:
    target = root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
    return root


# --- against Maven -------------------------------------------------------------------------------


def listed(case: str) -> dict[str, str]:
    """The purl of each artifact that Maven lists, by the name of its file."""
    found = {}
    for line in (CASES / case / "dependency-list.txt").read_text().splitlines():
        group, artifact, _, version, _ = line.split(":")
        found[f"{artifact}-{version}.jar"] = f"pkg:maven/{group}/{artifact}@{version}"
    return found


def in_the_jar(found: Found) -> dict[str, str]:
    """The purl of each jar below BOOT-INF/lib, "" for none, by the name of its file."""
    return {
        place.location.rpartition("/")[2]: part.purl
        for part in components(found).values()
        for place in part.occurrences
        if place.location.count("!/") == 1
    }


def test_every_jar_of_a_spring_boot_jar_with_its_sbom_is_the_artifact_that_maven_lists() -> None:
    """Starters hold no classes, so Spring Boot doesn't pack them; jarmode-tools is its own."""
    found = in_the_jar(installed(CASES / "java-boot-sbom/in"))
    tools = "spring-boot-jarmode-tools-3.5.7.jar"
    assert found.pop(tools) == ""
    expected = {
        name: purl for name, purl in listed("java-boot-sbom").items() if "-starter" not in name
    }
    assert found == expected


def test_without_an_sbom_only_jars_that_state_no_group_have_no_purl() -> None:
    found = in_the_jar(installed(CASES / "java-boot/in"))
    expected = listed("java-boot")
    stated = {name: purl for name, purl in found.items() if purl}
    assert stated == {name: expected[name] for name in stated}
    unnamed = {name for name, purl in found.items() if not purl}
    assert {name.split("-")[0] for name in unnamed} == {"spring", "tomcat"}
    assert (len(stated), len(unnamed)) == (24, 14)
    assert (
        "component.purl",
        "no pom.properties, manifest or SBOM states the group that it belongs to",
    ) in gaps(installed(CASES / "java-boot/in"))


def test_a_shaded_jar_holds_the_artifacts_that_maven_lists_but_those_that_left_no_trace() -> None:
    found = components(installed(CASES / "java-shaded/in"))
    tool = found["pkg:maven/org.example/tool@0.9.0"]
    inner = {part.purl for part in tool.components}
    expected = set(listed("java-shaded").values())
    assert expected - inner == {"pkg:maven/org.jspecify/jspecify@1.0.1"}  # no pom.properties
    assert inner <= expected
    assert all(part.bom_ref != part.purl and not part.hashes for part in tool.components)


def test_the_graph_of_a_fat_jar_has_its_libraries_and_what_their_poms_ask_for() -> None:
    found = components(installed(CASES / "java-boot/in"))
    shop = found["pkg:maven/org.example/shop@1.2.3"]
    assert len(shop.requires) == 38
    assert len(found) == 40  # itself, and a jar inside lombok
    assert found["pkg:maven/ch.qos.logback/logback-classic@1.5.20"].requires == (
        "pkg:maven/ch.qos.logback/logback-core@1.5.20",
        "pkg:maven/org.slf4j/slf4j-api@2.0.17",
    )
    assert found["pkg:maven/com.google.guava/guava@33.8.0-jre"].licences == (
        Licence("Apache-2.0", "id"),
    )


def test_every_jar_has_the_digests_of_its_own_bytes_and_belongs_to_its_component() -> None:
    path = CASES / "java-boot/in/shop-1.2.3.jar"
    found = installed(path.parent)
    with zipfile.ZipFile(path) as archive:
        for part in components(found).values():
            _, _, inside = part.occurrences[0].location.partition("!/")
            if "!/" in inside:
                continue
            raw = archive.read(inside) if inside else path.read_bytes()
            assert {item.value for item in part.hashes} == {
                hashlib.sha1(raw, usedforsecurity=False).hexdigest(),
                hashlib.sha256(raw).hexdigest(),
            }
    owned = [item for item in found if isinstance(item, Owned)]
    assert [(item.ref, tuple(item.paths), item.rule) for item in owned] == [
        ("pkg:maven/org.example/shop@1.2.3", ("shop-1.2.3.jar",), "jar")
    ]


# --- identity ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "purl"),
    [
        ("a-1.0.jar", "pkg:maven/g/a@1.0"),
        ("a.jar", "pkg:maven/g/a@1.0"),
        ("a-1.0-linux-x86_64.jar", "pkg:maven/g/a@1.0?classifier=linux-x86_64"),
        ("a-1.0-SNAPSHOT.jar", "pkg:maven/g/a@1.0?classifier=SNAPSHOT"),
        ("a-1.x.jar", "pkg:maven/g/a@1.0"),
        ("a-1.0.war", "pkg:maven/g/a@1.0?type=war"),
        ("a-more.jar", ""),
        ("other.jar", ""),
    ],
)
def test_of_several_poms_the_one_that_fits_the_file_is_the_jars_own(
    tmp_path: Path, name: str, purl: str
) -> None:
    content = zipped({**properties("g", "a", "1.0"), **properties("g", "ab", "2.0")})
    (part,) = components(installed(written(tmp_path, name, content))).values()
    assert part.purl == purl
    inner = {"pkg:maven/g/ab@2.0"} if purl else {"pkg:maven/g/ab@2.0", "pkg:maven/g/a@1.0"}
    assert {item.purl for item in part.components} == inner


def test_the_manifest_tells_which_pom_is_the_jars_own_where_its_name_does_not(
    tmp_path: Path,
) -> None:
    poms = {**properties("g", "a", "1.0"), **properties("g", "b", "2.0")}
    titled = zipped({**manifest(Implementation_Title="b"), **poms})
    bundled = zipped({**manifest(Bundle_SymbolicName="g.a;singleton:=true"), **poms})
    written(tmp_path, "one/app.jar", titled)
    found = components(installed(written(tmp_path, "two/app.jar", bundled)))
    assert sorted(found) == ["pkg:maven/g/a@1.0", "pkg:maven/g/b@2.0"]


def test_a_single_pom_is_the_jars_own_only_where_maven_packed_it(tmp_path: Path) -> None:
    pom_ = properties("g", "a", "1.0")
    by_maven = zipped({**manifest(Created_By="Maven JAR Plugin 3.4.1"), **pom_})
    written(tmp_path, "app.jar", by_maven)
    found = components(installed(written(tmp_path, "tool.jar", zipped(pom_))))
    refs = {part.name: part.bom_ref for part in found.values()}
    assert refs["a"] == "pkg:maven/g/a@1.0"
    assert refs["tool"].startswith("jar:sha256:")


def test_a_jar_without_a_group_has_a_name_and_a_version_and_no_purl(tmp_path: Path) -> None:
    headers = manifest(Bundle_SymbolicName="org.example.thing", Implementation_Version="1.2.jre")
    found = installed(written(tmp_path, "lib/the-thing-1.2.jre.jar", zipped(headers)))
    (part,) = components(found).values()
    assert (part.name, part.version, part.group, part.purl) == ("the-thing", "1.2.jre", "", "")
    assert part.bom_ref == f"jar:sha256:{part.hashes[1].value}"
    assert (
        "component.purl",
        "no pom.properties, manifest or SBOM states the group that it belongs to",
    ) in gaps(found)


def test_a_jar_that_states_nothing_is_owned_by_nobody(tmp_path: Path) -> None:
    found = installed(written(tmp_path, "app.jar", zipped({"A.class": b"x"})))
    assert not [item for item in found if isinstance(item, Owned)]
    assert "component.version" in {what for what, _ in gaps(found)}


def test_a_pom_beside_gives_a_group_unless_two_groups_have_that_name(tmp_path: Path) -> None:
    def needs(group: str) -> str:
        return (
            f"<dependencies><dependency><groupId>{group}</groupId><artifactId>x</artifactId>"
            "</dependency></dependencies>"
        )

    x = zipped({"A.class": b"x"})
    one = zipped({**properties("g", "a", "1"), **pom("g", "a", needs("org.x"))})
    two = zipped({**properties("g", "b", "1"), **pom("g", "b", needs("com.x"))})
    sure = zipped({"WEB-INF/lib/a-1.jar": one, "WEB-INF/lib/x-2.0.jar": x})
    torn = zipped({"lib/a-1.jar": one, "lib/b-1.jar": two, "lib/x-2.0.jar": x})
    (found,) = [
        part
        for part in components(installed(written(tmp_path / "s", "app.war", sure))).values()
        if part.name == "x"
    ]
    assert found.purl == "pkg:maven/org.x/x@2.0"
    assert {item.name: item.value for item in found.properties}[GROUP_FROM] == "dependency"
    assert not any(
        part.purl
        for part in components(installed(written(tmp_path / "t", "app.ear", torn))).values()
        if part.name == "x"
    )


def test_what_a_pom_asks_for_and_is_not_there_is_a_gap_but_tests_and_options_are_not(
    tmp_path: Path,
) -> None:
    inside = (
        "<dependencies>"
        + "".join(
            f"<dependency><groupId>${{project.groupId}}</groupId><artifactId>{name}</artifactId>"
            f"{more}</dependency>"
            for name, more in (
                ("needed", ""),
                ("tested", "<scope>test</scope>"),
                ("given", "<scope>provided</scope>"),
                ("chosen", "<optional>true</optional>"),
            )
        )
        + "</dependencies>"
    )
    content = zipped({**properties("g", "a", "1"), **pom("g", "a", inside)})
    told = {
        why
        for what, why in gaps(installed(written(tmp_path, "a-1.jar", content)))
        if what == "dependency"
    }
    assert told == {"it depends on g:needed, which is not there"}


def test_the_same_bytes_in_two_places_are_one_component(tmp_path: Path) -> None:
    content = zipped({"A.class": b"x"})
    written(tmp_path, "a/x-1.jar", content)
    view, _ = directory_view(written(tmp_path, "b/x-1.jar", content), Wanted([Java()]))
    (part,) = [item.component for item in catalogue(view).installed]
    assert [place.location for place in part.occurrences] == ["a/x-1.jar", "b/x-1.jar"]


def test_an_executable_jar_with_a_script_in_front_is_read(tmp_path: Path) -> None:
    content = b"#!/bin/bash\nexec java -jar $0\n" + zipped(properties("g", "a", "1"))
    assert "pkg:maven/g/a@1" in components(installed(written(tmp_path, "a-1.jar", content)))


def test_an_application_taken_apart_has_its_libraries_by_its_class_path(tmp_path: Path) -> None:
    """As `java -Djarmode=tools -jar app.jar extract` lays it out; the manifest's lines are 72 bytes
    long at most, and go on after a space."""
    libraries = " ".join(f"lib/library-{n}-1.0.jar" for n in range(9))
    header = f"Class-Path: {libraries}"
    lines = [header[:72], *(" " + header[at : at + 71] for at in range(72, len(header), 71))]
    text = "\r\n".join(["Manifest-Version: 1.0", "Main-Class: A", *lines, "", ""]).encode()
    needs = (
        "<dependencies><dependency><groupId>o</groupId><artifactId>library-3</artifactId>"
        "</dependency></dependencies>"
    )
    app = {"META-INF/MANIFEST.MF": text, **properties("g", "a", "1"), **pom("g", "a", needs)}
    written(tmp_path, "a/a-1.jar", zipped(app))
    for n in range(9):
        written(tmp_path, f"a/lib/library-{n}-1.0.jar", zipped({"A.class": b"%d" % n}))
    found = components(installed(tmp_path))
    assert set(found["pkg:maven/g/a@1"].requires) == set(found) - {"pkg:maven/g/a@1"}
    assert "pkg:maven/o/library-3@1.0" in found
    assert found["pkg:maven/g/a@1"].type == "application"


def test_a_war_that_lies_unpacked_is_its_artifact_with_the_jars_in_it(tmp_path: Path) -> None:
    root = tmp_path / "webapps/ROOT"
    with zipfile.ZipFile(io.BytesIO(zipped({**manifest(), **properties("g", "site", "2")}))) as war:
        war.extractall(root)
    written(root, "index.html", b"<p>")
    written(root, "WEB-INF/classes/A.class", b"a")
    written(root, "WEB-INF/lib/x-1.jar", zipped(properties("o", "x", "1")))
    found = installed(tmp_path)
    site = components(found)["pkg:maven/g/site@2?type=war"]
    assert (site.type, site.hash_of, site.requires) == (
        "application",
        "installed-files",
        ("pkg:maven/o/x@1",),
    )
    assert [item.folders for item in found if isinstance(item, Owned) and item.folders] == [
        ("webapps/ROOT",)
    ]


def test_layers_of_a_spring_boot_jar_are_its_artifact_and_own_no_more_than_is_theirs(
    tmp_path: Path,
) -> None:
    with zipfile.ZipFile(io.BytesIO(zipped({**manifest(), **properties("g", "a", "1")}))) as boot:
        boot.extractall(tmp_path)
    written(tmp_path, "BOOT-INF/classes/A.class", b"a")
    written(tmp_path, "etc/passwd", b"root")
    found = installed(tmp_path)
    first = components(found)["pkg:maven/g/a@1"].hashes
    (owned,) = [item for item in found if isinstance(item, Owned)]
    assert owned.folders == ("META-INF", "BOOT-INF/classes", "WEB-INF")
    written(tmp_path, "etc/passwd", b"more")
    assert components(installed(tmp_path))["pkg:maven/g/a@1"].hashes == first


def test_what_maven_made_before_it_packed_is_not_an_unpacked_archive(tmp_path: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(zipped({**manifest(), **properties("g", "a", "1")}))) as made:
        made.extractall(tmp_path / "target/classes")
    assert installed(tmp_path) == []


def test_a_runtime_is_a_component_that_owns_its_folder_and_its_own_jars(tmp_path: Path) -> None:
    home = tmp_path / "opt/java"
    release = b'IMPLEMENTOR="Example"\nJAVA_RUNTIME_VERSION="21.0.1+12"\nJAVA_VERSION="21.0.1"\n'
    written(home, "release", release)
    written(home, "bin/java", b"\x7fELF")
    written(home, "lib/jrt-fs.jar", zipped(manifest(Implementation_Version="21.0.1")))
    found = installed(tmp_path)
    (part,) = components(found).values()
    assert (part.purl, part.supplier) == ("pkg:generic/openjdk@21.0.1", "Example")
    assert part.hash_of == "installed-files"
    (owned,) = [item for item in found if isinstance(item, Owned)]
    assert (owned.folders, owned.rule) == (("opt/java",), "jdk-layout")


def test_a_file_called_release_alone_is_no_runtime(tmp_path: Path) -> None:
    written(tmp_path, "etc/release", b'JAVA_VERSION="21"\n')
    assert installed(written(tmp_path, "x/release", b"\xff\xfe\0")) == []


# --- hostile -------------------------------------------------------------------------------------


def test_an_archive_that_is_none_is_a_gap(tmp_path: Path) -> None:
    found = installed(written(tmp_path, "a.jar", b"PK\x03\x04 nothing"))
    assert gaps(found) == {
        ("component", "the archive can't be read: is no zip archive: it has no end record")
    }


def test_archives_are_read_eight_levels_deep_and_the_ninth_is_a_gap(tmp_path: Path) -> None:
    content = zipped(properties("g", "deepest", "1"))
    for level in range(50):
        content = zipped({f"lib/a{level}-1.jar": content}, zipfile.ZIP_STORED)
    found = installed(written(tmp_path, "top-1.jar", content))
    assert len(components(found)) == 10
    assert ("component", "it can't be read: it is nested more than 8 levels deep") in gaps(found)


def test_what_inflates_beyond_all_measure_is_a_gap_and_not_read(tmp_path: Path) -> None:
    """All rows lead to the same bytes, as overlapping members do."""
    one = zipped({"lib/b0-1.jar": b"PK\3\4" + bytes(100 << 20)})
    start = one.rfind(b"PK\1\2")
    row, end = one[start : one.rfind(b"PK\5\6")], bytearray(one[one.rfind(b"PK\5\6") :])
    struct.pack_into("<HHL", end, 8, 20, 20, 20 * len(row))
    rows = b"".join(row.replace(b"b0-1", b"%c0-1" % (97 + n)) for n in range(20))
    bomb = one[:start] + rows + bytes(end)
    found = installed(written(tmp_path, "bomb-1.jar", bomb))
    assert {
        "it can't be read: more than 1024 MiB come out of the archive",
        "it can't be read: is no zip archive: it has no end record",
    } <= {why for _, why in gaps(found)}


def test_a_size_that_lies_is_a_gap(tmp_path: Path) -> None:
    content = bytearray(zipped({"lib/a-1.jar": zipped(properties("g", "a", "1"))}))
    row = content.rfind(b"PK\x01\x02")
    struct.pack_into("<L", content, row + 24, 10)
    found = installed(written(tmp_path, "top-1.jar", bytes(content)))
    assert ("component", "it can't be read: more comes out of it than the directory states") in (
        gaps(found)
    )


def test_names_that_lead_out_are_gaps(tmp_path: Path) -> None:
    content = zipped({"../../x-1.jar": zipped({"A.class": b""}), "/y-1.jar": b"PK"})
    found = installed(written(tmp_path, "top-1.jar", content))
    assert len(components(found)) == 1
    assert ("component", "it can't be read: its name is no plain relative path") in gaps(found)


def test_a_hundred_thousand_entries_are_read_and_more_than_any_honest_jar_has_are_not(
    tmp_path: Path,
) -> None:
    row = b"PK\x01\x02" + bytes(24) + struct.pack("<HHH", 1, 0, 0) + bytes(12) + b"a"
    for count, good in ((100_000, True), (250_001, False)):
        end = struct.pack("<4sHHHHLLH", b"PK\5\6", 0, 0, 65535, 65535, 0xFFFFFFFF, 0xFFFFFFFF, 0)
        wide = struct.pack(
            "<4sQHHLLQQQQ", b"PK\6\6", 44, 45, 45, 0, 0, count, count, count * len(row), 0
        )
        locator = struct.pack("<4sLQL", b"PK\6\7", 0, count * len(row), 1)
        made = jar.take(row * count + wide + locator + end)
        assert set(made) == ({PART} if good else {"error"})


def test_entities_in_a_pom_are_refused(tmp_path: Path) -> None:
    evil = b'<!DOCTYPE p [<!ENTITY a "b">]><project><name>&a;</name></project>'
    content = zipped({**properties("g", "a", "1"), "META-INF/maven/g/a/pom.xml": evil})
    found = installed(written(tmp_path, "a-1.jar", content))
    assert any("no XML" in why for _, why in gaps(found))
    assert "pkg:maven/g/a@1" in components(found)


REAL = (CASES / "java-shaded/in/tool-0.9.0.jar").read_bytes()
SMALL = zipped(
    {
        **manifest(Implementation_Title="a", Main_Class="A"),
        **properties("g", "a", "1"),
        **pom("g", "a", "<licenses><license><name>MIT</name></license></licenses>"),
        "META-INF/sbom/a.cdx.json": b'{"components":[{"purl":"pkg:maven/g/b@1"}]}',
        "lib/b-1.jar": zipped(properties("g", "b", "1")),
    }
)


def check_take(content: bytes) -> None:
    parts = jar.take(content)
    assert set(parts) <= {PART, "error"}
    for part in parts.values():
        part.decode("utf-8")
    if PART in parts:
        made = jar.kept(parts[PART])
        json.dumps(parts[PART].decode(), ensure_ascii=False).encode()
        assert made.sha1


@given(st.binary(max_size=2000))
def test_any_bytes_give_parts_and_never_an_exception(content: bytes) -> None:
    check_take(content)
    check_take(b"PK\3\4" + content + b"PK\5\6" + content[:18])


@given(
    st.sampled_from([REAL, SMALL]),
    st.lists(st.tuples(st.integers(0, 1 << 16), st.integers(0, 255)), min_size=1, max_size=8),
    st.integers(0, 200),
)
def test_any_damage_to_a_jar_gives_parts_and_never_an_exception(
    content: bytes, flips: list[tuple[int, int]], cut: int
) -> None:
    made = bytearray(content)
    for place, value in flips:
        made[-1 - place % len(made)] = value
    check_take(bytes(made[: len(made) - cut]))


@given(
    st.dictionaries(
        st.sampled_from(
            [
                "META-INF/MANIFEST.MF",
                "META-INF/maven/g/a/pom.properties",
                "META-INF/maven/g/a/pom.xml",
                "META-INF/sbom/a.json",
                "lib/a-1.jar",
            ]
        ),
        st.one_of(
            st.binary(max_size=300),
            st.text(max_size=300).map(lambda text: text.encode("utf-8", "surrogatepass")),
        ),
    ),
    st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), max_size=20),
)
def test_any_metadata_in_a_jar_gives_printable_facts(members: dict[str, bytes], name: str) -> None:
    content = zipped(members, zipfile.ZIP_STORED)
    digest = hashlib.sha256(content).digest()
    tree = Tree()
    tree.place(LayerEntry(f"lib/{name}.jar", "f", len(content), digest=digest), 0)
    view = TreeView(tree, {}, ["sha256:" + "0" * 64], {digest: jar.take(content)})
    for item in Java().installed(view):
        assert isinstance(item, Dependency | Gap | Owned)
        repr(item).encode("utf-8")
