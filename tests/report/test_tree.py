"""What `bom show` prints, whole."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bom.compose.bom import Evidence, document
from bom.model import (
    Check,
    Component,
    Dependency,
    Distribution,
    Gap,
    Hash,
    ImageIdentity,
    Layer,
    Licence,
    Material,
    Observation,
    Property,
    Revision,
    Setting,
    Subject,
    Submodule,
    Tool,
)
from bom.report.branches import Branch, drawn
from bom.report.tree import tree

HASH = Hash("SHA-256", "ab" * 32)
OTHER = Hash("SHA-256", "cd" * 32)
WHEEL = Subject(
    "demo-1.0-py3-none-any.whl",
    "wheel",
    "ef" * 32,
    12345,
    "demo",
    "1.0",
    "pkg:pypi/demo@1.0",
    (Licence("MIT", "id"),),
)
FACTS: tuple[Observation, ...] = (
    Revision(
        "1" * 40,
        "2024-01-01T00:00:00Z",
        "modified",
        modified=("a.py",),
        untracked=("b.py",),
        tree_digest="9" * 64,
        remote="git.example.invalid/demo",
        submodules=(Submodule("part", "2" * 40),),
        signature_kind="ssh",
        signature_key="SHA256:key",
    ),
    Tool("wrapped", "python", "3.11.7", "used", (HASH,)),
    Tool("engine", "docker", "28.1", "stated"),
    Tool("compiler", "gcc", "12", "path", (HASH,)),
    Setting("command", "command", "python -m build"),
    Setting("environment", "TZ", "UTC"),
    Setting("build-arg", "V", "1"),
    Material("base-image", "python:3.11-slim", (HASH,)),
    Material("build-image", "tool:1"),
    Dependency(
        Component(
            "library",
            "flask",
            "3.0.0",
            purl="pkg:pypi/flask@3.0.0",
            hashes=(HASH,),
            requires=("pkg:pypi/werkzeug@3.0.1", "pkg:pypi/click@8.1.7"),
        ),
        direct=True,
    ),
    Dependency(
        Component(
            "library",
            "werkzeug",
            "3.0.1",
            purl="pkg:pypi/werkzeug@3.0.1",
            distributions=(
                Distribution("a.whl", hashes=(OTHER,)),
                Distribution("b.tar.gz", hashes=(HASH,)),
            ),
            requires=("pkg:pypi/flask@3.0.0",),
        )
    ),
    Dependency(Component("library", "click", "8.1.7", purl="pkg:pypi/click@8.1.7")),
    Dependency(Component("library", "hatchling", "1.27", hashes=(HASH,)), "build"),
    Check("unit", "failed", 3, 1, 0, ("t.test_a",)),
    Check("lint", "passed"),
    Gap("tool.version", "runc", "the engine states none"),
)
SHOWN = f"""\
wheel demo 1.0
├─ summary      3 components, 1 check NOT PASSED, 1 check passed, 2 gaps
├─ file         demo-1.0-py3-none-any.whl
├─ as built     sha256:{"ef" * 32} (12.3 kB)
├─ purl         pkg:pypi/demo@1.0
├─ licence      MIT
├─ signature    ES256 by key SHA256:demo (`bom verify` checks it)
├─ revision     {"1" * 40} (modified)
│  ├─ remote       git.example.invalid/demo
│  ├─ commit by    ssh SHA256:key
│  ├─ tree         sha256:{"9" * 64}
│  ├─ modified a.py
│  ├─ untracked b.py
│  └─ submodule {"2" * 40} part
├─ checks (2)
│  ├─ unit: FAILED, 3 tests, 1 failure, 0 skipped
│  │  └─ failed: t.test_a
│  └─ lint: passed
├─ settings (3)
│  ├─ variable TZ = UTC
│  ├─ build-arg V = 1
│  └─ command = python -m build
├─ tools (3)
│  ├─ compiler: gcc 12 sha256:abababababab (found on PATH, not known to have been used)
│  ├─ engine: docker 28.1 (as the engine or the artifact states)
│  └─ wrapped: python 3.11.7 sha256:abababababab
├─ materials (2)
│  ├─ base-image: python:3.11-slim sha256:abababababab
│  └─ build-image: tool:1 no digest
├─ built with (1)
│  └─ hatchling 1.27 sha256:abababababab
├─ dependencies (3)
│  └─ flask 3.0.0 sha256:abababababab
│     ├─ click 8.1.7 no hash
│     └─ werkzeug 3.0.1 file sha256:cdcdcdcdcdcd and 1 more
│        └─ flask 3.0.0 sha256:abababababab (above)
└─ gaps (2)
   ├─ dependency.hash: pkg:pypi/click@8.1.7: no hash is stated or known
   └─ tool.version: runc: the engine states none
"""


def _signed(subject: Subject, facts: tuple[Observation, ...]) -> dict[str, Any]:
    signature = {"algorithm": "ES256", "keyId": "SHA256:demo", "publicKey": {}, "value": "x"}
    return {**document(Evidence(subject, facts)), "signature": signature}


def test_a_wheel_is_shown_whole() -> None:
    assert tree(_signed(WHEEL, FACTS)) == SHOWN


def test_a_gap_of_several_components_names_them_below() -> None:
    parts = [
        Component("library", name, "1", purl=f"pkg:pypi/{name}@1", hashes=(HASH,)) for name in "ab"
    ]
    gaps = [Gap("component.licence", part.purl, "it states none", part.purl) for part in parts]
    shown = tree(document(Evidence(WHEEL, (*map(Dependency, parts), *gaps), epoch=0)))
    assert shown.endswith(
        "└─ gaps (1)\n"
        "   └─ component.licence: 2 components: it states none\n"
        "      ├─ a 1\n"
        "      └─ b 1\n"
    )


def test_an_image_is_shown_with_its_layers_and_an_unsigned_bom_says_so() -> None:
    image = ImageIdentity(
        "sha256:" + "1a" * 32,
        "sha256:" + "2b" * 32,
        platform="linux/amd64",
        tags=("demo/app:1", "demo/app:latest"),
        layers=(Layer("sha256:" + "3c" * 32, "sha256:" + "4d" * 32, 4096),),
    )
    subject = Subject("app.tar", "image", "ef" * 32, 9, "demo/app", "1", image=image)
    facts = (Setting("environment", "SOURCE_DATE_EPOCH", "0"),)
    assert tree(document(Evidence(subject, facts, epoch=0))) == (
        f"""\
