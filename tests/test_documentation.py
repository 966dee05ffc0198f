"""What the code says by name (finding codes, properties, settings, commands), the documentation
explains, and nothing else."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bom.config import CheckConfig, Config

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).resolve().parents[1]
DOCS: Final = ROOT / "docs"
_CODE: Final = re.compile(r"[a-z]+(?:-[a-z]+)*")
_PROPERTY: Final = re.compile(r"bom-seal:[a-z][a-z0-9:-]*")


def trees() -> Iterator[ast.Module]:
    for path in sorted((ROOT / "src").rglob("*.py")):
        yield ast.parse(path.read_text(encoding="utf-8"))


def literals() -> Iterator[str]:
    for tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


def stated_codes() -> set[str]:
    """First arguments of BadArtifact(...) and Finding(...), where they are written out."""
    found: set[str] = set()
    for tree in trees():
        for node in ast.walk(tree):
            if not (isinstance(node, ast.Call) and node.args):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
            name = node.func.id if isinstance(node.func, ast.Name) else name
            first = node.args[0]
            if name in ("BadArtifact", "Finding") and isinstance(first, ast.Constant):
                found.add(str(first.value))
    return found


def documented(page: str) -> set[str]:
    """What stands in code type in the first column of a page's tables."""
    text = (DOCS / page).read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`[^|]*`) \|", text, flags=re.MULTILINE)
    return {word for row in rows for word in re.findall(r"`([^`]+)`", row)}


def test_every_finding_code_is_documented() -> None:
    codes = {code for code in stated_codes() if _CODE.fullmatch(code)}
    assert codes, "no code was found: this test no longer reads what it should"
    assert not sorted(codes - documented("findings.md"))


def test_every_documented_finding_code_can_occur() -> None:
    assert not sorted(documented("findings.md") - set(literals()))


def test_every_property_is_documented() -> None:
    text = "".join((DOCS / page).read_text(encoding="utf-8") for page in ("format.md", "seal.md"))
    used = {literal for literal in literals() if _PROPERTY.fullmatch(literal)}
    assert used, "no property was found: this test no longer reads what it should"
    assert not sorted(name for name in used if f"`{name.rstrip(':')}" not in text)


def test_every_key_of_bom_toml_is_documented() -> None:
    assert documented("configuration.md") >= set(Config.model_fields)
    text = (DOCS / "configuration.md").read_text(encoding="utf-8")
    for name in CheckConfig.model_fields:
        assert f"\n{name} = " in text


def gap_names() -> Iterator[str]:
    """First arguments of Gap(...) and of the functions that make one, as they are written out;
    names that are put together stand with NAME for what varies."""
    for tree in trees():
        constants = {
            target.id: node.value.value
            for node in tree.body
            if isinstance(node, ast.AnnAssign)
            and isinstance(target := node.target, ast.Name)
            and isinstance(node.value, ast.Constant)
        }
        for node in ast.walk(tree):
            if not (isinstance(node, ast.Call) and node.args and isinstance(node.func, ast.Name)):
                continue
            if not node.func.id.lower().endswith("gap"):
                continue
            match node.args[0]:
                case ast.Constant(value=str(name)):
                    yield name
                case ast.Name(id=named) if named in constants:
                    yield str(constants[named])
                case ast.JoinedStr(values=parts):
                    words = (p.value if isinstance(p, ast.Constant) else "NAME" for p in parts)
                    yield "".join(map(str, words))


def test_every_gap_is_documented_and_every_documented_one_can_occur() -> None:
    text = (DOCS / "format.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`[^|]*`) \|", text.partition("\n## Gaps\n")[2], flags=re.MULTILINE)
    told = sorted(word for row in rows for word in re.findall(r"`([^`]+)`", row))
    assert told == sorted(set(gap_names()))


def test_every_link_leads_somewhere() -> None:
    pages = sorted({*ROOT.glob("*.md"), *DOCS.rglob("*.md")})
    anchors = {
        page: {
            re.sub(r"[^\w -]", "", title).strip().lower().replace(" ", "-")
            for title in re.findall(
                r"^#+ (.*)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE
            )
        }
        for page in pages
    }
    broken = []
    for page in pages:
        for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
            if "://" in link:
                continue
            place, _, anchor = link.partition("#")
            target = (page.parent / place).resolve() if place else page
            if not target.exists() or (anchor and anchor not in anchors.get(target, set())):
                broken.append(f"{page.name}: {link}")
    assert not broken


def test_every_page_is_reached_from_the_readme() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert not [page.name for page in DOCS.glob("*.md") if f"(docs/{page.name})" not in text]


def test_every_package_stands_in_the_picture_of_the_architecture() -> None:
    text = (DOCS / "architecture.md").read_text(encoding="utf-8")
    packages = [path.parent.name for path in (ROOT / "src" / "bom").glob("*/__init__.py")]
    assert not sorted(name for name in packages if f"`{name}/`" not in text)
