"""Python packages asked of a service by pip-audit itself, against servers that speak as PyPI and
OSV do (their answers' form: warehouse's JSON API, api.osv.dev/v1/query)."""

from __future__ import annotations

import json
import re
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from tests.loopback import Loopback

from bom.audit.model import Package
from bom.audit.service import asked
from bom.builder.protocol import Silent
from bom.cli import bom
from bom.errors import BomError, EnvironmentLacks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FOUND = {
    "id": "PYSEC-2024-1",
    "aliases": ["CVE-2024-1"],
    "summary": None,
    "details": "A sandbox\nis left.",
    "fixed_in": ["3.1.5", "3.1.4"],
    "published": "2024-05-06T14:20:59Z",
    "withdrawn": None,
    "link": "https://example.org",
    "source": "osv",
}
OSV = {
    "id": "GHSA-1",
    "schema_version": "1.6.0",
    "aliases": ["CVE-2024-1"],
    "details": "A sandbox is left.",
    "modified": "2024-05-06T14:20:59Z",
    "published": "2024-05-06T14:20:59Z",
    "affected": [
        {
            "package": {"name": "jinja2", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "3.1.4"}]}],
        }
    ],
}


class Handler(BaseHTTPRequestHandler):
    """PyPI on GET, OSV on POST; what it is asked is kept."""

    asked: list[str] = []  # noqa: RUF012 - a handler is made for every request

    def do_GET(self) -> None:
        Handler.asked.append(self.path)
        name = self.path.split("/")[2]
        if name == "private":
            self.send_error(404)
        elif name == "broken":
            self.answer(b"{")
        elif name == "odd":
            self.answer(b'{"vulnerabilities": [{"id": "X"}]}')
        elif name == "failing":
            self.send_error(503)
        else:
            found = [FOUND] if name == "jinja2" else []
            self.answer(json.dumps({"info": {}, "vulnerabilities": found}).encode())

    def do_POST(self) -> None:
        query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        Handler.asked.append(f"{query['package']['name']} {query['version']}")
        self.answer(
            json.dumps({"vulns": [OSV]} if query["package"]["name"] == "jinja2" else {}).encode()
        )

    def answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Requests are no output of the test."""


@pytest.fixture
def url() -> Iterator[str]:
    Handler.asked = []
    with Loopback(Handler) as server:
        yield f"http://{server.host}"


def package(name: str, version: str = "3.1.2") -> Package:
    purl = f"pkg:pypi/{name}@{version}"
    return Package(purl, name, version, (purl,))


def reasons(found: dict[Package, str]) -> dict[str, str]:
    return {one.name: why for one, why in found.items()}


def test_pypi_s_answer_is_a_finding(url: str) -> None:
    [hit], lacking, name = asked([package("jinja2"), package("six")], "pypi", url, Silent())
    assert (hit.ids, hit.fixed) == (("PYSEC-2024-1", "CVE-2024-1"), ("3.1.4", "3.1.5"))
    assert (hit.summary, hit.published) == ("A sandbox is left.", "2024-05-06T14:20:59Z")
    assert lacking == {}
    assert name.startswith("PyPI (127.0.0.1:")
    assert Handler.asked == ["/pypi/jinja2/3.1.2/json", "/pypi/six/3.1.2/json"]


def test_what_pip_audit_skips_is_not_audited(url: str) -> None:
    hits, lacking, _ = asked([package("private"), package("six")], "pypi", url, Silent())
    assert hits == []
    assert [why.split(" (")[0] for why in reasons(lacking).values()] == ["PyPI"]
    assert reasons(lacking)["private"].endswith("doesn't know it")


def test_a_version_that_is_none_is_not_audited_and_not_asked(url: str) -> None:
    _, lacking, _ = asked([package("six", "1.0-custom!")], "pypi", url, Silent())
    assert reasons(lacking) == {"six": "its version is none of PEP 440: 1.0-custom!"}
    assert Handler.asked == []


def test_osv_is_asked_at_its_own_url(url: str) -> None:
    [hit], lacking, _ = asked([package("jinja2"), package("six")], "osv", f"{url}/q", Silent())
    assert (hit.ids, hit.fixed, lacking) == (("CVE-2024-1", "GHSA-1"), ("3.1.4",), {})
    assert Handler.asked == ["jinja2 3.1.2", "six 3.1.2"]


@pytest.mark.parametrize("name", ["broken", "odd", "failing"])
def test_a_service_that_answers_nonsense_is_an_error_and_nothing_is_clean(
    url: str, name: str
) -> None:
    with pytest.raises(EnvironmentLacks, match="PyPI"):
        asked([package(name)], "pypi", url, Silent())


def test_a_service_that_is_not_there_is_an_error() -> None:
    with pytest.raises(EnvironmentLacks, match="does not answer"):
        asked([package("six")], "osv", "http://127.0.0.1:1/q", Silent())


def test_what_is_no_url_is_refused() -> None:
    with pytest.raises(BomError, match="no URL"):
        asked([package("six")], "osv", "file:///etc/passwd", Silent())


def test_nothing_is_left_in_the_folder_for_temporary_files(
    url: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    asked([package("jinja2")], "pypi", url, Silent())
    assert list(tmp_path.iterdir()) == []


def test_the_verb_never_calls_clean_what_pip_audit_skipped(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    digest = "0" * 64
    requirements = tmp_path / "app" / "requirements.txt"
    requirements.parent.mkdir()
    requirements.write_text(f"private==1.0 --hash=sha256:{digest}\n")
    call = ["audit", str(requirements.parent), "--pypi-url", url]
    done = CliRunner().invoke(bom, call)
    assert done.exit_code == 1
    assert re.sub(r"127[.\d]+:\d+|\d+\.\d+\.\d+", "…", done.stdout) == (
        "BAD: app: 0 vulnerabilities, 1 not audited\n"
        "  not verified: it carries no BOM, so it was scanned\n"
        "  service     PyPI (…), asked by pip-audit …\n"
        "  audited     0 packages\n"
        "not audited: PyPI (…) doesn't know it\n"
        "  private 1.0 (pkg:pypi/private@1.0)\n"
    )
    assert CliRunner().invoke(bom, [*call, "--allow-unaudited"]).exit_code == 0
    requirements.write_text(
        f"jinja2==3.1.2 --hash=sha256:{digest}\nsix==1.0 --hash=sha256:{digest}\n"
    )
    config = tmp_path / "accepted.toml"
    config.write_text(
        '[[audit.ignore]]\nid = "CVE-2024-1"\nreason = "no templates"\nuntil = 2999-01-01\n'
    )
    found = CliRunner().invoke(bom, [*call, "--fail-on", "critical"])
    assert found.exit_code == 1
    assert "vulnerable: jinja2 3.1.2: CVE-2024-1, severity unknown" in found.stdout
    assert CliRunner().invoke(bom, [*call, "--config", str(config)]).exit_code == 0
