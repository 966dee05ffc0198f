"""The HTML page as text: what it says, and that foreign words are only ever words in it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
from html.parser import HTMLParser
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import pytest
from tests.hostile_words import ACTIVE, WORDS, document

from bom.model import Finding, Verdict
from bom.report.audit_record import (
    AdvisoriesRecord,
    AuditRecord,
    IgnoreRecord,
    UnauditedRecord,
    VulnerabilityRecord,
)
from bom.report.html import page
from bom.report.html.element import Html, data, element, text

if TYPE_CHECKING:
    from tests.conftest import Need

EMPTY: dict[str, Any] = {"bomFormat": "CycloneDX", "specVersion": "1.6"}


class Seen(HTMLParser):
    """Tags, attributes, texts by tag, and what stands in scripts of JSON."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.texts: list[str] = []
        self.data: dict[str, Any] = {}
        self.policy = ""
        self._script = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.tags.append(tag)
        self.attributes += list(given.items())
        if given.get("http-equiv") == "Content-Security-Policy":
            self.policy = given["content"]
        self._script = given.get("id", "") if tag == "script" else ""

    def handle_data(self, data: str) -> None:
        if self._script:
            self.data[self._script] = json.loads(data)
            self._script = ""
        else:
            self.texts.append(data)

    @property
    def words(self) -> str:
        return " ".join(" ".join(self.texts).split())


def component(name: str, version: str = "1", **more: object) -> dict[str, Any]:
    ref = f"pkg:pypi/{name}@{version}"
    stated = {"type": "library", "bom-ref": ref, "purl": ref, "name": name, "version": version}
    return {**stated, **more}


def bom(*components: dict[str, Any], **more: object) -> dict[str, Any]:
    subject = {"bom-ref": "subject", "type": "application", "name": "app", "version": "2"}
    return {
        **EMPTY,
        "metadata": {"component": subject},
        "components": list(components),
        **more,
    }


# --- escaping by construction --------------------------------------------------------------------


@pytest.mark.parametrize("word", WORDS.values(), ids=WORDS)
def test_a_word_stays_a_word_in_an_element_an_attribute_and_in_data(word: str) -> None:
    made = str(element("td", word, title=word)) + data("x", [word, {word: word}])
    seen = Seen(made)
    assert seen.tags == ["td", "script"]
    assert [name for name, _ in seen.attributes] == (["title"] if word else []) + ["type", "id"]
    assert not ACTIVE.search(made)
    assert seen.data["x"][0] == seen.texts[0] == dict(seen.attributes)["title"]


def test_what_was_escaped_is_not_escaped_again_and_what_is_glued_to_it_is() -> None:
    bold = element("b", "<x>")
    assert bold == "<b>&lt;x&gt;</b>"
    assert element("p", bold) == "<p><b>&lt;x&gt;</b></p>"
    assert not isinstance(bold + "<i>", Html)
    assert text(bold + "<i>") == "&lt;b&gt;&amp;lt;x&amp;gt;&lt;/b&gt;&lt;i&gt;"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("onclick", "x"),
        ("style", "x"),
        ("src", "x"),
        ("href", "https://example.org/"),
        ("href", "javascript:x"),
        ("href", "#A"),
        ("srcdoc", "x"),
        ("formaction", "x"),
        ("x=y", "x"),
        ("ONCLICK", "x"),
    ],
)
def test_what_loads_or_runs_something_can_not_be_written(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=r"no such attribute|a link leads"):
        element("a", "x", **{name: value})


# --- the page ------------------------------------------------------------------------------------


def test_hostile_words_add_no_element_and_no_attribute() -> None:
    """The page of hostile words has the elements of the page of harmless ones."""
    harmless = Seen(page(document([f"word{number}" for number in range(len(WORDS))])))
    written = page(document())
    hostile = Seen(written)
    assert set(hostile.tags) == set(harmless.tags)
    assert {name for name, _ in hostile.attributes} == {name for name, _ in harmless.attributes}
    for tag in ("script", "style", "section", "h1", "main", "title", "noscript", "meta"):
        assert hostile.tags.count(tag) == harmless.tags.count(tag), tag
    links = {value for name, value in hostile.attributes if name == "href"}
    assert all(re.fullmatch(r"#[a-z][a-z-]*", value) for value in links)
    assert not ACTIVE.search(written.replace("\n", ""))


@pytest.mark.parametrize("version", ["1.4", "1.5", "1.6", "1.7"])
def test_documents_from_outside_become_pages(need: Need, version: str) -> None:
    found = sorted((need.vectors("cyclonedx") / version).glob("*.json"))
    assert found
    for file in found:
        document = json.loads(file.read_bytes())
        written = page(document)
        seen = Seen(written)
        assert seen.tags.count("main") == 1, file.name
        assert written.endswith("</body></html>\n")


