"""NuGet's locks, project files and published applications.

No client of NuGet's can be had here: all files were made by hand after its documentation (what
docs/accuracy.md calls "not verified against a real client").
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.catalog.memory import memory_view

from bom.catalog.dotnet import DotNet
from bom.catalog.dotnet.names import pinned, version
from bom.catalog.interest import Wanted
from bom.catalog.protocol import Declared, Owned
from bom.catalog.view import directory_view
from bom.model import Component, Dependency, Gap, Hash

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

CASES = Path(__file__).parents[1] / "cases"
HASH = base64.b64encode(hashlib.sha512(b"x").digest()).decode()


def installed(files: Mapping[str, bytes]) -> list[object]:
    return list(DotNet().installed(memory_view(files)))


def components(found: Iterable[object]) -> dict[str, Component]:
    return {
        item.component.bom_ref: item.component for item in found if isinstance(item, Dependency)
    }


def gaps(found: Iterable[object]) -> set[tuple[str, str]]:
    return {(item.what, item.why) for item in found if isinstance(item, Gap)}


def declared(files: Mapping[str, bytes]) -> dict[str, Declared]:
    return {item.folder: item for item in DotNet().declared(memory_view(files))}


def encoded(document: object) -> bytes:
    return json.dumps(document).encode()


def lean(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: kept for k, v in value.items() if (kept := lean(v)) not in ("", [], None)}
    return [lean(entry) for entry in value] if isinstance(value, list | tuple) else value


@pytest.mark.parametrize("case", ["dotnet-lock", "dotnet-central"])
def test_a_project_reads_as_expected(case: str) -> None:
    view, _ = directory_view(CASES / case / "in", Wanted([DotNet()]))
    found = [lean(asdict(item)) for item in DotNet().declared(view)]
    expected = CASES / case / "expected.json"
    if os.environ.get("BOM_UPDATE_CASES") == "1":
        expected.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    assert found == json.loads(expected.read_text())


# --- published applications ----------------------------------------------------------------------

TARGET = ".NETCoreApp,Version=v8.0"
DEPS = {
    "runtimeTarget": {"name": TARGET, "signature": ""},
    "targets": {
        TARGET: {
            "Shop/1.2.0": {
                "dependencies": {"Core": "1.0.0", "Example.Text": "8.0.4", "Example.Meta": "1.0.0"},
                "runtime": {"Shop.dll": {}},
            },
            "Core/1.0.0": {"runtime": {"Core.dll": {}}},
            "Example.Meta/1.0.0": {"dependencies": {"Example.Native": "2.0.0"}},
            "Example.Native/2.0.0": {
                "runtimeTargets": {
                    "runtimes/linux-x64/native/libn.so": {"rid": "linux-x64", "assetType": "native"}
                },
                "runtime": {"lib/net8.0/_._": {}},
            },
            "Example.Text/8.0.4": {
                "runtime": {"lib/net8.0/Example.Text.dll": {"assemblyVersion": "8.0.0.0"}},
                "resources": {"lib/net8.0/de/Example.Text.resources.dll": {"locale": "de"}},
            },
            "Example.Trimmed/1.0.0": {"runtime": {"lib/net8.0/Trimmed.dll": {}}},
        }
    },
    "libraries": {
        "Shop/1.2.0": {"type": "project", "serviceable": False, "sha512": ""},
        "Core/1.0.0": {"type": "project", "serviceable": False, "sha512": ""},
        "Example.Meta/1.0.0": {"type": "package", "sha512": f"sha512-{HASH}"},
        "Example.Native/2.0.0": {"type": "package", "sha512": f"sha512-{HASH}"},
        "Example.Text/8.0.4": {"type": "package", "serviceable": True, "sha512": f"sha512-{HASH}"},
        "Example.Trimmed/1.0.0": {"type": "package", "sha512": "sha512-short"},
    },
}
CONFIG = {
    "runtimeOptions": {
        "tfm": "net8.0",
        "framework": {"name": "Microsoft.NETCore.App", "version": "8.0.0"},
    }
}
FILES = {
    "app/Shop.deps.json": encoded(DEPS),
    "app/Shop.runtimeconfig.json": encoded(CONFIG),
    "app/Shop": b"host",
    "app/Shop.dll": b"shop",
    "app/Core.dll": b"core",
    "app/Example.Text.dll": b"text",
    "app/de/Example.Text.resources.dll": b"texte",
    "app/runtimes/linux-x64/native/libn.so": b"native",
}
SHARED = "usr/share/dotnet/shared/Microsoft.NETCore.App"


def framework(number: str) -> dict[str, bytes]:
    key = f"Microsoft.NETCore.App.Runtime.linux-x64/{number}"
    document = {
        "runtimeTarget": {"name": f"{TARGET}/linux-x64"},
        "targets": {TARGET: {}, f"{TARGET}/linux-x64": {key: {"runtime": {"System.dll": {}}}}},
        "libraries": {key: {"type": "package", "sha512": ""}},
    }
    folder = f"{SHARED}/{number}"
    return {
        f"{folder}/Microsoft.NETCore.App.deps.json": encoded(document),
        f"{folder}/System.dll": number.encode(),
        f"{folder}/libcoreclr.so": b"clr",
    }


def test_an_application_has_its_packages_with_the_files_that_publishing_put_beside_it() -> None:
    found = installed(FILES)
    by_name = {part.name: part for part in components(found).values()}
    assert {name: part.purl for name, part in by_name.items()} == {
        "Shop": "",
        "Core": "",
        "Example.Meta": "pkg:nuget/Example.Meta@1.0.0",
        "Example.Native": "pkg:nuget/Example.Native@2.0.0",
        "Example.Text": "pkg:nuget/Example.Text@8.0.4",
    }
    owned = {item.ref: item.paths for item in found if isinstance(item, Owned) and not item.rule}
    assert owned["pkg:nuget/Example.Text@8.0.4"] == [
        "app/Example.Text.dll",
        "app/de/Example.Text.resources.dll",
    ]
    assert by_name["Example.Native"].hashes == (
        Hash("SHA-256", hashlib.sha256(b"native").hexdigest()),
    )
    assert ("component", "app/Shop.deps.json lists it, and none of its files is there") in gaps(
        found
    )
    assert {(fact.name, fact.value) for fact in by_name["Example.Text"].properties} >= {
        ("bom-seal:nuget:content-hash", HASH)
    }
    assert ("component.hash", "it has no files of its own") in gaps(found)


def test_the_graph_leads_from_the_application_to_its_packages_and_its_framework() -> None:
    found = components(installed({**FILES, **framework("8.0.11")}))
    shop = next(part for part in found.values() if part.name == "Shop")
    assert shop.requires == (
        "dotnet:app/Shop.deps.json:Core/1.0.0",
        "pkg:nuget/Example.Meta@1.0.0",
        "pkg:nuget/Example.Text@8.0.4",
        "pkg:nuget/Microsoft.NETCore.App.Runtime.linux-x64@8.0.11",
    )
    assert found["pkg:nuget/Example.Meta@1.0.0"].requires == ("pkg:nuget/Example.Native@2.0.0",)


@pytest.mark.parametrize(
    ("there", "taken"),
    [
        (["8.0.1", "8.0.11", "8.1.0", "9.0.0"], "8.0.11"),
        (["8.2.0", "8.1.3", "8.1.4"], "8.1.4"),
        (["7.0.0", "9.0.0"], ""),
        ([], ""),
    ],
)
def test_an_application_runs_on_the_framework_that_the_host_would_take(
    there: list[str], taken: str
) -> None:
    files = dict(FILES)
    for number in there:
        files.update(framework(number))
    found = installed(files)
    shop = next(part for part in components(found).values() if part.name == "Shop")
    runs_on = [ref for ref in shop.requires if "Runtime" in ref]
    assert [ref.rpartition("@")[2] for ref in runs_on] == ([taken] if taken else [])
    missing = ("dependency", "it runs on Microsoft.NETCore.App 8.0.0, which is not there")
    assert (missing in gaps(found)) == (not taken)


def test_a_framework_is_one_component_that_owns_its_folder() -> None:
    found = installed(framework("8.0.11"))
    (part,) = components(found).values()
    assert (part.type, part.name, part.version) == ("framework", "Microsoft.NETCore.App", "8.0.11")
    assert part.hash_of == "installed-files"
    (owned,) = [item for item in found if isinstance(item, Owned)]
    assert (owned.folders, owned.rule) == ((f"{SHARED}/8.0.11",), "dotnet-framework")


def test_a_self_contained_application_has_its_runtime_pack_by_the_packages_name() -> None:
    key = "runtimepack.Microsoft.NETCore.App.Runtime.linux-x64/8.0.11"
    document = {
        "runtimeTarget": {"name": "t"},
        "targets": {
            "t": {
                "Tool/1.0.0": {
                    "dependencies": {"Microsoft.NETCore.App.Runtime.linux-x64": "8.0.11"},
                    "runtime": {"Tool.dll": {}},
                },
                key: {"runtime": {"System.dll": {}}, "native": {"libcoreclr.so": {}}},
            }
        },
        "libraries": {"Tool/1.0.0": {"type": "project"}, key: {"type": "runtimepack"}},
    }
    files = {"Tool.deps.json": encoded(document), "Tool.dll": b"", "System.dll": b"s"}
    found = components(installed({**files, "libcoreclr.so": b"c"}))
    ref = "pkg:nuget/Microsoft.NETCore.App.Runtime.linux-x64@8.0.11"
    assert found[ref].hash_of == "installed-files"
    assert found["dotnet:Tool.deps.json:Tool/1.0.0"].requires == (ref,)


# --- projects ------------------------------------------------------------------------------------


def test_versions_are_those_of_nuget() -> None:
    assert version("1.2.3-rc.1+build.5") == "1.2.3-rc.1"
    assert version("1.2.3.4") == "1.2.3.4"
    assert not version("1.x") and not version("") and not version("1.2.3.4.5")
    assert pinned("1.2.3") == pinned("[1.2.3]") == "1.2.3"
    assert not any(map(pinned, ("[1.0,2.0)", "1.*", "(1.0,)", "$(V)", "")))


def test_the_lock_goes_before_what_restoring_made_and_that_before_the_project_file() -> None:
    project = (
        b'<Project><ItemGroup><PackageReference Include="A" Version="1"/></ItemGroup></Project>'
    )
    assets = {
        "version": 3,
        "targets": {"net8.0": {"B/2.0.0": {"type": "package"}, "P/1.0.0": {"type": "project"}}},
        "libraries": {"B/2.0.0": {"sha512": HASH, "type": "package"}},
        "projectFileDependencyGroups": {"net8.0": ["B >= 2.0.0"]},
        "project": {
            "version": "3.0.0",
            "restore": {"projectName": "Shop"},
            "frameworks": {"net8.0": {"dependencies": {"B": {"suppressParent": "All"}}}},
        },
    }
    lock = {
        "version": 2,
        "dependencies": {"net8.0": {"C": {"type": "CentralTransitive", "resolved": "3.0.0"}}},
    }
    files = {"x/x.csproj": project}
    assert [e.component.purl for e in declared(files)["x"].dependencies] == ["pkg:nuget/A@1"]
    files["x/obj/project.assets.json"] = encoded(assets)
    item = declared(files)["x"]
    assert (item.name, item.version, item.locked) == ("Shop", "3.0.0", True)
    assert {e.component.bom_ref: (e.role, e.direct) for e in item.dependencies} == {
        "pkg:nuget/B@2.0.0": ("build", True),
        "dotnet:project:P": ("shipped", False),
    }
    files["x/packages.lock.json"] = encoded(lock)
    assert [e.component.purl for e in declared(files)["x"].dependencies] == ["pkg:nuget/C@3.0.0"]


def test_packages_config_lists_everything_flat() -> None:
    config = (
        b'<?xml version="1.0"?>\n<packages>\n<package id="A" version="1.0" />\n'
        b'<package id="B" version="2.0" developmentDependency="true" />\n</packages>'
    )
    item = declared({"packages.config": config})[""]
    assert {
        e.component.name: (e.role, e.component.occurrences[0].line) for e in item.dependencies
    } == {"A": ("shipped", 3), "B": ("build", 4)}
    assert "dependency.graph" in {gap.what for gap in item.gaps}


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{", b'{"version": 9}', b"\xff", b'{"version":1,"dependencies":3}']
)
def test_a_lock_that_can_not_be_read_is_a_gap_or_empty(content: bytes) -> None:
    item = declared({"packages.lock.json": content})[""]
    assert item.dependencies == ()
    assert item.gaps or b"dependencies" in content


def test_projects_in_folders_of_others_are_not_read() -> None:
    names = ("node_modules/a/a.csproj", "bin/Debug/b.csproj", "x/project.assets.json")
    assert declared(dict.fromkeys(names, b"<Project/>")) == {}


def test_fifty_thousand_locked_packages_are_read_in_a_moment() -> None:
    pins = {
        f"P{n}": {"type": "Transitive", "resolved": "1.0.0", "dependencies": {f"P{n + 1}": "1.0.0"}}
        for n in range(50_000)
    }
    lock = encoded({"version": 1, "dependencies": {"net8.0": pins}})
    assert len(declared({"packages.lock.json": lock})[""].dependencies) == 50_000


# --- hostile -------------------------------------------------------------------------------------

NAMES = [
    "Shop.deps.json",
    "Shop.runtimeconfig.json",
    f"{SHARED}/8.0.1/Microsoft.NETCore.App.deps.json",
    "packages.lock.json",
    "packages.config",
    "obj/project.assets.json",
    "Shop.csproj",
    "Directory.Packages.props",
    "Directory.Build.props",
]
LOCKED = CASES / "dotnet-lock/in"
CENTRAL = CASES / "dotnet-central/in"
REAL = [
    encoded(DEPS),
    encoded(CONFIG),
    (LOCKED / "packages.lock.json").read_bytes(),
    (LOCKED / "Shop.csproj").read_bytes(),
    (CENTRAL / "Directory.Packages.props").read_bytes(),
    (CENTRAL / "src/App/App.csproj").read_bytes(),
]
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=8), st.just("\ud800")),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                [
                    "version",
                    "dependencies",
                    "targets",
                    "libraries",
                    "runtimeTarget",
                    "name",
                    "type",
                    "resolved",
                    "net8.0",
                    "A/1.0.0",
                    "A",
                    "runtime",
                    "resources",
                    "project",
                    "restore",
                    "frameworks",
                    "runtimeOptions",
                ]
            ),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=20,
)


def check(files: Mapping[str, bytes]) -> None:
    view = memory_view({**files, "Shop.dll": b"x"})
    for item in (*DotNet().declared(view), *DotNet().installed(view)):
        assert isinstance(item, Declared | Dependency | Gap | Owned)
        repr(item).encode("utf-8")


@given(
    st.dictionaries(
        st.sampled_from(NAMES),
        st.one_of(
            st.binary(max_size=200),
            st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")),
            JSON.map(encoded),
        ),
    )
)
def test_any_bytes_give_facts_and_never_an_exception(files: dict[str, bytes]) -> None:
    check(files)


@given(
    st.sampled_from(NAMES),
    st.sampled_from(REAL),
    st.integers(0, 1 << 16),
    st.one_of(
        st.binary(max_size=20), st.sampled_from([b"null", b"[]", b"{}", b"\\ud800", b"..", b"\x1b"])
    ),
    st.integers(0, 60),
)
def test_any_change_to_a_good_file_gives_facts_and_never_an_exception(
    name: str, content: bytes, place: int, put: bytes, drop: int
) -> None:
    at = place % len(content)
    check({name: content[:at] + put + content[at + drop :]})
