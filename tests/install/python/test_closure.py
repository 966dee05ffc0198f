"""Which packages are needed, decided for interpreters that this machine need not have."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bom.errors import BomError
from bom.install.intake import NotInstalled
from bom.install.python.client import requirements
from bom.install.python.closure import Closure, stated
from bom.installed.python.listed import Listed, building, shipped

if TYPE_CHECKING:
    from collections.abc import Sequence

LINUX_311 = {
    "implementation_name": "cpython",
    "implementation_version": "3.11.7",
    "os_name": "posix",
    "platform_machine": "x86_64",
    "platform_python_implementation": "CPython",
    "platform_release": "6.1",
    "platform_system": "Linux",
    "platform_version": "1",
    "python_full_version": "3.11.7",
    "python_version": "3.11",
    "sys_platform": "linux",
}
LINUX_39 = {**LINUX_311, "python_version": "3.9", "python_full_version": "3.9.18"}
WINDOWS = {**LINUX_311, "os_name": "nt", "platform_system": "Windows", "sys_platform": "win32"}

DIGEST = "sha256:" + "a" * 64


def metadata(name: str, version: str, *requires: str, extras: Sequence[str] = ()) -> bytes:
    lines = [f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"]
    lines += [f"Provides-Extra: {extra}\n" for extra in extras]
    lines += [f"Requires-Dist: {item}\n" for item in requires]
    return "".join(lines).encode()


WORLD = {
    ("app", "1.0"): metadata(
        "app",
        "1.0",
        "alpha>=1",
        "colorama; sys_platform == 'win32'",
        "tomli>=2; python_version < '3.11'",
        "alpha[fast]; extra == 'quick'",
        extras=["quick"],
    ),
    ("alpha", "1.0"): metadata("alpha", "1.0", "numba; extra == 'fast'", "old", extras=["fast"]),
    ("old", "1"): metadata("old", "1"),
    ("old", "2"): metadata("old", "2"),
    ("numba", "5"): metadata("numba", "5", "alpha"),
    ("tomli", "2.0"): metadata("tomli", "2.0"),
    ("colorama", "1"): metadata("colorama", "1"),
}
LISTED = {
    "alpha": (Listed("alpha", "1.0", (DIGEST,)),),
    "old": (
        Listed("old", "1", (DIGEST,), ("python_version < '3.10'",)),
        Listed("old", "2", (DIGEST,), ("python_version >= '3.10'",)),
    ),
    "numba": (Listed("numba", "5", (DIGEST,)),),
    "tomli": (Listed("tomli", "2.0", (DIGEST,)),),
    "colorama": (Listed("colorama", "1", (DIGEST,)),),
}


def needed(markers: dict[str, str], *extras: str) -> list[str]:
    closure = Closure(LISTED, markers)
    waiting = closure.add(stated(WORLD[("app", "1.0")]), extras)
    found = []
    while waiting:
        found += [f"{item.name} {item.version}" for item in waiting]
        new = {
            more
            for item in waiting
            for more in closure.add(stated(WORLD[(item.name, item.version)]))
        }
        waiting = sorted(new)
    return sorted(found)


def test_what_was_sealed_under_one_python_is_chosen_for_another() -> None:
    assert needed(LINUX_311) == ["alpha 1.0", "old 2"]
    assert needed(LINUX_39) == ["alpha 1.0", "old 1", "tomli 2.0"]
    assert needed(WINDOWS) == ["alpha 1.0", "colorama 1", "old 2"]


def test_an_extra_brings_what_it_needs_through_the_extras_of_others() -> None:
    assert needed(LINUX_311, "Quick") == ["alpha 1.0", "numba 5", "old 2"]


@pytest.mark.parametrize(
    ("listed", "requirement", "told"),
    [
        ({}, "gone", "app 1 needs gone, which the BOM does not list"),
        (
            {"one": (Listed("one", "1", (DIGEST,)),)},
            "one>=2",
            "app 1 needs one>=2, of which the BOM lists 1",
        ),
        (
            {"one": (Listed("one", "1"),)},
            "one",
            "app 1 needs one 1, of which the BOM has no digest",
        ),
        (
            {"one": (Listed("one", ""),)},
            "one",
            "app 1 needs one, of which the BOM has no version",
        ),
        ({}, "=bad", "app 1 states a requirement that can't be read"),
    ],
)
def test_what_is_needed_and_not_listed_is_a_finding(
    listed: dict[str, tuple[Listed, ...]], requirement: str, told: str
) -> None:
    closure = Closure(listed, LINUX_311)
    with pytest.raises(NotInstalled) as caught:
        closure.add(stated(metadata("app", "1", requirement)))
    assert caught.value.reason == f"nothing is installed: {told}"
    assert [finding.code for finding in caught.value.findings] == ["dependency-unlisted"]


def test_two_packages_that_need_different_versions_are_refused() -> None:
    listed = {"one": (Listed("one", "1", (DIGEST,)), Listed("one", "2", (DIGEST,)))}
    closure = Closure(listed, LINUX_311)
    assert closure.add(stated(metadata("app", "1", "one"))) == [Listed("one", "2", (DIGEST,))]
    with pytest.raises(NotInstalled, match="two 1 needs one<2, and 2 is what fits the rest"):
        closure.add(stated(metadata("two", "1", "one<2")))


def test_metadata_without_a_name_is_an_error() -> None:
    with pytest.raises(BomError):
        stated(b"Version: 1\n")


def component(purl: str, *digests: tuple[str, str], **more: Any) -> dict[str, Any]:
    hashes = [{"alg": algorithm, "content": value} for algorithm, value in digests]
    reference = {"type": "distribution", "url": "x", "hashes": hashes}
    return {"purl": purl, "externalReferences": [reference], **more}


def test_a_bom_lists_every_strong_digest_of_every_version() -> None:
    one, two = ("SHA-256", "a" * 64), ("SHA-512", "b" * 128)
    marker = [{"name": "bom-seal:marker", "value": "os_name == 'nt'"}]
    document = {
        "components": [
            component("pkg:pypi/My.Pkg@1.0", one, ("MD5", "c" * 32), ("SHA-256", "short")),
            component("pkg:pypi/my-pkg@1.0", two, properties=marker),
            component("pkg:pypi/my-pkg@2.0%2Bcu118", one),
            component("pkg:pypi/vcs@1?vcs_url=git%2Bhttps://example.org/x%40abc", one),
            component("pkg:npm/other@1", one),
            component("pkg:pypi/evil%0A--index-url@1", one),
            component("pkg:pypi/evil@1%20%0A-r%20x", one),
            "no component",
        ],
        "formulation": [{"components": [component("pkg:pypi/builder@3", one)]}],
    }
    both = tuple(sorted(["sha256:" + "a" * 64, "sha512:" + "b" * 128]))
    found = shipped(document)
    assert found == {
        "my-pkg": (
            Listed("my-pkg", "1.0", both, ("os_name == 'nt'",)),
            Listed("my-pkg", "2.0+cu118", (DIGEST,)),
        ),
        "vcs": (Listed("vcs", "1"),),
    }
    assert set(building(document)) == {*found, "builder"}


@given(
    st.recursive(
        st.none() | st.text() | st.integers(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "components",
                        "formulation",
                        "purl",
                        "externalReferences",
                        "hashes",
                        "alg",
                        "content",
                        "type",
                        "properties",
                        "name",
                        "value",
                    ]
                ),
                inner,
            )
        ),
        max_leaves=20,
    )
)
def test_no_document_breaks_the_reader(value: Any) -> None:
    document = json.loads(json.dumps(value))
    for found in (shipped(document), building(document)):
        text = requirements(item for items in found.values() for item in items)
        assert text.count("\n") == sum(map(len, found.values()))
