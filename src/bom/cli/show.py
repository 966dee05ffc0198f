"""`bom show`: options and printing."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from bom.cli.document import write_json
from bom.cli.printing import color_option, emit, finish, output_option, size_option, width
from bom.cli.trusted import trust_options, trusted
from bom.errors import BomError

if TYPE_CHECKING:
    from collections.abc import Callable

    from bom.report.audit_record import AuditRecord

_AUDIT: Final = 256 << 20  # bytes of an audit's result
_FORMATS: Final = ("tree", "json", "markdown", "html")


@click.command(
    "show",
    short_help="What an artifact says of itself.",
    epilog="""\b
Examples:
  bom show app.tar
  bom show app.tar --format markdown -o notes.md
  bom show app.tar --format html --key release.pub -o app.html
  bom show app.tar --json | jq .components
  bom show --files app.tar
""",
)
@click.argument("artifact")
@click.option(
    "--format", "form", type=click.Choice(_FORMATS), help="tree, unless another is named."
)
@output_option
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Exactly the embedded bytes; with --files every file, an object a line.",
)
@click.option(
    "--files",
    "show_files",
    is_flag=True,
    help="Which files of an image belong to nothing known; takes what `bom scan` takes.",
)
@click.option("--platform", default="", help="With --files, of an image for several: os/arch.")
@click.option(
    "--audit",
    "audit_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="With --format html, what `bom audit --json` wrote: its vulnerabilities are shown.",
)
@trust_options
@color_option
@size_option
def command(
    artifact: str,
    form: str | None,
    output: Path | None,
    as_json: bool,
    show_files: bool,
    platform: str,
    audit_file: Path | None,
    keys: tuple[Path, ...],
    config_file: Path | None,
    color: str,
    max_size: int | None,
) -> None:
    """Show the BOM that ARTIFACT carries, or that it is. Nothing is checked: `bom verify` does
    that, and a page of --format html says what it found if --key or --config is given.
    """
    from bom.cli.target import file_target

    if as_json and form not in (None, "json"):
        raise BomError(f"--json and --format {form} are two things", hint="name one of them")
    form = "json" if as_json else form or "tree"
    if max_size is not None and form != "markdown":
        raise BomError("--max-size is about --format markdown", hint="leave one of them out")
    if show_files and form not in ("tree", "json"):
        raise BomError(f"--files can't be shown as {form}", hint="leave --format out, or use json")
    if form != "html" and (audit_file or keys or config_file):
        raise BomError(
            "--audit, --key and --config are about --format html",
            hint="`bom audit` and `bom verify` print what they find themselves",
        )
    place = file_target(output) if output is not None else None
    if show_files:
        emit(_files(artifact, platform, form), place)
        return
    from bom.show import bom_of

    try:
        data = bom_of(Path(artifact))
    except OSError as error:
        raise BomError(f"{artifact} can't be read: {error.strerror}") from error
    if form == "html":
        emit(_page(Path(artifact), data, audit_file, keys, config_file), place)
    elif form != "json":
        emit(_report(data, form, max_size, width(place), finish(color, place)), place)
    elif place is None:
        write_json(data)
    else:
        from bom.output import write_whole

        write_whole(place, data)


def _page(
    artifact: Path,
    data: bytes,
    audit_file: Path | None,
    keys: tuple[Path, ...],
    config_file: Path | None,
) -> str:
    from bom import canonical
    from bom.report.html import page

    audited = _audit(audit_file) if audit_file is not None else None
    verdict = None
    if keys or config_file is not None:
        from bom.verify import verify

        verdict = verify(artifact, trusted(keys, config_file))
        if verdict.document is not None:  # what was verified is what is shown
            return page(verdict.document, verdict, audited)
    found = canonical.loads(data)
    document = found if isinstance(found, dict) else {}
    return page(document, verdict, audited)


def _audit(file: Path) -> AuditRecord:
    from pydantic import ValidationError

    from bom.input import read_bounded
    from bom.report.audit_record import AuditRecord

    try:
        return AuditRecord.model_validate_json(read_bounded(file, _AUDIT))
    except OSError as error:
        raise BomError(f"{file} can't be read: {error.strerror}") from error
    except ValidationError as error:
        raise BomError(
            f"{file} is no result of `bom audit`: {error.error_count()} of its fields are wrong",
            hint="bom audit ARTIFACT --json > FILE",
        ) from error


def _report(
    data: bytes, form: str, max_size: int | None, columns: int, done: Callable[[str], str]
) -> str:
    from bom import canonical

    found = canonical.loads(data)
    document = found if isinstance(found, dict) else {}
    if form == "markdown":
        from bom.report.bom_markdown import bom_markdown

        return bom_markdown(document, max_size)
    from bom.report.tree import tree

    return tree(document, columns, done)


def _files(target: str, platform: str, form: str) -> str:
    from bom.cli.progress import StderrReporter
    from bom.file_owners import file_owners

    found = file_owners(target, StderrReporter(), os.environ, platform)
    if form != "json":
        from bom.report.file_owners import unaccounted

        return unaccounted(found.files, found.layers)
    import json

    from bom.catalog.attribution import json_lines
    from bom.report.text import inert_json

    lines = (
        json.dumps(line, ensure_ascii=False, separators=(",", ":"))
        for line in json_lines(found.files)
    )
    return "".join(f"{inert_json(line)}\n" for line in lines)
