"""What lock files say, held against what is installed."""

from __future__ import annotations

import pytest

from bom.catalog.compare import compare, package_key
from bom.catalog.protocol import Declared
from bom.model import Component, Dependency, Distribution, Finding, Hash, Occurrence, Property


def installed(purl: str, place: str, **fields: object) -> Dependency:
    name, _, version = purl.rpartition("/")[2].partition("@")
    component = Component("library", name, version, purl=purl, occurrences=(Occurrence(place),))
    return Dependency(_with(component, fields))


def _with(component: Component, fields: dict[str, object]) -> Component:
    from dataclasses import replace

    return replace(component, **fields)  # type: ignore[arg-type] # fields of a Component by name


def npm(name: str, version: str = "1.0.0", folder: str = "app", **fields: object) -> Dependency:
    return installed(
        f"pkg:npm/{name}@{version}", f"{folder}/node_modules/{name}/package.json", **fields
    )


def asked(purl: str, line: int = 0, **fields: object) -> Dependency:
    role = fields.pop("role", "shipped")
    optional = bool(fields.pop("optional", False))
    direct = bool(fields.pop("direct", False))
    place = Occurrence("app/package-lock.json", line)
    name, _, version = purl.rpartition("/")[2].partition("@")
    component = Component("library", name, version, purl=purl, occurrences=(place,))
    made = Dependency(_with(component, fields), direct=direct, optional=optional)
    return made if role == "shipped" else Dependency(made.component, "build", direct, optional)


def lock(*dependencies: Dependency, ecosystem: str = "npm", folder: str = "app") -> Declared:
    return Declared(ecosystem, folder, f"{folder}/package-lock.json", True, dependencies)


def codes(findings: tuple[Finding, ...]) -> list[tuple[str, str, str]]:
    return [(item.code, item.expected, item.found) for item in findings]


def test_an_install_that_is_as_its_lock_says_has_no_finding() -> None:
    stated = lock(
        asked("pkg:npm/a@1.0.0"),
        asked("pkg:npm/b@1.0.0"),
        asked("pkg:npm/darwin-only@1.0.0", optional=True),
        asked("pkg:npm/tests@1.0.0", role="build"),
    )
    found = compare([stated], [npm("a"), npm("b")])
    assert found.findings == ()
    assert found.gaps == ()


def test_each_kind_of_difference_is_told_with_both_sides_and_its_place() -> None:
    stated = lock(
        asked("pkg:npm/a@1.0.0", 4), asked("pkg:npm/b@1.0.0", 9), asked("pkg:npm/c@1.0.0", 14)
    )
    found = compare([stated], [npm("a"), npm("b", "1.0.1"), npm("extra")])
    assert codes(found.findings) == [
        ("additional", "", "extra 1.0.0"),
        ("missing", "c 1.0.0", ""),
        ("version", "1.0.0 (app/package-lock.json:9)", "1.0.1"),
    ]
    assert [item.where for item in found.findings] == [
        "app/node_modules/extra/package.json",
        "app/package-lock.json:14",
        "app/node_modules/b/package.json",
    ]


def test_development_packages_that_are_installed_are_marked_and_no_finding() -> None:
    stated = lock(asked("pkg:npm/a@1.0.0"), asked("pkg:npm/tests@1.0.0", role="build"))
    found = compare([stated], [npm("a"), npm("tests")])
    assert found.findings == ()
    (item,) = [i for i in found.installed if i.component.name == "tests"]
    assert Property("bom-seal:scope", "development") in item.component.properties


def test_a_lock_gives_the_installed_package_its_distributions_and_says_what_is_direct() -> None:
    file = Distribution("a-1.0.0.tgz", "", (Hash("SHA-512", "ab" * 64),))
    stated = lock(asked("pkg:npm/a@1.0.0", distributions=(file,), direct=True))
    (item,) = compare([stated], [npm("a")]).installed
    assert item.component.distributions == (file,)
    assert item.direct


def test_another_file_than_the_locks_is_a_finding_where_the_install_record_says_so() -> None:
    def tarball(digest: str) -> tuple[Distribution, ...]:
        return (Distribution("a-1.0.0.tgz", "", (Hash("SHA-512", digest * 64),)),)

    stated = lock(asked("pkg:npm/a@1.0.0", distributions=tarball("ab")))
    assert not compare([stated], [npm("a", distributions=tarball("ab"))]).findings
    (finding,) = compare([stated], [npm("a", distributions=tarball("cd"))]).findings
    assert (finding.code, finding.expected) == ("hash", f"SHA-512 {'ab' * 64}")


