"""The documentation site: `make docs` builds it, strictly, and it loads nothing from elsewhere."""

from __future__ import annotations

import os
import re
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
import pytest

from bom.cli import VERBS, bom
from bom.cli.reference import pages
from bom.config import Config
from bom.report.schemas import schemas

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Need

ROOT: Final = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def site(need: Need, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [need("mkdocs"), "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


class _Loads(HTMLParser):
    """What a browser fetches for a page by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag in ("script", "img", "iframe", "source", "audio", "video", "embed"):
            self.addresses += [values.get("src") or ""]
        if tag == "link" and values.get("rel") != "canonical":
            self.addresses += [values.get("href") or ""]


def test_the_site_is_built_without_a_warning_and_loads_nothing_from_elsewhere(site: Path) -> None:
    found = sorted(site.rglob("*.html"))
    assert len(found) > 20
    for path in found:
        loads = _Loads()
        loads.feed(path.read_text(encoding="utf-8"))
        assert not [url for url in loads.addresses if "//" in url], path.name


def test_every_page_and_decision_is_on_the_site(site: Path) -> None:
    names = {path.relative_to(ROOT / "docs") for path in (ROOT / "docs").rglob("*.md")}
    assert not sorted(
        str(name) for name in names if not (site / name.with_suffix(".html")).exists()
    )


def test_the_reference_names_every_verb_and_every_option_that_is_shown() -> None:
    text = pages()["commands.md"]
    for name, command in commands():
        assert f"# bom {name}\n" in text
        section = text.split(f"# bom {name}\n")[1].split("\n## ")[0]
        for item in command.params:
            if isinstance(item, click.Option) and not item.hidden:
                assert f"`{item.opts[-1]}`" in section


def commands() -> Iterator[tuple[str, click.Command]]:
    context = click.Context(bom)
    for verb in VERBS:
        command = bom.get_command(context, verb)
        assert command is not None
        yield verb, command
        if isinstance(command, click.Group):
            yield from ((f"{verb} {name}", below) for name, below in command.commands.items())


def test_the_reference_names_every_key_of_bom_toml_and_every_schema() -> None:
    made = pages()
    assert not [key for key in Config.model_fields if f"| `{key}` |" not in made["bom-toml.md"]]
    assert not [name for name in schemas() if f"| `{name}` |" not in made["schemas.md"]]


def test_the_references_tables_have_as_many_cells_in_every_row() -> None:
    for text in pages().values():
        for table in re.findall(r"(?:^\|.*\|\n)+", text, flags=re.MULTILINE):
            cells = {len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()}
            assert len(cells) == 1, table
