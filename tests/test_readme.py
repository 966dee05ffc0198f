"""The README says what really happens: its console blocks are run, and their output compared
(tests/console.py says how)."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.console import ROOT, Step, a_home, check, pattern, steps

if TYPE_CHECKING:
    from tests.conftest import Need


def test_every_console_block_of_the_readme_prints_what_it_says(tmp_path: Path) -> None:
    found = steps((ROOT / "README.md").read_text(encoding="utf-8"))
    assert found, "the README has no console block"
    check(found, a_home(tmp_path), {})


@pytest.mark.e2e
@pytest.mark.parametrize("kind", ["modern", "classic"])
def test_every_docker_block_of_the_readme_prints_what_it_says(
    need: Need, tmp_path: Path, kind: str
) -> None:
    engine = need.engine(kind)
    need.base_image(engine)
    found = steps((ROOT / "README.md").read_text(encoding="utf-8"), "console docker")
    assert found, "the README has no docker block"
    home = a_home(tmp_path)
    authority = os.environ.get("SSL_CERT_FILE", "")
    if Path(authority).is_file():  # pip inside the build needs it where a proxy has its own
        shutil.copy(authority, home / "bom" / "examples" / "flask-image" / "ca.crt")
    key = Step(0, "bom key generate --out ~/release >/dev/null", ())
    remove = Step(0, "docker image rm --force shop/app:1 >/dev/null", ())
    check([key, *found, remove], home, engine)


def test_a_line_that_the_readme_does_not_say_is_found() -> None:
    (step,) = steps("```console\n$ ls\na …\n…\nz\n```\n")
    assert pattern(step.expected).fullmatch("a 12\nb\nc\nz\n")
    assert pattern(step.expected).fullmatch("a 12\nz\n")
    assert not pattern(step.expected).fullmatch("a 12\nz\nmore\n")
    assert not pattern(step.expected).fullmatch("b\nz\n")


def test_every_relative_link_of_the_documentation_leads_somewhere() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")]
    broken = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in pages
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
        if "://" not in target and not (page.parent / target).exists()
    ]
    assert not broken