image demo/app 1
├─ tags         demo/app:1, demo/app:latest
├─ as built     sha256:{"ef" * 32} (9 B)
├─ config       sha256:{"1a" * 32}
├─ manifest     sha256:{"2b" * 32}
├─ platform     linux/amd64
├─ layers (1)
│  └─ 000 sha256:3c3c3c3c3c3…    4.1 kB
├─ signature    none
├─ revision     unknown
├─ settings (1)
│  └─ variable SOURCE_DATE_EPOCH = 0
└─ dependencies none known
"""
    )


def test_words_of_strangers_are_inert() -> None:
    evil = "\x1b]0;owned\x07\n::error::x ##[group]"
    shown = tree(
        _signed(
            WHEEL,
            (
                Dependency(Component("library", evil, evil, purl="pkg:pypi/evil@1")),
                Check(evil, "failed", failed=(evil,)),
                Setting("build-arg", evil, evil),
                Gap("tool.version", evil, evil),
                Tool("shell", evil, evil),
                Material("config", evil),
            ),
        )
    )
    assert all(line.isprintable() for line in shown.splitlines())
    assert "##[" not in shown
    assert not any(line.lstrip(" ").startswith("::") for line in shown.splitlines())
    assert "\\x1b]0;owned\\x07\\x0a::error::x #\\x23[group]" in shown


def test_long_lists_are_cut_and_counted() -> None:
    many = tuple(
        Dependency(Component("library", f"p{number:03d}", "1", purl=f"pkg:pypi/p{number:03d}@1"))
        for number in range(100)
    )
    lines = tree(_signed(WHEEL, many)).splitlines()
    assert "├─ dependencies (100)" in lines
    assert lines.count("│  └─ … and 60 more") == 1
    assert len(lines) < 100


def test_a_deep_and_wide_graph_ends() -> None:
    refs = [f"pkg:pypi/p{number:04d}@1" for number in range(3000)]
    many = tuple(
        Dependency(
            Component(
                "library",
                ref[9:14],
                purl=ref,
                hashes=(HASH,),
                requires=tuple(refs[number + 1 : number + 30]),
            ),
            direct=number < 30,
        )
        for number, ref in enumerate(refs)
    )
    shown = tree(_signed(WHEEL, many))
    assert "dependencies (3,000)" in shown
    assert len(shown.splitlines()) < 1000


@pytest.mark.parametrize("document", [{}, {"metadata": 1}, {"metadata": {"component": []}}])
def test_a_document_without_a_subject_is_shown_too(document: dict[str, object]) -> None:
    assert tree(document).startswith("artifact\n")


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)


def bent(document: dict[str, Any], data: st.DataObject) -> dict[str, Any]:
    """A copy in which something, somewhere, is something else."""
    made = copy.deepcopy(document)
    for _ in range(data.draw(st.integers(1, 4))):
        holder: Any = made
        while isinstance(holder, dict | list) and holder:
            keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
            key = data.draw(st.sampled_from(keys))
            inside = holder[key]
            if not isinstance(inside, dict | list) or not inside or data.draw(st.booleans()):
                holder[key] = data.draw(JUNK)
                break
            holder = inside
    return made


@given(st.data())
def test_no_value_anywhere_makes_it_fail(data: st.DataObject) -> None:
    document = bent(_signed(WHEEL, FACTS), data)
    for width in (0, 40):
        shown = tree(document, width)
        assert shown.endswith("\n")
        assert all(line.isprintable() for line in shown.splitlines())


def test_in_a_window_no_line_is_longer_than_it_and_digests_stay_whole() -> None:
    digest = "sha256:" + "ab" * 32
    top = Branch(
        "wheel newest 1.0.0",
        (
            Branch(f"as built     {digest} (1234 bytes)"),
            Branch("parent " * 20, (Branch("child " * 20),)),
        ),
    )
    lines = drawn(top, 80).splitlines()
    assert max(map(len, lines)) <= 80
    assert any(digest in line for line in lines)
    assert " ".join(drawn(top, 80).split()).count("child") == 20
    assert drawn(top, 80).splitlines()[-1].startswith("      ")
    assert len(drawn(top).splitlines()) == 4


def test_of_a_stage_of_an_images_build_only_the_number_of_its_packages_is_shown() -> None:
    def held(name: str, *stages: str) -> Dependency:
        properties = tuple(Property("bom-seal:stage", stage) for stage in stages)
        purl = f"pkg:deb/debian/{name}@1"
        return Dependency(
            Component("library", name, "1", purl=purl, properties=properties), "build"
        )

    facts = (held("gcc", "compiler"), held("libc6", "compiler", "tools"), held("hatchling"))
    shown = tree(document(Evidence(WHEEL, facts)))
    assert "built with (3)" in shown
    assert "hatchling 1 no hash" in shown
    assert "stage compiler: 2 packages" in shown
    assert "stage tools: 1 package\n" in shown
    assert "gcc 1" not in shown
