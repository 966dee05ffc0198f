"""What Maven's and Gradle's files declare.

tests/cases/java-modules was made by hand; its dependency-list.txt is what maven-dependency-plugin
3.11.0 answers for it (`dependency:list -DexcludeTransitive=true`), with the module in front. The
lock of tests/cases/java-gradle was made by hand after Gradle's documentation.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.catalog.memory import memory_view

from bom.catalog.interest import Wanted
from bom.catalog.java import Java
from bom.catalog.protocol import Declared
from bom.catalog.view import directory_view

if TYPE_CHECKING:
    from collections.abc import Mapping

CASES = Path(__file__).parents[1] / "cases"


def declared(files: Mapping[str, bytes]) -> dict[str, Declared]:
    return {item.folder: item for item in Java().declared(memory_view(files))}


def in_folder(root: Path) -> dict[str, Declared]:
    view, _ = directory_view(root, Wanted([Java()]))
    return {item.folder: item for item in Java().declared(view)}


def told(item: Declared) -> set[tuple[str, str, str]]:
    return {(gap.what, gap.where, gap.why) for gap in item.gaps}


def pom(inside: str, name: str = "a") -> bytes:
    return (
        f'<project xmlns="http://maven.apache.org/POM/4.0.0"><groupId>g</groupId>'
        f"<artifactId>{name}</artifactId><version>1</version>{inside}</project>"
    ).encode()


def needs(artifact: str, version: str = "", more: str = "") -> str:
    stated = f"<version>{version}</version>" if version else ""
    return (
        f"<dependency><groupId>o</groupId><artifactId>{artifact}</artifactId>{stated}{more}"
        "</dependency>"
    )


def shown(item: Declared) -> dict[str, Any]:
    """As JSON has it, without what is empty."""
    from dataclasses import asdict

    def lean(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: kept for k, v in value.items() if (kept := lean(v)) not in ("", [], None)}
        return [lean(entry) for entry in value] if isinstance(value, list | tuple) else value

    made: dict[str, Any] = lean(asdict(item))
    return made


@pytest.mark.parametrize("case", ["java-modules", "java-gradle"])
def test_a_project_reads_as_expected(case: str) -> None:
    found = [shown(item) for _, item in sorted(in_folder(CASES / case / "in").items())]
    expected = CASES / case / "expected.json"
    if os.environ.get("BOM_UPDATE_CASES") == "1":
        expected.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    assert found == json.loads(expected.read_text())


# --- Maven ---------------------------------------------------------------------------------------


def test_each_module_asks_directly_for_what_maven_lists() -> None:
    """Versions from a parent, with a property that the module overrides, and from a BOM."""
    expected: dict[str, set[tuple[str, str]]] = {"bom": set()}
    for line in (CASES / "java-modules/dependency-list.txt").read_text().splitlines():
        module, _, rest = line.partition(" ")
        group, artifact, _, version, scope = rest.split(":")
        entry = (f"pkg:maven/{group}/{artifact}@{version}", scope)
        expected.setdefault("" if module == "." else module, set()).add(entry)
    found = {
        folder: {
            (
                entry.component.purl,
                next(fact.value for fact in entry.component.properties),
            )
            for entry in item.dependencies
        }
        for folder, item in in_folder(CASES / "java-modules/in").items()
    }
    assert found == expected


def test_tests_and_what_is_provided_only_build_and_options_may_be_lacking() -> None:
    inside = "".join(
        [
            needs("ships", "1"),
            needs("runs", "1", "<scope>runtime</scope>"),
            needs("tests", "1", "<scope>test</scope>"),
            needs("given", "1", "<scope>provided</scope>"),
            needs("chosen", "1", "<optional>true</optional>"),
            needs("native", "1", "<classifier>linux</classifier>"),
            needs("other", "1", "<type>war</type>"),
        ]
    )
    item = declared({"pom.xml": pom(f"<dependencies>{inside}</dependencies>")})[""]
    assert {
        entry.component.purl.removeprefix("pkg:maven/o/"): (entry.role, entry.optional)
        for entry in item.dependencies
    } == {
        "ships@1": ("shipped", False),
        "runs@1": ("shipped", False),
        "tests@1": ("build", False),
        "given@1": ("build", True),
        "chosen@1": ("shipped", True),
        "native@1?classifier=linux": ("shipped", False),
        "other@1?type=war": ("shipped", False),
    }
    assert (item.name, item.version, item.locked) == ("g:a", "1", False)


@pytest.mark.parametrize(
    ("spelled", "why"),
    [
        ("", "its version is stated by nothing in the tree: a parent or BOM from elsewhere"),
        ("[1,2)", "pom.xml asks for [1,2), which is not one version"),
        ("${nothing}", "pom.xml asks for ${nothing}, which is not one version"),
        ("LATEST", "pom.xml asks for LATEST, which is not one version"),
    ],
)
def test_a_version_that_can_not_be_known_is_a_gap(spelled: str, why: str) -> None:
    inside = f"<dependencies>{needs('x', spelled)}</dependencies>"
    item = declared({"pom.xml": pom(inside)})[""]
    assert ("dependency.version", "o:x", why) in told(item)
    assert item.dependencies[0].component.purl == "pkg:maven/o/x"


def test_parents_that_lead_in_circles_end() -> None:
    def child(of: str, name: str) -> bytes:
        return pom(
            f"<parent><groupId>g</groupId><artifactId>{of}</artifactId><version>1</version>"
            f"<relativePath>../{of}</relativePath></parent>"
            f"<dependencies>{needs(name, '${v}')}</dependencies><properties><v>${{v}}</v>"
            "</properties>",
            name,
        )

    found = declared({"a/pom.xml": child("b", "a"), "b/pom.xml": child("a", "b")})
    assert set(found) == {"a", "b"}


def test_profiles_are_a_gap() -> None:
    inside = (
        f"<profiles><profile><dependencies>{needs('x', '1')}</dependencies></profile></profiles>"
    )
    item = declared({"pom.xml": pom(inside)})[""]
    assert {what for what, _, _ in told(item)} == {"dependency.declared"}
    assert item.dependencies == ()


def test_a_pom_of_something_installed_or_made_is_not_a_project() -> None:
    files = dict.fromkeys(
        (
            "app/META-INF/maven/g/a/pom.xml",
            "target/classes/pom.xml",
            "x/node_modules/y/pom.xml",
            "vendor/z/pom.xml",
        ),
        pom(""),
    )
    assert declared(files) == {}


@pytest.mark.parametrize(
    "content",
    [b"", b"<project", b"<other/>", b"\xff\xfe", b"<!DOCTYPE a [<!ENTITY b 'c'>]><project/>"],
)
def test_a_pom_that_can_not_be_read_is_a_gap(content: bytes) -> None:
    item = declared({"x/pom.xml": content})["x"]
    assert [gap.what for gap in item.gaps] == ["dependency.declared"]


def test_a_deeply_nested_pom_is_read_or_is_a_gap() -> None:
    item = declared({"pom.xml": b"<project>" + b"<a>" * 200_000 + b"</a>" * 200_000})[""]
    assert item.gaps


def test_properties_that_grow_without_end_are_not_replaced() -> None:
    inside = (
        "<properties><a>${b}${b}${b}${b}${b}${b}${b}${b}</a><b>${a}${a}${a}${a}</b></properties>"
        f"<dependencies>{needs('x', '${a}')}</dependencies>"
    )
    item = declared({"pom.xml": pom(inside)})[""]
    assert item.dependencies[0].component.version == ""


# --- Gradle --------------------------------------------------------------------------------------

LOCK = b"""# This is a Gradle generated file for dependency locking.
o:ships:1.0=compileClasspath,runtimeClasspath
o:tests:1.0=testCompileClasspath,testRuntimeClasspath
o:annotates:1.0=annotationProcessor
o:given:1.0=compileClasspath
o:android:1.0=debugAndroidTestRuntimeClasspath,releaseRuntimeClasspath
empty=testAnnotationProcessor
"""


def test_the_configurations_of_a_lock_tell_what_ships() -> None:
    item = declared({"gradle.lockfile": LOCK, "build.gradle.kts": b"code"})[""]
    assert {
        entry.component.name: (entry.role, entry.optional, entry.component.occurrences[0].line)
        for entry in item.dependencies
    } == {
        "ships": ("shipped", False, 2),
        "tests": ("build", False, 3),
        "annotates": ("build", False, 4),
        "given": ("build", True, 5),
        "android": ("shipped", False, 6),
    }
    assert item.locked


def test_the_buildscripts_own_lock_only_builds_and_old_locks_name_their_configuration() -> None:
    files = {
        "app/buildscript-gradle.lockfile": b"o:plugin:1=classpath\n",
        "old/gradle/dependency-locks/runtimeClasspath.lockfile": b"o:ships:1\n",
        "old/gradle/dependency-locks/testCompile.lockfile": b"o:ships:1\no:tests:1\n",
    }
    found = declared(files)
    assert [(e.component.name, e.role) for e in found["app"].dependencies] == [("plugin", "build")]
    assert {e.component.name: e.role for e in found["old"].dependencies} == {
        "ships": "shipped",
        "tests": "build",
    }


def test_checksums_of_the_build_around_a_project_are_those_of_its_files() -> None:
    metadata = (
        b'<verification-metadata xmlns="https://schema.gradle.org/dependency-verification">'
        b'<components><component group="o" name="ships" version="1.0">'
        b'<artifact name="ships-1.0.jar"><sha256 value="%s" origin="x"/></artifact>'
        b'<artifact name="ships-1.0.pom"><sha512 value="%s"/><md5 value="no"/></artifact>'
        b"</component></components></verification-metadata>" % (b"ab" * 32, b"cd" * 64)
    )
    item = declared({"gradle/verification-metadata.xml": metadata, "app/gradle.lockfile": LOCK})[
        "app"
    ]
    (ships,) = [e.component for e in item.dependencies if e.component.name == "ships"]
    assert [(d.name, [h.alg for h in d.hashes]) for d in ships.distributions] == [
        ("ships-1.0.jar", ["SHA-256"]),
        ("ships-1.0.pom", ["SHA-512"]),
    ]
    assert ("dependency.hash", "o:ships") not in {(what, where) for what, where, _ in told(item)}
    assert ("dependency.hash", "o:tests") in {(what, where) for what, where, _ in told(item)}


def test_a_build_script_without_a_lock_is_a_gap() -> None:
    item = declared({"app/build.gradle": b"code"})["app"]
    assert not item.locked
    assert [gap.what for gap in item.gaps] == ["dependency.declared"]


def test_lines_that_name_no_module_are_gaps() -> None:
    lock = b"a:b\nc:d:[1,2)=x\n=\n:::=\n\xc3\xa9:e:1=x\no:ok:1=runtimeClasspath\n"
    item = declared({"gradle.lockfile": lock})[""]
    assert [entry.component.name for entry in item.dependencies] == ["ok"]
    assert len([gap for gap in item.gaps if gap.what == "dependency.name"]) == 5


def test_fifty_thousand_locked_modules_are_read_in_a_moment() -> None:
    lock = b"".join(b"o:a%d:1=runtimeClasspath\n" % n for n in range(50_000))
    assert len(declared({"gradle.lockfile": lock})[""].dependencies) == 50_000


# --- hostile -------------------------------------------------------------------------------------

NAMES = [
    "pom.xml",
    "a/pom.xml",
    "gradle.lockfile",
    "buildscript-gradle.lockfile",
    "gradle/verification-metadata.xml",
    "gradle/dependency-locks/x.lockfile",
    "build.gradle",
]
REAL = [
    *(path.read_bytes() for path in sorted((CASES / "java-modules/in").rglob("pom.xml"))),
    LOCK,
]


def check(files: Mapping[str, bytes]) -> None:
    for item in Java().declared(memory_view(files)):
        assert isinstance(item, Declared)
        repr(item).encode("utf-8")


@given(
    st.dictionaries(
        st.sampled_from(NAMES),
        st.one_of(
            st.binary(max_size=300),
            st.text(max_size=300).map(lambda text: text.encode("utf-8", "surrogatepass")),
        ),
    )
)
def test_any_bytes_give_declarations_and_never_an_exception(files: dict[str, bytes]) -> None:
    check(files)


@given(
    st.sampled_from(NAMES),
    st.sampled_from(REAL),
    st.integers(0, 1 << 16),
    st.one_of(st.binary(max_size=30), st.sampled_from([b"${a}", b"<", b"&#1;", b"\0", b"]]>"])),
    st.integers(0, 60),
)
def test_any_change_to_a_real_file_gives_declarations_and_never_an_exception(
    name: str, content: bytes, place: int, put: bytes, drop: int
) -> None:
    at = place % len(content)
    check({name: content[:at] + put + content[at + drop :], "x/pom.xml": REAL[0]})
