"""Jars in their normal form."""

from __future__ import annotations

import subprocess
import zipfile
from typing import TYPE_CHECKING

import pytest
from tests.normalise.conftest import EPOCH
from tests.normalise.zips import OLD, moment, names, opened_zip, packed

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Need
    from tests.normalise.conftest import Lab

MANIFEST = ("META-INF/MANIFEST.MF", b"Manifest-Version: 1.0\r\nMain-Class: A\r\n\r\n")


def test_the_manifest_comes_first_and_signatures_behind_it(lab: Lab) -> None:
    built = packed(
        [
            ("A.class", b"A"),
            ("META-INF/services/x", b"x"),
            ("META-INF/K.SF", b"s"),
            ("META-INF/K.EC", b"s"),
            MANIFEST,
            ("META-INF/", b""),
        ]
    )
    assert names(lab.bytes_of(built, "x.jar")) == [
        "META-INF/",
        "META-INF/MANIFEST.MF",
        "META-INF/K.EC",
        "META-INF/K.SF",
        "A.class",
        "META-INF/services/x",
    ]


def test_a_jar_inside_that_this_build_made_is_made_stable_and_stays_stored(lab: Lab) -> None:
    one = packed([MANIFEST, ("B.class", b"B" * 99), ("A.class", b"A")])
    two = packed([("A.class", b"A"), ("B.class", b"B" * 99), MANIFEST], time=moment(EPOCH + 9_000))
    results = [
        lab.bytes_of(packed([MANIFEST, ("lib/m.jar", inner)], zipfile.ZIP_STORED), "x.jar")
        for inner in (one, two)
    ]
    assert results[0] == results[1]
    assert {c.where for c in lab.changes} == {"", "lib/m.jar"}
    outer = opened_zip(results[0])
    assert outer.getinfo("lib/m.jar").compress_type == zipfile.ZIP_STORED
    assert names(outer.read("lib/m.jar")) == ["META-INF/MANIFEST.MF", "A.class", "B.class"]


def test_a_jar_inside_that_was_published_before_keeps_its_bytes_and_its_digest(lab: Lab) -> None:
    library = packed([("Z.class", b"Z" * 99), ("A.class", b"A")], time=OLD)
    result = lab.bytes_of(packed([MANIFEST, ("lib/z.jar", library)]), "x.jar")
    assert opened_zip(result).read("lib/z.jar") == library


def test_nothing_inside_a_signed_jar_is_touched(lab: Lab) -> None:
    inner = packed([("Z.class", b"Z"), ("A.class", b"A")])
    built = packed([MANIFEST, ("META-INF/K.SF", b"digests"), ("m.jar", inner)])
    assert opened_zip(lab.bytes_of(built, "x.jar")).read("m.jar") == inner


@pytest.mark.parametrize("inside", [b"no zip at all", b"PK\3\4" + bytes(40)])
def test_what_is_only_called_a_jar_stays_as_it_is(lab: Lab, inside: bytes) -> None:
    built = packed([MANIFEST, ("m.jar", inside)])
    assert opened_zip(lab.bytes_of(built, "x.jar")).read("m.jar") == inside


def test_jars_in_jars_without_end_are_looked_into_only_so_deep(lab: Lab) -> None:
    built = packed([("b", b"b"), ("a", b"a")])
    for _ in range(60):
        built = packed([("z", b""), ("m.jar", built)], zipfile.ZIP_STORED)
    data, depth = lab.bytes_of(built, "x.jar"), 0
    while "m.jar" in names(data):
        assert names(data) == (["m.jar", "z"] if depth < 5 else ["z", "m.jar"])
        data, depth = opened_zip(data).read("m.jar"), depth + 1
    assert depth == 60


def test_without_an_index_libraries_of_a_spring_boot_jar_keep_the_order_of_the_class_path(
    lab: Lab,
) -> None:
    libraries = [(f"BOOT-INF/lib/{name}.jar", b"no zip") for name in "cab"]
    index = ("BOOT-INF/classpath.idx", b"- c\n- a\n- b\n")
    result = names(lab.bytes_of(packed([*libraries, ("A.class", b""), MANIFEST]), "x.jar"))
    assert result == [MANIFEST[0], "A.class", *(name for name, _ in libraries)]
    indexed = names(lab.bytes_of(packed([*libraries, index, MANIFEST]), "x.jar"))
    assert indexed == [MANIFEST[0], *sorted([index[0], *(name for name, _ in libraries)])]


def test_java_runs_the_jar_and_its_signature_still_holds(
    lab: Lab, need: Need, tmp_path: Path
) -> None:
    jar, java = need("jar"), need("java")
    source = "public class A { public static void main(String[] a) { System.out.print(42); } }"
    (tmp_path / "A.java").write_text(source)
    (tmp_path / "m.txt").write_text("Main-Class: A\n")
    store = ("-keystore", "keys", "-storepass", "secret")
    for argv in (
        (need("javac"), "A.java"),
        (jar, "cfm", "app.jar", "m.txt", "A.java", "A.class"),
        (need("keytool"), "-genkeypair", *store, "-alias", "k", "-keyalg", "EC", "-dname", "CN=t"),
        (need("jarsigner"), *store, "app.jar", "k"),
    ):
        subprocess.run(argv, check=True, cwd=tmp_path, capture_output=True)
    result = str(lab.normalise(tmp_path / "app.jar"))
    said = subprocess.run([java, "-jar", result], check=True, capture_output=True, text=True)
    assert said.stdout == "42"
    listed = subprocess.run([jar, "tf", result], check=True, capture_output=True, text=True)
    assert listed.stdout.split()[:2] == ["META-INF/", "META-INF/MANIFEST.MF"]
    verified = subprocess.run(
        [need("jarsigner"), "-verify", result], check=True, capture_output=True, text=True
    )
    assert "jar verified." in verified.stdout
