"""The steps one by one: what they make of inputs, events, answers and hostile words."""

from __future__ import annotations

import io
import json
import re
import subprocess
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests import hostile_words
from tests.action import events, runner
from tests.action.github_api import BOT, GitHub

from bom.errors import BomError
from bom.github import auditing, base, building, commands, comment, files, gathering, signing
from bom.github.__main__ import main
from bom.github.api import Api, Denied
from bom.github.commands import Annotation
from bom.github.event import Event
from bom.github.inputs import Inputs, shell_words, words
from bom.github.reporting import remarks, report
from bom.github.summary import blocks
from bom.model import Finding, Verdict
from bom.report.contents import contents
from bom.report.markdown import Block, page
from bom.report.records import ArtifactRecord, ResultRecord
from bom.sign.keys import PrivateKey

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Need


def inputs(**given: str) -> Inputs:
    return Inputs({f"BOM_INPUT_{name.upper()}": text for name, text in given.items()})


def event(folder: Path, payload: dict[str, Any], name: str = "pull_request", **more: str) -> Event:
    place = folder / "payload.json"
    place.write_text(json.dumps(payload), encoding="utf-8")
    told = {
        "GITHUB_EVENT_NAME": name,
        "GITHUB_EVENT_PATH": str(place),
        "GITHUB_REPOSITORY": runner.REPOSITORY,
        "GITHUB_REF_NAME": "main",
        "GITHUB_REF_TYPE": "branch",
    }
    return Event(told | more)


# --- inputs --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("python -m build", ("python", "-m", "build")),
        ("a 'b c' \"d 'e'\" f\\ g ''", ("a", "b c", "d 'e'", "f g", "")),
        ("a \\\n  b\\\r\n c", ("a", "b", "c")),
        ("a 'b\\\nc'", ("a", "b\\\nc")),
        ("a\nb\n\n", ("a", "b")),
        ("a $(touch x) `y` ; z", ("a", "$(touch", "x)", "`y`", ";", "z")),
        ("a # b", ("a", "#", "b")),
        ("a --unsigned -- x", ("a", "--unsigned", "--", "x")),
        ('a "\\\n b"', ("a", " b")),
    ],
)
def test_a_command_is_split_as_shells_split_it_and_nothing_is_expanded(
    text: str, expected: tuple[str, ...]
) -> None:
    assert words(text) == expected


@pytest.mark.parametrize("text", ["", "  \n", "a 'b", 'a "b', "a \\"])
def test_a_command_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(BomError):
        words(text)


def test_who_expects_a_shell_is_told_that_there_is_none() -> None:
    assert shell_words(words("make $X && y | z")) == ("$X", "&&", "|")
    assert shell_words(words("bash -c 'make && y'")) == ()
    assert "$X && |" in building.unexpanded(inputs(command="make $X && y | z"))


@pytest.mark.parametrize("text", ["yes", "1", "flase", "${{ true }}"])
def test_a_condition_that_is_misspelt_is_an_error(text: str) -> None:
    with pytest.raises(BomError, match="the input fail-on-gaps is"):
        inputs(fail_on_gaps=text).flag("fail-on-gaps")


def test_values_are_joined_to_their_options_and_lines_are_values(tmp_path: Path) -> None:
    given = inputs(
        command="make",
        artifact="--unsigned\n\n  out/*.bin  \n",
        output="--result=/etc/passwd",
        normalize="true",
        locked="false",
    )
    how = signing.Signing(how="unsigned")
    assert building.build_arguments(given, how, tmp_path) == [
        "build",
        f"--result={tmp_path}/result.json",
        "--unsigned",
        "--normalize",
        "--output=--result=/etc/passwd",
        "--artifact=--unsigned",
        "--artifact=out/*.bin",
        "--",
        "make",
    ]


