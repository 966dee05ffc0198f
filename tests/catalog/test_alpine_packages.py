"""apk's database: a root that the real apk 3 made (tests/cases/alpine-apk), and made-up ones.

The case was made by apk-tools 3.0.6: packages by `apk mkpkg`, installed, upgraded and removed by
`apk add` and `apk del` in a root of its own; then files were changed, and `apk list --installed`
and `apk audit` asked. Only etc/os-release was added.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st
from tests.catalog.memory import memory_view
from tests.catalog.test_python_locks import shown

from bom.catalog import WANTED
from bom.catalog.alpine import Alpine
from bom.catalog.alpine.database import names
from bom.catalog.attribution import attribute
from bom.catalog.protocol import Owned
from bom.catalog.view import directory_view
from bom.model import Component, Dependency, Finding, Gap, Licence
from bom.purl import parse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bom.catalog.protocol import FileView

CASE = Path(__file__).parents[1] / "cases/alpine-apk"
INSTALLED = "lib/apk/db/installed"
RELEASE = b"ID=alpine\nVERSION_ID=3.22.1\n"
Found = Dependency | Gap | Finding | Owned


def case() -> tuple[FileView, list[Found]]:
    view, _ = directory_view(CASE / "in", WANTED)
    return view, list(Alpine().installed(view))


def database(*packages: str, files: dict[str, bytes] | None = None) -> list[Found]:
    text = "\n\n".join(packages).encode() + b"\n\n"
    view = memory_view({INSTALLED: text, "etc/os-release": RELEASE, **(files or {})})
    return list(Alpine().installed(view))


def components(items: Sequence[Found]) -> dict[str, Component]:
    found = [item.component for item in items if isinstance(item, Dependency)]
    return {item.name: item for item in found}


def said(component: Component, name: str) -> list[str]:
    return [item.value for item in component.properties if item.name == name]


def sha1(content: bytes) -> str:
    digest = hashlib.sha1(content, usedforsecurity=False).digest()
    return "Q1" + base64.b64encode(digest).decode()


def test_a_root_that_apk_made_reads_as_expected() -> None:
    found = shown([item for item in case()[1] if isinstance(item, Dependency | Gap)])
    expected = CASE / "expected.json"
    if os.environ.get("BOM_UPDATE_CASES") == "1":
        expected.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    assert found == json.loads(expected.read_text())


def test_the_packages_are_those_that_apk_lists() -> None:
    listed = [line.split() for line in (CASE / "apk-list.txt").read_text().splitlines()]
    purls = [parse(item.purl) for item in components(case()[1]).values()]
    found = {(f"{item.name}-{item.version}", dict(item.qualifiers)["arch"]) for item in purls}
    assert found == {(row[0], row[1]) for row in listed}
    assert {item.namespace for item in purls} == {"alpine"}
    assert {dict(item.qualifiers)["distro"] for item in purls} == {"alpine-3.22.1"}
    origins = {f"{{{said(item, 'bom-seal:apk:origin')[0]}}}" if said(item, "bom-seal:apk:origin")
               else f"{{{item.name}}}" for item in components(case()[1]).values()}  # fmt: skip
    assert origins == {row[2] for row in listed}


def test_exactly_the_files_that_apk_audit_calls_changed_are_findings() -> None:
    audited = [line.split() for line in (CASE / "apk-audit.txt").read_text().splitlines()]
    changed = {path for state, path in audited if state == "U"}
    findings = [item for item in case()[1] if isinstance(item, Finding)]
    assert {item.where for item in findings} == changed - {"etc/app.conf"}
    assert {item.code for item in findings} == {"modified"}
    app = components(case()[1])["demo-app"]
    assert said(app, "bom-seal:apk:edited") == ["etc/app.conf"]
    assert said(app, "bom-seal:integrity") == ["modified 2 of 2"]


def test_files_are_owned_by_who_lists_them_and_strangers_by_nobody() -> None:
    view, _ = directory_view(CASE / "in", WANTED)
    items = list(Alpine().installed(view))
    owned = attribute(view, [item for item in items if isinstance(item, Owned)])
    owners = {item.path: item.owner for item in owned.files}
    found = components(items)
    assert owners["usr/bin/app"] == found["demo-app"].purl
    assert owners["bin/tool"] == found["demo-tool"].purl
    assert owners["usr/bin/stray"] == ""
    assert owners[INSTALLED] == ""  # apk itself is not installed there


def test_apks_own_state_belongs_to_apk_tools() -> None:
    apk = "P:apk-tools\nV:3.0.6-r0\nA:x86_64\nL:GPL-2.0-only\nF:sbin\nR:apk"
    text = f"{apk}\n\n".encode()
    files = {"lib/apk/db/installed": text, "lib/apk/db/triggers": b"", "lib/apk/db/junk": b""}
    view = memory_view(files)
    owned = [item for item in Alpine().installed(view) if isinstance(item, Owned)]
    rules = {item.path: item.rule for item in attribute(view, owned).files if item.owner}
    assert rules == {"lib/apk/db/installed": "apk-state", "lib/apk/db/triggers": "apk-state"}


def test_dependencies_are_met_by_names_shared_objects_commands_and_paths() -> None:
    app = "P:app\nV:1\nD:lib>=2 so:libx.so.1 cmd:tool=1 /bin/sh gone !foe pc:x~1 mine@edge"
    found = database(
        app,
        "P:lib\nV:2\np:so:libx.so.1=1.0 pc:x=1",
        "P:busybox\nV:3\np:/bin/sh cmd:tool=3",
        "P:foe\nV:1",
        "P:mine\nV:1",
    )
    parts = components(found)
    assert [parse(ref).name for ref in parts["app"].requires] == ["busybox", "lib", "mine"]
    assert [item.why for item in found if isinstance(item, Gap) and item.what == "dependency"] == [
        "it depends on gone, which is not installed"
    ]


def test_what_the_world_file_names_is_direct_and_virtual_packages_stand_for_what_they_hold() -> (
    None
):
    found = database(
        "P:app\nV:1\nD:lib", "P:lib\nV:1", "P:gcc\nV:1", "P:.build\nV:20260101.1\nD:gcc",
        files={"etc/apk/world": b"app>0 .build other@edge\n"},
    )  # fmt: skip
    direct = {item.component.name: item.direct for item in found if isinstance(item, Dependency)}
    assert direct == {"app": True, "lib": False, "gcc": True}


def test_sha1_is_checked_in_folders_and_in_images(tmp_path: Path) -> None:
    text = f"P:a\nV:1\nF:usr\nR:one\nZ:{sha1(b'1')}\nR:two\nZ:{sha1(b'2')}\n\n"
    for name, content in {INSTALLED: text, "usr/one": "1", "usr/two": "x"}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content, encoding="utf-8")
    items = list(Alpine().installed(directory_view(tmp_path, WANTED)[0]))
    assert [item.where for item in items if isinstance(item, Finding)] == ["usr/two"]
    view = memory_view({INSTALLED: text.encode(), "usr/one": b"1", "usr/two": b"x"})
    items = list(Alpine().installed(view))
    assert [item.where for item in items if isinstance(item, Finding)] == ["usr/two"]
    assert said(components(items)["a"], "bom-seal:integrity") == ["modified 1 of 2"]
    assert said(components(items)["a"], "bom-seal:layer") == ["sha256:" + "0" * 64]


def test_full_sha256_is_checked_in_images_too() -> None:
    digest = "Q2" + base64.b64encode(hashlib.sha256(b"1").digest()).decode()
    found = database(f"P:a\nV:1\nF:usr\nR:one\nZ:{digest}", files={"usr/one": b"1"})
    assert said(components(found)["a"], "bom-seal:integrity") == ["verified 1"]
    found = database(f"P:a\nV:1\nF:usr\nR:one\nZ:{digest}", files={"usr/one": b"2"})
    assert said(components(found)["a"], "bom-seal:integrity") == ["modified 1 of 1"]


def test_other_vendors_are_named_by_os_release_and_a_merged_usr_is_read_once() -> None:
    files = {
        "etc/os-release": b'ID=wolfi\nVERSION_ID="20230201"\n',
        "usr/lib/apk/db/installed": b"P:a\nV:1-r0\nA:aarch64\nL:Apache-2.0 AND MIT\n\n",
    }
    view = memory_view(files, {"lib": "usr/lib"})
    found = components(list(Alpine().installed(view)))
    assert [item.purl for item in found.values()] == [
        "pkg:apk/wolfi/a@1-r0?arch=aarch64&distro=wolfi-20230201"
    ]
    assert found["a"].licences == (Licence("Apache-2.0 AND MIT", "expression"),)


def test_what_is_missing_is_a_gap() -> None:
    found = database("P:a", "V:1\nA:x86_64", "P:half\nV:1\nf:f\nL:MIT\nF:usr\nR:gone")
    told = {(item.what, item.why) for item in found if isinstance(item, Gap)}
    assert told == {
        ("component", "apk's database holds it: it has no version"),
        ("component", "apk's database holds it: not a package URL ('apk'): it has no name"),
        ("component", "apk says that not all of its files are there"),
        ("component.hash", "none of its files is there"),
    }


def test_names_are_read_without_versions() -> None:
    text = "a>=1 b<2 c~3 d=4 e><Q1abc= !f g@edge so:libh.so.1=1.0 /bin/sh =x"
    assert list(names(text)) == ["a", "b", "c", "d", "e", "g", "so:libh.so.1", "/bin/sh", "=x"]


REAL = (CASE / "in" / INSTALLED).read_bytes()


@given(
    st.one_of(
        st.binary(max_size=400),
        st.text("PVADpLFRZafCQ1:=\n /.~<>@!\x00\x1b\udc80", max_size=200).map(
            lambda text: text.encode("utf-8", "surrogateescape")
        ),
        st.tuples(st.integers(0, len(REAL)), st.integers(0, 40), st.binary(max_size=20)).map(
            lambda cut: REAL[: cut[0]] + cut[2] + REAL[cut[0] + cut[1] :]
        ),
    )
)
def test_any_database_gives_facts_and_gaps_but_never_an_exception(raw: bytes) -> None:
    files = {INSTALLED: raw, "etc/apk/world": raw, "usr/bin/app": b"x", "etc/os-release": RELEASE}
    for item in Alpine().installed(memory_view(files)):
        assert isinstance(item, Dependency | Gap | Finding | Owned)
        if not isinstance(item, Owned):
            repr(item).encode("utf-8")
