"""What of a BOM is looked up, and what of it can't be."""

from __future__ import annotations

from typing import Any

from bom.audit.packages import packages
from bom.report.contents import contents


def document(*components: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"components": list(components), **more}


def part(purl: str, name: str = "x", version: str = "1.0", **more: Any) -> dict[str, Any]:
    return {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl,
            **more}  # fmt: skip


def reasons(*components: dict[str, Any], **more: Any) -> list[tuple[str, str]]:
    return [
        (item.what, item.reason) for item in packages(contents(document(*components, **more)))[1]
    ]


def test_components_inside_of_components_are_looked_up_too() -> None:
    inner = part("pkg:pypi/urllib3@1.26")
    found, lacking = packages(contents(document(part("pkg:pypi/pip@23.0", components=[inner]))))
    assert [item.purl for item in found] == ["pkg:pypi/pip@23.0", "pkg:pypi/urllib3@1.26"]
    assert lacking == ()


def test_one_package_in_several_places_is_looked_up_once() -> None:
    one, two = (part("pkg:npm/a@1.0") | {"bom-ref": ref} for ref in ("one", "two"))
    [found], _ = packages(contents(document(one, two)))
    assert found.refs == ("one", "two")


def test_the_artifact_itself_is_looked_up_where_it_is_a_package() -> None:
    subject = part("pkg:pypi/app@1.0")
    [found], lacking = packages(contents(document(metadata={"component": subject})))
    assert (found.purl, found.own, lacking) == ("pkg:pypi/app@1.0", True, ())


def test_what_only_built_it_is_not_looked_up() -> None:
    built = {"components": [part("pkg:pypi/setuptools@65.0")]}
    found, _ = packages(contents(document(part("pkg:pypi/a@1"), formulation=[built])))
    assert [item.purl for item in found] == ["pkg:pypi/a@1"]


def test_a_gap_about_what_only_built_it_leaves_nothing_open() -> None:
    built = {"components": [part("pkg:pypi/hatchling") | {"bom-ref": "build:hatchling"}]}
    gap = {"text": "dependency.source: hatchling: nothing says where it is from"}
    about = [["build:hatchling"], ["build:hatchling", "pkg:pypi/a@1"], []]
    found = [
        reasons(
            part("pkg:pypi/a@1"),
            formulation=[built],
            annotations=[gap | {"bom-ref": "gap:1", "subjects": subjects}],
        )
        for subjects in about
    ]
    told = [("hatchling", "the BOM has a gap, dependency.source: nothing says where it is from")]
    assert found == [[], told, told]


def test_a_package_without_a_url_a_version_or_a_database_is_not_audited() -> None:
    assert reasons(
        {"type": "library", "name": "libfoo", "version": "1"},
        part("pkg:pypi/a", version=""),
        part("pkg:generic/python@3.11", "python", "3.11"),
        part("no purl", "broken", "1"),
        {"type": "file", "name": "etc/passwd"},
        {"type": "operating-system", "name": "debian", "version": "12"},
    ) == [
        ("libfoo 1", "it has no package URL"),
        ("x (pkg:pypi/a)", "it has no version"),
        ("broken 1 (no purl)", "not a package URL ('no purl'): it does not start with 'pkg:'"),
        (
            "python 3.11 (pkg:generic/python@3.11)",
            "there is no database of advisories for packages of type generic",
        ),
    ]


def test_what_the_bom_does_not_know_itself_is_not_audited() -> None:
    gaps = [
        {"bom-ref": "gap:1", "text": "component.version: lib/a.jar: nothing states it"},
        {"bom-ref": "gap:2", "text": "component.licence: lib/a.jar: nothing states it"},
        {"bom-ref": "gap:3", "text": "ecosystem: Package.swift: it is not read yet"},
    ]
    subject = {
        "name": "image",
        "properties": [
            {"name": "bom-seal:files:unattributed-executable", "value": "usr/local/bin/tool"}
        ],
    }
    assert reasons(part("pkg:pypi/a@1"), annotations=gaps, metadata={"component": subject}) == [
        ("usr/local/bin/tool", "it belongs to no package that is known"),
        ("lib/a.jar", "the BOM has a gap, component.version: nothing states it"),
        ("Package.swift", "the BOM has a gap, ecosystem: it is not read yet"),
    ]


def test_a_bom_that_names_nothing_is_not_clean() -> None:
    assert reasons(metadata={"component": {"name": "app.tar"}}) == [
        ("app.tar", "the BOM names no package in it")
    ]


def test_a_document_of_anything_is_no_crash() -> None:
    for value in (
        {},
        {"components": 1},
        {"components": [1, {"purl": 5, "type": []}]},
        {"metadata": {"component": []}, "annotations": [{}]},
    ):
        packages(contents(value))
