"""The reference pages that the code itself writes: verbs and options, and the keys of bom.toml.

`python -m bom.cli.reference DIR` writes them; the documentation site is built with them.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from bom.cli import VERBS, bom
from bom.config import Config
from bom.errors import FINDING, GOOD, LACKING, OWN_FAILURE, WRONG_CALL
from bom.report.schemas import schemas

if TYPE_CHECKING:
    from collections.abc import Iterator

_CODES: Final = (
    (GOOD, "good"),
    (FINDING, "a finding"),
    (WRONG_CALL, "the call is wrong, or its input can't be read"),
    (LACKING, "the environment lacks something"),
    (OWN_FAILURE, "`bom build` and `bom check`: a failure of `bom` itself"),
)
# What Markdown would take for something else than a word.
_SPECIAL: Final = re.compile(r"([\\`*_{}\[\]<>|])")


def pages() -> dict[str, str]:
    """File name -> Markdown."""
    return {"commands.md": _commands(), "bom-toml.md": _settings(), "schemas.md": _schemas()}


def _commands() -> str:
    context = click.Context(bom, info_name="bom", **bom.context_settings)
    lines = [
        "# Commands",
        "",
        "Written by the code itself: what `bom VERB --help` says. The guides say how it is used.",
        "",
        "| exit code | means |",
        "|---|---|",
        *(f"| {code} | {means} |" for code, means in _CODES),
        "",
        "More in [exit-codes.md](exit-codes.md).",
        "",
        *_options(bom, context),
    ]
    for verb in VERBS:
        command = bom.get_command(context, verb)
        assert command is not None
        lines += _command(command, click.Context(command, info_name=verb, parent=context), "##")
    return "\n".join(lines) + "\n"


def _command(command: click.Command, context: click.Context, level: str) -> Iterator[str]:
    yield from (f"{level} {context.command_path}", "")
    yield from (f"{_words(command.get_short_help_str(200))}", "")
    if not isinstance(command, click.Group):
        usage = " ".join(command.collect_usage_pieces(context))
        yield from ("```text", f"{context.command_path} {usage}".rstrip(), "```", "")
    yield from _help(command.help or "")
    yield from _options(command, context)
    if command.epilog:
        yield from ("```text", *command.epilog.replace("\b\n", "").strip().splitlines(), "```", "")
    if isinstance(command, click.Group):
        for name, below in command.commands.items():
            inside = click.Context(below, info_name=name, parent=context)
            yield from _command(below, inside, f"{level}#")


def _help(text: str) -> Iterator[str]:
    r"""Paragraphs as they are; what stands behind `\b` keeps its lines."""
    for paragraph in re.split(r"\n\s*\n", text.strip()):
        kept = paragraph.lstrip()
        if kept.startswith("\b"):
            yield from ("```text", *(line.strip("\b") for line in kept[1:].strip("\n").split("\n")))
            yield from ("```", "")
        else:
            yield from (_words(" ".join(paragraph.split())), "")


def _options(command: click.Command, context: click.Context) -> Iterator[str]:
    rows = [
        _row(item, context)
        for item in command.get_params(context)
        if isinstance(item, click.Option)
        and not item.hidden
        and (item.name != "help" or context.parent is None)
    ]
    if rows:
        yield from ("| option | |", "|---|---|", *rows, "")


def _row(option: click.Option, context: click.Context) -> str:
    names = ", ".join(f"`{name}`" for name in option.opts)
    if option.secondary_opts:
        names += "".join(f" / `{name}`" for name in option.secondary_opts)
    if not option.is_flag:
        names += f" `{option.make_metavar(context)}`".replace("|", "\\|")
    return f"| {names} | {_words(option.help or '')} |"


def _settings() -> str:
    schema = Config.model_json_schema()
    lines = [
        "# bom.toml",
        "",
        "Written by the code itself. [configuration.md](configuration.md) explains every key.",
        "",
        *_table(schema),
    ]
    for name, part in sorted(schema.get("$defs", {}).items()):
        lines += [f"## {name}", "", *_help(part.get("description", "")), *_table(part)]
    return "\n".join(lines) + "\n"


def _table(schema: dict[str, Any]) -> Iterator[str]:
    yield from ("| key | type | default | |", "|---|---|---|---|")
    for key, value in schema.get("properties", {}).items():
        default = _default(value)
        kind = _kind(value).replace("|", "\\|")
        yield f"| `{key}` | {kind} | {default} | {_words(value.get('description', ''))} |"
    yield ""


def _default(value: dict[str, Any]) -> str:
    if "default" not in value:
        return "needed"
    stated = value["default"]
    return "" if isinstance(stated, dict) else f"`{_toml(stated)}`"


def _kind(value: dict[str, Any]) -> str:
    if "$ref" in value:
        return str(value["$ref"]).rpartition("/")[2]
    if value.get("type") == "array":
        return f"list of {_kind(value.get('items', {}))}"
    if "anyOf" in value:
        return " or ".join(_kind(item) for item in value["anyOf"])
    if "enum" in value:
        return ", ".join(f"`{item}`" for item in value["enum"])
    return f"{value.get('type', 'any')}"


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    return "none" if value is None else f'"{value}"' if isinstance(value, str) else str(value)


def _schemas() -> str:
    lines = [
        "# JSON schemas",
        "",
        "What scripts read and write. The schemas themselves are in `schemas/`.",
        "",
        "| schema | holds |",
        "|---|---|",
    ]
    import json

    for name, text in schemas().items():
        title = json.loads(text).get("description", "").split("\n\n")[0]
        lines.append(f"| `{name}` | {_words(' '.join(title.split()))} |")
    return "\n".join(lines) + "\n"


def _words(text: str) -> str:
    """Text of which Markdown takes nothing for markup but the code that it marks itself."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(
        part.replace("|", "\\|") if part.startswith("`") else _SPECIAL.sub(r"\\\1", part)
        for part in parts
    )


if __name__ == "__main__":
    for file_name, page in pages().items():
        (Path(sys.argv[1]) / file_name).write_text(page, encoding="utf-8")
