"""Ruby: Bundler's locks and installed gems.

tests/cases/ruby-bundler is what Bundler 2.3 resolved from a source of gems on one machine, whose
addresses were replaced. What `gem` and `bundle` themselves list is compared with where they are.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

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

from bom.catalog import WANTED, catalogue
from bom.catalog.compare import compare
from bom.catalog.protocol import Owned
from bom.catalog.ruby import Ruby, gemfile, gemspec
from bom.catalog.ruby.names import satisfies
from bom.catalog.stated import Unreadable
from bom.catalog.view import listed_view
from bom.model import Dependency, Finding, Hash, Property

if TYPE_CHECKING:
    from tests.conftest import Need

CASE = Path(__file__).parents[1] / "cases/ruby-bundler"
LOCK = (CASE / "in/Gemfile.lock").read_bytes()
GEMFILE = (CASE / "in/Gemfile").read_bytes()
SPECIFICATION = b"""\
# -*- encoding: utf-8 -*-
# stub: alpha 1.2.0 x86_64-linux lib

Gem::Specification.new do |s|
  s.name = "alpha".freeze
  s.version = "1.2.0"
  s.platform = "x86_64-linux".freeze

  s.required_rubygems_version = Gem::Requirement.new(">= 0".freeze) if s.respond_to? :x=
  s.metadata = { "homepage_uri" => "https://x.example.org" } if s.respond_to? :metadata=
  s.authors = ["Example Authors".freeze, "O\\u2019Other".freeze]
  s.executables = ["alpha".freeze]
  s.homepage = "https://alpha.example.org/".freeze
  s.licenses = ["MIT".freeze]
  s.summary = "The \\"alpha\\" gem\\n\\u00E4 #{1}".freeze

  if s.respond_to? :add_runtime_dependency then
    s.add_runtime_dependency(%q<beta>.freeze, ["~> 2.0"])
    s.add_development_dependency(%q<rake>.freeze, ["~> 13"])
  else
    s.add_dependency(%q<beta>.freeze, ["~> 2.0"])
    s.add_dependency(%q<rake>.freeze, ["~> 13"])
  end
end
"""
NEWER = b"""\
# stub: beta 2.1.3 ruby lib

Gem::Specification.new do |s|
  s.name = "beta".freeze
  s.version = "2.1.3".freeze
  s.files = ["lib/beta.rb".freeze]
  s.specification_version = 4
  s.add_runtime_dependency(%q<gamma>.freeze, ["!= 3".freeze, ">= 1".freeze])
end
"""


def home(*, cached: bool = True) -> dict[str, bytes]:
    found = {
        "gem/specifications/alpha-1.2.0-x86_64-linux.gemspec": SPECIFICATION,
        "gem/gems/alpha-1.2.0-x86_64-linux/lib/alpha.rb": b"module Alpha; end\n",
        "gem/gems/alpha-1.2.0-x86_64-linux/spec/gems/specifications/x-1.gemspec": b"test data",
        "gem/extensions/x86_64-linux/3.1.0/alpha-1.2.0-x86_64-linux/alpha.so": b"\x7fELF",
        "gem/bin/alpha": b"#!/usr/bin/env ruby\n",
        "gem/specifications/beta-2.1.3.gemspec": NEWER,
        "gem/gems/beta-2.1.3/lib/beta.rb": b"module Beta; end\n",
    }
    if cached:
        found["gem/cache/alpha-1.2.0-x86_64-linux.gem"] = b"the gem"
    return found


# --- locks ---------------------------------------------------------------------------------------


def test_a_lock_that_bundler_wrote_reads_as_expected() -> None:
    assert matches_case(CASE, declared(CASE / "in", Ruby()))


def test_the_groups_of_a_plain_gemfile_tell_what_only_builds() -> None:
    (found,) = declared(CASE / "in", Ruby())
    roles = {item.component.name: (item.role, item.direct) for item in found.dependencies}
    assert roles == {
        "alpha": ("shipped", True),
        "beta": ("shipped", False),
        "ghost": ("shipped", True),
        "native": ("shipped", False),
        "tester": ("build", True),
    }
    assert "engine" not in roles  # the project's own


def test_checksums_are_those_of_each_platform_s_file(tmp_path: Path) -> None:
    put(
        tmp_path,
        "Gemfile.lock",
        f"""\
