"""`bom diff`: seals taken off, the BOMs' words above the bytes'."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import jsonschema_rs
import pytest
from tests.e2e.builds import git

from bom.compare.known import dependencies_of, of_document, tools_of

if TYPE_CHECKING:
    from tests.conftest import Need

BOM: Final = Path(sys.executable).parent / "bom"
SCHEMA: Final = Path(__file__).resolve().parents[1] / "schemas" / "diff.schema.json"
BEGINNINGS: Final = re.compile(r"\b[0-9a-f]{16}…")
BUILD: Final = (
    "printf 'built %s\\n' \"$WORD\" > built.txt\n"
    "tar cf app.tar --sort=name --mtime=@0 --owner=0 --group=0 --format=gnu README built.txt\n"
)


def bom(cwd: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": f"{BOM.parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(cwd),
        "LANG": "C.UTF-8",
        **variables,
    }
    return subprocess.run(
        [BOM, *words], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sealed tars, built with another variable; `again.tar` is the first, sealed by another
    key."""
    folder = tmp_path_factory.mktemp("diff")
    project = folder / "project"
    project.mkdir()
    (project / "README").write_text("hello\n")
    (project / "build.sh").write_text(BUILD)
    (project / ".gitignore").write_text("app.tar\nbuilt.txt\n")
    (project / "bom.toml").write_text('environment = ["WORD"]\n')
    git(project, "init", "-q")
    git(project, "add", "-A")
    git(project, "commit", "-q", "-m", "project")
    for key in ("one", "two"):
        assert bom(folder, "key", "generate", "--out", key).returncode == 0
    for name, key, word in (
        ("first", "one", "2024-01-01T10:00:00Z"),
        ("second", "one", "2024-02-03T11:12:13Z"),
        ("again", "two", "2024-01-01T10:00:00Z"),
    ):
        words = ("build", "--key", f"../{key}.key", "-o", f"../{name}.tar", "--", "sh", "build.sh")
        ran = bom(project, *words, WORD=word)
        assert ran.returncode == 0, ran.stderr
    return folder


def test_the_same_build_sealed_by_two_keys_is_the_same(place: Path) -> None:
    assert (place / "first.tar").read_bytes() != (place / "again.tar").read_bytes()
    ran = bom(place, "diff", "first.tar", "again.tar", "--exit-code")
    assert (ran.returncode, ran.stderr) == (0, "")
    keys = " -> ".join("[0-9a-f]{16}…" for _ in "12")
    expected = rf"same: first.tar and again.tar\n\n  artifact \(1\)\n    signed by key: {keys}\n"
    assert re.fullmatch(expected, ran.stdout), ran.stdout


def test_what_the_boms_say_stands_above_the_bytes(place: Path) -> None:
    ran = bom(place, "diff", "first.tar", "second.tar")
    assert ran.returncode == 0
    assert bom(place, "diff", "first.tar", "second.tar", "--exit-code").stdout == ran.stdout
    assert BEGINNINGS.sub("…", ran.stdout) == (
        "different: first.tar and second.tar\n"
        "\n"
        "  artifact (1)\n"
        "    sha256: … -> …\n"
        "\n"
        "  settings (1)\n"
        "    variable WORD: 2024-01-01T10:00:00Z -> 2024-02-03T11:12:13Z\n"
        "\n"
        "  timestamp: 1 difference\n"
        "    built.txt\n"
        "      2024-01-01T10:00:00Z and 2024-02-03T11:12:13Z\n"
        "    do: Take the time from SOURCE_DATE_EPOCH instead of the clock, or leave it out.\n"
        "\n"
        "  docs/reproducibility.md#causes says how each cause is told, and more of what to do\n"
    )