def test_checks_have_their_reports_and_stop_the_build_unless_that_is_denied(
    tmp_path: Path,
) -> None:
    given = {
        "command": "make",
        "checks": "unit: pytest -q\nlint: ruff check: all\n",
        "check_reports": "unit: unit.xml\nlint: lint.sarif",
    }
    assert building.check_arguments(inputs(**given)) == [
        ["check", "--junit=unit.xml", "--", "unit", "pytest", "-q"],
        ["check", "--sarif=lint.sarif", "--", "lint", "ruff", "check:", "all"],
    ]
    how = signing.Signing(how="environment")
    assert "--require-checks" in building.build_arguments(inputs(**given), how, tmp_path)
    given["require_checks"] = "false"
    assert "--require-checks" not in building.build_arguments(inputs(**given), how, tmp_path)
    with pytest.raises(BomError, match="check-reports names 'other'"):
        building.check_arguments(inputs(checks="unit: x", check_reports="other: y"))
    with pytest.raises(BomError, match="the input checks has the line"):
        building.check_arguments(inputs(checks="unit"))


# --- events and keys -----------------------------------------------------------------------------


def test_what_started_the_workflow_is_told_apart(tmp_path: Path) -> None:
    own = event(tmp_path, events.pull_request())
    assert (own.pull_request, own.from_fork, own.base_branch) == (7, False, "main")
    assert event(tmp_path, events.fork()).from_fork
    assert event(tmp_path, events.deleted_fork()).from_fork
    assert event(tmp_path, events.dependabot()).from_dependabot
    assert not own.from_dependabot
    tag = event(tmp_path, events.push(), "push", GITHUB_REF_TYPE="tag", GITHUB_REF_NAME="v1")
    assert (tag.pull_request, tag.base_branch) == (0, "main")
    branch = event(tmp_path, events.push(), "push", GITHUB_REF_NAME="topic")
    assert branch.base_branch == "topic"
    after = event(tmp_path, events.workflow_run(events.push()["repository"]), "workflow_run")
    after.refuse_secrets_of_others()


@pytest.mark.parametrize("text", ["", "[]", "{", '{"pull_request": 7}', '{"repository": []}', "\0"])
def test_a_payload_that_is_none_is_an_error_and_no_traceback(tmp_path: Path, text: str) -> None:
    place = tmp_path / "event.json"
    place.write_text(text, encoding="utf-8")
    with pytest.raises(BomError, match="the event's payload is malformed"):
        Event({"GITHUB_EVENT_PATH": str(place)})
    with pytest.raises(BomError, match="can't be read"):
        Event({"GITHUB_EVENT_PATH": str(tmp_path / "none")})
    with pytest.raises(BomError, match="is not set"):
        Event({})


def test_who_signs_is_decided_before_anything_runs(tmp_path: Path, secret: str) -> None:
    own = event(tmp_path, events.push(), "push")
    for given, reason in (
        (inputs(), "there is no key to sign with"),
        (inputs(key=secret, unsigned="true"), "exclude each other"),
        (inputs(key="no key"), "the input key: "),
        (inputs(unsigned="perhaps"), "the input unsigned is"),
    ):
        with pytest.raises(BomError, match=reason):
            signing.prepare(given, own, {}, tmp_path)
    assert signing.read(tmp_path) is None
    assert not (tmp_path / signing.KEY).exists()
    asked = signing.prepare(inputs(unsigned="true"), own, {}, tmp_path)
    assert (asked.how, asked.limited) == ("unsigned", False)
    assert signing.read(tmp_path) == asked


def test_a_build_that_is_not_signed_learns_of_no_key() -> None:
    given = {"BOM_KEY": "/k", "BOM_KEY_PASSPHRASE": "p", "BOM_INPUT_KEY": "x", "HOME": "/h"}
    fork = signing.Signing(how="unsigned", limited=True)
    assert building.handed_on(given, fork) == {"HOME": "/h"}
    signed = building.handed_on(given, signing.Signing(how="environment"))
    assert set(signed) == {"BOM_KEY", "BOM_KEY_PASSPHRASE", "HOME"}


def test_a_key_with_the_line_ends_of_another_system_is_taken(tmp_path: Path, secret: str) -> None:
    own = event(tmp_path, events.push(), "push")
    signing.prepare(inputs(key=secret.replace("\n", "\r\n")), own, {}, tmp_path)
    assert (tmp_path / signing.KEY).read_text(encoding="utf-8") == secret
    assert (tmp_path / signing.KEY).stat().st_mode & 0o777 == 0o600


def test_dependabot_is_signed_where_it_has_a_key_and_writes_no_comment(
    tmp_path: Path, secret: str
) -> None:
    one = signing.prepare(inputs(), event(tmp_path, events.dependabot()), {}, tmp_path)
    assert (one.how, one.limited) == ("unsigned", True)
    (tmp_path / "signing.json").unlink()
    two = signing.prepare(inputs(key=secret), event(tmp_path, events.dependabot()), {}, tmp_path)
    assert (two.how, two.limited) == ("input", True)


