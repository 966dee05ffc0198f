"""The README says what really happens: its console blocks are run, and their output compared.

A block fenced as ```console holds commands (`$ ...`, continued by `> ...`) and what they print,
stdout and stderr together. All blocks run in order in one shell, in an empty home directory, from
a copy of the repository's examples; those fenced as ```console docker likewise, on an engine. In
the expected output `…` stands for any characters within a line (digests, sizes, times), and a line
that is only `…` for any number of lines.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from tests.conftest import Need

ROOT: Final = Path(__file__).resolve().parents[1]
END: Final = "\x1e"  # ends one command's output: no command prints it


@dataclass(frozen=True, slots=True)
class Step:
    """One command of the README and what it is said to print."""

    line: int
    command: str
    expected: tuple[str, ...]


def steps(markdown: str, fence: str = "console") -> list[Step]:
    """Every command of every block fenced like this, in order."""
    found: list[Step] = []
    inside = False
    for number, text in enumerate(markdown.splitlines(), start=1):
        if text.startswith("```"):
            inside = text == f"```{fence}"
        elif inside and text.startswith("$ "):
            found.append(Step(number, text[2:], ()))
        elif inside and text.startswith("> ") and found and not found[-1].expected:
            last = found[-1]
            found[-1] = Step(last.line, f"{last.command}\n{text[2:]}", ())
        elif inside and found:
            last = found[-1]
            found[-1] = Step(last.line, last.command, (*last.expected, text))
    return found


def pattern(expected: tuple[str, ...]) -> re.Pattern[str]:
    """The expected lines as an expression, `…` being what may differ."""
    parts = [
        r"(?:[^\n]*\n)*?"
        if line.strip() == "…"
        else r"[^\n]*?".join(re.escape(piece) for piece in line.rstrip().split("…")) + r"[ ]*\n"
        for line in expected
    ]
    return re.compile("".join(parts))


def outputs(found: list[Step], home: Path, engine: dict[str, str]) -> list[str]:
    """What each command printed, from one shell that runs them all. `engine`: how to reach one."""
    script = "".join(
        f"{step.command}\n(exit $?) && printf '{END}' || {{ r=$?; printf '{END}'; (exit $r); }}\n"
        for step in found
    )
    keep = ("PIP_", "SSL_", "LANG", "LC_", "REQUESTS_", "CURL_")
    environment = {name: value for name, value in os.environ.items() if name.startswith(keep)}
    environment |= {
        "HOME": str(home),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "reader",
        "GIT_AUTHOR_EMAIL": "reader@example.invalid",
        "GIT_COMMITTER_NAME": "reader",
        "GIT_COMMITTER_EMAIL": "reader@example.invalid",
        "COLUMNS": "100",
        "TERM": "dumb",
    }
    if engine:
        environment |= {k: v for k, v in engine.items() if k.startswith("DOCKER_")}
        environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{engine['PATH']}"
    ran = subprocess.run(
        ["bash", "-c", script],
        cwd=home / "bom",
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        text=True,
    )
    return ran.stdout.split(END)[: len(found)]


def check(found: list[Step], home: Path, engine: dict[str, str]) -> None:
    printed = outputs(found, home, engine)
    assert len(printed) == len(found)
    for step, text in zip(found, printed, strict=True):
        shown = text.replace(str(home), "~")
        if not pattern(step.expected).fullmatch(shown):
            said = "\n".join(step.expected)
            pytest.fail(
                f"README.md:{step.line}: $ {step.command}\n--- says\n{said}\n--- printed\n{shown}"
            )


def a_home(folder: Path) -> Path:
    (folder / "bom").mkdir()
    shutil.copytree(ROOT / "examples", folder / "bom" / "examples")
    return folder


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