def test_json_is_as_its_schema_says(place: Path) -> None:
    ran = bom(place, "diff", "first.tar", "second.tar", "--json")
    record = json.loads(ran.stdout)
    jsonschema_rs.validate(json.loads(SCHEMA.read_text()), record)
    assert record["different"]
    assert record["bytes"]["verdict"] == "different"
    assert [item["path"] for item in record["bytes"]["differences"]] == ["built.txt"]
    changes = record["changes"]
    assert changes["settings"] == [
        {"name": "variable WORD", "one": "2024-01-01T10:00:00Z", "two": "2024-02-03T11:12:13Z"}
    ]
    assert (changes["tools"], changes["added"], changes["other_bytes"]) == ([], [], [])


def test_the_page_needs_nothing_and_is_there_whole(place: Path) -> None:
    ran = bom(place, "diff", "first.tar", "second.tar", "--html", "report.html")
    assert ran.returncode == 0
    page = (place / "report.html").read_text()
    assert "built.txt" in page
    assert "variable WORD" in page
    assert page.endswith("</html>\n")


def test_sealed_and_stripped_are_the_same(place: Path) -> None:
    assert bom(place, "strip", "first.tar", "-o", "stripped.tar").returncode == 0
    ran = bom(place, "diff", "first.tar", "stripped.tar", "--exit-code")
    assert (ran.returncode, ran.stdout.splitlines()[0]) == (0, "same: first.tar and stripped.tar")


def test_without_the_bytes_only_what_the_boms_say_is_compared(place: Path) -> None:
    ran = bom(place, "diff", "first.tar", "second.tar", "--no-bytes", "--json")
    record = json.loads(ran.stdout)
    assert (record["bytes"], record["different"], record["one"]["scanned"]) == (None, True, False)
    assert bom(place, "strip", "first.tar", "-o", "bare.tar").returncode == 0
    # one is sealed, the other is not: both are scanned
    ran = bom(place, "diff", "second.tar", "bare.tar", "--no-bytes", "--json")
    record = json.loads(ran.stdout)
    assert [record[side]["scanned"] for side in ("one", "two")] == [True, True]
    assert record["changes"]["settings"] == []


def test_the_same_bytes_are_not_scanned_and_others_only_where_that_is_wanted(place: Path) -> None:
    for name in ("first", "second"):
        assert bom(place, "strip", f"{name}.tar", "-o", f"{name}-bare.tar").returncode == 0
    shutil.copyfile(place / "first-bare.tar", place / "copy.tar")
    scanned = {}
    for other, options in (("copy", ()), ("second-bare", ("--no-scan",)), ("second-bare", ())):
        ran = bom(place, "diff", "first-bare.tar", f"{other}.tar", "--json", *options)
        record = json.loads(ran.stdout)
        assert record["different"] == (other != "copy")
        scanned[other, options] = [record[side]["scanned"] for side in ("one", "two")]
        assert (record["changes"] is None) == (not all(scanned[other, options]))
    assert list(scanned.values()) == [[False, False], [False, False], [True, True]]
    ran = bom(place, "diff", "first-bare.tar", "copy.tar", "--no-scan", "--no-bytes")
    assert (ran.returncode, ran.stderr) == (
        2,
        "error: --no-bytes and --no-scan leave nothing to compare\nhint: drop one of them\n",
    )


def test_normalised_is_accepted_where_it_is_said(place: Path) -> None:
    plain = place / "plain"
    plain.mkdir()
    (plain / "file").write_text("x\n")
    for number in (1, 2):
        os.utime(plain / "file", (1_700_000_000 + number,) * 2)
        out = str(place / f"{number}.tar")
        packed = ["tar", "cf", out, "--format=gnu", "-C", str(plain), "file"]
        subprocess.run(packed, check=True)
    assert bom(place, "diff", "1.tar", "2.tar").returncode == 0
    assert bom(place, "diff", "1.tar", "2.tar", "--exit-code").returncode == 1
    ran = bom(place, "diff", "1.tar", "2.tar", "--exit-code", "--accept", "normalised")
    assert ran.returncode == 0
    assert ran.stdout.startswith("normalised: 1.tar and 2.tar\n  made stable first: ")


