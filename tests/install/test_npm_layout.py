"""A lock made out of a BOM: which packages, and in which folders."""

from __future__ import annotations

from typing import Any

import pytest

from bom.errors import BomError
from bom.install.npm.layout import listed, placed

HEX = "ab" * 64
ALIAS = [{"name": "bom-seal:npm:alias", "value": ".bin"}]


def component(called: str, at: str, **more: Any) -> dict[str, Any]:
    group, _, last = called.rpartition("/")
    purl = f"pkg:npm/{called.replace('@', '%40')}@{at}"
    hashes = [{"alg": "SHA-1", "content": "cd" * 20}, {"alg": "SHA-512", "content": HEX}]
    url = f"https://registry.example/{called}.tgz"
    return {
        "bom-ref": purl,
        "purl": purl,
        "group": group,
        "name": last,
        "version": at,
        "externalReferences": [{"type": "distribution", "url": url, "hashes": hashes}],
        **more,
    }


def document(parts: list[dict[str, Any]], edges: dict[str, list[str]]) -> dict[str, Any]:
    refs = {part["bom-ref"].removeprefix("pkg:npm/"): part["bom-ref"] for part in parts}
    return {
        "components": parts,
        "dependencies": [
            {"ref": refs.get(ref, ref), "dependsOn": [refs[item] for item in items]}
            for ref, items in edges.items()
        ],
    }


def folders(found: dict[str, Any], top: str = "app") -> dict[str, str]:
    return {place: item.version for place, item in placed(top, listed(found)).items()}


def test_packages_go_as_high_as_nothing_of_their_name_is_in_the_way() -> None:
    parts = [component("a", "1.0.0"), component("b", "1.0.0")]
    parts += [component("c", "1.0.0"), component("c", "2.0.0")]
    edges = {"subject": ["a@1.0.0", "b@1.0.0"], "a@1.0.0": ["c@1.0.0"], "b@1.0.0": ["c@2.0.0"]}
    assert folders(document(parts, edges)) == {
        "node_modules/a": "1.0.0",
        "node_modules/b": "1.0.0",
        "node_modules/c": "1.0.0",
        "node_modules/b/node_modules/c": "2.0.0",
    }


def test_a_circle_ends_and_another_version_of_the_package_itself_lies_below_it() -> None:
    parts = [component("a", "1.0.0"), component("b", "1.0.0"), component("app", "0.9.0")]
    edges = {"subject": ["a@1.0.0"], "a@1.0.0": ["b@1.0.0"], "b@1.0.0": ["a@1.0.0", "app@0.9.0"]}
    assert folders(document(parts, edges)) == {
        "node_modules/a": "1.0.0",
        "node_modules/b": "1.0.0",
        "node_modules/b/node_modules/app": "0.9.0",
    }


def test_an_alias_lies_under_its_own_name_and_what_is_bundled_nowhere() -> None:
    parts = [
        component("real", "1.0.0", properties=[{"name": "bom-seal:npm:alias", "value": "other"}]),
        component("inner", "1.0.0", properties=[{"name": "bom-seal:npm:bundled", "value": "true"}]),
    ]
    found = listed(document(parts, {"subject": ["real@1.0.0"], "real@1.0.0": ["inner@1.0.0"]}))
    assert list(placed("app", found)) == ["node_modules/other"]
    assert found.specifiers(found.direct) == {"other": "npm:real@1.0.0"}
    (package,) = found.packages.values()
    assert package.integrity.startswith("sha512-")
    assert package.digest == f"sha512:{HEX}"


@pytest.mark.parametrize(
    ("part", "said"),
    [
        (component("a", "1.0.0", externalReferences=[]), "no digest of a@1.0.0 that proves"),
        (
            component("a", "1.0.0", externalReferences=[
                {"type": "distribution", "hashes": [{"alg": "SHA-1", "content": "cd" * 20}]}
            ]),
            "no digest of a@1.0.0 that proves",
        ),
        (component("a", "1.0.0", name="../../evil"), "../../evil is no name of a package"),
        (component("a", "1.0.0", name="a b"), "a b is no name of a package"),
        (component("a", "1.0.0", version="latest"), "a has no version in the BOM"),
        (component("a", "1.0.0", properties=ALIAS), "a is no name"),
    ],
)  # fmt: skip
def test_what_proves_nothing_or_is_no_package_is_refused(part: dict[str, Any], said: str) -> None:
    with pytest.raises(BomError) as refused:
        listed(document([part], {"subject": ["a@1.0.0"]}))
    assert said in refused.value.reason


def test_a_bom_of_nonsense_is_no_traceback() -> None:
    nonsense = {"components": 7, "dependencies": [{"ref": "subject", "dependsOn": None}, 3]}
    assert listed(nonsense).direct == ()
