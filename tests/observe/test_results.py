"""Reports as the real tools write them, and as hostile hands do."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bom.errors import BomError
from bom.observe.results import Results, read_junit, read_sarif

if TYPE_CHECKING:
    from pathlib import Path

TESTS = """
import pytest

def test_good(): pass
def test_bad(): assert 0
@pytest.mark.skip
def test_skipped(): pass
@pytest.fixture
def broken(): raise RuntimeError
def test_error(broken): pass
class TestMore:
    @pytest.mark.parametrize("x", ["a b", "é"])
    def test_each(self, x): assert x == "é"
"""


def report(tmp_path: Path, content: str | bytes, name: str = "report.xml") -> Path:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_what_pytest_writes(tmp_path: Path) -> None:
    (tmp_path / "test_x.py").write_text(TESTS)
    argv = [sys.executable, "-m", "pytest", "-q", "--junitxml=r.xml", "-p", "no:cacheprovider"]
    subprocess.run(argv, cwd=tmp_path, capture_output=True, check=False)
    assert read_junit(tmp_path / "r.xml") == Results(
        tests=6,
        failures=3,
        skipped=1,
        failed=("test_x.TestMore.test_each[a b]", "test_x.test_bad", "test_x.test_error"),
    )


def test_what_surefire_writes(tmp_path: Path) -> None:
    path = report(
        tmp_path,
        '<testsuite xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" name="org.x.AppTest" '
        'time="0.1" tests="3" errors="1" skipped="0" failures="0"><properties/>'
        '<testcase name="a" classname="org.x.AppTest" time="0"><error type="x">t</error></testcase>'
        '<testcase name="b" classname="org.x.AppTest"><flakyFailure message="x"/></testcase>'
        '<testcase name="c" classname="org.x.AppTest"/></testsuite>',
    )
    assert read_junit(path) == Results(3, 1, 0, ("org.x.AppTest.a",))


def test_what_jest_writes_for_a_suite_that_could_not_start(tmp_path: Path) -> None:
    path = report(
        tmp_path,
        '<testsuites name="jest tests" tests="2" failures="0" errors="1">'
        '<testsuite name="sum.test.js" errors="1" failures="0" skipped="0" tests="0">'
        "<error>boom</error></testsuite>"
        '<testsuite name="ok" tests="2" skipped="1">'
        '<testcase classname="ok adds" name="ok adds"/><testcase classname="ok" name="s">'
        "<skipped/></testcase></testsuite></testsuites>",
    )
    assert read_junit(path) == Results(2, 1, 1, ("sum.test.js",))


def test_suites_within_suites_and_a_summary_without_cases(tmp_path: Path) -> None:
    nested = report(
        tmp_path,
        "<testsuites><testsuite name='o'><testsuite name='i'><testcase name='t'><failure/>"
        "</testcase></testsuite></testsuite></testsuites>",
    )
    assert read_junit(nested) == Results(1, 1, 0, ("i.t",))
    summary = report(tmp_path, '<testsuite tests="9" failures="2" errors="1" skipped="3"/>')
    assert read_junit(summary) == Results(9, 3, 3)


def test_secrets_and_control_characters_in_names_are_taken_out(tmp_path: Path) -> None:
    token = "ghp_" + "a1B2" * 9
    path = report(
        tmp_path,
        f"<testsuite><testcase name='x&#10;y {token}'><failure/></testcase></testsuite>",
    )
    assert read_junit(path).failed == ("x y [redacted]",)


BOMB = (
    '<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY a{i} "{("&a" + (str(i - 1) if i else "") + ";") * 10}">' for i in range(9))
    + "]><testsuite name='&a8;'/>"
)


@pytest.mark.parametrize(
    "content",
    ["", "no xml", "<html/>", "<testsuite>", BOMB, b"\xff\xfe\x00", "<testsuite>" * 5000,
     '<?xml version="1.0" encoding="no-such"?><testsuite/>',
     '<!DOCTYPE x SYSTEM "file:///etc/passwd"><testsuite/>',
     "<testsuite>" * 500 + "</testsuite>" * 500],
)  # fmt: skip
def test_what_is_no_junit_report_is_refused(tmp_path: Path, content: str | bytes) -> None:
    with pytest.raises(BomError):
        read_junit(report(tmp_path, content))


def test_a_report_that_is_not_there_or_too_large_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BomError):
        read_junit(tmp_path / "absent")
    large = tmp_path / "large"
    with large.open("wb") as stream:
        stream.truncate(100 << 20)
    with pytest.raises(BomError, match="64 MiB"):
        read_junit(large)
    with pytest.raises(BomError):
        read_sarif(tmp_path, tmp_path)


# --- SARIF -------------------------------------------------------------------------------------


def sarif(tmp_path: Path, *results: Any, **run: Any) -> Results:
    log = {"version": "2.1.0", "runs": [{"tool": {"driver": {}}, "results": list(results), **run}]}
    return read_sarif(report(tmp_path, json.dumps(log)), tmp_path)


def result(uri: str, **more: Any) -> dict[str, Any]:
    place = {"physicalLocation": {"artifactLocation": {"uri": uri}, "region": {"startLine": 7}}}
    return {"ruleId": "R1", "message": {"text": "m"}, "locations": [place], **more}


def test_what_ruff_writes(tmp_path: Path, need: Any) -> None:
    (tmp_path / "bad.py").write_text("import os\n")
    argv = [need("ruff"), "check", "--isolated", "--no-cache", "--output-format=sarif", "."]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, check=False)
    (tmp_path / "r.sarif").write_bytes(done.stdout)
    found = read_sarif(tmp_path / "r.sarif", tmp_path)
    assert found == Results(-1, 1, 0, ("F401 bad.py:1",))


def test_levels_kinds_and_suppressions_decide_what_is_a_failure(tmp_path: Path) -> None:
    found = sarif(
        tmp_path,
        result("a.py"),
        result("b.py", level="note"),
        result("c.py", kind="pass"),
        result("d.py", level="error", suppressions=[{"kind": "inSource"}]),
        result("e.py", level="error", suppressions=[{"kind": "external", "status": "rejected"}]),
        result("f.py", baselineState="absent"),
        result("g.py", ruleId="quiet"),
        tool={"driver": {"rules": [{"id": "quiet", "defaultConfiguration": {"level": "none"}}]}},
    )
    assert found == Results(-1, 2, 1, ("R1 a.py:7", "R1 e.py:7"))


def test_places_are_relative_to_the_project_or_base_names(tmp_path: Path) -> None:
    inside, outside = (tmp_path / "src/a b.py").as_uri(), "file:///home/someone/x.py"
    found = sarif(tmp_path, result(inside), result(outside), result("rel/y.py"))
    assert found.failed == ("R1 rel/y.py:7", "R1 src/a b.py:7", "R1 x.py:7")


def test_a_tool_that_did_not_end_well_failed(tmp_path: Path) -> None:
    assert sarif(tmp_path, invocations=[{"executionSuccessful": False}]).failures == 1


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", '{"version":"2.1.0"}', '{"version":"1.0.0","runs":[]}', "[" * 100_000, "\xff"],
)
def test_what_is_no_sarif_is_refused(tmp_path: Path, content: str) -> None:
    with pytest.raises(BomError):
        read_sarif(report(tmp_path, content), tmp_path)


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["runs", "results", "tool", "driver", "rules", "id", "ruleId", "level", "kind", "rule",
             "locations", "physicalLocation", "artifactLocation", "uri", "region", "startLine",
             "suppressions", "status", "invocations", "defaultConfiguration"]
        ),
        inner,
        max_size=4,
    ),
    max_leaves=20,
)  # fmt: skip


@given(runs=st.lists(junk, max_size=3))
def test_any_json_under_runs_is_read_without_failing(
    runs: list[Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("sarif")
    path = report(folder, json.dumps({"version": "2.1.0", "runs": runs}))
    read_sarif(path, folder)


def test_results_add_up() -> None:
    one, other = Results(2, 1, 0, ("a",)), Results(-1, 1, 0, ("b",))
    assert one + other == Results(2, 2, 0, ("a", "b"))
    assert Results() + Results() == Results()
