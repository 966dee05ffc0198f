"""Whose each file of an image is: listed, in a package's folder, the source's, derived or not."""

from __future__ import annotations

from hashlib import sha256

import pytest

from bom import sha256sum
from bom.archive.layer import LayerEntry
from bom.catalog.attribution import EXECUTABLES_LIMIT, Attribution, attribute, with_source
from bom.catalog.filesystem import Tree, TreeView
from bom.catalog.protocol import Owned
from bom.model import SourceFile


def file(path: str, content: bytes = b"", *, executable: bool = False) -> LayerEntry:
    return LayerEntry(path, "f", len(content), executable, sha256(content).digest())


def view(*layers: list[LayerEntry]) -> TreeView:
    tree = Tree()
    for number, entries in enumerate(layers):
        tree.apply(entries, number)
    return TreeView(tree, {}, [f"sha256:layer{n}" for n in range(len(layers))])


def owners(found: Attribution) -> dict[str, tuple[str, str]]:
    return {item.path: (item.owner, item.rule) for item in found.files}


def test_a_listed_file_belongs_to_its_package_also_under_another_name_of_its_folder() -> None:
    root = view([LayerEntry("bin", "l", link="usr/bin"), file("usr/bin/ls", b"1")])
    found = attribute(root, [Owned("coreutils", ["bin/ls", "usr/share/gone"])])
    assert owners(found) == {"usr/bin/ls": ("coreutils", "")}


def test_a_listed_file_counts_before_a_folder_and_the_deepest_folder_before_the_others() -> None:
    root = view(
        [
            file("app/node_modules/a/index.js", b"1"),
            file("app/node_modules/a/node_modules/b/index.js", b"2"),
            file("app/node_modules/a/listed.js", b"3"),
        ]
    )
    claims = [
        Owned("a", folders=["app/node_modules/a"]),
        Owned("b", folders=["app/node_modules/a/node_modules/b/"], rule="npm"),
        Owned("deb", ["app/node_modules/a/listed.js"]),
    ]
    assert owners(attribute(root, claims)) == {
        "app/node_modules/a/index.js": ("a", ""),
        "app/node_modules/a/node_modules/b/index.js": ("b", "npm"),
        "app/node_modules/a/listed.js": ("deb", ""),
    }


def test_of_two_claims_to_one_path_the_first_counts() -> None:
    root = view([file("usr/lib/x.py", b"1")])
    found = attribute(root, [Owned("deb", ["usr/lib/x.py"]), Owned("pypi", ["usr/lib/x.py"])])
    assert owners(found) == {"usr/lib/x.py": ("deb", "")}


def test_compiled_modules_belong_to_the_owner_of_their_source_and_others_to_nobody() -> None:
    root = view(
        [
            file("lib/mod.py", b"1"),
            file("lib/mod.pyc", b"2"),
            file("lib/__pycache__/mod.cpython-311.pyc", b"3"),
            file("lib/__pycache__/mod.cpython-311.opt-1.pyc", b"4"),
            file("lib/a.dot.py", b"7"),
            file("lib/__pycache__/a.dot.cpython-38.pyc", b"8"),
            file("lib/__pycache__/other.cpython-311.pyc", b"5"),
            file("elsewhere/__pycache__/mod.cpython-311.pyc", b"6"),
        ]
    )
    found = owners(attribute(root, [Owned("p", ["lib/mod.py", "lib/a.dot.py"])]))
    assert found["lib/mod.pyc"] == ("p", "bytecode")
    assert found["lib/__pycache__/mod.cpython-311.pyc"] == ("p", "bytecode")
    assert found["lib/__pycache__/mod.cpython-311.opt-1.pyc"] == ("p", "bytecode")
    assert found["lib/__pycache__/a.dot.cpython-38.pyc"] == ("p", "bytecode")
    assert found["lib/__pycache__/other.cpython-311.pyc"] == ("", "")
    assert found["elsewhere/__pycache__/mod.cpython-311.pyc"] == ("", "")


