"""Console blocks of Markdown, run: the README and the pages of docs/ say what really happens.

A block fenced as ```console holds commands (`$ ...`, continued by `> ...`) and what they print,
stdout and stderr together. All blocks of a page run in order in one shell, in an empty home
directory, from a copy of the repository's examples; those fenced as ```console docker likewise, on
an engine. In the expected output `…` stands for any characters within a line (digests, sizes,
times), and a line that is only `…` for any number of lines. What a reader has already and a test
has not stands in a comment that begins with `<!-- run` (or `<!-- run docker`): it runs, too, and
must succeed.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[1]
END: Final = "\x1e"  # ends one command's output: no command prints it
_HIDDEN: Final = "<!-- run"


@dataclass(frozen=True, slots=True)
class Step:
    """One command of a page and what it is said to print; `hidden`: what it prints is nobody's
    business, but it has to succeed."""

    line: int
    command: str
    expected: tuple[str, ...]
    hidden: bool = False


def steps(markdown: str, fence: str = "console") -> list[Step]:
    """Every command of every block fenced like this, in order, and those that are hidden."""
    found: list[Step] = []
    inside = hidden = False
    for number, text in enumerate(markdown.splitlines(), start=1):
        if text.startswith("```"):
            inside = text == f"```{fence}"
        elif text == f"{_HIDDEN}{fence.removeprefix('console')}":
            hidden = True
        elif hidden and text == "-->":
            hidden = False
        elif hidden:
            found.append(Step(number, text, (), hidden=True))
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
    script = "".join(map(_line, found))
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


def _line(step: Step) -> str:
    """A command for the shell; `$?` of a shown one is there for the next."""
    if step.hidden:
        return (
            f"{{ {step.command}\n}} >~/.said 2>&1 || {{ cat ~/.said; exit 9; }}\nprintf '{END}'\n"
        )
    end = f"printf '{END}'"
    return f"{step.command}\n(exit $?) && {end} || {{ r=$?; {end}; (exit $r); }}\n"


def check(found: list[Step], home: Path, engine: dict[str, str], page: str = "README.md") -> None:
    """Fail where a command of the page prints something else than it says."""
    printed = outputs(found, home, engine)
    for step, text in zip(found, printed, strict=False):
        shown = text.replace(str(home), "~")
        if not pattern(step.expected).fullmatch(shown):
            said = "\n".join(step.expected)
            pytest.fail(
                f"{page}:{step.line}: $ {step.command}\n--- says\n{said}\n--- printed\n{shown}"
            )
    assert len(printed) == len(found)


def a_home(folder: Path) -> Path:
    (folder / "bom").mkdir()
    shutil.copytree(ROOT / "examples", folder / "bom" / "examples")
    return folder
