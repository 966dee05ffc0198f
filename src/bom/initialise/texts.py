"""The files that `bom init` proposes, as text: bom.toml, a workflow, a pre-commit hook.

Names in them come from the project's own manifests. Every word is written as a quoted string of
its format, so that none of them can be more than a word.
"""

from __future__ import annotations

import json
import re
import shlex
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bom.initialise.project import Found

HOOK_ID: Final = "bom-lock-check"
# where bom's own action is, until who sets the project up says it
PLACEHOLDER: Final = "OWNER/REPOSITORY@COMMIT"
# the same commits as in this project's own workflows (.github/)
_CHECKOUT: Final = "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1"
_PYTHON: Final = "actions/setup-python@5fda3b95a4ea91299a34e894583c3862153e4b97 # v7.0.0"
_PLAIN: Final = re.compile(r"[A-Za-z0-9_./-][A-Za-z0-9_./ =+-]*")
# one line, of which GitHub takes nothing for an expression
_CHECK: Final = re.compile(r"[\w.-]+: (?:(?!\$\{\{)[ -~])+")
_INPUTS: Final = (
    *("bom.lock", "Dockerfile.*", "Containerfile.*", "pyproject.toml", "requirements.*"),
    *("uv.lock", "poetry.lock", "pdm.lock", "pylock.*.toml", "package.json", "package-lock.json"),
    *("yarn.lock", "pnpm-lock.yaml", "go.mod", "go.sum", "Cargo.toml", "Cargo.lock"),
)


def settings(found: Found) -> str:
    """bom.toml."""
    lines = [
        "# How this project is built with bom: docs/configuration.md of bom explains every key.",
        f"# {_line(('bom', 'build', *_output(found), '--', *found.command))}",
        "",
        "# order, times and owners that the builder leaves to chance are made stable",
        "normalize = true",
    ]
    if found.artifacts:
        lines += ["", "# what the build makes", f"artifacts = {_toml_list(found.artifacts)}"]
    for check in found.checks:
        lines += ["", "[[checks]]", f"name = {_toml(check.name)}"]
        lines.append(f"command = {_toml_list(check.command)}")
    return "\n".join(lines) + "\n"


def workflow(found: Found, branch: str, folder: str, action: str) -> str:
    """.github/workflows/bom.yml. `folder`: of the project, relative to the repository's top."""
    given = [f"command: {_yaml(shlex.join(found.command))}"]
    if folder != ".":
        given.append(f"working-directory: {_yaml(folder)}")
    if found.output:
        given.append(f"output: {_yaml(found.output)}")
    checks = [f"{check.name}: {shlex.join(check.command)}" for check in found.checks]
    plain = [line for line in checks if _CHECK.fullmatch(line)]
    if plain:
        given += ["checks: |", *(f"  {line}" for line in plain)]
    given += [
        "key: ${{ secrets.BOM_KEY }}",
        "passphrase: ${{ secrets.BOM_KEY_PASSPHRASE }}",
        "upload: sealed",
    ]
    lines = [
        "# Builds with bom: checks, seals and signs, and says on pull requests what changed.",
        "# docs/action.md of bom explains every input. The secret BOM_KEY holds the private key.",
        "name: bom",
        "on:",
        "  push:",
        f"    branches: [{_yaml(branch)}]",
        "  pull_request:",
        "permissions: {}",
        "jobs:",
        "  build:",
        "    runs-on: ubuntu-24.04",
        "    permissions:",
        "      contents: read # the checkout",
        "      actions: read # the base branch's last BOM",
        "      pull-requests: write # the comment",
        "    steps:",
        f"      - uses: {_CHECKOUT}",
        "        with:",
        "          persist-credentials: false",
        *_prepare(found, folder),
        f"      - uses: {action}",
        "        with:",
        *(f"          {line}" for line in given),
    ]
    return "\n".join(lines) + "\n"


def hook() -> str:
    """.pre-commit-config.yaml with one hook, that runs whichever `bom` is on PATH."""
    return f"repos:\n{hook_lines()}"


def hook_lines() -> str:
    """What goes below `repos:` of a configuration that is there already."""
    names = "|".join(name.replace(".", r"\.").replace(r"\.*", ".*") for name in _INPUTS)
    return (
        "  - repo: local\n"
        "    hooks:\n"
        f"      - id: {HOOK_ID}\n"
        "        name: bom.lock names what the build would take\n"
        "        entry: sh -c '[ ! -e bom.lock ] || exec bom lock --check'\n"
        "        language: system\n"
        "        pass_filenames: false\n"
        f"        files: ^({names})$\n"
    )


def _output(found: Found) -> tuple[str, ...]:
    return ("-o", found.output) if found.output else ()


def _prepare(found: Found, folder: str) -> Iterable[str]:
    if found.kind == "python":  # the system's own lets pip install nothing (PEP 668)
        yield from (f"      - uses: {_PYTHON}", "        with:", '          python-version: "3.13"')
    for line in found.prepare:
        yield f"      - run: {_yaml(line)}"
        if folder != ".":
            yield f"        working-directory: {_yaml(folder)}"


def _line(words: Sequence[str]) -> str:
    """A command on one line of a comment."""
    return shlex.join(words).replace("\n", " ").replace("\r", " ")


def _toml(text: str) -> str:
    """A basic string (TOML 1.0, "String"): its escapes are JSON's, but for DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _toml_list(words: Sequence[str]) -> str:
    return f"[{', '.join(map(_toml, words))}]"


def _yaml(text: str) -> str:
    """A scalar: plain where nothing in it could mean anything, else double-quoted (YAML 1.2.2,
    7.3.1, of which JSON's strings are a part). No expression of GitHub's begins in it."""
    if _PLAIN.fullmatch(text) and not text.endswith(" ") and text[0] not in "-":
        return text
    quoted = json.dumps(text.replace("${{", "$ {{"), ensure_ascii=False)
    return quoted.replace("\x7f", "\\u007f")
