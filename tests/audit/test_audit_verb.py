"""`bom audit` as a user calls it: whole outputs, exit codes, files."""

from __future__ import annotations

import json
import re
import tarfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import jsonschema_rs
import pytest
from click.testing import CliRunner
from tests import hostile_words

from bom import sha256sum
from bom.builder.protocol import Artifact, Silent
from bom.cli import bom
from bom.compose import statement, validate
from bom.model import Component, Dependency, Property, Subject
from bom.sealing import Session, compose, write
from bom.sign.keys import PrivateKey

if TYPE_CHECKING:
    from collections.abc import Iterable

    from click.testing import Result

SCHEMA: Final = Path(__file__).resolve().parents[2] / "schemas" / "audit.schema.json"
CRITICAL: Final = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"
LOW: Final = "CVSS:3.1/AV:N/AC:H/PR:N/UI:N/S:U/C:N/I:N/A:L"
DIGEST: Final = re.compile(r"[0-9a-f]{64}")


def entry(id: str, ecosystem: str, name: str, fixed: str, **more: Any) -> dict[str, Any]:
    events = [{"introduced": "0"}, {"fixed": fixed}]
    return {
        "id": id,
        "modified": "2026-01-01T00:00:00Z",
        "affected": [
            {
                "package": {"ecosystem": ecosystem, "name": name},
                "ranges": [{"type": "ECOSYSTEM", "events": events}],
            }
        ],
        **more,
    }


def vector(text: str) -> list[dict[str, str]]:
    return [{"type": "CVSS_V3", "score": text}]


JINJA: Final = entry(
    "PYSEC-1", "PyPI", "Jinja2", "3.1.4", aliases=["CVE-2024-1"], summary="A sandbox is left.",
    severity=vector(CRITICAL),
)  # fmt: skip
GLIBC: Final = entry(
    "DEBIAN-CVE-2024-2", "Debian:12", "glibc", "2.36-9+deb12u7", upstream=["CVE-2024-2"],
    severity=vector(LOW),
)  # fmt: skip
OTHERS: Final = (entry("O", "npm", "x", "1"), entry("P", "Debian:11", "glibc", "9"))
COMPONENTS: Final = (
    Component("library", "jinja2", "3.1.2", purl="pkg:pypi/jinja2@3.1.2"),
    Component(
        "library",
        "libc6",
        "2.36-9+deb12u4",
        purl="pkg:deb/debian/libc6@2.36-9%2Bdeb12u4?arch=amd64&distro=debian-12",
        properties=(
            Property(
                "bom-seal:source:purl",
                "pkg:deb/debian/glibc@2.36-9%2Bdeb12u4?arch=source&distro=debian-12",
            ),
        ),
    ),
)


class Place:
    """A folder with an export, and an artifact sealed with a key of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = PrivateKey.generate()
        self.public = folder / "release.pub"
        self.public.write_bytes(self.key.public.pem())

    def export(self, *entries: dict[str, Any]) -> Path:
        place = self.folder / "osv"
        place.mkdir(exist_ok=True)
        for item in entries:
            (place / f"{item['id']}.json").write_text(json.dumps(item))
        return place

    def sealed(self, components: Iterable[Component] = COMPONENTS) -> Path:
        built, target = self.folder / "built.tar", self.folder / "app.tar"
        with tarfile.open(built, "w", format=tarfile.GNU_FORMAT) as archive:
            archive.addfile(tarfile.TarInfo("README"))
        subject = Subject("app.tar", "tar", sha256sum.of_file(built), built.stat().st_size)
        time = "2024-01-01T00:00:00Z"
        run = statement.Run(time, time, "urn:uuid:00000000-0000-0000-0000-000000000000", 0)
        facts = tuple(Dependency(item, direct=True) for item in components)
        session = Session(self.key, "1.6", 1_700_000_000, facts, run)
        with ExitStack() as stack:
            write(
                session, compose(session, Artifact(built, target, subject), stack), stack, Silent()
            )
        built.unlink()
        return target

    def audit(self, *arguments: str | Path) -> Result:
        return CliRunner().invoke(bom, ["audit", *map(str, arguments)])


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.chdir(tmp_path)
    return Place(tmp_path)


def reason(done: Result) -> str:
    return str(getattr(done.exception, "reason", done.exception))


def shown(done: Result) -> str:
    return DIGEST.sub("…", done.stdout)


def test_findings_are_told_with_what_mends_them(place: Place) -> None:
    osv = place.export(JINJA, GLIBC, *OTHERS)
    done = place.audit(place.sealed(), "--key", place.public, "--advisories", osv)
    assert done.exit_code == 1
    assert (
        shown(done)
        == """\
