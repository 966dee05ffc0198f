"""Every example in docs/ is run: its console blocks print what they say (tests/console.py).

A block that calls `bom` and can't run here says why in a comment right before it,
`<!-- not run: REASON -->`; its calls are parsed all the same, so that none of them names a verb or
an option that isn't there.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
import pytest
from tests.console import ROOT, a_home, check, steps

from bom.cli import bom
from bom.config import Config

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Need

PAGES: Final = sorted((ROOT / "docs").glob("*.md"))
RUN: Final = [path for path in PAGES if "\n```console\n" in path.read_text(encoding="utf-8")]
DOCKER: Final = [
    path for path in PAGES if "\n```console docker\n" in path.read_text(encoding="utf-8")
]
_CALL: Final = re.compile(r"\s*(?:\$ )?(?:[A-Z_]+=\S+ )?(bom (?!/).*)")
_ITEM: Final = re.compile(r"\s+(?:[-*|]|\d+\.) ")
_REASON: Final = re.compile(r"<!-- not run: .{10,} -->")
_NOT_RUN: Final = 25  # blocks: each one more is an example that nobody knows to be right


@dataclass(frozen=True, slots=True)
class Block:
    """A block of code. `fence`: "" for one that is indented. `before`: the line before it."""

    page: str
    line: int
    fence: str
    before: str
    lines: tuple[str, ...]

    @property
    def calls(self) -> tuple[str, ...]:
        """The calls of `bom` in it; lines that go on after a backslash are one."""
        whole = "\n".join(self.lines).replace("\\\n", " ").splitlines()
        return tuple(found[1] for line in whole if (found := _CALL.fullmatch(line)))


def blocks(path: Path) -> Iterator[Block]:
    lines = path.read_text(encoding="utf-8").splitlines()
    start, before, fence = -1, "", ""
    inside = False
    said: list[str] = []
    for number, text in enumerate([*lines, ""], start=1):
        if inside and text.startswith("```"):
            yield Block(path.name, start, fence, before, tuple(said))
            inside, said = False, []
        elif inside:
            said.append(text)
        elif text.startswith("```"):
            inside, start, fence, said = True, number, text[3:], []
            before = _before(lines, number)
        elif text.startswith("    ") and not _ITEM.match(text):
            if not said:
                start, before = number, _before(lines, number)
            said.append(text)
        elif said and text.strip():
            yield Block(path.name, start, "", before, tuple(said))
            said = []
    if said:
        yield Block(path.name, start, "", before, tuple(said))


def _before(lines: list[str], number: int) -> str:
    """The last line before line `number` that isn't empty."""
    return next((line for line in reversed(lines[: number - 1]) if line.strip()), "")


def unrun() -> list[Block]:
    return [
        block
        for path in PAGES
        for block in blocks(path)
        if block.calls and block.fence not in ("console", "console docker")
    ]


@pytest.mark.parametrize("page", RUN, ids=lambda path: path.name)
def test_every_console_block_of_a_page_prints_what_it_says(page: Path, tmp_path: Path) -> None:
    check(steps(page.read_text(encoding="utf-8")), a_home(tmp_path), {}, page.name)


@pytest.mark.e2e
@pytest.mark.parametrize("page", DOCKER, ids=lambda path: path.name)
def test_every_docker_block_of_a_page_prints_what_it_says(
    page: Path, need: Need, tmp_path: Path
) -> None:
    engine = need.engine("modern")
    need.base_image(engine)
    home = a_home(tmp_path)
    authority = os.environ.get("SSL_CERT_FILE", "")
    if Path(authority).is_file():  # pip inside a build needs it where a proxy has its own
        shutil.copy(authority, home / "bom" / "examples" / "flask-image" / "ca.crt")
    check(steps(page.read_text(encoding="utf-8"), "console docker"), home, engine, page.name)


def test_a_block_that_is_not_run_says_why() -> None:
    silent = [
        f"{block.page}:{block.line}: {block.calls[0]}"
        for block in unrun()
        if not _REASON.fullmatch(block.before)
    ]
    assert silent == []
    assert len(unrun()) <= _NOT_RUN


def test_a_call_that_is_not_run_names_verbs_and_options_that_are_there() -> None:
    wrong = []
    for block in unrun():
        for call in block.calls:
            try:
                parsed(call)
            except click.UsageError as error:
                if "does not exist" in error.format_message():
                    continue  # a file of the reader's
                wrong.append(f"{block.page}:{block.line}: {call}: {error.format_message()}")
    assert wrong == []


def parsed(call: str) -> None:
    """Raises UsageError where `bom` would refuse the call's verb or options."""
    words = shlex.split(call, comments=True)[1:]
    end = next((at for at, word in enumerate(words) if word in ("|", ">", "&&", ";")), len(words))
    command: click.Command | None = bom
    name: str | None = "bom"
    rest, context = words[:end], None
    while command is not None:
        context = command.make_context(name, list(rest), parent=context)
        rest = [*context._protected_args, *context.args]
        if not (isinstance(command, click.Group) and rest):
            return
        name, command, rest = command.resolve_command(context, rest)


def test_no_call_in_the_text_names_a_verb_or_option_that_is_not_there() -> None:
    """`bom …` in a sentence: much may be left out of it; what stands there has to be right."""
    found = [
        (page.name, call)
        for page in (*PAGES, *sorted(ROOT.glob("*.md")))
        for call in re.findall(r"`(bom [a-z][^`\n]*)`", page.read_text(encoding="utf-8"))
    ]
    assert len(found) > 100
    wrong = []
    for name, call in found:
        try:
            parsed(call)
        except click.exceptions.Exit:
            continue  # --help, --version
        except click.UsageError as error:
            said = error.format_message()
            if isinstance(error, click.NoSuchOption) or said.startswith("No such command"):
                wrong.append(f"{name}: {call}: {said}")
    assert wrong == []


@pytest.mark.parametrize(
    "call",
    ["bom verfy x", "bom verify x --kee y", "bom key genrate", "bom build --kye x -- make"],
)
def test_a_call_that_is_wrong_is_found(call: str) -> None:
    with pytest.raises(click.UsageError):
        parsed(call)


def test_every_toml_block_is_a_bom_toml_or_a_pyproject_toml() -> None:
    found = [block for path in PAGES for block in blocks(path) if block.fence == "toml"]
    assert found
    for block in found:
        table = tomllib.loads("\n".join(block.lines))
        if set(table) <= {"project", "build-system", "dependency-groups", "tool"}:
            table = table.get("tool", {}).get("bom", {})
        Config.model_validate(table)


def test_blocks_are_found_fenced_and_indented(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "text\n\n    bom show \\\n      app.tar\n\n<!-- not run: it needs a registry -->\n"
        "```sh\nBOM_KEY=x bom build -- make\n```\n\n```console\n$ bom verify x\n```\n"
    )
    found = list(blocks(page))
    assert [block.fence for block in found] == ["", "sh", "console"]
    assert [block.calls for block in found] == [
        ("bom show        app.tar",),
        ("bom build -- make",),
        ("bom verify x",),
    ]
    assert _REASON.fullmatch(found[1].before)
