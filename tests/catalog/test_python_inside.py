"""What a distribution holds inside itself: vendored copies, and what its own SBOMs state."""

from __future__ import annotations

import importlib.metadata
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bom.catalog import catalogue_directory
from bom.compose import validate
from bom.compose.bom import Evidence, document
from bom.model import Component, Gap, Hash, Licence, Subject
from bom.purl import pypi_name

if TYPE_CHECKING:
    from bom.catalog import Catalogue

SITE = "usr/local/lib/python3.11/site-packages"
OWNER = "pkg:pypi/outer@1.0"
CRATE = "pkg:cargo/ahash@0.8.12"


def write(root: Path, files: dict[str, str]) -> None:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")


def outer(root: Path, files: dict[str, str]) -> None:
    """The distribution `outer` 1.0 with these files of its own, from the site folder."""
    info = "outer-1.0.dist-info"
    own = {**files, f"{info}/METADATA": "Name: outer\nVersion: 1.0\nLicense: MIT\n"}
    record = "".join(f"{name},,\n" for name in own)
    own[f"{info}/RECORD"] = record
    write(root, {f"{SITE}/{name}": content for name, content in own.items()})


def inside(catalogue: Catalogue, ref: str = OWNER) -> list[Component]:
    (item,) = [i.component for i in catalogue.installed if i.component.purl == ref]
    return list(item.components)


def with_sbom(root: Path, stated: Any, name: str = "sbom.json") -> Catalogue:
    text = stated if isinstance(stated, str) else json.dumps(stated)
    outer(root, {f"outer-1.0.dist-info/sboms/{name}": text})
    return catalogue_directory(root)


@pytest.fixture(scope="module")
def venv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("venv")
    subprocess.run([sys.executable, "-m", "venv", root], check=True)
    return root


def test_what_pip_vendors_is_what_its_list_pins_each_with_the_hash_of_its_files(
    venv: Path,
) -> None:
    catalogue = catalogue_directory(venv)
    vendor = next(venv.glob("lib/*/site-packages/pip/_vendor/vendor.txt"))
    pinned = set()
    for line in vendor.read_text(encoding="utf-8").splitlines():
        if found := re.match(r"\s*([\w.-]+)==([^\s#]+)", line):
            pinned.add((pypi_name(found[1]), found[2]))
    (pip,) = [i.component for i in catalogue.installed if i.component.name == "pip"]
    assert {(pypi_name(item.name), item.version) for item in pip.components} == pinned
    assert {item.name for item in pip.components if not item.hashes} == set()
    assert all(item.occurrences[0].line for item in pip.components)
    top = {item.component.bom_ref for item in catalogue.installed}
    assert not top & {item.bom_ref for item in pip.components}
    assert not any("/requests@" in ref for ref in top)


def test_what_setuptools_vendors_is_what_its_own_records_say() -> None:
    try:
        importlib.metadata.distribution("setuptools")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("setuptools is not installed beside these tests")
    found = importlib.metadata.distribution("setuptools")
    vendor = Path(str(found.locate_file("setuptools/_vendor")))
    expected = {
        (pypi_name(str(item.metadata["Name"])), item.version)
        for item in importlib.metadata.distributions(path=[str(vendor)])
    }
    catalogue = catalogue_directory(Path(sys.prefix))
    (item,) = [i.component for i in catalogue.installed if i.component.name == "setuptools"]
    assert {(pypi_name(part.name), part.version) for part in item.components} == expected


def test_copies_with_records_of_their_own_are_nested_in_what_lists_them(tmp_path: Path) -> None:
    record = "more.py,,\nmore-1.0.dist-info/METADATA,,\n"
    copy = "outer/_vendor/more-1.0.dist-info"
    outer(
        tmp_path,
        {
            "outer/_vendor/more.py": "1",
            f"{copy}/METADATA": "Name: more\nVersion: 1.0\nLicense: MIT\n",
            f"{copy}/RECORD": record,
            "outer/_vendor/vendor.txt": "more==1.0\nother==2.0  # for reasons\n\n# nothing\n",
            "outer/_vendor/other/__init__.py": "",
        },
    )
    catalogue = catalogue_directory(tmp_path)
    assert [item.component.purl for item in catalogue.installed] == [OWNER]
    more, other = inside(catalogue)
    assert (more.purl, more.bom_ref) == (
        "pkg:pypi/more@1.0",
        f"inside:{OWNER}:pkg:pypi/more@1.0",
    )
    assert more.licences and more.hashes
    assert {(seen.location.rpartition("/")[2], seen.line) for seen in more.occurrences} == {
        ("more-1.0.dist-info", 0),
        ("vendor.txt", 1),
    }
    assert other.hashes and other.occurrences[0].line == 2


def test_two_environments_with_one_package_hold_its_copies_once(tmp_path: Path) -> None:
    outer(tmp_path / "a", {"outer/_vendor/vendor.txt": "more==1.0\n", "outer/_vendor/more.py": ""})
    outer(tmp_path / "b", {"outer/_vendor/vendor.txt": "more==1.0\n", "outer/_vendor/more.py": ""})
    (more,) = inside(catalogue_directory(tmp_path))
    assert len(more.occurrences) == 2