GEM
  remote: https://user:secret@gems.example.org/
  specs:
    native (1.5.0)
    native (1.5.0-java)
    plain (1.0)

PLATFORMS
  ruby

DEPENDENCIES
  native
  plain

CHECKSUMS
  native (1.5.0) sha256={"1" * 64}
  native (1.5.0-java) sha256={"2" * 64}
  plain (1.0)

BUNDLED WITH
   2.6.9
""",
    )
    (found,) = declared(tmp_path, Ruby())
    native = next(item for item in found.dependencies if item.component.name == "native")
    assert native.component.purl == "pkg:gem/native@1.5.0"
    assert [(file.name, file.hashes) for file in native.component.distributions] == [
        ("native-1.5.0-java.gem", (Hash("SHA-256", "2" * 64),)),
        ("native-1.5.0.gem", (Hash("SHA-256", "1" * 64),)),
    ]
    registry = Property("bom-seal:gem:registry", "https://gems.example.org/")
    assert registry in native.component.properties
    assert {gap.where for gap in found.gaps if gap.what == "dependency.hash"} == {"plain"}
    assert "secret" not in repr(found)


def test_where_a_gemfile_is_code_every_gem_may_be_missing(tmp_path: Path) -> None:
    put(tmp_path, "Gemfile.lock", LOCK)
    put(tmp_path, "Gemfile", 'gem "alpha" if ENV["X"]\n')
    (found,) = declared(tmp_path, Ruby())
    assert all(item.optional and item.role == "shipped" for item in found.dependencies)
    assert ("dependency.declared", "Gemfile") in gaps(found.gaps)


def test_a_gemfile_or_gemspec_alone_is_a_gap(tmp_path: Path) -> None:
    put(tmp_path, "a/Gemfile", GEMFILE)
    put(tmp_path, "b/own.gemspec", "Gem::Specification.new { }")
    found = declared(tmp_path, Ruby())
    assert [(item.folder, item.locked, item.dependencies) for item in found] == [
        ("a", False, ()),
        ("b", False, ()),
    ]
    assert all(gap.what == "dependency.declared" for item in found for gap in item.gaps)


@pytest.mark.parametrize(
    ("source", "groups"),
    [
        ("gem 'a'", {"a": {"default"}}),
        ("gem 'a', '~> 1', groups: [:test, :other] # why", {"a": {"test", "other"}}),
        (
            "group :test do\n  gem 'a', require: false\nend\ngem 'b'",
            {"a": {"test"}, "b": {"default"}},
        ),
        ("gem 'a', :group => :development", {"a": {"development"}}),
        ("gem 'a', group: %i[development test]", {"a": {"development", "test"}}),
        ("source 'https://x.example.org' do\n  gem('a')\nend", {"a": {"default"}}),
        ("gem 'a',\n  '1.0',\n  group: :test", {"a": {"test"}}),
        ('gem "a#{1}"', None),
        ("gemspec", None),
        ("eval_gemfile 'x'", None),
        ("gem 'a' if true", None),
        ("group :x do", None),
        ("end", None),
    ],
)
def test_groups_are_read_only_where_they_are_plain(
    source: str, groups: dict[str, set[str]] | None
) -> None:
    found = gemfile.groups(source.encode())
    assert found == (None if groups is None else {k: frozenset(v) for k, v in groups.items()})


@pytest.mark.parametrize(
    "content",
    [b"", b"\0\0\0", b"\xff\xfe", b"<<<<<<< HEAD\nGEM\n", b"[" * 1000, b"nothing: of this\n"],
)
def test_what_is_no_lock_is_a_gap(tmp_path: Path, content: bytes) -> None:
    put(tmp_path, "Gemfile.lock", content)
    (found,) = declared(tmp_path, Ruby())
    assert not found.locked
    assert {gap.what for gap in found.gaps} == {"dependency.lock"}


# --- installed -----------------------------------------------------------------------------------


def test_a_gem_is_described_by_its_specification_and_its_files() -> None:
    found = list(Ruby().installed(memory_view(home())))
    parts = dependencies(found)
    alpha = parts["pkg:gem/alpha@1.2.0?platform=x86_64-linux"].component
    assert alpha.requires == ("pkg:gem/beta@2.1.3",)
    assert alpha.maintainer == "Example Authors, O\u2019Other"
    assert alpha.description == 'The "alpha" gem \u00e4 #{1}'
    assert [licence.value for licence in alpha.licences] == ["MIT"]
    assert alpha.hash_of == "installed-files"
    (file,) = alpha.distributions
    assert file.name == "alpha-1.2.0-x86_64-linux.gem"
    assert file.hashes == (Hash("SHA-256", hashlib.sha256(b"the gem").hexdigest()),)
    assert gaps(found) == {
        ("component.licence", "pkg:gem/beta@2.1.3"),
        ("dependency", "pkg:gem/beta@2.1.3"),
    }
    owned = [item for item in found if isinstance(item, Owned) and item.ref == alpha.purl]
    assert owned[0].folders == (
        "gem/gems/alpha-1.2.0-x86_64-linux",
        "gem/extensions/x86_64-linux/3.1.0/alpha-1.2.0-x86_64-linux",
        "gem/doc/alpha-1.2.0-x86_64-linux",
    )
    assert (owned[1].paths, owned[1].rule) == (("gem/bin/alpha",), "gem-binstub")


def test_code_that_rubygems_did_not_write_gives_only_its_stub() -> None:
    raw = b"# stub: alpha 1.2.0 ruby lib\nGem::Specification.new { |s| s.name = eval('x') }\n"
    read = gemspec.read(raw)
    assert (read.name, read.version, read.exact) == ("alpha", "1.2.0", False)
    with pytest.raises(Unreadable):
        gemspec.read(b"Gem::Specification.new do |s|\n  s.name = File.read('x')\nend\n")


def test_a_default_gem_has_the_files_of_ruby_s_own_library() -> None:
    raw = b"""\