BAD: app.tar: 2 vulnerabilities, 0 not audited
  verified: signed by … (release.pub)
  advisories  osv: 4, the newest of 2026-01-01T00:00:00Z
              sha256:…
  audited     2 packages
  found       1 critical, 1 low
vulnerable: jinja2 3.1.2: CVE-2024-1, severity critical 9.8
  A sandbox is left.
  fixed in 3.1.4
  also PYSEC-1
  pkg:pypi/jinja2@3.1.2
vulnerable: libc6 2.36-9+deb12u4: CVE-2024-2, severity low 3.7
  fixed in 2.36-9+deb12u7
  also DEBIAN-CVE-2024-2
  pkg:deb/debian/libc6@2.36-9%2Bdeb12u4?arch=amd64&distro=debian-12
"""
    )


def test_what_is_mended_in_the_installed_version_is_good(place: Place) -> None:
    osv = place.export(
        {**JINJA, "affected": entry("x", "PyPI", "jinja2", "3.1.2")["affected"]},
        {**GLIBC, "affected": entry("x", "Debian:12", "glibc", "2.36-9+deb12u4")["affected"]},
    )
    done = place.audit(place.sealed(), "--key", place.public, "--advisories", osv)
    assert (done.exit_code, shown(done).splitlines()[0]) == (
        0,
        "good: app.tar: 0 vulnerabilities, 0 not audited",
    )


def test_an_ecosystem_that_the_export_lacks_is_not_audited_and_never_clean(place: Place) -> None:
    osv = place.export(entry("O", "npm", "x", "1"), entry("P", "Debian:11", "glibc", "9"))
    call = (place.sealed(), "--key", place.public, "--advisories", osv)
    done = place.audit(*call)
    assert done.exit_code == 1
    assert (
        shown(done).partition("  audited ")[2]
        == """\
    0 packages
not audited: the advisories hold none for Debian 12
  libc6 2.36-9+deb12u4 (pkg:deb/debian/libc6@2.36-9%2Bdeb12u4?arch=amd64&distro=debian-12)
not audited: the advisories hold none for PyPI
  jinja2 3.1.2 (pkg:pypi/jinja2@3.1.2)
