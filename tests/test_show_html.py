"""`bom show --format html` as it is called: what it writes, and what it says to a wrong call."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from tests.hostile_words import sealed

from bom import canonical
from bom.cli import bom
from bom.errors import BomError
from bom.report.audit_record import AuditRecord
from bom.report.html import page
from bom.show import embedded

if TYPE_CHECKING:
    from click.testing import Result

AUDIT = AuditRecord(
    artifact="hostile.tar",
    verdict="good",
    verified_by=None,
    advisories=None,
    service="https://osv.example.org",
    audited=3,
    vulnerabilities=[],
    not_audited=[],
    notes=[],
    refused=[],
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("show")
    sealed(folder)
    (folder / "audit.json").write_text(AUDIT.model_dump_json())
    (folder / "wrong.json").write_text(json.dumps({"format": 2}))
    return folder


def show(place: Path, *words: str) -> Result:
    here = [str(place / word) if (place / word).is_file() else word for word in words]
    return CliRunner().invoke(bom, ["show", *here])


def test_the_page_is_what_the_embedded_document_gives(place: Path) -> None:
    said = show(place, "hostile.tar", "--format", "html")
    document = canonical.loads_canonical(embedded(place / "hostile.tar"))
    assert (said.exit_code, said.stderr) == (0, "")
    assert said.stdout == page(document)
    assert "Not verified here." in said.stdout


def test_into_a_file_with_a_verdict_and_an_audit(place: Path) -> None:
    target = place / "page.html"
    words = ("--key", "hostile.pub", "--audit", "audit.json", "-o", str(target))
    said = show(place, "hostile.tar", "--format", "html", *words)
    assert (said.exit_code, said.stdout, said.stderr) == (0, "", "")
    written = target.read_text(encoding="utf-8")
    assert "<strong>Verified. </strong>Signed by hostile.pub." in written
    assert "None is known of what was audited." in written
    assert "https://osv.example.org" in written


def test_what_is_not_as_it_was_sealed_is_said_at_the_top(place: Path) -> None:
    data = bytearray((place / "hostile.tar").read_bytes())
    data[-2000] ^= 1
    (place / "damaged.tar").write_bytes(data)
    said = show(place, "damaged.tar", "--format", "html", "--key", "hostile.pub")
    assert said.exit_code == 0
    assert "Verification failed: " in said.stdout
    assert "Verified. " not in said.stdout


@pytest.mark.parametrize(
    ("words", "reason", "hint"),
    [
        (
            ("--audit", "audit.json"),
            "--audit, --key and --config are about --format html",
            "`bom audit` and `bom verify` print what they find themselves",
        ),
        (
            ("--format", "html", "--audit", "nowhere.json"),
            "nowhere.json can't be read: No such file or directory",
            "",
        ),
        (
            ("--format", "html", "--audit", "wrong.json"),
            "wrong.json is no result of `bom audit`: 11 of its fields are wrong",
            "bom audit ARTIFACT --json > FILE",
        ),
        (
            ("--format", "html", "--max-size", "2000"),
            "--max-size is about --format markdown",
            "leave one of them out",
        ),
    ],
)
def test_a_wrong_call_is_refused_and_nothing_is_written(
    place: Path, words: tuple[str, ...], reason: str, hint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    said = CliRunner().invoke(bom, ["show", "hostile.tar", *words, "-o", "x.html"])
    error = said.exception
    assert isinstance(error, BomError)
    assert (error.reason, error.hint or "", error.exit_code) == (reason, hint, 2)
    assert not Path("x.html").exists()
