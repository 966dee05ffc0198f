"""What changed between two BOMs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests import hostile_words
from tests.report.test_markdown import assert_inert
from tests.report.test_tree import bent

from bom.compose.bom import Evidence, document
from bom.difference import Comparison, Difference
from bom.model import (
    Check,
    Component,
    Dependency,
    Distribution,
    Gap,
    Hash,
    Licence,
    Material,
    Observation,
    Property,
    Revision,
    Setting,
    Subject,
    Tool,
)
from bom.report.change import Changes, Held, Line, Moved, Swapped
from bom.report.changes import changes
from bom.report.changes_markdown import changes_markdown
from bom.report.changes_text import changes_text
from bom.report.contents import contents
from bom.report.html import changes as changes_page
from bom.versions import compared

if TYPE_CHECKING:
    from collections.abc import Sequence

A: Final = Hash("SHA-256", "aa" * 32)
B: Final = Hash("SHA-256", "bb" * 32)


def package(
    name: str, version: str, ecosystem: str = "pypi", digest: Hash | None = A, licence: str = "MIT"
) -> Dependency:
    purl = f"pkg:{ecosystem}/{name}@{version}"
    return Dependency(
        Component(
            "library",
            name.rpartition("/")[2],
            version,
            purl=purl,
            hashes=(digest,) if digest else (),
            hash_of="installed-files" if digest else "",
            licences=(Licence(licence, "id"),),
        )
    )


def bom(*facts: Observation, size: int = 1000, signed: bool = False) -> dict[str, Any]:
    subject = Subject("app.tar", "tar", "ef" * 32, size, "app", "1")
    return document(Evidence(subject, facts, epoch=0, signed=signed))


def between(one: Sequence[Observation], two: Sequence[Observation]) -> Changes:
    return changes(contents(bom(*one)), contents(bom(*two)), compared)


def test_nothing_changed_is_nothing() -> None:
    same = (package("flask", "1"), Tool("compiler", "gcc", "12", "used", (A,)))
    found = between(same, same)
    assert not found.any
    assert changes_text("a and b", found, None) == "same: a and b\n"


def test_packages_come_go_and_move_in_their_ecosystems_order() -> None:
    one = (package("old", "1"), package("up", "1.9"), package("down", "1.0"), package("x", "q!"))
    two = (package("new", "1"), package("up", "1.10"), package("down", "1.0rc1"), package("x", "2"))
    found = between(one, two)
    assert found.added == (Held("new", "1", ("MIT",), "pypi"),)
    assert found.removed == (Held("old", "1", ("MIT",), "pypi"),)
    assert found.moved == (
        Moved("down", "1.0", "1.0rc1", "downgrade", "pypi"),
        Moved("up", "1.9", "1.10", "upgrade", "pypi"),
        Moved("x", "q!", "2", "other", "pypi"),
    )


def test_the_same_version_with_other_bytes_is_kept_apart() -> None:
    found = between([package("flask", "1")], [package("flask", "1", digest=B)])
    assert found.swapped == (
        Swapped("flask", "1", "installed-files", f"sha256:{A.value}", f"sha256:{B.value}", "pypi"),
    )
    text = changes_text("a and b", found, None)
    assert text == (
        "different: a and b\n"
        "  1 -> 1 components: no version changed; 1 in the same version with OTHER BYTES\n"
        "\n"
        "  SAME VERSION, OTHER BYTES (1)\n"
        f"    ! flask 1 (installed-files): sha256:{'a' * 16}… -> sha256:{'b' * 16}…\n"
    )


def test_digests_that_begin_alike_are_shown_whole() -> None:
    other = Hash("SHA-256", "aa" * 16 + "bb" * 16)
    found = between([package("flask", "1")], [package("flask", "1", digest=other)])
    assert f"sha256:{A.value} -> sha256:{other.value}" in changes_text("a and b", found, None)


def test_a_published_file_that_was_swapped_is_found_and_one_that_came_later_is_none() -> None:
    def locked(*files: Distribution) -> Dependency:
        return Dependency(Component("library", "p", "1", purl="pkg:pypi/p@1", distributions=files))

    wheel, sdist = Distribution("p-1.whl", hashes=(A,)), Distribution("p-1.tar.gz", hashes=(B,))
    assert not between([locked(wheel)], [locked(wheel, sdist)]).swapped
    found = between([locked(wheel, sdist)], [locked(Distribution("p-1.whl", hashes=(B,)), sdist)])
    assert [(item.what, item.of) for item in found.swapped] == [("p", "file p-1.whl")]


def test_of_several_versions_the_oldest_go_with_the_oldest() -> None:
    one = [package("p", version, "npm") for version in ("1.2.0", "1.10.0", "3.0.0")]
    two = [package("p", version, "npm") for version in ("1.11.0", "3.0.0", "1.3.0", "4.0.0")]
    found = between(one, two)
    assert [(item.one, item.two) for item in found.moved] == [
        ("1.10.0", "1.11.0"),
        ("1.2.0", "1.3.0"),
    ]
    assert [item.version for item in found.added] == ["4.0.0"]


def test_another_architecture_or_platform_is_another_component() -> None:
    def of(arch: str, platform: str, version: str) -> Dependency:
        return Dependency(
            Component(
                "library",
                "libc6",
                version,
                purl=f"pkg:deb/debian/libc6@{version}?arch={arch}&distro=debian-12",
                ref=f"{platform}:libc6:{arch}",
                properties=(Property("bom-seal:platform", platform),),
            )
        )

    found = between([of("amd64", "linux/amd64", "1")], [of("arm64", "linux/arm64", "1")])
    assert [item.what for item in found.added] == ["libc6 (arm64, linux/arm64)"]
    moved = between([of("amd64", "linux/amd64", "1")], [of("amd64", "linux/amd64", "1.1")])
    assert [(item.what, item.direction) for item in moved.moved] == [
        ("libc6 (amd64, linux/amd64)", "upgrade")
    ]


def test_licences_that_changed_are_told() -> None:
    found = between([package("p", "1")], [package("p", "2", licence="BUSL-1.1")])
    assert found.licences == (Line("p 1 -> 2", "MIT", "BUSL-1.1"),)


ONE: Final = (
    Revision("1" * 40, "2024-01-01T00:00:00Z", remote="git.example.invalid/app"),
    Tool("compiler", "gcc", "12", "used", (A,)),
    Tool("interpreter", "cpython", "3.11.7", "used", (A,)),
    Material("base-image", "python:3.11-slim", (A,), "3.11-slim"),
    Material("base-image", "debian:12", (A,)),
    Material("dockerfile", "Dockerfile", (A,)),
    Setting("environment", "LANG", "C"),
    Setting("option", "target", "app"),
    Check("lint", "passed"),
    Check("unit", "passed", 10, 0, 0),
    Gap("tool.used", "sh", "nothing traces it"),
    package("flask", "2.0.0"),
    package("werkzeug", "3.0.1"),
    package("left-pad", "1.3.0", "npm"),
    package("gone", "1"),
)
TWO: Final = (
    Revision(
        "2" * 40, "2024-01-02T00:00:00Z", "modified", ("a.py",), remote="git.example.invalid/app"
    ),
    Tool("compiler", "gcc", "13", "used", (B,)),
    Tool("interpreter", "cpython", "3.11.7", "used", (B,)),
    Material("base-image", "python:3.12-slim", (B,), "3.12-slim"),
    Material("base-image", "debian:12", (B,)),
    Material("dockerfile", "Dockerfile", (B,)),
    Setting("environment", "LANG", "C.UTF-8"),
    Setting("environment", "TZ", "UTC"),
    Check("lint", "passed"),
    Check("unit", "failed", 12, 1, 0, ("t.test_a",)),
    package("flask", "3.0.0"),
    package("werkzeug", "3.0.0", licence="BSD-3-Clause"),
    package("left-pad", "1.3.0", "npm", B),
    package("new", "0.1.0", licence="Apache-2.0"),
)


def test_how_it_was_built_is_held_against_each_other() -> None:
    found = changes(contents(bom(*ONE)), contents(bom(*TWO, size=1500)), compared)
    assert found.tools == (Line("compiler gcc", "12", "13"),)
    assert found.images == (
        Line("base-image python", "3.11-slim", "3.12-slim"),
        Line("dockerfile Dockerfile", f"sha256:{A.value}", f"sha256:{B.value}"),
    )
    assert [(item.what, item.version) for item in found.swapped] == [
        ("base-image debian", "12"),
        ("interpreter cpython", "3.11.7"),
        ("left-pad", "1.3.0"),
    ]
    assert found.settings == (
        Line("option target", "app", None),
        Line("variable LANG", "C", "C.UTF-8"),
        Line("variable TZ", None, "UTC"),
    )
    assert found.checks == (
        Line(
            "unit",
            "passed, 10 tests, 0 failures, 0 skipped",
            "failed, 12 tests, 1 failure, 0 skipped",
        ),
        Line("unit: t.test_a", None, "failed"),
    )
    assert found.source == (Line("commit", "1" * 40, "2" * 40), Line("state", "clean", "modified"))
    assert found.artifact == (Line("size", "1000", "1500"),)
    assert found.gaps == (Line("tool.used: sh: nothing traces it", "there", None),)


def test_what_a_scan_can_not_know_is_not_told_as_gone() -> None:
    found = changes(
        contents(bom(*ONE)), contents(bom(package("flask", "2.0.0"))), compared, alike=False
    )
    assert (found.tools, found.images, found.settings, found.checks) == ((), (), (), ())
    assert (found.source, found.gaps) == ((), ())
    assert "not compared: tools, base images" in changes_text("a and b", found, None)


@pytest.mark.parametrize(
    "junk", [{}, {"components": [{"purl": 1}, {"name": []}, 3]}, {"metadata": []}]
)
def test_any_document_can_be_compared(junk: dict[str, object]) -> None:
    found = changes(contents(junk), contents(bom(*ONE)), compared)
    assert changes_text("a and b", found, None).startswith("different: a and b\n")


@settings(max_examples=40)
@given(st.data())
def test_no_value_anywhere_makes_it_fail(data: st.DataObject) -> None:
    one, two = bom(*ONE), bom(*TWO)
    found = changes(contents(bent(one, data)), contents(bent(two, data)), compared)
    for width in (0, 40):
        text = changes_text("a and b", found, None, width)
        assert all(line.isprintable() for line in text.splitlines())
    assert_inert(changes_markdown(("a", "b"), found))
    assert changes_page.page(("a", "b"), found).endswith("</html>\n")


def test_hostile_words_are_inert_in_every_format() -> None:
    words = list(hostile_words.WORDS.values())
    turned = words[1:] + words[:1]
    found = changes(
        contents(hostile_words.document(words)), contents(hostile_words.document(turned)), compared
    )
    assert found.moved
    for width in (0, 40, 80):
        text = changes_text(words[0], found, None, width)
        assert not hostile_words.ACTIVE.search(text)
        assert not re.search(r"^\s*::|##\w*\[", text, re.MULTILINE)
    comparison = Comparison("different", (Difference(words[0], "unknown", words[0], words[0]),))
    shown = changes_markdown((words[0], words[4]), found, comparison)
    assert_inert(shown)
    assert not hostile_words.ACTIVE.search(shown)


def test_ten_thousand_components_are_compared_and_counted() -> None:
    one = [package(f"p{number}", "1.0") for number in range(10_000)]
    two = [package(f"p{number}", "1.1" if number % 3 else "1.0") for number in range(100, 10_100)]
    documents = bom(*one), bom(*two)
    found = changes(contents(documents[0]), contents(documents[1]), compared)
    text = changes_text("a and b", found, None)
    assert len(found.moved) == sum(1 for number in range(100, 10_000) if number % 3)
    assert (len(found.added), len(found.removed)) == (100, 100)
    assert "… and 6,500 more" in text