def test_a_damaged_seal_is_no_crash(place: Path) -> None:
    data = bytearray((place / "first.tar").read_bytes())
    data[700] ^= 1
    (place / "damaged.tar").write_bytes(data)
    ran = bom(place, "diff", "damaged.tar", "first.tar")
    assert ran.returncode == 1
    assert ran.stderr.startswith("error: ")
    assert "Traceback" not in ran.stderr


def test_what_can_not_be_read_is_a_wrong_call(place: Path) -> None:
    ran = bom(place, "diff", "nope.tar", "first.tar")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr == (
        "error: nope.tar is no file, and no revision of a repository here\n"
        "hint: a file or folder; an image: docker:NAME, oci://HOST/NAME:TAG; a revision: git:NAME,"
        " in its repository\n"
    )
    ran = bom(place, "diff", "first.tar", "second.tar", "--html", "no/report.html")
    assert ran.returncode == 2
    assert ran.stdout == ""


def test_without_diffoscope_nothing_is_done(place: Path) -> None:
    ran = bom(place, "diff", "first.tar", "second.tar", "--diffoscope", PATH=str(BOM.parent))
    assert (ran.returncode, ran.stdout) == (3, "")
    assert ran.stderr == (
        "error: diffoscope is not installed\n"
        "hint: apt install diffoscope-minimal, or leave --diffoscope out\n"
    )


def test_diffoscope_has_the_files_as_built(need: Need, place: Path) -> None:
    need("diffoscope")
    ran = bom(place, "diff", "first.tar", "second.tar", "--diffoscope")
    assert ran.returncode == 0
    assert "diffoscope:\n" in ran.stdout
    after = ran.stdout.partition("diffoscope:\n")[2]
    assert "-built 2024-01-01T10:00:00Z" in after
    assert ".bom/" not in after


def test_a_documents_circumstances_are_tools_packages_and_variables() -> None:
    document = {
        "components": [
            {"purl": "pkg:pypi/requests@2.31.0", "name": "requests"},
            {"purl": "pkg:deb/debian/libc6@2.36-9?arch=amd64&distro=debian-12", "name": "libc6"},
            {"purl": "not a purl", "name": "x"},
        ],
        "formulation": [
            {
                "components": [
                    {
                        "name": "gcc",
                        "version": "12.2.0",
                        "properties": [
                            {"name": "bom-seal:tool:kind", "value": "compiler"},
                            {"name": "bom-seal:evidence", "value": "used"},
                        ],
                    },
                    {
                        "name": "python:3.11",
                        "hashes": [{"alg": "SHA-256", "content": "ab" * 32}],
                        "properties": [{"name": "bom-seal:material", "value": "base-image"}],
                    },
                ],
                "workflows": [
                    {"inputs": [{"environmentVars": [{"name": "TZ", "value": "UTC"}]}]},
                ],
            }
        ],
    }
    known = of_document(document)
    assert known.tools == tools_of(document) == {"gcc": "12.2.0"}
    assert known.dependencies == dependencies_of(document)
    assert known.dependencies == {
        "pkg:pypi/requests": "2.31.0",
        "pkg:deb/debian/libc6": "2.36-9",
        "python:3.11": f"sha256:{'ab' * 32}",
    }
    assert (known.timezone, known.variables) == ("UTC", {"TZ": "UTC"})


def test_packages_in_a_plain_tar_are_dependencies_too() -> None:
    names = (
        *("lib/Some_Thing-1.2.dist-info/METADATA", "lib/Some_Thing-1.2.dist-info/RECORD"),
        *("a/twice-1.0.dist-info/METADATA", "b/twice-2.0.dist-info/METADATA", "lib/x.py"),
    )
    parts = [{"type": "file", "name": name} for name in names]
    subject: dict[str, Any] = {"components": [*parts, {"type": "file"}, 3]}
    document = {"metadata": {"component": subject}}
    assert dependencies_of(document) == {"pkg:pypi/some-thing": "1.2"}
    subject["purl"] = "pkg:pypi/some-thing@1.2"  # a wheel is no dependency of itself
    assert dependencies_of(document) == {}