def test_an_unknown_step_and_a_missing_folder_are_errors_with_an_annotation(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["nothing"], {}) == 2
    assert main(["build"], {"BOM_ACTION_FOLDER": str(tmp_path / "none")}) == 2
    assert main(["build"], {"BOM_ACTION_FOLDER": str(tmp_path)}) == 2
    found = [item.value for item in runner.commands(capsys.readouterr().out)]
    assert found == [
        "['nothing'] names no step (hint: key, build, audit, report, verify)",
        "BOM_ACTION_FOLDER names no folder (hint: the install step sets it)",
        "no step has decided how to sign (hint: the steps run in order)",
    ]


# --- hostile words -------------------------------------------------------------------------------

EVERY = list(hostile_words.WORDS.values())


@pytest.mark.parametrize("word", EVERY, ids=hostile_words.WORDS)
def test_a_hostile_word_in_an_annotation_is_shown_and_nothing_else(word: str) -> None:
    (line,) = commands.shown([Annotation("warning", word, word, word, 3)])
    (found,) = runner.commands(line)
    assert found.name == "warning"
    assert set(found.properties) <= {"title", "file", "line"}
    assert not hostile_words.ACTIVE.search(line)
    assert "\n" not in line
    assert "\r" not in found.value


@pytest.mark.parametrize("word", EVERY, ids=hostile_words.WORDS)
def test_a_hostile_word_in_an_output_sets_nothing_else(tmp_path: Path, word: str) -> None:
    place = tmp_path / "output"
    place.touch()
    environment = {"GITHUB_OUTPUT": str(place)}
    files.output(environment, {"artifact": word, "verdict": "unsigned"})
    files.output(environment, {"digest": word})
    found = runner.key_values(place.read_bytes().decode("utf-8"))
    assert set(found) == {"artifact", "verdict", "digest"}
    assert found["verdict"] == "unsigned"


def hostile(folder: Path, count: int = 1) -> gathering.Built:
    """A build whose every name is a stranger's word."""
    found = contents(hostile_words.document())
    words_of_all = "".join(EVERY)[:200]
    record = ArtifactRecord(
        path=f"/x/{words_of_all}",
        state="unsigned",
        sealed_as="tar",
        sha256="a" * 64,
        built_sha256="b" * 64,
        built_size=1,
        components=1,
        gaps=1,
        findings=[],
    )
    verdict = Verdict(
        words_of_all,
        tuple(Finding(word, word, word, word, word) for word in EVERY),
        signed_by=(words_of_all,),
    )
    result = ResultRecord(
        exit_code=0,
        command_exit_code=0,
        failure=None,
        artifacts=[record] * count,
        failed_checks=EVERY,
        warnings=EVERY,
    )
    item = gathering.Artifact(Path(record.path), record, found, verdict, folder, None, None)
    how = signing.Signing(how="unsigned", reason="it was asked for")
    return gathering.Built(result, (item,) * count, how)


def spans_taken_out(markdown: str) -> str:
    """What is left of a page without its code spans (CommonMark 0.31 6.1, of one backtick) and
    `<code>` in titles."""
    return re.sub(r"`[^`\n]*`|<code>[^<>\n]*</code>", "", markdown)


def test_hostile_words_stand_in_code_spans_and_nowhere_else(tmp_path: Path) -> None:
    before = contents(hostile_words.document(EVERY[:3]))
    known = base.Base((before,), "the base BOM")
    for found, against in ((hostile(tmp_path), known), (hostile(tmp_path, 2), None)):
        text = page(blocks(found, against, []))
        left = spans_taken_out(text)
        for mark in ("evil", "owned", "alert", "@org", "@someone", "javascript", "add-mask", "${{"):
            assert mark not in left, mark
        assert "onerror" not in left
        tags = set(re.findall(r"</?\w[^>]*>", left))
        assert tags <= {"<details>", "</details>", "<summary>", "</summary>", "<br>"}
        assert not hostile_words.ACTIVE.search(text)
        for line in left.splitlines():
            if line.startswith("|"):
                assert not re.search(r"[<>]", line.replace("<br>", "")), line