# stub: json 2.6.1 ruby lib

Gem::Specification.new do |s|
  s.name = "json".freeze
  s.version = "2.6.1"
  s.files = ["README.md".freeze, "json.rb".freeze, "json/ext/parser.so".freeze, "../x".freeze]
end
"""
    lib = "usr/local/lib/ruby"
    view = memory_view(
        {
            f"{lib}/gems/3.2.0/specifications/default/json-2.6.1.gemspec": raw,
            f"{lib}/3.2.0/json.rb": b"json",
            f"{lib}/3.2.0/x86_64-linux/rbconfig.rb": b"config",
            f"{lib}/3.2.0/x86_64-linux/json/ext/parser.so": b"\x7fELF",
        }
    )
    found = list(Ruby().installed(view))
    (json,) = dependencies(found).values()
    assert Property("bom-seal:gem:default", "true") in json.component.properties
    assert json.component.hash_of == "installed-files"
    (owned,) = (item for item in found if isinstance(item, Owned))
    assert set(owned.paths) == {
        f"{lib}/gems/3.2.0/specifications/default/json-2.6.1.gemspec",
        f"{lib}/3.2.0/json.rb",
        f"{lib}/3.2.0/x86_64-linux/json/ext/parser.so",
    }


def test_a_checkout_is_the_one_that_a_lock_in_the_same_view_names() -> None:
    place = "b/ruby/3.1.0/bundler/gems/gitgem-d71aafa6804f"
    raw = b'Gem::Specification.new do |s|\n  s.name = "ghost"\n  s.version = "0.9.0"\nend\n'
    files = {f"{place}/ghost.gemspec": raw, f"{place}/lib/ghost.rb": b"x"}
    (alone,) = dependencies(Ruby().installed(memory_view(files)))
    assert alone == "gem:ghost@0.9.0"
    (known,) = dependencies(Ruby().installed(memory_view({**files, "app/Gemfile.lock": LOCK})))
    assert known.startswith("pkg:gem/ghost@0.9.0?vcs_url=git%2Bhttps:")


@pytest.mark.parametrize(
    ("version", "wanted", "fits"),
    [
        ("2.1.3", "~> 2.0", True),
        ("3.0", "~> 2.0", False),
        ("2.0.1", "~> 2.0.0", True),
        ("2.1", "~> 2.0.0", False),
        ("3.0.0.pre1", "~> 2.0", False),
        ("1.0", "= 1", True),
        ("1.0.0.rc1", ">= 1.0", False),
        ("1.10", "> 1.9", True),
        ("1", "!= 1.0", False),
    ],
)
def test_requirements_are_met_as_rubygems_has_it(version: str, wanted: str, *, fits: bool) -> None:
    assert satisfies(version, [wanted]) is fits


def test_an_install_from_its_lock_has_no_findings_and_a_removed_gem_is_one() -> None:
    lock = b"""\
