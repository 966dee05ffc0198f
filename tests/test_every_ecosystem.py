"""All ecosystems in one tree: the document keeps the schema of every version that can be asked
for, and locks that nobody should trust end in gaps, soon.

The tree holds a real lock of each kind (tests/cases).
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from tests.catalog import rpm_made
from tests.test_scan import STATUS, Silent

from bom.compose import validate
from bom.scan import scan

CASES = Path(__file__).parent / "cases"
WORKFLOW = "jobs: {a: {steps: [{uses: example/action@v1}]}}\n"
# The purl types that must be in the document, shipped or building.
EVERY = frozenset(
    [
        *("cargo", "composer", "conda", "gem", "github", "golang", "maven", "npm", "nuget"),
        *("oci", "pypi", "apk", "deb", "rpm"),
    ]
)
CONDA = {
    "name": "zlib",
    "version": "1.3.1",
    "build": "h0_0",
    "subdir": "linux-64",
    "channel": "https://conda.example.org/demo/linux-64",
    "fn": "zlib-1.3.1-h0_0.conda",
    "files": ["lib/z.txt"],
    "license": "Zlib",
}


def tree(root: Path) -> None:
    """A folder with the project of each case, and what has no case."""
    for case in sorted(CASES.iterdir()):
        if (case / "in").is_dir():
            shutil.copytree(case / "in", root / case.name)
    for name, content in {
        ".github/workflows/ci.yml": WORKFLOW,
        "Dockerfile": "FROM example/base:1\n",
        "env/conda-meta/zlib-1.3.1-h0_0.json": json.dumps(CONDA),
        "env/conda-meta/history": "",
        "env/lib/z.txt": "z",
        "etc/os-release": 'ID=demo\nVERSION_ID="1"\n',
        "var/lib/dpkg/status": STATUS.decode(),
    }.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    (database,) = (CASES / "alpine-apk/in").glob("**/apk/db/installed")
    (root / "lib/apk/db").mkdir(parents=True)
    shutil.copy(database, root / "lib/apk/db/installed")
    (root / "var/lib/rpm").mkdir(parents=True)
    (root / "var/lib/rpm/Packages.db").write_bytes(rpm_made.ndb([rpm_made.package("demo")]))


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("every")
    tree(root)
    return root


def few_of_each_kind(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    kinds: dict[str, list[dict[str, Any]]] = {}
    for part in parts:
        kinds.setdefault(part.get("purl", part["type"]).partition("/")[0], []).append(part)
    return [part for kind in kinds.values() for part in kind[:3]]


@pytest.mark.parametrize("version", ["1.5", "1.6", "1.7"])
def test_a_document_of_every_ecosystem_keeps_the_schema(project: Path, version: str) -> None:
    document = json.loads(scan(project, Silent(), {}, spec_version=version))
    assert document["specVersion"] == version
    built = [part for formula in document["formulation"] for part in formula["components"]]
    types = {
        part["purl"][4:].partition("/")[0]
        for part in [*document["components"], *built]
        if "purl" in part
    }
    assert types >= EVERY
    assert validate.errors(document) == []
    # the library's own validator is quadratic, so it gets a few of each kind
    few = {
        **document,
        "components": few_of_each_kind(document["components"]),
        "formulation": [
            {**formula, "components": few_of_each_kind(formula["components"])}
            for formula in document["formulation"]
        ],
    }
    few.pop("dependencies"), few.pop("compositions"), few.pop("annotations")
    chosen = {"1.5": SchemaVersion.V1_5, "1.6": SchemaVersion.V1_6, "1.7": SchemaVersion.V1_7}
    assert JsonStrictValidator(chosen[version]).validate_str(json.dumps(few)) is None


def test_1_5_says_in_properties_what_it_has_no_field_for(project: Path) -> None:
    newer, older = (
        json.loads(scan(project, Silent(), {}, spec_version=version)) for version in ("1.6", "1.5")
    )

    def lines(document: dict[str, list[dict[str, dict[str, list[dict[str, object]]]]]]) -> int:
        return sum(
            "line" in seen
            for part in document["components"]
            for seen in part.get("evidence", {}).get("occurrences", [])
        )

    stated = sum(
        fact["name"] == "bom-seal:occurrence:line"
        for part in older["components"]
        for fact in part.get("properties", [])
    )
    assert lines(older) == 0
    assert lines(newer) == stated > 100
    assert len(newer["components"]) == len(older["components"])


LOCKS = sorted(
    {
        path.name
        for case in CASES.iterdir()
        for path in (case / "in").rglob("*")
        if path.is_file()
        and path.name.lower().endswith(("lock", ".lock", "lock.json", "lock.yaml", "lockfile"))
    }
    | {
        *("Cargo.toml", "Dockerfile", "Gemfile", "METADATA", "PKG-INFO", "Pipfile", "action.yml"),
        *("bun.lock", "compose.yaml", "composer.json", "conda-lock.yml", "environment.yml"),
        *("gems.locked", "go.mod", "go.sum", "go.work", "npm-shrinkwrap.json", "package.json"),
        *("packages.config", "packages.lock.json", "pixi.lock", "pom.xml", "project.assets.json"),
        *("pylock.toml", "pyproject.toml", "requirements.txt", "setup.cfg", "app.deps.json"),
    }
)


def _real(name: str) -> bytes:
    found = sorted(CASES.glob(f"*/in/**/{name}"))
    return found[0].read_bytes() if found else b'{"a": ["b"]}\n' * 20


@pytest.mark.parametrize("kind", ["empty", "nul", "cut", "nested", "brackets", "not-utf-8"])
def test_malformed_files_of_every_kind_end_in_gaps_and_soon(tmp_path: Path, kind: str) -> None:
    for name in LOCKS:
        real = _real(name)
        content = {
            "empty": b"",
            "nul": b"\0" * 1000,
            "cut": real[: len(real) * 2 // 3],
            "nested": b'{"a": ' * 20 + b"[" * 20,
            "brackets": b"[" * (10_000_000 if name.endswith((".json", "lock")) else 100_000),
            "not-utf-8": b"\xff\xfe" + real,
        }[kind]
        (tmp_path / name).mkdir()
        (tmp_path / name / name).write_bytes(content)
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "bom", "scan", str(tmp_path)], capture_output=True, check=False
    )
    took = time.monotonic() - started
    assert (done.returncode, done.stderr.count(b"Traceback")) == (0, 0)
    document = json.loads(done.stdout)
    assert validate.errors(document) == []
    texts = [note["text"] for note in document["annotations"]]
    assert sum("dependency.lock" in text or "dependency.declared" in text for text in texts) > 5
    assert took < 20