def test_github_s_own_renderer_makes_nothing_of_hostile_words(need: Need, tmp_path: Path) -> None:
    options = ["--unsafe", "-e", "table", "-e", "autolink", "-e", "strikethrough", "-e", "tasklist"]
    before = base.Base((contents(hostile_words.document(EVERY[:3])),), "the base BOM")
    for found, against in ((hostile(tmp_path), before), (hostile(tmp_path, 2), None)):
        made = subprocess.run(
            [need("cmark-gfm"), *options],
            input=page(blocks(found, against, [])),
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        outside = re.sub(r"<code>[^<]*</code>", "", made)
        kept = set(re.findall(r"</?([a-z0-9]+)", outside))
        tables = {"table", "thead", "tbody", "tr", "th", "td"}
        lists = {"h3", "h4", "ul", "li", "p", "br", "strong", "details", "summary"}
        assert kept <= tables | lists
        assert set(re.findall(r"<(?:[a-z0-9]+)( [^>]*)>", outside)) <= {" /"}
        assert not re.search("[@`#$]|evil|owned|href", outside)


def test_pages_keep_to_their_limits_and_count_what_has_no_room(tmp_path: Path) -> None:
    parts = [
        {"type": "library", "name": f"🎁{number}", "version": "1", "bom-ref": f"r{number}"}
        for number in range(60_000)
    ]
    document = hostile_words.document() | {"components": parts}
    found = hostile(tmp_path)
    many = replace(found.artifacts[0], contents=contents(document))
    every = blocks(gathering.Built(found.result, (many,), found.how), None, [])
    place = tmp_path / "summary"
    files.summary({"GITHUB_STEP_SUMMARY": str(place)}, every)
    size = place.stat().st_size
    assert 500_000 < size <= files.SUMMARY_LIMIT
    text = page(every, comment.LIMIT)
    assert len(text) <= comment.LIMIT
    for shown in (text, place.read_text(encoding="utf-8")):
        assert re.search(r"… and [\d,]+ more|more sections are left out", shown)
        lines = shown.splitlines()
        assert lines.count("<details>") == lines.count("</details>")


def test_of_more_than_ten_annotations_of_a_level_the_rest_is_counted() -> None:
    many = [Annotation("warning", "t", f"w{number}") for number in range(25)]
    few = [Annotation("error", "t", f"e{number}") for number in range(10)]
    found = runner.commands("\n".join(commands.shown([*many, *few])))
    warnings = [item.value for item in found if item.name == "warning"]
    assert warnings == [
        *(f"w{number}" for number in range(9)),
        "… and 16 more, in the summary of this run",
    ]
    assert len([item for item in found if item.name == "error"]) == 10


def test_an_annotation_says_what_its_properties_hold() -> None:
    (line,) = commands.shown([Annotation("error", "a,b:c%", "100%\n::x", "d,e.txt", 3)])
    assert line == "::error title=a%2Cb%3Ac%25,file=d%2Ce.txt,line=3::100%25\\x0a::x"
    (found,) = runner.commands(line)
    assert found.properties == {"title": "a,b:c%", "file": "d,e.txt", "line": "3"}


# --- GitHub's API --------------------------------------------------------------------------------


@pytest.fixture
def server() -> Iterator[GitHub]:
    with GitHub() as found:
        yield found


def api(found: GitHub) -> Api:
    return Api(found.url, runner.REPOSITORY, "token")


def test_the_token_goes_to_an_https_address_alone() -> None:
    for address in ("http://api.example", "ftp://127.0.0.1", "", "file:///etc"):
        with pytest.raises(BomError, match="no https address"):
            Api(address, runner.REPOSITORY, "token")
    for name in ("app", "octo/app/../../x", ""):
        with pytest.raises(BomError, match="not OWNER/NAME"):
            Api("https://api.example", name, "token")


def test_a_comment_is_found_on_a_later_page_and_by_its_author_alone(server: GitHub) -> None:
    mark = comment.marker({"GITHUB_WORKFLOW": "w"}, "name")
    for number in range(120):
        server.service.comment(f"{mark}{number}", "someone", "User")
    ours = server.service.comment(f"{mark}old")
    written = comment.write(api(server), 7, "new", mark, BOT)
    assert written.id == ours
    assert server.service.comments[ours]["body"] == f"{mark}new"
    assert len(server.service.comments) == 121
    other = comment.marker({"GITHUB_WORKFLOW": "w", "GITHUB_JOB": "j"}, "name")
    assert comment.write(api(server), 7, "x", other, BOT).id == 122


def test_what_reads_is_asked_again_and_a_denied_comment_is_told(server: GitHub) -> None:
    server.service.fails = 1
    assert list(api(server).comments(7)) == []
    server.service.readonly = True
    with pytest.raises(Denied) as raised:
        api(server).write_comment(7, "x")
    assert raised.value.needs == "pull-requests: write"


def test_a_bom_of_the_base_branch_that_is_none_is_a_reason_and_no_failure(
    server: GitHub, tmp_path: Path
) -> None:
    own = event(tmp_path, events.pull_request())
    assert "uploaded one" in base.last(api(server), own, "app").missing
    server.service.upload("app.bom", {"a.bom.cdx.json": b"{}"}, branch="other")
    server.service.upload("app.bom", {"a.bom.cdx.json": b"{}"}, repository_id=1)
    assert "uploaded one" in base.last(api(server), own, "app").missing
    for data in (b"no zip", b"", _zip(b"[]"), _zip(b"{"), _zip(b"{}")[:-30]):
        server.service.upload("app.bom", {})
        server.service.archives[len(server.service.artifacts)] = data
        found = base.last(api(server), own, "app")
        assert found.missing, data
        assert not found.boms
    server.service.upload("app.bom", {"a.bom.cdx.json": b'{"components": 7}'})
    assert len(base.last(api(server), own, "app").boms) == 1
    assert not base.last(api(server), event(tmp_path, {}, "push", GITHUB_REF_TYPE="tag"), "a").boms


def test_the_base_branch_s_last_bom_is_found_behind_those_of_many_branches(
    server: GitHub, tmp_path: Path
) -> None:
    own = event(tmp_path, events.pull_request())
    for version in ("1", "2"):
        document = {"metadata": {"component": {"name": "app", "version": version}}}
        server.service.upload("app.bom", {"a.bom.cdx.json": json.dumps(document).encode()})
    for _ in range(150):
        server.service.upload("app.bom", {}, branch="topic")
    (found,) = base.last(api(server), own, "app").boms
    assert found.subject.version == "2"


def _zip(data: bytes) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr("a.bom.cdx.json", data)
    return archive.getvalue()


def test_a_base_bom_that_is_named_is_a_bom_or_a_sealed_artifact(tmp_path: Path) -> None:
    sealed, _ = hostile_words.sealed(tmp_path, ["word"])
    bom = tmp_path / "bom.json"
    bom.write_text(json.dumps(hostile_words.document(["word"])), encoding="utf-8")
    found = base.given((str(sealed), str(bom)))
    assert [base.identity(item) for item in found.boms] == ["tar word", "tar word"]
    for name, data in (("none", None), ("list", "[1]"), ("broken", "{"), ("empty", "")):
        place = tmp_path / name
        if data is not None:
            place.write_text(data, encoding="utf-8")
        with pytest.raises(BomError):
            base.given((str(place),))


# --- the report ----------------------------------------------------------------------------------


def reported(
    folder: Path, found: ResultRecord | None, given: Inputs, capsys: pytest.CaptureFixture[str]
) -> tuple[int, str, str]:
    """Exit code, summary and log."""
    state, out = folder / "state", folder / "out"
    state.mkdir()
    if found is not None:
        (state / "result.json").write_text(found.model_dump_json(), encoding="utf-8")
    environment = {
        "GITHUB_OUTPUT": str(folder / "output"),
        "GITHUB_STEP_SUMMARY": str(out),
        "GITHUB_WORKSPACE": str(folder),
    }
    code = report(given, event(folder, events.push(), "push"), environment, state)
    return code, out.read_text(encoding="utf-8"), capsys.readouterr().out


def test_a_build_that_never_began_is_reported_and_is_no_second_failure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, summary, log = reported(tmp_path, None, inputs(), capsys)
    assert (code, log) == (0, "")
    told = "It came to no result: the steps' log says why."
    assert summary == f"### bom: the build failed\n\n{told}\n"
    outputs = runner.key_values((tmp_path / "output").read_text(encoding="utf-8"))
    assert outputs["verdict"] == "failed"
    assert outputs["artifacts"] == "[]"


def test_a_build_that_makes_nothing_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nothing = ResultRecord(
        exit_code=0,
        command_exit_code=0,
        failure=None,
        artifacts=[],
        failed_checks=[],
        warnings=["the command made <b>nothing</b>"],
    )
    code, summary, _ = reported(tmp_path, nothing, inputs(upload="dist"), capsys)
    assert code == 0
    assert summary == (
        "### bom: the command made nothing to seal\n\n- note: `the command made <b>nothing</b>`\n"
    )


@pytest.mark.parametrize("name", ["a/b", "a\nb", 'a"b', "a*b"])
def test_a_name_that_nothing_can_be_uploaded_under_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(BomError, match="the input upload is"):
        report(inputs(upload=name), event(tmp_path, events.push(), "push"), {}, tmp_path)


def test_a_finding_is_annotated_at_the_manifest_s_line_and_never_outside_of_the_workspace(
    tmp_path: Path,
) -> None:
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "package-lock.json").touch()
    lines = [
        "missing: express 4.22.3: the lock file asks for it (web/package-lock.json:1673)",
        "modified: flask 3.1.3: an installed file is not its record's (opt/venv/flask/app.py)",
        "hash: x: found 1 (../../../../../../../../etc/passwd:1)",
        f"hash: y: found 1 ({'n' * 5000}:1)",
        "copies: z: no place",
    ]
    document = {
        "annotations": [
            {"bom-ref": f"finding:{text}", "text": f"finding: {text}"} for text in lines
        ]
    }
    item = replace(hostile(tmp_path).artifacts[0], contents=contents(document))
    found = list(remarks(gathering.Built(None, (item,), None), tmp_path))
    places = {
        remark.message: (remark.file, remark.line) for remark in found if remark.level == "warning"
    }
    assert places == {
        text: ("web/package-lock.json", 1673) if "express" in text else ("", 0) for text in lines
    }