@pytest.mark.parametrize("wrong", [None, 1, "x", [], [1], [None], {}, {"x": 1}, [[]], [{"ref": 1}]])
def test_nothing_of_a_document_is_taken_for_granted(wrong: object) -> None:
    names = (
        "metadata",
        "components",
        "dependencies",
        "formulation",
        "annotations",
        "vulnerabilities",
        "signature",
        "specVersion",
        "serialNumber",
    )
    for name in names:
        assert "</html>" in page({**bom(component("x")), name: wrong})
    assert "</html>" in page({**EMPTY, "metadata": {"component": wrong, "tools": wrong}})
    assert "</html>" in page({**EMPTY, "vulnerabilities": [{"id": wrong, "ratings": wrong}]})
    assert "</html>" in page({**EMPTY, "vulnerabilities": [{"affects": wrong, "analysis": wrong}]})
    for name in ("name", "version", "licenses", "hashes", "purl", "properties", "components"):
        assert "</html>" in page(bom({**component("x"), name: wrong}))


def test_the_same_document_gives_the_same_bytes() -> None:
    assert page(document()) == page(document())


def test_the_policy_allows_its_own_style_and_script_by_their_digests_and_nothing_else() -> None:
    written = page(EMPTY)
    rules = dict(rule.strip().partition(" ")[::2] for rule in Seen(written).policy.split(";"))
    assert rules["default-src"] == "'none'"
    for tag, rule in (("style", "style-src"), ("script", "script-src")):
        held = re.findall(rf"<{tag}>(.*?)</{tag}>", written, re.DOTALL)
        assert len(held) == 1
        digest = base64.b64encode(hashlib.sha256(held[0].encode()).digest()).decode()
        assert rules[rule] == f"'sha256-{digest}'"
    assert rules["base-uri"] == rules["form-action"] == rules["trusted-types"] == "'none'"
    assert rules["require-trusted-types-for"] == "'script'"
    assert len(rules) == 7