"""
    )
    assert place.audit(*call, "--allow-unaudited").exit_code == 0


def test_only_what_is_severe_enough_fails_and_unknown_is(place: Place) -> None:
    unknown = entry("X-1", "PyPI", "jinja2", "9")
    call = (place.sealed(), "--key", place.public, "--advisories")
    assert place.audit(*call, place.export(JINJA, GLIBC), "--fail-on", "critical").exit_code == 1
    (place.folder / "osv" / "PYSEC-1.json").write_text(json.dumps(OTHERS[0]))
    (place.folder / "osv" / "q.json").write_text(json.dumps(entry("Q", "PyPI", "other", "1")))
    done = place.audit(*call, place.folder / "osv", "--fail-on", "medium")
    assert done.exit_code == 0
    assert "below the limit: libc6" in done.stdout
    assert place.audit(*call, place.export(unknown), "--fail-on", "critical").exit_code == 1


def test_the_json_keeps_its_schema_and_the_vex_document_is_valid(place: Place) -> None:
    osv = place.export(JINJA, GLIBC)
    vex = place.folder / "app.vex.cdx.json"
    done = place.audit(
        place.sealed(), "--advisories", osv, "--json", "--vex", vex,
        "--ignore", "PYSEC-1", "--reason", "no template comes from outside",
        "--until", "2999-01-01",
    )  # fmt: skip
    record = json.loads(done.stdout)
    validator = jsonschema_rs.validator_for(json.loads(SCHEMA.read_text(encoding="utf-8")))
    assert [error.message for error in validator.iter_errors(record)] == []
    assert [(item["id"], item["fails"]) for item in record["vulnerabilities"]] == [
        ("CVE-2024-1", False),
        ("CVE-2024-2", True),
    ]
    assert record["verified_by"] is None
    document = json.loads(vex.read_bytes())
    assert validate.errors(document) == []
    from bom.show import embedded

    serial = json.loads(embedded(place.folder / "app.tar"))["serialNumber"].removeprefix(
        "urn:uuid:"
    )
    [jinja, glibc] = document["vulnerabilities"]
    assert jinja["affects"][0]["ref"] == f"urn:cdx:{serial}/1#pkg%3Apypi%2Fjinja2%403.1.2"
    assert jinja["analysis"] == {
        "state": "in_triage",
        "detail": "accepted until 2999-01-01 (UTC): no template comes from outside",
    }
    assert glibc["analysis"] == {"state": "in_triage", "response": ["update"]}


def test_a_finding_is_accepted_with_a_reason_until_a_day(place: Place) -> None:
    call = (place.sealed(COMPONENTS[:1]), "--key", place.public, "--advisories",
            place.export(JINJA))  # fmt: skip
    why = ("--ignore", "CVE-2024-1", "--reason", "not reachable", "--until")
    assert place.audit(*call, *why, "2999-01-01").exit_code == 0
    late = place.audit(*call, *why, "2020-01-01")
    assert late.exit_code == 1
    assert late.stdout.endswith(
        "note: CVE-2024-1 is not ignored any more: that ended with 2020-01-01\n"
    )
    (place.folder / "bom.toml").write_text(
        '[[audit.ignore]]\nid = "PYSEC-1"\nreason = "not reachable"\nuntil = 2999-01-01\n'
    )
    done = place.audit(*call)
    assert done.exit_code == 0
    assert done.stdout.endswith(
        "ignored: CVE-2024-1 jinja2 3.1.2\n  until 2999-01-01 (UTC): not reachable\n"
    )


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--ignore", "CVE-1"], "1 --ignore, 0 --reason and 0 --until were given"),
        (["--ignore", "CVE-1", "--reason", " ", "--until", "2999-01-01"], "says nothing"),
        (["--ignore", "CVE-1", "--reason", "x", "--until", "soon"], "is no day"),
        (["--advisories", "nope"], "can't be read"),
        (["--osv-url", "http://x", "--pypi-url", "http://x"], "exclude each other"),
        (["--osv-url", "http://x", "--service", "pypi"], "is about --service osv"),
        (["-o", "nope/report"], "is not there"),
        (["--vex", "nope/vex"], "is not there"),
    ],
)
def test_a_wrong_call_is_refused_before_anything_is_asked(
    place: Place, options: list[str], why: str
) -> None:
    done = place.audit(place.sealed(), *options)
    assert why in reason(done)
    assert getattr(done.exception, "exit_code", None) == 2


def test_an_artifact_that_is_not_what_was_sealed_is_not_audited(place: Place) -> None:
    app, osv = place.sealed(), place.export(JINJA)
    data = bytearray(app.read_bytes())
    data[data.rindex(b"README")] ^= 1
    app.write_bytes(data)
    done = place.audit(app, "--key", place.public, "--advisories", osv)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "nothing was audited" in done.stderr
    as_json = place.audit(app, "--key", place.public, "--advisories", osv, "--json")
    record = json.loads(as_json.stdout)
    assert (as_json.exit_code, record["verdict"], record["audited"]) == (1, "bad", 0)
    assert "subject-digest" in [item["code"] for item in record["refused"]]


def test_another_s_signature_is_refused_and_without_a_key_it_is_said(place: Place) -> None:
    app, osv = place.sealed(), place.export(JINJA, GLIBC)
    other = place.folder / "other.pub"
    other.write_bytes(PrivateKey.generate().public.pem())
    assert place.audit(app, "--key", other, "--advisories", osv).stdout == ""
    done = place.audit(app, "--advisories", osv)
    assert done.stdout.splitlines()[1] == "  not verified: no key is trusted here (--key)"


def test_a_bom_by_itself_and_a_folder_are_audited_and_said_not_to_be_verified(place: Place) -> None:
    osv = place.export(JINJA)
    folder = place.folder / "project"
    folder.mkdir()
    (folder / "requirements.txt").write_text(f"jinja2==3.1.2 --hash=sha256:{'0' * 64}\n")
    done = place.audit(folder, "--advisories", osv)
    assert done.exit_code == 1
    assert done.stdout.splitlines()[1] == "  not verified: it carries no BOM, so it was scanned"
    assert "vulnerable: jinja2 3.1.2: CVE-2024-1, severity critical 9.8" in done.stdout
    assert done.stdout.startswith("BAD: project: ")
    assert CliRunner().invoke(bom, ["audit", "project/.", "--advisories", str(osv)]).stdout == (
        done.stdout
    )
    alone = place.folder / "app.cdx.json"
    CliRunner().invoke(bom, ["scan", str(folder), "-o", str(alone)])
    assert place.audit(alone, "--advisories", osv).stdout.splitlines()[1] == (
        "  not verified: a BOM by itself; nothing says that it is the artifact's"
    )
    for target in (folder, alone):
        done = place.audit(target, "--advisories", osv, "--key", place.public)
        assert done.exit_code in (1, 2)
        assert done.stdout == ""


def test_a_vex_document_needs_a_bom_with_a_serial_number(place: Place) -> None:
    file = place.folder / "x.json"
    file.write_text('{"bomFormat": "CycloneDX", "specVersion": "1.6"}')
    done = place.audit(file, "--advisories", "nope", "--vex", place.folder / "vex.json")
    assert reason(done).startswith("the BOM states no serial number")
    assert not (place.folder / "vex.json").exists()


def test_json_that_is_no_bom_and_a_broken_one_are_refused(place: Place) -> None:
    osv, file = place.export(JINJA), place.folder / "x.json"
    for text, why in (("{}", "no CycloneDX BOM"), ('{"a": ', "can't be read")):
        file.write_text(text)
        assert why in reason(place.audit(file, "--advisories", osv))


def test_the_report_goes_to_a_file(place: Place) -> None:
    report = place.folder / "report.txt"
    done = place.audit(place.sealed(), "--advisories", place.export(JINJA), "-o", report)
    assert (done.exit_code, done.stdout) == (1, "")
    assert report.read_text().startswith("BAD: app.tar: 1 vulnerability, 1 not audited\n")


def test_hostile_words_stay_words(place: Place) -> None:
    app, public = hostile_words.sealed(place.folder)
    words = list(hostile_words.WORDS.values())
    entries = [
        {**entry(f"X-{n}", "PyPI", "jinja2", "9", summary=word, aliases=[word]), "id": f"X-{n}"}
        for n, word in enumerate(words)
    ]
    osv = place.export(*entries)
    for target in (app, place.sealed()):
        done = place.audit(target, "--advisories", osv)
        assert done.exit_code == 1
        for line in done.stdout.splitlines():
            assert line.isprintable()
            assert not line.lstrip().startswith("::")
            assert "##[" not in line
    assert public.exists()