GEM
  remote: https://rubygems.org/
  specs:
    alpha (1.2.0-x86_64-linux)
      beta (~> 2.0)
    beta (2.1.3)
    json (2.6.1)

DEPENDENCIES
  alpha
  json
"""
    default = b'Gem::Specification.new do |s|\n  s.name = "json"\n  s.version = "2.6.1"\nend\n'
    files = {
        **home(),
        "app/Gemfile.lock": lock,
        "app/Gemfile": b"gem 'alpha'\ngem 'json'\n",
        "usr/local/lib/ruby/gems/3.1.0/specifications/default/json-2.6.1.gemspec": default,
    }

    def findings(present: dict[str, bytes]) -> list[tuple[str, str]]:
        view = memory_view(present)
        made = compare(Ruby().declared(view), catalogue(view).installed)
        return [(item.code, item.expected) for item in made.findings]

    assert findings(files) == []
    del files["gem/specifications/beta-2.1.3.gemspec"]
    assert findings(files) == [("missing", "beta 2.1.3")]


# --- against the real tools ----------------------------------------------------------------------


def _listed(done: subprocess.CompletedProcess[str]) -> set[tuple[str, str]]:
    found = set()
    for line in done.stdout.splitlines():
        if match := re.match(r"(?:  \* )?(\S+) \((.+)\)", line):
            for version in match[2].split(", "):
                found.add((match[1], version.removeprefix("default: ").split()[0]))
    return found


def _environment(**more: str) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("GEM_", "BUNDLE_", "RUBY"))}
    return {**kept, **more}


def _names(found: list[object]) -> set[tuple[str, str]]:
    return {
        (item.component.name, item.component.version)
        for item in found
        if isinstance(item, Dependency)
    }


def test_debian_s_own_gems_are_those_that_gem_lists(need: Need) -> None:
    gem = need("gem")
    shown = subprocess.run(
        [gem, "environment", "gempath"],
        capture_output=True,
        text=True,
        check=True,
        env=_environment(),
    )
    homes = [Path(part) for part in shown.stdout.strip().split(":")]
    folders = ["etc", "usr/lib", "var/lib/dpkg", "var/lib/dpkg/info"]
    for place in homes:
        folders += [
            str(folder.relative_to("/")) for folder in [place, *place.rglob("*")] if folder.is_dir()
        ]
    view = listed_view(Path("/"), folders, WANTED)
    found = list(Ruby().installed(view))
    listed = subprocess.run(
        [gem, "list", "--local"], capture_output=True, text=True, check=True, env=_environment()
    )
    expected = _listed(listed)
    assert len(expected) > 50
    assert _names(list(found)) == expected
    owners = {
        fact.value.partition("@")[0]
        for item in found
        if isinstance(item, Dependency)
        for fact in item.component.properties
        if fact.name == "bom-seal:gem:owner"
    }
    assert any(owner.startswith("pkg:deb/debian/libruby") for owner in owners)


def _made(gem: str, folder: Path, name: str, version: str, more: str = "") -> Path:
    put(folder, f"{name}/lib/{name}.rb", f"module {name.capitalize()}; end\n")
    put(
        folder,
        f"{name}/{name}.gemspec",
        f'Gem::Specification.new do |s|\n  s.name = "{name}"\n  s.version = "{version}"\n'
        '  s.summary = "An example"\n  s.authors = ["Example Authors"]\n  s.licenses = ["MIT"]\n'
        f'  s.files = ["lib/{name}.rb"]\n{more}end\n',
    )
    out = folder / f"{name}-{version}.gem"
    subprocess.run(
        [gem, "build", "--silent", f"{name}.gemspec", "-o", str(out)],
        cwd=folder / name,
        check=True,
        capture_output=True,
        env=_environment(),
    )
    return out


def test_gems_that_gem_itself_installed_are_all_there_with_what_they_need(
    need: Need, tmp_path: Path
) -> None:
    gem = need("gem")
    beta = _made(gem, tmp_path / "src", "beta", "2.1.3")
    alpha = _made(
        gem, tmp_path / "src", "alpha", "1.2.0.pre1", '  s.add_dependency "beta", "~> 2.0"\n'
    )
    place = tmp_path / "home"
    environment = _environment(GEM_HOME=str(place), GEM_PATH=str(place))
    command = [gem, "install", "--local", "--no-document", "--silent", str(beta), str(alpha)]
    subprocess.run(command, check=True, capture_output=True, env=environment)
    found = installed(place, Ruby())
    parts = dependencies(found)
    listed = subprocess.run(
        [gem, "list", "--local"], capture_output=True, text=True, check=True, env=environment
    )
    mine = {("alpha", "1.2.0.pre1"), ("beta", "2.1.3")}
    assert _names(list(found)) == mine
    assert mine <= _listed(listed)
    made = parts["pkg:gem/alpha@1.2.0.pre1"].component
    assert made.requires == ("pkg:gem/beta@2.1.3",)
    digest = hashlib.sha256(alpha.read_bytes()).hexdigest()
    assert made.distributions[0].hashes == (Hash("SHA-256", digest),)
    assert gaps(found) == set()


def test_bundler_lists_what_its_lock_reads_as(need: Need, tmp_path: Path) -> None:
    gem, bundle = need("gem"), need("bundle")
    source = tmp_path / "source"
    (source / "gems").mkdir(parents=True)
    for name, version, more in (
        ("beta", "2.1.3", ""),
        ("alpha", "1.2.0", '  s.add_dependency "beta", "~> 2.0"\n'),
    ):
        made = _made(gem, tmp_path / "src", name, version, more)
        made.rename(source / "gems" / made.name)
    app = tmp_path / "app"
    put(app, "Gemfile", f'source "file://{source}"\ngem "alpha"\n')
    environment = _environment(BUNDLE_PATH=str(tmp_path / "bundle"), HOME=str(tmp_path))
    for command in ([gem, "generate_index", "--directory", str(source)], [bundle, "install"]):
        subprocess.run(command, cwd=app, check=True, capture_output=True, env=environment)
    shown = subprocess.run(
        [bundle, "list"], cwd=app, capture_output=True, text=True, check=True, env=environment
    )
    (lock,) = declared(app, Ruby())
    expected = _listed(shown)
    assert expected == {("alpha", "1.2.0"), ("beta", "2.1.3")}
    assert _names(list(lock.dependencies)) == expected
    found = installed(tmp_path / "bundle", Ruby())
    assert _names(list(found)) == expected
    compared = compare([lock], [item for item in found if isinstance(item, Dependency)])
    assert [item for item in compared.findings if isinstance(item, Finding)] == []


# --- hostile -------------------------------------------------------------------------------------


@given(st.binary(max_size=400) | st.integers(0, 2**32).map(lambda seed: mutated(LOCK, seed)))
def test_whatever_a_lock_holds_the_laws_hold(content: bytes) -> None:
    check_laws(Ruby(), {"app/Gemfile.lock": content, "app/Gemfile": GEMFILE})


@given(st.binary(max_size=400) | st.integers(0, 2**32).map(lambda seed: mutated(GEMFILE, seed)))
def test_whatever_a_gemfile_holds_the_laws_hold(content: bytes) -> None:
    check_laws(Ruby(), {"app/Gemfile.lock": LOCK, "app/Gemfile": content})


@given(
    st.binary(max_size=400) | st.integers(0, 2**32).map(lambda seed: mutated(SPECIFICATION, seed))
)
def test_whatever_a_specification_holds_the_laws_hold(content: bytes) -> None:
    check_laws(Ruby(), {**home(), "gem/specifications/alpha-1.2.0-x86_64-linux.gemspec": content})
