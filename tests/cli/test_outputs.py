"""Whole outputs of the command line, compared as a user sees them.

Each file in expected/ holds one call: the line, its exit code, standard output, standard error.
`BOM_UPDATE_EXPECTED=1 pytest tests/cli` writes them anew; the difference is then read in review.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import jsonschema_rs
import pytest
from tests.e2e.builds import git

if TYPE_CHECKING:
    from tests.conftest import Need

EXPECTED: Final = Path(__file__).parent / "expected"
SCHEMAS: Final = Path(__file__).resolve().parents[2] / "schemas"

# name of the file -> the call. All run in a project of its own, beside a key and a sealed tar.
CALLS: Final = {
    "version": "bom --version",
    "no-verb": "bom",
    "help": "bom --help",
    "help-build": "bom build --help",
    "help-check": "bom check --help",
    "help-scan": "bom scan --help",
    "help-verify": "bom verify --help",
    "help-show": "bom show --help",
    "help-diff": "bom diff --help",
    "help-strip": "bom strip --help",
    "help-key": "bom key --help",
    "help-key-generate": "bom key generate --help",
    "help-key-show": "bom key show --help",
    "verb-mistyped": "bom verfy app.tar",
    "verb-unknown": "bom zzz",
    "verb-of-another-program": "bom inspect app.tar",
    "option-near-another": "bom verify --kee release.pub app.tar",
    "option-before-its-verb": "bom --key release.pub verify app.tar",
    "verb-help": "bom help",
    "quiet-and-verbose": "bom -q verify -v app.tar",
    "help-init": "bom init --help",
    "init-nothing-chosen": "bom init -- make",
    "init-unknown-project": "bom init --yes",
    "init-yes-and-no-input": "bom init --yes --no-input",
    "init-action": "bom init --yes --action '${{ evil }}'",
    "help-doctor": "bom doctor --help",
    "help-completion": "bom completion --help",
    "completion-unknown-shell": "bom completion csh",
    "verify-good-quiet": "bom -q verify --key ../release.pub ../app.tar",
    "verify-damaged-quiet": "bom verify --key ../release.pub ../damaged.tar --quiet",
    "build-seals-quiet": "bom build -q --key ../release.key -- sh build.sh",
    "check-failed-quiet": "bom -q check unit -- sh -c 'exit 1'",
    "check-passed-quiet": "bom -q check unit -- true",
    "option-mistyped": "bom verify --kye release.pub app.tar",
    "build-without-command": "bom build --key ../release.key",
    "build-option-mistyped": "bom build --kye ../release.key -- make",
    "build-without-key": "bom build -- make",
    "build-key-not-there": "bom build --key nope.key -- make",
    "build-key-public": "bom build --key ../release.pub -- make",
    "build-key-no-key": "bom build --key README -- make",
    "build-key-encrypted": "bom build --key ../secret.key -- make",
    "build-key-in-project": "bom build --key copy.key -- true",
    "build-key-and-unsigned": "bom build --key ../release.key --unsigned -- make",
    "build-folder-not-there": "bom build --key ../release.key -o nope/app.tar -- make",
    "build-output-folder-not-there": "bom build --key ../release.key -o nope/ -- make",
    "build-result-folder-not-there": "bom build --key ../release.key --result no/r -- make",
    "build-epoch": "env SOURCE_DATE_EPOCH=now bom build --key ../release.key -- make",
    "build-config-mistyped": "bom build --key ../release.key --config ../mistyped.toml -- make",
    "build-config-wrong-type": "bom build --key ../release.key --config ../type.toml -- make",
    "build-config-no-toml": "bom build --key ../release.key --config README -- make",
    "build-config-not-there": "bom build --key ../release.key --config nope.toml -- make",
    "build-nothing-made": "bom build --key ../release.key -- true",
    "build-glob-matches-nothing": "bom build --key ../release.key --artifact '*.bin' -- true",
    "build-command-fails": "bom build --key ../release.key -- sh -c 'echo broken >&2; exit 3'",
    "build-command-not-found": "bom build --key ../release.key -- no-such-command",
    "build-requires-checks": "bom build --key ../release.key --require-checks -- true",
    "build-checks-file": "bom build --key ../release.key --checks README -- true",
    "build-json": "bom build --key ../release.key --json -- sh build.sh",
    "build-seals": "bom build --key ../release.key -- sh build.sh",
    "build-unsigned": "bom build --unsigned -- sh build.sh",
    "build-image-without-output": "bom build --key ../release.key -- docker build .",
    "check-passed": "bom check unit -- true",
    "check-failed": "bom check unit -- sh -c 'exit 1'",
    "check-json": "bom check unit --json -- true",
    "check-without-command": "bom check unit",
    "check-command-without-dashes": "bom check unit pytest -q",
    "check-report-not-there": "bom check unit --junit nope.xml -- true",
    "verify-good": "bom verify --key ../release.pub ../app.tar",
    "verify-good-json": "bom verify --key ../release.pub --json ../app.tar",
    "verify-no-trusted-key": "bom verify ../app.tar",
    "verify-other-key": "bom verify --key ../other.pub ../app.tar",
    "verify-damaged": "bom verify --key ../release.pub ../damaged.tar",
    "verify-damaged-json": "bom verify --key ../release.pub --json ../damaged.tar",
    "verify-unsealed": "bom verify --key ../release.pub README",
    "verify-not-there": "bom verify --key ../release.pub nope.tar",
    "verify-folder": "bom verify --key ../release.pub .",
    "verify-private-key": "bom verify --key ../release.key ../app.tar",
    "verify-config-without-keys": "bom verify --config ../empty.toml ../app.tar",
    "verify-too-many": "bom verify ../app.tar README",
    "verify-rebuilds": "bom verify --key ../release.pub --require-rebuilds 1 ../app.tar",
    "verify-rebuilds-stream": "bom verify --require-rebuilds 1 -",
    "verify-rebuilds-not-asked": "bom verify --accept normalised ../app.tar",
    "help-install": "bom install --help",
    "install-unsealed": "bom install --key ../release.pub README",
    "install-unsealed-json": "bom install --key ../release.pub README --json",
    "install-damaged": "bom install --key ../release.pub ../damaged.tar --prefix ../site",
    "install-other-key": "bom install --key ../other.pub ../app.tar --prefix ../site",
    "install-not-there": "bom install --key ../release.pub nope.tar",
    "install-without-artifact": "bom install --key ../release.pub",
    "install-option-of-others": "bom install --key ../release.pub ../app.tar --python python3",
    "verify-installed-stream": "bom verify --key ../release.pub --installed nope -",
    "verify-installed-not-there": "bom verify --key ../release.pub --installed nope ../app.tar",
    "verify-installed-damaged": "bom verify --key ../release.pub --installed . ../damaged.tar",
    "help-rebuild": "bom rebuild --help",
    "rebuild-same": "bom rebuild --key ../release.pub ../app.tar --source .",
    "rebuild-same-json": "bom rebuild --key ../release.pub ../app.tar --source . --json",
    "rebuild-signed": "bom rebuild --key ../release.pub ../app.tar --source . "
    "--sign-key ../other.key --attestation-out ../word",
    "rebuild-no-remote": "bom rebuild --key ../release.pub ../app.tar",
    "rebuild-other-key": "bom rebuild --key ../other.pub ../app.tar --source .",
    "rebuild-no-trusted-key": "bom rebuild ../app.tar --source .",
    "rebuild-damaged": "bom rebuild --key ../release.pub ../damaged.tar --source .",
    "rebuild-unsealed": "bom rebuild --key ../release.pub README --source .",
    "rebuild-not-there": "bom rebuild --key ../release.pub nope.tar",
    "rebuild-source-not-there": "bom rebuild --key ../release.pub ../app.tar --source nope",
    "rebuild-source-no-repository": "bom rebuild --key ../release.pub ../app.tar --source ..",
    "rebuild-sign-key-public": "bom rebuild --key ../release.pub ../app.tar --source . "
    "--sign-key ../other.pub",
    "show": "bom show ../app.tar",
    "show-unsealed": "bom show README",
    "show-not-there": "bom show nope",
    "diff-same": "bom diff ../app.tar ../app.tar",
    "diff-different": "bom diff README build.sh",
    "diff-different-json": "bom diff README build.sh --json",
    "diff-damaged": "bom diff ../app.tar ../damaged.tar",
    "diff-one": "bom diff ../app.tar",
    "diff-not-there": "bom diff nope.tar ../app.tar",
    "help-audit": "bom audit --help",
    "audit-not-there": "bom audit nope.tar --advisories .",
    "audit-no-advisories": "bom audit ../app.tar --advisories .",
    "audit-damaged": "bom audit ../damaged.tar --key ../release.pub --advisories .",
    "audit-ignore-alone": "bom audit ../app.tar --ignore CVE-2026-1",
    "help-checksums": "bom checksums --help",
    "help-checksums-record": "bom checksums record --help",
    "help-checksums-verify": "bom checksums verify --help",
    "checksums-record": "bom checksums record",
    "checksums-verify-none": "bom checksums verify",
    "strip": "bom strip ../app.tar -o ../stripped.tar",
    "strip-unsealed": "bom strip README -o ../out",
    "strip-without-output": "bom strip ../app.tar",
    "strip-to-folder": "bom strip ../app.tar -o .",
    "scan-no-image": "bom scan README",
    "scan-not-there": "bom scan nope",
    "key-verb-mistyped": "bom key genrate",
    "key-exists": "bom key generate --out ../release",
    "key-folder-not-there": "bom key generate --out nope/release",
    "key-type": "bom key generate --type rsa",
    "key-in-project": "bom key generate --out mine",
    "key-show": "bom key show ../release.pub",
    "key-show-none": "bom key show",
}

BUILD: Final = "tar cf app.tar --sort=name --mtime=@0 --owner=0 --group=0 --format=gnu README\n"
TIMES: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
# What differs from machine to machine, or with every key and every change to bom itself.
DIGESTS: Final = re.compile(r"\b(?:[0-9a-f]{64}|[0-9a-f]{40})\b|(?<=sha256:)[0-9a-f]{12}\b")
VERSIONS: Final = re.compile(
    r"(?<=glibc )[\d.]+|(?<=wrapped: sh )[\d.-]+|(?<=bom )\d[\d.]+|(?<=linux/)\w+"
)
PEM: Final = re.compile(r"(?<=KEY-----\n).*(?=\n-----END)", re.DOTALL)


class Place:
    """A project with one commit, and around it keys and a sealed tar."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.project = folder / "project"

    def fill(self) -> None:
        folder = self.folder
        self.project.mkdir()
        (self.project / "README").write_text("hello\n")
        (self.project / "build.sh").write_text(BUILD)
        (self.project / ".gitignore").write_text("app.tar\n")
        git(self.project, "init", "-q")
        git(self.project, "add", "-A")
        git(self.project, "commit", "-q", "-m", "project")
        for name in ("release", "other"):
            self.run(f"bom key generate --out ../{name}")
        self.run("env BOM_KEY_PASSPHRASE=sesame bom key generate --out ../secret")
        shutil.copy2(folder / "release.key", self.project / "copy.key")
        (folder / "mistyped.toml").write_text('enviroment = ["LANG"]\n')
        (folder / "type.toml").write_text('environment = "LANG"\n')
        (folder / "empty.toml").write_text("")
        self.run("bom build --key ../release.key -o ../app.tar -- sh build.sh")
        data = bytearray((folder / "app.tar").read_bytes())
        data[data.index(b"hello\n")] ^= 1
        (folder / "damaged.tar").write_bytes(data)
        (self.project / "app.tar").unlink()

    def run(self, line: str) -> subprocess.CompletedProcess[str]:
        scripts = str(Path(sys.executable).parent)
        environment = {
            "PATH": os.pathsep.join([scripts, "/usr/bin", "/bin"]),
            "HOME": str(self.folder / "home"),
            "COLUMNS": "80",
            "LANG": "C.UTF-8",
            "GIT_CONFIG_NOSYSTEM": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        return subprocess.run(
            shlex.split(line),
            cwd=self.project,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )

    def shown(self, line: str) -> str:
        done = self.run(line)
        text = f"$ {line}\nexit code {done.returncode}\n"
        for name, stream in (("out", PEM.sub("…", done.stdout)), ("err", done.stderr)):
            text += "".join(f"{name}| {part}".rstrip() + "\n" for part in stream.splitlines())
        text = text.replace(str(self.folder), "…")
        text = DIGESTS.sub("…", TIMES.sub("…", text))
        return VERSIONS.sub("…", text)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory, need: Need) -> Place:
    need("git"), need("tar")
    place = Place(tmp_path_factory.mktemp("filled"))
    place.fill()
    return place


