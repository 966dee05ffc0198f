"""Laws of an image's normal form (bom.normalise.protocol), over layers made up by hypothesis."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.normalise.images import EPOCH, Entry, Image, Opened, docker, entry, folder, layer, layout

from bom.normalise import normalise

NAMES = st.lists(
    st.sampled_from(["a", "b", "a b", "a.b", "é", ".wh.x", "A"]), min_size=1, max_size=3
)


@st.composite
def trees(draw: st.DrawFn) -> dict[str, bytes]:
    """Files by path, none of them below another."""
    paths: dict[str, bytes] = {}
    for parts in draw(st.lists(NAMES, min_size=1, max_size=8)):
        path = "/".join(part for part in parts[:-1] if ".wh." not in part)
        path = f"{path}/{parts[-1]}" if path else parts[-1]
        taken = any(f"{path}/".startswith(f"{o}/") or o.startswith(f"{path}/") for o in paths)
        if not taken:
            paths[path] = b"" if ".wh." in path else draw(st.binary(max_size=1200))
    return paths


def entries(tree: dict[str, bytes], time: int) -> list[Entry]:
    above = {
        "/".join(path.split("/")[:end]) for path in tree for end in range(1, path.count("/") + 1)
    }
    made = [folder(path, mtime=time) for path in sorted(above)]
    return made + [entry(path, data, mtime=time) for path, data in tree.items()]


@settings(max_examples=60)
@given(trees(), st.integers(EPOCH, EPOCH + 10**8), st.data())
def test_order_and_time_do_not_matter_and_content_stays(
    tree: dict[str, bytes], later: int, data: st.DataObject
) -> None:
    is_layout = data.draw(st.booleans())
    packed = data.draw(st.sampled_from(["", "gzip"]))
    one = entries(tree, EPOCH)
    two = data.draw(st.permutations(entries(tree, later)))
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        made = []
        for number, chosen in enumerate((one, two)):
            image = Image([layer(*chosen)], form=packed)
            path = place / f"{number}.tar"
            _ = layout(path, image) if is_layout else docker(path, image)
            out, again = place / f"{number}.out", place / f"{number}.again"
            assert normalise(path, out, EPOCH) is not None
            normalise(out, again, EPOCH)
            assert again.read_bytes() == out.read_bytes()
            made.append(out.read_bytes())
        assert made[0] == made[1]
        opened = Opened(place / "1.out")
        assert {e.name: opened.content(e.name) for e in opened.entries() if e.isfile()} == tree