def test_the_projects_own_source_is_known_by_its_content_and_so_is_its_bytecode() -> None:
    content = b"print('a program that is long enough not to be equal by chance, surely')\n"
    root = view(
        [
            file("app/renamed.py", content),
            file("app/__pycache__/renamed.cpython-311.pyc", b"compiled"),
            file("app/other.py", b"unknown"),
        ]
    )
    source = {sha256(content).digest(): (SourceFile("blob1", "src/main.py"),)}
    found = with_source(attribute(root, []), source, "subject")
    assert owners(found) == {
        "app/renamed.py": ("subject", "source"),
        "app/__pycache__/renamed.cpython-311.pyc": ("subject", "bytecode"),
        "app/other.py": ("", ""),
    }
    told = [item.value for item in found.properties() if item.name == "bom-seal:files:source"]
    assert told == ["blob1 app/renamed.py"]


@pytest.mark.parametrize(
    ("content", "path", "known"),
    [
        (b"x\n", "app/VERSION", True),
        (b"x\n", "data/file000001", False),
        (b"", "app/pkg/__init__.py", True),
        (b"", "app/other/__init__.py", False),
        (b"", "data/file000001", False),
    ],
)
def test_contents_that_are_equal_by_chance_are_not_the_projects_source(
    content: bytes, path: str, known: bool
) -> None:
    named = SourceFile("b", "pkg/__init__.py" if not content else "VERSION")
    found = with_source(
        attribute(view([file(path, content)]), []), {sha256(content).digest(): (named,)}, "subject"
    )
    assert [bool(item.owner) for item in found.files] == [known]


def test_the_digest_of_all_files_is_what_sha256sum_gives_whatever_the_layers() -> None:
    one = view([file("b", b"1"), file("a/ü", b"2")])
    two = view([file("b", b"0"), file("a/gone", b"3")], [file("b", b"1")], [file("a/ü", b"2")])
    two_without = view(
        [file("b", b"0"), file("a/gone", b"3")],
        [file("b", b"1"), file("a/.wh.gone")],
        [file("a/ü", b"2")],
    )
    lines = f"{sha256(b'2').hexdigest()}  a/ü\n{sha256(b'1').hexdigest()}  b\n"
    wanted = sha256(lines.encode()).hexdigest()
    pairs = [("b", sha256(b"1").hexdigest()), ("a/ü", sha256(b"2").hexdigest())]
    assert wanted == sha256sum.digest_by_path(pairs)

    def digest(tree: TreeView) -> list[str]:
        found = attribute(tree, []).properties()
        return [item.value for item in found if item.name == "bom-seal:files:digest"]

    assert digest(one) == digest(two_without) == [wanted]
    assert digest(two) != [wanted]


def test_a_file_whose_content_is_unknown_leaves_no_digest_but_a_gap() -> None:
    sparse = LayerEntry("disk.img", "f", 10 << 30)
    found = attribute(view([sparse]), [])
    assert "bom-seal:files:digest" not in [item.name for item in found.properties()]
    assert [gap.what for gap in found.gaps()] == ["files.digest"]


def test_executables_of_nobody_are_named_and_too_many_are_counted() -> None:
    files = [file(f"opt/{number:05}", b"1", executable=True) for number in range(1500)]
    found = attribute(view([*files, file("etc/plain", b"1")]), [Owned("p", ["opt/00000"])])
    named = [
        item.value
        for item in found.properties()
        if item.name == "bom-seal:files:unattributed-executable"
    ]
    assert named == [f"opt/{number:05}" for number in range(1, EXECUTABLES_LIMIT + 1)]
    (gap,) = found.gaps()
    assert gap.why.startswith("499 more")


def test_each_file_tells_the_layer_it_came_with() -> None:
    found = attribute(view([file("a", b"1"), file("b", b"1")], [file("b", b"2")]), [])
    assert {item.path: item.layer for item in found.files} == {
        "a": "sha256:layer0",
        "b": "sha256:layer1",
    }
