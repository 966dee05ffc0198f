"""`bom show`: of an artifact, of what stands beside it, of a BOM itself; in every format."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests import hostile_words
from tests.report.test_markdown import assert_inert

from bom.cli import _run, bom
from bom.show import bom_of, embedded


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return hostile_words.sealed(tmp_path_factory.mktemp("show"))[0]


@pytest.mark.parametrize(
    ("form", "begins"),
    [
        ("tree", "tar <img src=x onerror=alert(1)>"),
        ("json", '{"$schema":'),
        ("markdown", "### `<img src=x onerror=alert(1)>`"),
        ("html", "<!doctype html>\n"),
    ],
)
def test_every_format_goes_to_standard_output_or_into_a_file(
    artifact: Path, tmp_path: Path, form: str, begins: str
) -> None:
    out = tmp_path / "report"
    out.write_text("old")
    ran = CliRunner().invoke(bom, ["show", str(artifact), "--format", form, "-o", str(out)])
    assert (ran.exit_code, ran.output) == (0, "")
    text = out.read_text()
    assert text.startswith(begins)
    ran = CliRunner().invoke(bom, ["show", str(artifact), "--format", form])
    assert (ran.exit_code, ran.stdout) == (0, text)
    assert [path.name for path in tmp_path.iterdir()] == ["report"]


def test_the_json_is_exactly_what_is_embedded(artifact: Path, tmp_path: Path) -> None:
    for words in (["--json"], ["--format", "json"]):
        ran = CliRunner().invoke(bom, ["show", str(artifact), *words])
        assert ran.stdout_bytes == embedded(artifact)


def test_markdown_is_inert_and_no_longer_than_is_said(artifact: Path) -> None:
    words = ["show", str(artifact), "--format", "markdown"]
    whole = CliRunner().invoke(bom, words).stdout
    assert_inert(whole, *hostile_words.WORDS.values())
    short = CliRunner().invoke(bom, [*words, "--max-size", "9000"]).stdout
    assert_inert(short)
    assert 5000 < len(short) <= 9000 < len(whole)


def test_a_bom_s_own_file_is_shown_whoever_made_it(artifact: Path, tmp_path: Path) -> None:
    path = tmp_path / "app.cdx.json"
    path.write_bytes(embedded(artifact))
    shown = [CliRunner().invoke(bom, ["show", str(one)]).stdout for one in (artifact, path)]
    assert shown[0] == shown[1]
    # not canonical, with a byte order mark, and nothing known in it
    path.write_bytes(
        b"\xef\xbb\xbf" + json.dumps({"bomFormat": "CycloneDX", "x": 1}, indent=4).encode()
    )
    assert json.loads(bom_of(path)) == {"bomFormat": "CycloneDX", "x": 1}
    assert CliRunner().invoke(bom, ["show", str(path)]).stdout.startswith("artifact\n")


@pytest.mark.parametrize(
    ("name", "content", "code", "message"),
    [
        ("a.json", "{", 1, "error: a.json is no BOM: not JSON: "),
        ("a.json", '{"bomFormat": "SPDX"}', 1, "error: a.json carries no BOM, and there is none"),
        ("a.json", '{"bomFormat": "CycloneDX", "a": 1, "a": 2}', 1, "error: a.json is no BOM: "),
        ("a.txt", "{", 1, "error: a.txt carries no BOM, and there is none beside it"),
        ("a.txt", "", 1, "error: a.txt carries no BOM, and there is none beside it"),
    ],
)
def test_what_is_no_bom_says_so(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    content: str,
    code: int,
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).write_text(content)
    assert _run(["show", name, "-o", "out"]) == code
    captured = capsys.readouterr()
    assert (captured.out, captured.err.startswith(message)) == ("", True), captured.err
    assert not Path("out").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--json", "--format", "tree"), "error: --json and --format tree are two things\n"),
        (("--max-size", "5000"), "error: --max-size is about --format markdown\n"),
        (("--files", "--format", "markdown"), "error: --files can't be shown as markdown\n"),
        (("-o", "no/file"), "error: the folder of no/file is not there\n"),
        (("--format", "pdf"), "error: Invalid value for '--format': 'pdf' is not one of"),
        (("--max-size", "5", "--format", "markdown"), "error: Invalid value for '--max-size': 5"),
    ],
)
def test_a_wrong_call_says_so(
    artifact: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], message: str
) -> None:
    assert _run(["show", str(artifact), *words]) == 2
    captured = capsys.readouterr()
    assert (captured.out, captured.err.startswith(message)) == ("", True), captured.err
