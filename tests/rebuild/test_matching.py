"""Which of what a rebuild made is the artifact."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bom.errors import NotRebuilt
from bom.rebuild.matching import Remade, match


def document(
    kind: str, file: str = "", purl: str = "", tags: tuple[str, ...] = ()
) -> dict[str, Any]:
    properties = [{"name": "bom-seal:subject:kind", "value": kind}]
    if file:
        properties.append({"name": "bom-seal:subject:file", "value": file})
    properties += [{"name": "bom-seal:image:tag", "value": tag} for tag in tags]
    return {"metadata": {"component": {"name": "x", "purl": purl, "properties": properties}}}


def made(*documents: dict[str, Any]) -> list[Remade]:
    return [Remade(Path(str(number)), item) for number, item in enumerate(documents)]


WHEEL = document("wheel", "app-1-py3-none-any.whl", "pkg:pypi/app@1")


def test_the_file_of_the_same_name_is_it() -> None:
    others = made(document("sdist", "app-1.tar.gz", "pkg:pypi/app@1"), WHEEL)
    assert match(WHEEL, others) is others[1]


def test_a_file_that_was_renamed_is_known_by_its_package() -> None:
    others = made(
        document("wheel", "app-1-cp311-linux.whl", "pkg:pypi/app@1"),
        document("wheel", "other-1-py3-none-any.whl", "pkg:pypi/other@1"),
    )
    assert match(WHEEL, others) is others[0]


def test_an_image_is_known_by_its_tags() -> None:
    one, two = document("image", tags=("a:1", "a:2")), document("image", tags=("b:1",))
    others = made(two, one)
    assert match(one, others) is others[1]


def test_the_only_one_of_its_kind_is_it() -> None:
    others = made(document("tar", "a.tar"), document("file", "b"))
    assert match(document("tar", "c.tar"), others) is others[0]


def test_none_or_several_of_its_kind_are_said() -> None:
    with pytest.raises(NotRebuilt, match="made no wheel that is app-1"):
        match(WHEEL, made(document("sdist", "app-1.tar.gz")))
    several = made(document("tar", "a.tar"), document("tar", "b.tar"))
    with pytest.raises(NotRebuilt, match=r"several of its kind, and none is called c\.tar"):
        match(document("tar", "c.tar"), several)
