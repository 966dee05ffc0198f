"""What came of a second build, in the BOM and as a person reads it."""

from __future__ import annotations

from pathlib import Path

from bom.compose import reading, validate
from bom.compose.bom import Evidence, document
from bom.model import Reproduction, Subject
from bom.report.records import ArtifactRecord, ResultRecord, reproduction_record
from bom.report.summary import summary
from bom.report.tree import tree

DIFFERENT = Reproduction(
    "different",
    varied=("clock", "path"),
    fixed=("locale",),
    kept=(("user", "unshare is not installed"),),
    differences=(("path", "a\x1b]0;x\x07"), ("timestamp", "b > c")),
    count=2,
)
SUBJECT = Subject("a.tar", "tar", "ab" * 32, 10)


def _summary(fact: Reproduction) -> list[str]:
    record = ArtifactRecord(
        path="/w/a.tar",
        state="sealed",
        sealed_as="tar",
        sha256="ab",
        built_sha256="cd",
        built_size=10,
        components=0,
        gaps=0,
        findings=[],
        reproducible=reproduction_record(fact),
    )
    result = ResultRecord(
        exit_code=0,
        command_exit_code=0,
        failure=None,
        artifacts=[record],
        failed_checks=[],
        warnings=[],
    )
    lines = summary(result, Path("/w"), ()).splitlines()
    return [line.strip() for line in lines if "built again" in line or "varied" in line]


def test_the_claim_stands_in_a_valid_bom_of_every_version() -> None:
    for version in ("1.5", "1.6", "1.7"):
        made = document(Evidence(SUBJECT, (DIFFERENT,), signed=False, spec_version=version))
        assert not validate.errors(made)
        assert reading.reproducible(made) == "different"
        assert reading.checks(made) == []
    assert reading.reproducible(document(Evidence(SUBJECT, signed=False))) == ""


def test_the_tree_shows_what_it_rests_on_and_is_inert() -> None:
    shown = tree(document(Evidence(SUBJECT, (DIFFERENT,), signed=False)))
    lines = shown[shown.index("built again") :].splitlines()
    assert [line.lstrip("│├└─ ") for line in lines[:6]] == [
        "built again  DIFFERENT",
        "varied       clock, path",
        "fixed        locale (by bom)",
        "not varied   user: unshare is not installed",
        lines[4].lstrip("│├└─ "),
        "differs by timestamp b > c",
    ]
    assert lines[4].lstrip("│├└─ ").startswith("differs by path a")
    assert "\x1b" not in shown
    assert "checks" not in shown


def test_two_lines_say_what_came_out_and_what_was_varied() -> None:
    assert _summary(DIFFERENT)[1:] == [
        "varied: clock, path; fixed by bom: locale; not varied: user (`bom show` says why)"
    ]
    assert "\x1b" not in _summary(DIFFERENT)[0]
    assert _summary(Reproduction("same", varied=("path",))) == [
        "built again: the same bytes",
        "varied: path",
    ]
    assert _summary(Reproduction("normalised", ("path",), normalised=("the order",))) == [
        "built again: the same after normalising the order",
        "varied: path",
    ]
    assert _summary(Reproduction("failed")) == [
        "built again: FAILED: the second build made no such artifact"
    ]