def test_a_vendor_folder_of_which_nothing_tells_is_a_gap(tmp_path: Path) -> None:
    outer(tmp_path, {"outer/_vendor/__init__.py": "", "outer/_vendor/secret.py": "1"})
    gaps = catalogue_directory(tmp_path).gaps
    assert (
        Gap(
            "component",
            f"{SITE}/outer/_vendor",
            "it holds vendored copies, and nothing states which",
            OWNER,
        )
        in gaps
    )


def test_crates_of_a_cyclonedx_sbom_are_taken_over_as_stated(tmp_path: Path) -> None:
    main = {
        "type": "library",
        "name": "outer",
        "version": "1.0",
        "purl": "pkg:cargo/outer@1.0?download_url=file:///build/secret/path",
        "components": [{"type": "library", "name": "_o", "purl": "pkg:cargo/outer@1.0#src/lib.rs"}],
    }
    crate = {
        "type": "library",
        "name": "ahash",
        "version": "0.8.12",
        "purl": CRATE,
        "hashes": [{"alg": "SHA-256", "content": "AB" * 32}, {"alg": "SHA-256", "content": "x"}],
        "licenses": [{"expression": "MIT OR Apache-2.0"}],
    }
    stated = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "metadata": {"component": main},
        "components": [crate, {"type": "library"}, 7],
    }
    catalogue = with_sbom(tmp_path, stated, "rust.cyclonedx.json")
    found = {item.purl: item for item in inside(catalogue)}
    assert set(found) == {CRATE, "pkg:cargo/outer@1.0"}
    ahash = found[CRATE]
    assert ahash.hashes == ()  # nothing of it is at hand
    (file,) = ahash.distributions
    assert (file.name, file.hashes) == ("ahash-0.8.12.crate", (Hash("SHA-256", "ab" * 32),))
    assert ahash.licences == (Licence("MIT OR Apache-2.0", "expression"),)
    assert ("bom-seal:stated-by", f"{SITE}/outer-1.0.dist-info/sboms/rust.cyclonedx.json") in {
        (item.name, item.value) for item in ahash.properties
    }
    assert [gap.ref for gap in catalogue.gaps if gap.what == "component.hash"] == [
        f"inside:{OWNER}:pkg:cargo/outer@1.0"
    ]
    assert "secret" not in repr(catalogue)


def test_system_libraries_of_an_spdx_sbom_are_taken_over_and_the_package_itself_is_not(
    tmp_path: Path,
) -> None:
    library = "pkg:rpm/almalinux/libgomp@8.5.0-22.el8?arch=x86_64"
    stated = {
        "spdxVersion": "SPDX-2.3",
        "packages": [
            {"name": "outer", "versionInfo": "1.0"},
            {
                "name": "libgomp",
                "versionInfo": "8.5.0-22.el8",
                "externalRefs": [{"referenceType": "purl", "referenceLocator": library}],
                "checksums": [{"algorithm": "SHA256", "checksumValue": "cd" * 32}],
                "licenseDeclared": "NOASSERTION",
                "licenseConcluded": "MIT",
                "supplier": "Organization: Example",
            },
        ],
    }
    (item,) = inside(with_sbom(tmp_path, stated))
    assert (item.name, item.purl, item.supplier) == ("libgomp", library, "Example")
    assert item.licences == (Licence("MIT", "id", "concluded"),)
    assert item.distributions[0].hashes == (Hash("SHA-256", "cd" * 32),)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        "\ufeff{}",
        '{"bomFormat": "CycloneDX", "components": ' + "[" * 5000 + "]" * 5000 + "}",
        '{"@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld", "@graph": []}',
    ],
)
def test_an_sbom_that_is_broken_or_of_another_format_is_a_gap(tmp_path: Path, text: str) -> None:
    catalogue = with_sbom(tmp_path, text)
    assert inside(catalogue) == []
    assert [gap.ref for gap in catalogue.gaps if gap.what == "component.sbom"] == [OWNER]


def test_the_own_seal_of_an_installed_wheel_is_left_alone(tmp_path: Path) -> None:
    stated = {"bomFormat": "CycloneDX", "components": [{"name": "x", "type": "library"}]}
    catalogue = with_sbom(tmp_path, stated, "bom-seal.cdx.json")
    assert inside(catalogue) == []
    assert not [gap for gap in catalogue.gaps if gap.what == "component.sbom"]


@pytest.mark.parametrize("version", ["1.6", "1.7"])
def test_a_document_with_nested_components_is_valid_and_its_gaps_are_about_them(
    venv: Path, version: str
) -> None:
    observations = catalogue_directory(venv).observations
    subject = Subject("app", "directory", "", -1)
    made = document(
        Evidence(
            subject, observations, epoch=0, phase="discovery", signed=False, spec_version=version
        )
    )
    assert validate.errors(made) == []
    refs: list[str] = []
    pending = list(made["components"])
    for part in pending:
        refs.append(part["bom-ref"])
        pending += part.get("components", [])
    assert len(refs) == len(set(refs))
    assert any(ref.startswith("inside:") for ref in refs)
    subjects = {ref for note in made["annotations"] for ref in note["subjects"]}
    assert any(ref.startswith("inside:") for ref in subjects)
    assert {entry["ref"] for entry in made["dependencies"]} == {
        "subject",
        *(part["bom-ref"] for part in made["components"]),
    }
