"""What lock files say, held against what is installed."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bom.catalog.compare import compare, package_key
from bom.catalog.protocol import Declared
from bom.model import Component, Dependency, Distribution, Finding, Gap, Hash, Occurrence, Property


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
    expected = f"SHA-512 {'ab' * 64} (app/package-lock.json)"
    assert (finding.code, finding.expected) == ("hash", expected)


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


def module(path: str, version: str = "v1.0.0", program: str = "usr/bin/app") -> Dependency:
    made = installed(f"pkg:golang/{path}@{version}", program)
    return Dependency(_with(made.component, {"name": path, "group": ""}))


def go_mod(*dependencies: Dependency, name: str = "example.org/shop") -> Declared:
    return Declared("golang", "src", "src/go.mod", True, dependencies, name=name)


def test_a_program_lacks_nothing_of_what_it_does_not_use() -> None:
    stated = go_mod(
        asked("pkg:golang/example.org/a@v1.0.0"),
        asked("pkg:golang/example.org/b@v1.0.0"),
        asked("pkg:golang/example.org/unused@v1.0.0"),
    )
    there = [
        module("example.org/shop", ""),
        module("example.org/a"),
        module("example.org/b", "v1.0.1"),
        module("stdlib", "1.22.0"),
    ]
    assert codes(compare([stated], there).findings) == [
        ("version", "v1.0.0 (src/go.mod)", "v1.0.1")
    ]


def test_every_program_of_a_module_is_compared_and_no_other_one() -> None:
    stated = go_mod(asked("pkg:golang/example.org/a@v1.0.0"))
    there = [
        *(module("example.org/shop", "", f"bin/{n}") for n in "xy"),
        *(module("example.org/a", "v1.0.9", f"bin/{n}") for n in "xy"),
        module("example.org/other", "", "bin/docker"),
        module("example.org/shop", "v2.0.0", "bin/docker"),
        module("example.org/a", "v1.0.5", "bin/docker"),
        module("example.org/more", "v1.0.0", "bin/docker"),
    ]
    found = compare([stated], there)
    assert [(item.code, item.found, item.where) for item in found.findings] == [
        ("version", "v1.0.9", "bin/x"),
        ("version", "v1.0.9", "bin/y"),
    ]


def test_a_module_of_which_no_program_was_built_is_not_compared() -> None:
    stated = go_mod(asked("pkg:golang/example.org/a@v1.0.0"))
    there = [module("example.org/other", ""), module("example.org/a", "v1.0.5")]
    found = compare([stated], there)
    assert found.findings == ()
    assert [gap.what for gap in found.gaps] == ["dependency.compared"]


def test_members_of_a_go_workspace_decide_together() -> None:
    app = go_mod(asked("pkg:golang/example.org/a@v1.5.0"), name="example.org/app")
    lib = go_mod(
        asked("pkg:golang/example.org/a@v1.6.0"),
        asked("pkg:golang/example.org/b@v1.0.0"),
        name="example.org/lib",
    )
    members = [module("example.org/app", ""), module("example.org/lib", "")]
    there = [*members, module("example.org/a", "v1.6.0"), module("example.org/b", "v1.0.0")]
    assert compare([app, lib], there).findings == ()
    there = [*members, module("example.org/a", "v1.7.0")]
    assert [item.code for item in compare([app, lib], there).findings] == ["version", "version"]


def test_a_main_module_with_a_version_is_known_by_its_program() -> None:
    program = Component(
        "application",
        "app",
        ref="application:usr/bin/app",
        occurrences=(Occurrence("usr/bin/app"),),
        requires=("pkg:golang/example.org/shop@v0.1.0",),
    )
    there = [
        Dependency(program),
        module("example.org/shop", "v0.1.0"),
        module("example.org/a", "v1.0.1"),
    ]
    stated = go_mod(asked("pkg:golang/example.org/a@v1.0.0"))
    assert [item.code for item in compare([stated], there).findings] == ["version"]


def test_a_rust_program_is_compared_with_the_lock_of_its_own_crate() -> None:
    def crate(name: str, version: str, program: str) -> Dependency:
        return installed(f"pkg:cargo/{name}@{version}", program)

    def own(name: str, program: str) -> Dependency:
        made = Component("library", name, "0.1.0", ref=f"cargo:{name}@0.1.0")
        return Dependency(_with(made, {"occurrences": (Occurrence(program),)}))

    stated = Declared(
        "cargo",
        "",
        "Cargo.lock",
        True,
        (asked("pkg:cargo/serde@1.0.1"), asked("pkg:cargo/unused@1.0.0")),
        name="shop",
    )
    there = [
        own("shop", "bin/shop"),
        crate("serde", "1.0.2", "bin/shop"),
        own("tool", "bin/tool"),
        crate("serde", "1.0.3", "bin/tool"),
        crate("extra", "1.0.0", "bin/tool"),
    ]
    (finding,) = compare([stated], there).findings
    assert (finding.code, finding.found, finding.where) == ("version", "1.0.2", "bin/shop")


def test_go_sums_of_lock_and_binary_are_held_against_each_other() -> None:
    def with_sum(item: Dependency, value: str) -> Dependency:
        marks = (Property("bom-seal:go:h1", value),)
        return Dependency(_with(item.component, {"properties": marks}))

    purl = "pkg:golang/example.org/a@v1.0.0"
    stated = go_mod(with_sum(asked(purl), "h1:AAAA="))
    main = module("example.org/shop", "")
    same = with_sum(module("example.org/a"), "h1:AAAA=")
    other = with_sum(module("example.org/a"), "h1:BBBB=")
    assert compare([stated], [main, same]).findings == ()
    assert codes(compare([stated], [main, other]).findings) == [("hash", "h1 AAAA=", "h1 BBBB=")]


# --- which lock describes what -------------------------------------------------------------------


def test_of_two_projects_in_one_repository_only_the_one_in_the_image_is_compared() -> None:
    web = Declared(
        "npm",
        "web",
        "web/package-lock.json",
        True,
        tuple(asked(f"pkg:npm/{name}@1.0.0") for name in "abcd"),
    )
    api = Declared(
        "npm",
        "api",
        "api/package-lock.json",
        True,
        tuple(asked(f"pkg:npm/{name}@1.0.0") for name in "abcxyz"),
    )
    there = [npm(name, folder="srv") for name in "abcd"]
    found = compare([api, web], there)
    assert found.findings == ()
    assert [(gap.where, gap.why) for gap in found.gaps] == [
        (
            "api/package-lock.json",
            "another lock describes what it comes closest to: not compared",
        )
    ]


def test_npm_s_own_packages_are_nobody_s_dependencies() -> None:
    stated = lock(asked("pkg:npm/semver@7.0.0"), asked("pkg:npm/ms@2.0.0"), folder="src")
    own = [
        installed(
            f"pkg:npm/{name}@1.0.0",
            f"usr/local/lib/node_modules/npm/node_modules/{name}/package.json",
        )
        for name in ("semver", "ms", "tar", "ini", "glob", "npmlog")
    ]
    found = compare([stated], own)
    assert found.findings == ()
    assert [gap.what for gap in found.gaps] == ["dependency.compared"]


def test_an_environment_is_the_lock_s_however_much_was_added_to_it() -> None:
    stated = lock(*(asked(f"pkg:npm/p{n}@1.0.0") for n in range(10)), folder="src")
    there = [npm(f"p{n}", folder="srv") for n in range(10)]
    added = [npm(f"evil{n}", folder="srv") for n in range(30)]
    assert len(compare([stated], [*there, *added]).findings) == 30


def test_what_lies_beside_a_lock_is_its_own_even_where_nothing_fits() -> None:
    found = compare([lock(asked("pkg:npm/a@1.0.0"))], [npm("evil")])
    assert [item.code for item in found.findings] == ["additional", "missing"]


def test_workspaces_with_modules_of_their_own_belong_to_the_project() -> None:
    stated = Declared(
        "npm",
        "",
        "package-lock.json",
        True,
        (asked("pkg:npm/a@1.0.0"), asked("pkg:npm/b@2.0.0")),
        members=("packages/one",),
    )
    inside = installed("pkg:npm/b@2.0.0", "srv/packages/one/node_modules/b/package.json")
    top = npm("a", folder="srv")
    assert compare([stated], [top, inside]).findings == ()
    evil = installed("pkg:npm/evil@6.0.0", "srv/packages/one/node_modules/evil/package.json")
    assert [item.code for item in compare([stated], [top, inside, evil]).findings] == ["additional"]


def test_each_version_that_a_lock_asks_for_has_to_be_there() -> None:
    stated = lock(asked("pkg:npm/a@1.0.0"), asked("pkg:npm/a@2.0.0", 7))
    (finding,) = compare([stated], [npm("a")]).findings
    assert (finding.code, finding.expected, finding.where) == (
        "missing",
        "a 2.0.0",
        "app/package-lock.json:7",
    )
    nested = installed("pkg:npm/a@2.0.1", "app/node_modules/x/node_modules/a/package.json")
    found = compare([stated], [npm("a"), npm("x"), nested]).findings
    assert [item.code for item in found] == ["additional", "version"]


def test_versions_for_several_interpreters_are_one_package_in_an_environment() -> None:
    stated = lock(
        asked("pkg:pypi/numpy@1.26.0"), asked("pkg:pypi/numpy@2.0.0"), ecosystem="pypi", folder=""
    )
    assert compare([stated], [pypi("numpy", "2.0.0")]).findings == ()


def test_copies_of_one_package_are_one_finding_with_their_number() -> None:
    places = [f"app/node_modules/{n}/node_modules/evil/package.json" for n in "cab"]
    one = installed("pkg:npm/evil@1.0.0", places[0])
    component = _with(one.component, {"occurrences": tuple(Occurrence(p) for p in places)})
    (finding,) = compare(
        [lock(asked("pkg:npm/q@1.0.0"))], [npm("q"), Dependency(component)]
    ).findings
    assert finding.where == "app/node_modules/a/node_modules/evil/package.json and 2 more"


def test_a_requirements_file_without_hashes_leaves_out_what_pip_adds() -> None:
    stated = lock(asked("pkg:pypi/flask@3.0.0"), ecosystem="pypi", folder="srv")
    flask = pypi("flask", "3.0.0")
    flask = Dependency(_with(flask.component, {"requires": ("pkg:pypi/click@8.0.0",)}))
    there = [flask, pypi("click", "8.0.0"), pypi("evil", "1")]
    (finding,) = compare([stated], there).findings
    assert (finding.code, finding.found) == ("additional", "evil 1")


def test_a_requirements_file_with_hashes_leaves_out_nothing() -> None:
    file = Distribution("flask.whl", "", (Hash("SHA-256", "ab" * 32),))
    hashed = asked("pkg:pypi/flask@3.0.0", distributions=(file,))
    flask = pypi("flask", "3.0.0")
    flask = Dependency(_with(flask.component, {"requires": ("pkg:pypi/click@8.0.0",)}))
    stated = lock(hashed, ecosystem="pypi", folder="")
    (finding,) = compare([stated], [flask, pypi("click", "8.0.0")]).findings
    assert (finding.code, finding.found) == ("additional", "click 8.0.0")


def test_what_the_operating_system_has_already_is_not_missing() -> None:
    owner = Property("bom-seal:python:owner", "pkg:deb/debian/python3-six@1")
    six = pypi("six", "1.16.0", "usr/lib/python3/dist-packages")
    six = Dependency(_with(six.component, {"properties": (owner,)}))
    stated = lock(
        *(asked(f"pkg:pypi/{name}") for name in ("six@1.16.0", "flask@3.0.0")),
        ecosystem="pypi",
        folder="",
    )
    assert compare([stated], [six, pypi("flask", "3.0.0")]).findings == ()
    assert len(compare([stated], [pypi("flask", "3.0.0")]).findings) == 1


def test_the_projects_themselves_are_nothing_additional() -> None:
    stated = lock(asked("pkg:pypi/flask@3.0.0"), ecosystem="pypi", folder="")
    named = Declared("pypi", "", stated.location, True, stated.dependencies, name="Web_Shop")
    library = Declared("pypi", "lib", "lib/pyproject.toml", False, name="shop.lib")
    there = [pypi("flask", "3.0.0"), pypi("web-shop", "0.1"), pypi("shop-lib", "0.1")]
    assert compare([named, library], there).findings == ()
    assert len(compare([stated], there).findings) == 2


def test_a_jar_that_does_not_state_its_group_is_found_by_its_name() -> None:
    def jar(name: str, version: str) -> Dependency:
        place = Occurrence(f"srv/app.jar!/BOOT-INF/lib/{name}-{version}.jar")
        return Dependency(
            Component("library", name, version, ref=f"jar:{name}", occurrences=(place,))
        )

    stated = Declared(
        "maven",
        "",
        "gradle.lockfile",
        True,
        tuple(asked(f"pkg:maven/org.example/{name}@1.0") for name in ("one", "two", "three")),
    )
    named = installed("pkg:maven/org.example/three@1.0", "srv/app.jar!/BOOT-INF/lib/three-1.0.jar")
    found = compare([stated], [jar("one", "1.0"), jar("two", "2.0"), named])
    assert codes(found.findings) == [("version", "1.0 (gradle.lockfile)", "2.0")]


def test_a_lock_that_can_not_be_read_is_told_of() -> None:
    gap = Gap("dependency.lock", "app/yarn.lock", "the file is no text")
    broken = Declared("npm", "app", "app/yarn.lock", False, gaps=(gap,))
    assert compare([broken], [npm("a")]).gaps == (gap,)


def test_order_changes_nothing() -> None:
    locks = [
        lock(asked("pkg:npm/a@1.0.0"), asked("pkg:npm/b@1.0.0"), folder=folder)
        for folder in ("one", "two", "three")
    ]
    there = [npm("a", "1.0.1", "x"), npm("b", folder="x"), npm("c", folder="x")]
    assert compare(locks, there) == compare(locks[::-1], there[::-1])


def test_twenty_thousand_packages_and_many_projects_take_seconds() -> None:
    there = [npm(f"p{n}", "1.0.0") for n in range(20_000)]
    asked_for = tuple(asked(f"pkg:npm/p{n}@1.0.0") for n in range(20_000))
    small = [Declared("npm", f"d{n}", f"d{n}/lock", True, asked_for[n : n + 9]) for n in range(999)]
    start = time.process_time()
    found = compare([lock(*asked_for), *small], there)
    assert time.process_time() - start < 10  # some 0.7 s
    assert found.findings == ()


_NAMES = st.sampled_from(["a", "b", "%40s/c", "node_modules", "..", "é", "\x1b]0;", "a@b", ""])
_PLACES = st.sampled_from(
    [
        *("", "a", "../x", "node_modules/a/package.json", "w/p/node_modules/a/package.json"),
        *(".yarn/cache/a.zip", "v/lib/python3.11/site-packages/a", "x.jar!/b.jar", "bin/a", "//"),
    ]
)
_KINDS = st.sampled_from(["npm", "pypi", "golang", "cargo", "maven", "gem", "composer", "nuget"])
_PARTS = st.builds(
    lambda kind, name, version, place, nameless: Component(
        "library",
        name,
        version,
        purl="" if nameless else f"pkg:{kind}/{name}@{version}",
        ref=f"{kind}:{name}" if nameless else "",
        occurrences=(Occurrence(place),),
    ),
    *(_KINDS, _NAMES, st.sampled_from(["", "1", "1.0", "2", "x"]), _PLACES, st.booleans()),
)
_ASKED = st.builds(
    Dependency, _PARTS, st.sampled_from(["shipped", "build"]), st.booleans(), optional=st.booleans()
)
_LOCKS = st.builds(
    Declared,
    *(_KINDS, _PLACES, _PLACES, st.booleans(), st.lists(_ASKED, max_size=6).map(tuple)),
    name=_NAMES,
    members=st.lists(_PLACES, max_size=3).map(tuple),
)


@given(st.lists(_LOCKS, max_size=5), st.lists(_PARTS.map(Dependency), max_size=12))
def test_any_locks_and_any_packages_give_findings_in_order(
    locks: list[Declared], there: list[Dependency]
) -> None:
    unique = list({item.component.bom_ref: item for item in there}.values())
    found = compare(locks, unique)
    assert [item.component.bom_ref for item in found.installed] == sorted(
        item.component.bom_ref for item in unique
    )
    assert list(found.findings) == sorted(set(found.findings))
    assert {item.code for item in found.findings} <= {"missing", "additional", "version", "hash"}
    assert compare(locks[::-1], unique[::-1]) == found


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