def test_a_lock_is_compared_with_the_modules_beside_it_not_with_another_projects() -> None:
    stated = lock(asked("pkg:npm/a@1.0.0"), asked("pkg:npm/b@1.0.0"))
    other = [npm("a", folder="other"), npm("b", folder="other"), npm("c", folder="other")]
    found = compare([stated], [npm("a"), *other])
    assert [item.code for item in found.findings] == ["missing"]


def test_a_lock_of_which_nothing_is_installed_is_not_compared_and_says_so() -> None:
    stated = lock(asked("pkg:npm/a@1.0.0"), asked("pkg:npm/b@1.0.0"))
    found = compare([stated], [npm("unrelated", folder="usr/lib")])
    assert found.findings == ()
    assert [(gap.what, gap.where) for gap in found.gaps] == [
        ("dependency.compared", "app/package-lock.json")
    ]


def test_two_locks_of_one_environment_complete_each_other() -> None:
    one = lock(asked("pkg:npm/a@1.0.0"))
    two = lock(asked("pkg:npm/b@1.0.0"))
    assert compare([one, two], [npm("a"), npm("b")]).findings == ()


def pypi(name: str, version: str, site: str = "venv/lib/python3.11/site-packages") -> Dependency:
    return installed(f"pkg:pypi/{name}@{version}", f"{site}/{name}-{version}.dist-info/METADATA")


def test_installers_that_an_environment_brings_along_are_not_additional() -> None:
    stated = lock(asked("pkg:pypi/flask@3.0"), ecosystem="pypi")
    environment = [pypi("flask", "3.0.0"), pypi("pip", "24.0"), pypi("setuptools", "69.0")]
    assert compare([stated], environment).findings == ()
    (finding,) = compare([stated], [*environment, pypi("left", "1")]).findings
    assert finding.code == "additional"


def test_the_interpreter_with_most_of_the_lock_is_the_one_it_describes() -> None:
    stated = lock(
        asked("pkg:pypi/flask@3.0.0"), asked("pkg:pypi/click@8.0.0"), ecosystem="pypi", folder="src"
    )
    tools = pypi("click", "7.0.0", "usr/lib/python3/site-packages")
    found = compare([stated], [tools, pypi("flask", "3.0.0"), pypi("click", "8.0.0")])
    assert found.findings == ()


def test_a_binary_lacks_nothing_of_what_it_does_not_use() -> None:
    binary = "usr/bin/app"
    stated = Declared(
        "golang",
        "src",
        "src/go.sum",
        True,
        (
            asked("pkg:golang/example.org/a@v1.0.0"),
            asked("pkg:golang/example.org/b@v1.0.0"),
            asked("pkg:golang/example.org/unused@v1.0.0"),
        ),
    )
    there = [
        installed("pkg:golang/example.org/a@v1.0.0", binary),
        installed("pkg:golang/example.org/b@v1.0.1", binary),
        installed("pkg:golang/stdlib@1.22.0", binary),
    ]
    assert codes(compare([stated], there).findings) == [
        ("version", "v1.0.0 (src/go.sum)", "v1.0.1")
    ]


def test_go_sums_of_lock_and_binary_are_held_against_each_other() -> None:
    def with_sum(item: Dependency, value: str) -> Dependency:
        marks = (Property("bom-seal:go:h1", value),)
        return Dependency(_with(item.component, {"properties": marks}))

    purl = "pkg:golang/example.org/a@v1.0.0"
    stated = Declared("golang", "", "go.sum", True, (with_sum(asked(purl), "h1:AAAA="),))
    same = with_sum(installed(purl, "usr/bin/app"), "h1:AAAA=")
    other = with_sum(installed(purl, "usr/bin/app"), "h1:BBBB=")
    assert compare([stated], [same]).findings == ()
    assert codes(compare([stated], [other]).findings) == [("hash", "h1 AAAA=", "h1 BBBB=")]


@pytest.mark.parametrize(
    ("purl", "key"),
    [
        ("pkg:npm/%40scope/name@1.0.0", "pkg:npm/%40scope/name"),
        ("pkg:deb/debian/x@1:2?arch=amd64&a=b@c", "pkg:deb/debian/x"),
        ("pkg:npm/name", "pkg:npm/name"),
        ("pkg:golang/a/b@v1#sub", "pkg:golang/a/b"),
    ],
)
def test_a_packages_name_is_its_purl_without_the_version(purl: str, key: str) -> None:
    assert package_key(purl) == key
