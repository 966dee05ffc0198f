"""Sections and addresses of programs, in every format, and of what pretends to be one."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.archive.executables import elf_with, fat, macho_with, pe_with

from bom.archive.executable import MAGICS, programs

if TYPE_CHECKING:
    from collections.abc import Callable

MAKERS: dict[str, Callable[[bytes, bytes], bytes]] = {
    "elf 32 little": partial(elf_with, wide=False),
    "elf 32 big": partial(elf_with, wide=False, big=True),
    "elf 64 little": elf_with,
    "elf 64 big": partial(elf_with, big=True),
    "pe 32": partial(pe_with, wide=False),
    "pe 64": pe_with,
    "mach-o 32 little": partial(macho_with, wide=False),
    "mach-o 32 big": partial(macho_with, wide=False, big=True),
    "mach-o 64 little": macho_with,
    "mach-o 64 big": partial(macho_with, big=True),
}


@pytest.mark.parametrize("kind", sorted(MAKERS))
def test_a_section_is_found_by_its_name_and_by_its_address(kind: str) -> None:
    content = MAKERS[kind](b".dep-v0", b"what it holds")
    assert content.startswith(MAGICS)
    (program,) = programs(content)
    region = program.find(b".dep-v0")
    assert region is not None
    assert program.read(region, 100) == b"what it holds"
    assert program.read(region, 4) == b"what"
    assert program.find(b".dep-v") is None
    assert program.find(b"dep-v0") is None
    if not kind.startswith("elf"):  # these have no segments here
        _, data = program.load()
        assert data is not None
        assert program.at(data.address + 5, 100) == b"it holds"
        assert program.at(data.address - 1, 100) == b""
        assert program.at(data.address + 13, 100) == b""


def test_every_slice_of_a_universal_file_is_a_program() -> None:
    content = fat(macho_with(b"a", b"one"), macho_with(b"b", b"two", wide=False))
    first, second = programs(content)
    one, two = first.find(b"a"), second.find(b"b")
    assert one is not None
    assert two is not None
    assert (first.read(one, 9), second.read(two, 9)) == (b"one", b"two")


def test_a_java_class_and_other_files_are_no_programs() -> None:
    java = b"\xca\xfe\xba\xbe\x00\x00\x00\x41" + b"\0" * 100
    for content in (b"", b"MZ", b"\x7fELF", java, b"#!/bin/sh\n", b"MZ" + b"\xff" * 200):
        assert list(programs(content)) == []


def test_a_section_that_points_outside_of_the_file_has_no_bytes() -> None:
    content = bytearray(elf_with(b"x", b"section"))
    row = len(content) - 64
    content[row + 24 : row + 32] = b"\xff" * 8
    (program,) = programs(bytes(content))
    region = program.find(b"x")
    assert region is not None
    assert program.read(region, 100) == b""


@given(
    kind=st.sampled_from(sorted(MAKERS)),
    changes=st.lists(st.tuples(st.integers(0, 500), st.integers(0, 255)), max_size=8),
    cut=st.integers(0, 600),
)
def test_a_damaged_program_gives_bytes_of_its_own_or_nothing(
    kind: str, changes: list[tuple[int, int]], cut: int
) -> None:
    raw = bytearray(MAKERS[kind](b".dep-v0", b"what it holds"))
    for place, value in changes:
        raw[place % len(raw)] = value
    content = bytes(raw[:cut])
    for program in programs(fat(content) if cut % 2 else content):
        region = program.find(b".dep-v0")
        if region is not None:
            assert program.read(region, 1000) in program.content
        segments, data = program.load()
        for segment in [*segments, *([data] if data else [])]:
            assert program.at(segment.address, 1000) in program.content


@given(head=st.sampled_from(MAGICS), rest=st.binary(max_size=300))
def test_any_bytes_give_programs_or_nothing(head: bytes, rest: bytes) -> None:
    for program in programs(head + rest):
        program.find(b".dep-v0")
        program.load()
