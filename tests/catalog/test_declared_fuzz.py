"""Laws of every reader of Python's and conda's manifests and locks: whatever the bytes, there are
only dependencies and gaps, the same each time, in text that can be written."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.catalog.memory import memory_view
from tests.catalog.reading import mutated
from tests.catalog.test_conda_projects import CONDA_LOCK
from tests.catalog.test_python_locks import CASES

from bom.catalog.conda import Conda
from bom.catalog.protocol import Declared
from bom.catalog.python import Python
from bom.catalog.unread import Unread
from bom.model import Dependency, Gap

if TYPE_CHECKING:
    from collections.abc import Callable

PIXI_LOCK = """\
version: 6
environments:
  default:
    packages:
      linux-64:
      - conda: https://x.example.invalid/demo/linux-64/a-1.0-h0_0.conda
packages:
- conda: https://x.example.invalid/demo/linux-64/a-1.0-h0_0.conda
  sha256: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
  depends:
  - b >=1
  license: MIT
"""
SETUP_CFG = """\
[metadata]
name = demo
version = 1.0
[options]
python_requires = >=3.10
install_requires =
  one==1.0; python_version < "3.11"
  two[x]>2  # why
[options.extras_require]
more = three; four
"""
ENVIRONMENT = """\
dependencies:
  - demo/linux-64::numpy=1.26.4=py312_0
  - python=3.12
  - pip:
      - flask[async]==3.0.0; python_version > "3"
"""


def case(name: str, file: str) -> bytes:
    return (CASES / name / "in" / file).read_bytes()


REAL = {
    "pyproject.toml": case("python-uv-workspace", "pyproject.toml"),
    "setup.cfg": SETUP_CFG.encode(),
    "Pipfile": case("python-pipenv", "Pipfile"),
    "pylock.toml": case("python-pylock-uv", "pylock.toml"),
    "uv.lock": case("python-uv", "uv.lock"),
    "poetry.lock": case("python-poetry", "poetry.lock"),
    "pdm.lock": case("python-pdm", "pdm.lock"),
    "Pipfile.lock": case("python-pipenv", "Pipfile.lock"),
    "requirements.txt": case("python-requirements", "requirements.txt"),
    "job.py.lock": case("python-script", "job.py.lock"),
    "conda-lock.yml": CONDA_LOCK.encode(),
    "pixi.lock": PIXI_LOCK.encode(),
    "pixi.toml": b'[dependencies]\na = "1.*"\n[target.linux-64.dependencies]\nb = {version = "2"}',
    "conda-linux-64.lock": b"@EXPLICIT\nhttps://x.example.invalid/demo/noarch/a-1-h0_0.conda#"
    + b"a" * 32,
    "environment.yml": ENVIRONMENT.encode(),
}


def declared(name: str, content: bytes) -> list[Declared]:
    view = memory_view({f"app/{name}": content})
    readers = (Python(), Conda(), Unread())
    return [item for reader in readers for item in reader.declared(view)]


def check(name: str, content: bytes) -> None:
    found = declared(name, content)
    assert len(found) == 1
    for project in found:
        assert isinstance(project, Declared)
        assert all(isinstance(item, Dependency) for item in project.dependencies)
        assert all(isinstance(item, Gap) for item in project.gaps)
        assert tuple(sorted(project.dependencies)) == project.dependencies
        json.dumps(asdict(project), ensure_ascii=False).encode()
        for item in project.dependencies:
            component = item.component
            assert component.name
            assert component.version.isprintable()
            if not any(file.hashes for file in component.distributions):
                lacking = {gap.what for gap in project.gaps if gap.ref == component.bom_ref}
                assert lacking & {"dependency.hash", "dependency.source"}
    assert found == declared(name, content)


@pytest.mark.parametrize("name", sorted(REAL))
def test_the_real_file_obeys_the_laws_and_gives_something(name: str) -> None:
    check(name, REAL[name])
    assert declared(name, REAL[name])[0].dependencies


@pytest.mark.parametrize("name", sorted(REAL))
@settings(max_examples=60)
@given(seed=st.integers(0, 2**32))
def test_a_damaged_file_obeys_the_laws(name: str, seed: int) -> None:
    check(name, mutated(REAL[name], seed))


@pytest.mark.parametrize("name", sorted(REAL))
@settings(max_examples=40)
@given(content=st.binary(max_size=400) | st.text(max_size=400).map(lambda t: t.encode()))
@example(content=b"")
@example(content=b"\xef\xbb\xbf")
@example(content=b"[" * 50_000)
@example(content=b"a = " + b"{a = " * 5_000)
@example(content=b"(" * 5_000 + b"a")
@example(content=b"a; " + b"(" * 5_000 + b"python_version > '3'")
@example(content=b'{"a":' * 50_000)
@example(content=b"version: 1\npackage:\n" + b"- " * 5_000)
def test_arbitrary_bytes_obey_the_laws(name: str, content: bytes) -> None:
    check(name, content)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.floats(allow_nan=False),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)


def toml(value: object) -> str:
    """A value as TOML writes it inline; what it has no word for is left to a string."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)} = {toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, bool | int):
        return json.dumps(value)
    return json.dumps(value if isinstance(value, str) else str(value)).replace("\\u007f", "")


KEYS = {
    "uv.lock": (
        "name",
        "version",
        "source",
        "dependencies",
        "wheels",
        "sdist",
        "resolution-markers",
    ),
    "poetry.lock": ("name", "version", "files", "dependencies", "markers", "groups", "source"),
    "pdm.lock": ("name", "version", "files", "dependencies", "marker", "groups", "extras", "git"),
    "pylock.toml": ("name", "version", "wheels", "dependencies", "marker", "vcs", "archive"),
}
HEADS: dict[str, tuple[str, str]] = {
    "uv.lock": ("version = 1\n", "package"),
    "poetry.lock": ('metadata = {content-hash = "x"}\n', "package"),
    "pdm.lock": ('metadata = {lock_version = "4.5.0"}\n', "package"),
    "pylock.toml": ('lock-version = "1.0"\n', "packages"),
}


@pytest.mark.parametrize("name", sorted(KEYS))
@settings(max_examples=60)
@given(data=st.data())
def test_entries_with_values_of_any_type_obey_the_laws(name: str, data: st.DataObject) -> None:
    draw: Callable[[st.SearchStrategy[object]], object] = data.draw
    head, key = HEADS[name]
    entries = []
    for _ in range(data.draw(st.integers(1, 4))):
        fields = {field: draw(JSON) for field in KEYS[name] if draw(st.booleans())}
        if draw(st.booleans()):
            fields["name"] = draw(st.sampled_from(["a", "b", "A_b", "../x", ""]))
        entries.append(f"[[{key}]]\n" + "".join(f"{k} = {toml(v)}\n" for k, v in fields.items()))
    check(name, (head + "".join(entries)).encode("utf-8", "replace"))
