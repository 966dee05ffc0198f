"""What mkdocs needs to know of this project: pages that aren't in docs/, and links out of it.

- index.md is the README; SECURITY.md, CONTRIBUTING.md and CHANGELOG.md are pages, too.
- commands.md, bom-toml.md and schemas.md are written by the code (bom.cli.reference).
- The decisions of docs/adr/ are put into the navigation; a page that it doesn't name is a guide.
- A link to a file of the repository that is no page is only its words.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mkdocs.structure.files import File

from bom.cli.reference import pages

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT: Final = Path(__file__).resolve().parents[2]
_TOP: Final = ("SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md")
_LINK: Final = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s#]*)(#[^)\s]*)?\)")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    docs = ROOT / "docs"
    nav: list[dict[str, Any]] = config.nav or []
    named = {page for section in nav for page in _named(section)}
    for section in nav:
        if "Guides" in section:
            there = sorted(path.name for path in docs.glob("*.md"))
            section["Guides"] += [name for name in there if name not in named]
        if "Explanation" in section:
            decisions = sorted(f"adr/{path.name}" for path in (docs / "adr").glob("*.md"))
            section["Explanation"].append({"Decisions": decisions})
    return config


def _named(part: dict[str, Any] | list[Any] | str) -> Iterator[str]:
    """The pages of a part of the navigation."""
    if isinstance(part, str):
        yield part
    else:
        for below in part.values() if isinstance(part, dict) else part:
            yield from _named(below)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    made = {"index.md": ROOT / "README.md", **{name: ROOT / name for name in _TOP}}
    for name, path in made.items():
        files.append(File.generated(config, name, content=path.read_text(encoding="utf-8")))
    for name, text in pages().items():
        files.append(File.generated(config, name, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, files: Files, **_: object) -> str:
    """Links as they lead in the repository, turned into where they lead on the site."""
    here = page.file.src_uri
    at_top = here in ("index.md", *_TOP)
    folder = "" if at_top else posixpath.dirname(f"docs/{here}")

    def turned(match: re.Match[str]) -> str:
        picture, words, target, anchor = match[1], match[2], match[3], match[4] or ""
        if not target or "://" in target or target.startswith("mailto:"):
            return match[0]
        place = posixpath.normpath(posixpath.join(folder, target))
        on_site = _on_site(place)
        if files.get_file_from_path(on_site) is None:
            if (ROOT / place).exists():
                return words
            return match[0]  # mkdocs says that it leads nowhere
        start = posixpath.dirname(here)
        relative = posixpath.relpath(on_site, start or ".")
        return f"{picture}[{words}]({relative}{anchor})"

    return _LINK.sub(turned, markdown)


def _on_site(place: str) -> str:
    if place in ("docs/adr", "docs/adr/"):
        return "adr/0001-record-decisions.md"
    if place == "README.md":
        return "index.md"
    return place.removeprefix("docs/")