@pytest.fixture
def place(filled: Place, tmp_path: Path) -> Place:
    folder = tmp_path / "place"
    shutil.copytree(filled.folder, folder)
    return Place(folder)


@pytest.mark.parametrize("name", CALLS)
def test_the_whole_output_is_as_expected(place: Place, name: str) -> None:
    shown = place.shown(CALLS[name])
    assert "Traceback" not in shown
    file = EXPECTED / f"{name}.txt"
    if os.environ.get("BOM_UPDATE_EXPECTED") == "1":
        file.write_text(shown, encoding="utf-8")
    assert shown == file.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("line", "schema"),
    [
        ("bom build --key ../release.key --json -- sh build.sh", "result"),
        ("bom build --key ../release.key --json -- false", "result"),
        ("bom build --key nope.key --json -- make", "result"),
        ("bom check unit --json -- true", "check"),
        ("bom check unit --json -- false", "check"),
        ("bom verify --key ../release.pub --json ../app.tar", "verdict"),
        ("bom verify --key ../release.pub --json ../damaged.tar", "verdict"),
        ("bom verify --key ../release.pub --json README", "verdict"),
        ("bom install --key ../release.pub --json README", "install"),
        ("bom rebuild --key ../release.pub ../app.tar --source . --json", "comparison"),
        ("bom key show --json ../release.pub", "key"),
        ("bom key generate --json --out ../more", "key"),
    ],
)
def test_what_scripts_read_keeps_its_schema(place: Place, line: str, schema: str) -> None:
    text = (SCHEMAS / f"{schema}.schema.json").read_text(encoding="utf-8")
    value = json.loads(place.run(line).stdout)
    validator = jsonschema_rs.validator_for(json.loads(text))
    assert [error.message for error in validator.iter_errors(value)] == []


def test_nothing_is_expected_that_is_not_called() -> None:
    assert {path.stem for path in EXPECTED.iterdir()} == set(CALLS)
