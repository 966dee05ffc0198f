"""Whatever the bytes of records, metadata, lists and SBOMs are: facts, gaps and findings come out,
never an exception, and everything can be written down."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from bom.archive.layer import LayerEntry
from bom.catalog import WANTED
from bom.catalog.conda import Conda
from bom.catalog.filesystem import Tree, TreeView
from bom.catalog.protocol import Owned
from bom.catalog.python import Python
from bom.catalog.python.eggs import take
from bom.catalog.runtimes import Runtimes
from bom.compose.component import component
from bom.model import Dependency, Finding, Gap

if TYPE_CHECKING:
    from collections.abc import Mapping

SITE = "opt/v/lib/python3.11/site-packages"
INFO = f"{SITE}/demo-1.0.dist-info"

METADATA = b"""Metadata-Version: 2.4
Name: demo
Version: 1.0
Summary: a demo
License-Expression: MIT OR Apache-2.0
Author-email: Someone <someone@example.org>
Project-URL: Homepage, https://example.org/
Requires-Dist: other[fast]>=1 ; python_version >= "3.8" and extra == "x"
Requires-Dist: demo

text
"""
RECORD = b"""demo.py,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0
"a,b.py",md5=abc,1
../../../bin/demo,sha384=x,
demo/_vendor/vendor.txt,,
demo/_vendor/more-1.0.dist-info/METADATA,,
demo-1.0.dist-info/METADATA,,
"""
VENDOR = b"other==1.0  # why\n    nested==2.0\n-e .\ngit+https://example.org/x\n"
SBOM: dict[str, Any] = {
    "bomFormat": "CycloneDX",
    "metadata": {"component": {"name": "demo", "version": "1.0"}},
    "components": [
        {
            "type": "library",
            "name": "x",
            "version": "1",
            "purl": "pkg:cargo/x@1",
            "hashes": [{"alg": "SHA-256", "content": "ab" * 32}],
            "licenses": [{"license": {"id": "MIT"}}, {"expression": "MIT OR ISC"}],
            "externalReferences": [{"type": "distribution", "url": "https://example.org/x"}],
            "components": [{"type": "file", "name": "y"}],
        }
    ],
}
SPDX: dict[str, Any] = {
    "spdxVersion": "SPDX-2.3",
    "packages": [
        {
            "name": "x",
            "versionInfo": "1",
            "externalRefs": [{"referenceType": "purl", "referenceLocator": "pkg:deb/debian/x@1"}],
            "checksums": [{"algorithm": "SHA1", "checksumValue": "ab" * 20}],
            "licenseDeclared": "MIT",
        }
    ],
}
CONDA: dict[str, Any] = {
    "name": "x",
    "version": "1",
    "build": "0",
    "channel": "https://conda.example.org/t/tk/main/noarch",
    "subdir": "noarch",
    "fn": "x-1-0.conda",
    "url": "https://conda.example.org/x-1-0.conda",
    "sha256": "ab" * 32,
    "depends": ["python >=3", "__glibc"],
    "files": ["bin/x", "lib/y"],
    "paths_data": {"paths": [{"_path": "bin/x", "path_type": "hardlink", "sha256": "cd" * 32}]},
    "requested_spec": "x",
    "license": "MIT",
}
REAL: dict[str, bytes] = {
    f"{INFO}/METADATA": METADATA,
    f"{INFO}/RECORD": RECORD,
    f"{INFO}/INSTALLER": b"pip\n",
    f"{INFO}/direct_url.json": b'{"url": "https://example.org/a.whl", "archive_info": {}}',
    f"{INFO}/sboms/a.json": json.dumps(SBOM).encode(),
    f"{INFO}/sboms/b.json": json.dumps(SPDX).encode(),
    f"{SITE}/old.egg-info/PKG-INFO": b"Name: old\nVersion: 1\n",
    f"{SITE}/old.egg-info/requires.txt": b"demo\n[x:python_version<'3']\nother\n",
    f"{SITE}/old.egg-info/installed-files.txt": b"../old.py\nPKG-INFO\n",
    f"{SITE}/old.egg-info/top_level.txt": b"old\n",
    f"{SITE}/link.egg-link": b"/srv/project\n.",
    f"{SITE}/demo/_vendor/vendor.txt": VENDOR,
    f"{SITE}/demo/_vendor/more-1.0.dist-info/METADATA": METADATA,
    "opt/v/pyvenv.cfg": b"home = /usr/local/bin\nversion = 3.11.7\n",
    "opt/v/conda-meta/x-1-0.json": json.dumps(CONDA).encode(),
    "usr/local/include/python3.11/patchlevel.h": b'#define PY_VERSION "3.11.7"\n',
    "usr/local/include/node/node_version.h": b"#define NODE_MAJOR_VERSION 20\n",
}


def view_of(files: Mapping[str, bytes]) -> TreeView:
    tree = Tree()
    contents = {}
    for number, (path, content) in enumerate(sorted(files.items())):
        digest = number.to_bytes(32, "big")
        contents[digest] = content
        wanted = WANTED.wants(path)
        tree.place(LayerEntry(path, "f", len(content), digest=digest, wanted=wanted), 0)
    return TreeView(tree, contents)


def hold(files: Mapping[str, bytes]) -> None:
    """Only what the protocol names comes out, and all of it can be written as UTF-8."""
    view = view_of(files)
    for ecosystem in (Conda(), Python(), Runtimes()):
        for item in ecosystem.installed(view):
            assert isinstance(item, Dependency | Gap | Finding | Owned)
            if isinstance(item, Dependency):
                json.dumps(component(item.component), ensure_ascii=False).encode()
            elif isinstance(item, Owned):
                assert not any(path.startswith("/") or "\0" in path for path in item.paths)
            else:
                repr(item).encode()
                "".join(
                    (item.what, item.where, item.why) if isinstance(item, Gap) else (item.where,)
                ).encode()


def test_the_real_files_give_all_kinds_of_facts() -> None:
    view = view_of(REAL)
    purls = {
        item.component.purl
        for ecosystem in (Conda(), Python(), Runtimes())
        for item in ecosystem.installed(view)
        if isinstance(item, Dependency)
    }
    assert len(purls) == 4
    hold(REAL)


@given(st.sampled_from(sorted(REAL)), st.binary(max_size=300))
def test_arbitrary_bytes_in_the_place_of_any_file(path: str, content: bytes) -> None:
    hold({**REAL, path: content})


@given(
    st.sampled_from(sorted(REAL)),
    st.integers(0, 2000),
    st.integers(0, 20),
    st.one_of(
        st.binary(max_size=12),
        st.sampled_from(
            [b"\0", b"\r\n", b"\n\n", b'"', b",", b"\xff", b"../" * 30, b"\xed\xa0\x80", b"\x1b]0;"]
        ),
    ),
)
def test_a_piece_of_any_real_file_replaced(path: str, at: int, length: int, new: bytes) -> None:
    content = REAL[path]
    at %= len(content) + 1
    hold({**REAL, path: content[:at] + new + content[at + length :]})


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.just("\ud800"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


def places(value: Any, trail: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [trail] if trail else []
    if isinstance(value, dict):
        found += [place for key in value for place in places(value[key], (*trail, key))]
    elif isinstance(value, list):
        found += [place for n, one in enumerate(value) for place in places(one, (*trail, n))]
    return found


@given(st.data())
def test_a_value_of_another_type_anywhere_in_a_json_record(data: st.DataObject) -> None:
    path = data.draw(st.sampled_from([name for name in sorted(REAL) if name.endswith(".json")]))
    document = json.loads(REAL[path])
    *trail, last = data.draw(st.sampled_from(places(document)))
    holder = document
    for key in trail:
        holder = holder[key]
    holder[last] = data.draw(VALUES)
    hold({**REAL, path: json.dumps(document).encode()})


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=20), max_size=8))
def test_any_paths_beside_the_real_ones(names: list[str]) -> None:
    folders = (SITE, "opt/v/conda-meta", f"{SITE}/demo/_vendor", "srv")
    more = {
        f"{folder}/{name.replace('/', '_')}{end}": METADATA
        for name in names
        for folder in folders
        for end in (".dist-info/METADATA", ".dist-info/RECORD", ".egg", ".json")
        if name not in ("", ".", "..")
    }
    hold({**more, **REAL})


@given(st.binary(max_size=200))
def test_an_egg_of_any_bytes(content: bytes) -> None:
    assert take(content) or take(b"PK\x03\x04" + content)


def test_a_distribution_that_requires_itself_a_thousand_times_ends_soon() -> None:
    rows = "".join(f'Requires-Dist: demo[x{n}] ; extra == "x{n + 1}"\n' for n in range(3000))
    metadata = f"Name: demo\nVersion: 1\n{rows}".encode()
    hold({f"{SITE}/demo-{n}.dist-info/METADATA": metadata for n in range(8)})


def test_ten_thousand_distributions_of_one_name_end_soon() -> None:
    metadata = b"Name: demo\nVersion: %d\nRequires-Dist: demo\nRequires-Dist: gone\n"
    hold({f"{SITE}/d{n}.dist-info/METADATA": metadata % n for n in range(10_000)})
