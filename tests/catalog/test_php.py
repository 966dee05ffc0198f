"""PHP: Composer's locks and vendor folders.

tests/cases/php-composer is what Composer 2.5 resolved and installed from a repository on one
machine, whose addresses were replaced; show-locked.json is what `composer show` says of it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.catalog.memory import memory_view
from tests.catalog.reading import (
    check_laws,
    declared,
    dependencies,
    gaps,
    installed,
    matches_case,
    mutated,
    put,
)

from bom.catalog import catalogue
from bom.catalog.compare import compare
from bom.catalog.php import Php
from bom.catalog.protocol import Owned
from bom.model import Dependency, Property

if TYPE_CHECKING:
    from tests.conftest import Need

CASE = Path(__file__).parents[1] / "cases/php-composer"
LOCK = (CASE / "in/composer.lock").read_bytes()
MANIFEST = (CASE / "in/composer.json").read_bytes()
RECORD = (CASE / "in/vendor/composer/installed.json").read_bytes()


def shown(listed: list[dict[str, Any]]) -> set[tuple[str, str, bool]]:
    return {(row["name"], row["version"], row["direct-dependency"]) for row in listed}


def named(items: list[Any]) -> set[tuple[str, str, bool]]:
    return {
        (f"{item.component.group}/{item.component.name}", item.component.version, item.direct)
        for item in items
        if isinstance(item, Dependency)
    }


def test_a_lock_that_composer_wrote_reads_as_expected() -> None:
    assert matches_case(CASE, declared(CASE / "in", Php()))


def test_the_lock_holds_what_composer_shows_of_it() -> None:
    expected = shown(json.loads((CASE / "show-locked.json").read_text())["locked"])
    top = declared(CASE / "in", Php())[0]
    assert len(expected) == 5
    assert named(list(top.dependencies)) == expected
    assert named(installed(CASE / "in", Php())) == expected


def test_an_empty_checksum_a_metapackage_and_a_folder_of_the_project_are_gaps() -> None:
    top = declared(CASE / "in", Php())[0]
    assert {gap.where for gap in top.gaps if gap.what == "dependency.hash"} == {
        *("example/http", "example/meta", "example/part")
    }
    refs = {item.component.bom_ref for item in top.dependencies}
    assert "composer:example/part@0.1.0" in refs


def test_installed_packages_have_content_owner_edges_and_scope() -> None:
    found = installed(CASE / "in", Php())
    parts = dependencies(found)
    http = parts["pkg:composer/example/http@v2.0.1"]
    assert http.component.requires == ("pkg:composer/example/log@1.2.0",)
    assert http.component.hash_of == "installed-files"
    check = parts["pkg:composer/example/check@3.0.0"].component
    assert Property("bom-seal:scope", "development") in check.properties
    owned = {(item.paths, item.folders, item.rule) for item in found if isinstance(item, Owned)}
    assert ((), ("vendor/example/log",), "") in owned
    assert (("vendor/bin/check",), (), "composer-bin") in owned
    assert ("component.hash", "pkg:composer/example/meta@1.0.0") in gaps(found)


def test_a_record_of_version_1_is_a_list() -> None:
    rows = [
        {"name": "Example/Log", "version": "1.2.0", "require": {"example/nowhere": "*"}},
        {"name": "nonsense", "version": "1"},
    ]
    files = {
        "app/vendor/composer/installed.json": json.dumps(rows).encode(),
        "app/vendor/example/log/a.php": b"<?php",
    }
    found = list(Php().installed(memory_view(files)))
    (log,) = dependencies(found).values()
    assert log.component.purl == "pkg:composer/example/log@1.2.0"
    assert log.component.hash_of == "file"
    assert gaps(found) == {
        ("component", "app/vendor/composer/installed.json"),
        ("component.licence", log.component.purl),
        ("dependency", log.component.purl),
    }


@pytest.mark.parametrize("path", ["/etc", "../../../..", "..", "../", ".", "../../x\n", "a\0b"])
def test_a_record_can_t_claim_what_lies_elsewhere(path: str) -> None:
    rows = {"packages": [{"name": "a/b", "version": "1", "install-path": path}]}
    files = {
        "app/vendor/composer/installed.json": json.dumps(rows).encode(),
        "app/x.php": b"<?php",
        "etc/passwd": b"root",
    }
    found = list(Php().installed(memory_view(files)))
    assert [item for item in found if isinstance(item, Owned)] == []
    assert ("component.hash", "pkg:composer/a/b@1") in gaps(found)


def test_without_a_lock_the_manifest_is_unpinned(tmp_path: Path) -> None:
    put(
        tmp_path,
        "composer.json",
        '{"name": "a/app", "require": {"php": "*", "ext-json": "*", "a/x": "^1", "a/y": "v1.2.3"}}',
    )
    (found,) = declared(tmp_path, Php())
    assert {(i.component.purl, i.component.version) for i in found.dependencies} == {
        ("pkg:composer/a/x", ""),
        ("pkg:composer/a/y@v1.2.3", "v1.2.3"),
    }
    assert gaps(found.gaps) == {
        ("dependency.version", "a/x"),
        ("dependency.hash", "a/x"),
        ("dependency.hash", "a/y"),
    }


@pytest.mark.parametrize(
    "content", [b"", b"\0", b"[]", b"{}", LOCK[:500], b"[" * 100_000, b'{"packages": 3}']
)
def test_what_is_no_lock_is_a_gap_and_the_manifest_counts(tmp_path: Path, content: bytes) -> None:
    put(tmp_path, "composer.lock", content)
    put(tmp_path, "composer.json", MANIFEST)
    (found,) = declared(tmp_path, Php())
    assert not found.locked
    assert len(found.dependencies) == 4
    assert ("dependency.lock", "composer.lock") in gaps(found.gaps)


def test_an_install_from_its_lock_has_no_findings() -> None:
    files = {
        f"srv/{path.relative_to(CASE / 'in')}": path.read_bytes()
        for path in (CASE / "in").rglob("*")
        if path.is_file()
    }

    def findings() -> set[tuple[str, str]]:
        view = memory_view(files)
        made = compare(Php().declared(view), catalogue(view).installed)
        return {(item.code, item.expected) for item in made.findings}

    assert findings() == set()
    record = json.loads(RECORD)
    record["packages"] = [row for row in record["packages"] if row["name"] != "example/http"]
    files["srv/vendor/composer/installed.json"] = json.dumps(record).encode()
    assert findings() == {("missing", "example/http v2.0.1")}


def test_composer_itself_shows_the_same(need: Need, tmp_path: Path) -> None:
    composer = need("composer")
    need("unzip")
    app = tmp_path / "app"
    for name, version, more in (
        ("log", "1.2.0", {}),
        ("http", "v2.0.1", {"require": {"example/log": "^1"}}),
    ):
        manifest = {"name": f"example/{name}", "version": version, "license": "MIT", **more}
        put(tmp_path, f"{name}/composer.json", json.dumps(manifest))
        put(tmp_path, f"{name}/src/a.php", "<?php\n")
    rows: dict[str, Any] = {}
    for name in ("log", "http"):
        archive = shutil.make_archive(str(tmp_path / f"{name}-archive"), "zip", tmp_path / name)
        manifest = json.loads((tmp_path / name / "composer.json").read_text())
        manifest["dist"] = {"type": "zip", "url": f"file://{archive}"}
        rows[manifest["name"]] = {manifest["version"]: manifest}
    put(tmp_path, "repository/packages.json", json.dumps({"packages": rows}))
    asked = {
        "require": {"example/http": "*"},
        "repositories": [
            {"packagist.org": False},
            {"type": "composer", "url": f"file://{tmp_path}/repository"},
        ],
    }
    put(app, "composer.json", json.dumps(asked))
    environment = {
        **os.environ,
        "COMPOSER_ALLOW_SUPERUSER": "1",
        "COMPOSER_HOME": str(tmp_path / "home"),
        "COMPOSER_NO_INTERACTION": "1",
    }
    subprocess.run(
        [composer, "update", "--quiet"], cwd=app, check=True, capture_output=True, env=environment
    )

    def show(*options: str) -> dict[str, Any]:
        done = subprocess.run(
            [composer, "show", "--format=json", *options],
            cwd=app,
            check=True,
            capture_output=True,
            env=environment,
        )
        made: dict[str, Any] = json.loads(done.stdout)
        return made

    (lock,) = declared(app, Php())
    assert named(list(lock.dependencies)) == shown(show("--locked")["locked"])
    assert named(installed(app, Php())) == shown(show()["installed"])


@given(st.binary(max_size=400) | st.integers(0, 2**32).map(lambda seed: mutated(LOCK, seed)))
def test_whatever_a_lock_holds_the_laws_hold(content: bytes) -> None:
    check_laws(Php(), {"app/composer.lock": content, "app/composer.json": MANIFEST})


@given(st.binary(max_size=400) | st.integers(0, 2**32).map(lambda seed: mutated(MANIFEST, seed)))
def test_whatever_a_manifest_holds_the_laws_hold(content: bytes) -> None:
    check_laws(Php(), {"app/composer.json": content})


@given(st.binary(max_size=400) | st.integers(0, 2**32).map(lambda seed: mutated(RECORD, seed)))
def test_whatever_a_record_holds_the_laws_hold(content: bytes) -> None:
    files = {"vendor/composer/installed.json": content, "vendor/example/log/a.php": b"<?php"}
    check_laws(Php(), files)
