"""README.md of a capsule: what is in it, what isn't, and nothing of a stranger's is Markdown."""

from __future__ import annotations

from bom.capsule.texts import readme, script
from bom.capsule_record import CapsuleRecord, Item, Missing
from bom.rebuild.recipe import Recipe, SourceRecord

PLANNED = Recipe(SourceRecord("0" * 40), ("make",), line="make")


def item(role: str, name: str) -> Item:
    return Item.model_validate({"role": role, "name": name, "sha256": "0" * 64, "size": 1})


def lack(where: str) -> Missing:
    return Missing(what="tool.package", where=where, why="it is not here")


def text(*items: Item, tools_missing: tuple[Missing, ...] = ()) -> str:
    record = CapsuleRecord(
        commit="0" * 40, command=["make"], items=list(items), tools_missing=list(tools_missing)
    )
    return readme(record, PLANNED, "app.tar", "1.0")


def test_tools_and_builders_are_told_with_how_to_use_them() -> None:
    found = text(
        item("tool", "make_4.3_amd64.deb"),
        item("builder-image", "moby/buildkit:v0.17.3"),
        tools_missing=(lack("packer 1.0"),),
    )
    assert "| tool | `make_4.3_amd64.deb` | " in found
    assert "\nTools that are not in it:\n\n- packer 1.0: it is not here\n" in found
    assert "`dpkg -i` does, best in a container." in found
    assert "`docker buildx create --driver-opt image=NAME` makes a builder of it." in found


def test_what_is_not_there_is_not_spoken_of() -> None:
    found = text(item("package", "a.whl"))
    for word in ("Tools that are not", "dpkg", "docker load"):
        assert word not in found


def test_no_name_is_markdown() -> None:
    hostile = "x`](http://e.example)<img>|\x1b[1m\n# y"
    found = text(item("module", hostile), tools_missing=(lack(hostile),))
    for word in ("](", "<img>", "\x1b", "\n# y"):
        assert word not in found


def test_no_name_is_a_line_of_the_script() -> None:
    lines = script("x\nrm -rf /\r\n# y").splitlines()
    assert lines[1].startswith("# Builds x?x0arm -rf /")
    assert [line for line in lines if not line.startswith("#")] == [
        "set -eu",
        'exec bom rebuild "$1" --offline --key "$2"',
    ]