def test_our_own_script_makes_no_html_and_asks_nobody(need: Need) -> None:
    names = ("store.js", "table.js", "map.js", "graph.js", "start.js")
    script = "".join((files("bom.report.html") / name).read_text() for name in names)
    forbidden = r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b|new Function|fetch\("
    assert not re.search(
        forbidden + r"|XMLHttp|WebSocket|import\(|https?://(?!www\.w3\.org)", script
    )
    assert not re.search("</|<!--|<script", script)
    subprocess.run([need("node"), "--check", "-"], input=script, text=True, check=True)


def test_components_are_data_of_a_table_and_nodes_of_the_graph() -> None:
    document = bom(
        component("a", licenses=[{"license": {"id": "MIT"}}, {"expression": "X OR Y"}]),
        component("b", "2", hashes=[{"alg": "SHA-256", "content": "ab"}]),
        component("c", components=[component("inner", "9")]),
        dependencies=[
            {"ref": "subject", "dependsOn": ["pkg:pypi/a@1", "pkg:pypi/gone@1"]},
            {"ref": "pkg:pypi/a@1", "dependsOn": ["pkg:pypi/b@2", "pkg:pypi/a@1"]},
        ],
    )
    seen = Seen(page(document))
    table, graph = seen.data["components-table-data"], seen.data["graph-data"]
    titles = ["Component", "Type", "Licence", "Digest of", "Needs", "Needed by"]
    assert [column["title"] for column in table["columns"]] == titles
    assert table["rows"] == [
        [1, "pypi", ["MIT", "X OR Y"], "none", 1, 1],
        [2, "pypi", ["none stated"], "stated", 0, 1],
        [3, "pypi", ["none stated"], "none", 0, 0],
        [4, "pypi", ["none stated"], "none", 0, 0],
    ]
    assert graph["names"] == ["app", "a", "b", "c", "inner"]
    assert graph["needs"] == [[1], [2], [], [], []]
    assert ["inside of", "c 1"] in graph["details"][4]
    assert ["SHA-256", "ab"] in graph["details"][2]
    assert seen.data["licences-table-data"]["rows"] == [
        ["none stated", 3],
        ["MIT", 1],
        ["X OR Y", 1],
    ]


def test_without_an_audit_it_is_not_called_clean() -> None:
    words = Seen(page(bom(component("a")))).words
    assert "Not audited. Nothing here says that there are none" in words
    assert "vulnerabilities: not audited" in words


def test_vulnerabilities_of_the_document_are_shown_the_severest_first() -> None:
    found = [
        {"id": "LOW", "ratings": [{"severity": "low"}], "affects": [{"ref": "pkg:pypi/a@1"}]},
        {
            "id": "SETTLED",
            "ratings": [{"severity": "critical"}],
            "affects": [{"ref": "pkg:pypi/a@1"}],
            "analysis": {"state": "not_affected"},
        },
        {
            "id": "HIGH",
            "ratings": [{"severity": "none"}, {"severity": "high"}],
            "affects": [
                {"ref": "urn:cdx:3e671687-395b-41f5-a30f-a58921a69b79/1#pkg%3Apypi%2Fa%401"}
            ],
            "description": "one\ntwo",
        },
        {"id": "ELSEWHERE", "affects": [{"ref": "unknown"}]},
    ]
    seen = Seen(page(bom(component("a"), vulnerabilities=found)))
    assert seen.data["vulnerabilities-table-data"]["rows"] == [
        ["HIGH", "high", 1, "open", "", "one two"],
        ["LOW", "low", 1, "open", "", ""],
        ["ELSEWHERE", "unknown", "unknown", "open", "", ""],
        ["SETTLED", "critical", 1, "not_affected", "", ""],
    ]
    assert seen.data["graph-data"]["flagged"] == [1]
    assert "3 open vulnerabilities" in seen.words


def test_an_audit_is_shown_with_what_was_not_audited() -> None:
    def vulnerability(name: str, ignored: IgnoreRecord | None = None) -> VulnerabilityRecord:
        return VulnerabilityRecord(
            id=name,
            aliases=["CVE-1"],
            package="a",
            version="1",
            purl="pkg:pypi/a@1",
            components=["pkg:pypi/a@1"],
            severity="high",
            score=None,
            vector=None,
            fixed=["2", "3"],
            summary="bad",
            ignored=ignored,
            fails=True,
        )

    accepted = IgnoreRecord(id="B", reason="never called", until="2030-01-01")
    audit = AuditRecord(
        artifact="app.tar",
        verdict="bad",
        verified_by=None,
        advisories=AdvisoriesRecord(
            name="osv.zip", sha256="ab", advisories=1, newest="2026-01-01T00:00:00Z"
        ),
        service=None,
        audited=1,
        vulnerabilities=[vulnerability("B", accepted), vulnerability("A")],
        not_audited=[UnauditedRecord(what="thing 1", reason="no ecosystem")],
        notes=[],
        refused=[],
    )
    seen = Seen(page(bom(component("a")), audit=audit))
    why = "Ignored until 2030-01-01: never called. bad (also CVE-1)"
    assert seen.data["vulnerabilities-table-data"]["rows"] == [
        ["A", "high", 1, "open", "update to 2 or 3", "bad (also CVE-1)"],
        ["B", "high", 1, "ignored", "update to 2 or 3", why],
    ]
    assert "Not audited: 1 component. Not known to be clean." in seen.words
    assert "thing 1: no ecosystem" in seen.words
    assert "osv.zip: 1 advisory, the newest of 2026-01-01T00:00:00Z, sha256:ab" in seen.words
    assert "1 open vulnerability: 1 not audited" in seen.words


def verdict(*findings: Finding) -> Verdict:
    return Verdict(
        artifact="app.tar",
        findings=findings,
        signed_by=("ab",),
        trusted=() if findings else ("release.pub",),
    )


def test_a_verdict_stands_at_the_top_and_without_one_the_page_says_so() -> None:
    good = Seen(page(EMPTY, verdict())).words
    assert "Verified. Signed by release.pub." in good
    bad = Seen(page(EMPTY, verdict(Finding("subject-digest", "other bytes", where="x")))).words
    assert "Verification failed: 1 finding. subject-digest: other bytes (x)" in bad
    none = Seen(page(EMPTY)).words
    assert "Not verified here. It is not signed. " in none


def test_layers_have_their_size_their_components_and_the_share_that_is_accounted_for() -> None:
    subject = {
        "type": "container",
        "name": "image",
        "properties": [
            {"name": "bom-seal:image:layer", "value": "000 sha256:aa sha256:bb 1500"},
            {"name": "bom-seal:image:layer", "value": "001 sha256:cc sha256:dd 500"},
            {"name": "bom-seal:files:count", "value": "1000"},
            {"name": "bom-seal:files:accounted", "value": "999"},
            {"name": "bom-seal:files:bytes", "value": "5000"},
            {"name": "bom-seal:files:accounted-bytes", "value": "4000"},
            {"name": "bom-seal:files:unattributed-executable", "value": "usr/bin/strange"},
        ],
    }
    inside = component("a", properties=[{"name": "bom-seal:layer", "value": "sha256:cc"}])
    words = Seen(page({**EMPTY, "metadata": {"component": subject}, "components": [inside]})).words
    assert "999 of 1,000 files (99.9 %) belong to something known, 4.0 kB of 5.0 kB." in words
    assert "1 executable of nobody known usr/bin/strange" in words
    assert "2 layers, 2.0 kB as they are stored" in words
    assert "000 1.5 kB 0 sha256:aa 001 500 B 1 sha256:cc" in words