def test_what_was_asked_to_be_audited_and_was_not_is_never_silent() -> None:
    (block,) = auditing.blocks([], asked=True)
    assert block == Block(
        ("#### Vulnerabilities", "", "❌ **Not audited**: the steps' log says why.")
    )
    assert list(auditing.blocks([], asked=False)) == []


def test_the_secrets_lines_are_masked_but_for_those_that_say_nothing() -> None:
    secret = PrivateKey.generate().pem().decode()
    found = list(commands.mask(f"{secret}\nshort\n100% sure of it\n"))
    assert len(found) == len(secret.splitlines()) - 2 + 1
    assert found[-1] == "::add-mask::100%25 sure of it"
    assert not any("-----" in line for line in found)


# --- verifying -----------------------------------------------------------------------------------


def test_a_deployment_that_names_nothing_to_verify_or_nobody_to_trust_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    sealed, public = hostile_words.sealed(tmp_path, ["word"])
    environment = {
        "BOM_ACTION_FOLDER": str(tmp_path),
        "GITHUB_OUTPUT": str(tmp_path / "output"),
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
    }
    for artifact, key, reason in (
        (sealed.name, "", "the input key is empty"),
        (sealed.name, "none.pub", "none.pub"),
        (sealed.name, "-----BEGIN PUBLIC KEY-----", "public key"),
        ("", public.name, "the input artifact is empty"),
        ("none.tar", public.name, "there is no file none.tar"),
        ("/nowhere/*", public.name, "there is no file /nowhere/*"),
        ("**x", public.name, "no"),
        (f"{sealed.name}\nnone*", public.name, "there is no file none*"),
    ):
        given = {"BOM_INPUT_ARTIFACT": artifact, "BOM_INPUT_KEY": key}
        assert main(["verify"], environment | given) == 2
        (found,) = runner.commands(capsys.readouterr().out)
        assert (found.name, reason in found.value) == ("error", True), found.value
    assert not (tmp_path / "output").exists()
    given = {"BOM_INPUT_ARTIFACT": f"{sealed.name}\n*.tar", "BOM_INPUT_KEY": public.name}
    assert main(["verify"], environment | given) == 0
    outputs = runner.key_values((tmp_path / "output").read_text(encoding="utf-8"))
    assert json.loads(outputs["artifacts"]) == [sealed.name]
