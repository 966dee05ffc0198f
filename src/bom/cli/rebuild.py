"""`bom rebuild`: options and printing."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bom.cli import loudness
from bom.cli.comparing import (
    accept_option,
    diffoscope_option,
    exit_code,
    html_option,
    require_diffoscope,
    show_diffoscope,
)
from bom.cli.source import source_option
from bom.cli.trusted import trust_options, trusted
from bom.errors import BomError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    from bom.build import Reporter
    from bom.difference import Comparison
    from bom.rebuild import Built, RebuildOptions
    from bom.sign.keys import PrivateKey


@click.command(
    "rebuild",
    short_help="Build an artifact again from what its BOM records, and compare.",
    epilog="""\b
Examples:
  bom rebuild app.tar --key release.pub
  bom rebuild dist/app-1.0-py3-none-any.whl --key release.pub --source ~/src/app
  bom rebuild app.tar --key release.pub --html report.html -o again/
  bom rebuild app.tar --key release.pub --sign-key me.key    # vouch for it
""",
)
@click.argument("artifact", type=click.Path(path_type=Path))
@trust_options
@source_option
@click.option(
    "--env",
    "secrets",
    multiple=True,
    metavar="NAME[=VALUE]",
    help="A secret that the BOM leaves out, from this environment or as given; may be repeated.",
)
@click.option(
    "--offline", is_flag=True, help="ARTIFACT is a capsule, and everything comes out of it."
)
@click.option("--strict-tools", is_flag=True, help="Stop where a recorded tool is another here.")
@accept_option
@click.option(
    "--sign-key",
    type=click.Path(path_type=Path),
    help="Sign what came out with this private key, for `bom verify --require-rebuilds`.",
)
@click.option(
    "--attestation-out",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Where that goes; else beside ARTIFACT.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Keep what was rebuilt, as built, in this folder.",
)
@html_option
@click.option(
    "--investigate",
    is_flag=True,
    help="Where it isn't clear why something differs, build with one thing changed at a time.",
)
@diffoscope_option
@click.option(
    "--json", "as_json", is_flag=True, help="The result as JSON (schemas/comparison.schema.json)."
)
@click.pass_context
def command(
    ctx: click.Context,
    artifact: Path,
    keys: tuple[Path, ...],
    config_file: Path | None,
    source: str,
    secrets: tuple[str, ...],
    offline: bool,
    strict_tools: bool,
    accept: str | None,
    sign_key: Path | None,
    attestation_out: Path | None,
    output: Path | None,
    html: Path | None,
    investigate: bool,
    diffoscope: bool,
    as_json: bool,
) -> None:
    """Build ARTIFACT again in a clone of its own, and say whether the same comes out.

    Exit 0: the same bytes. 1: not the same, or it does not build.
    """
    from bom.cli.environment import given
    from bom.cli.progress import StderrReporter
    from bom.cli.target import file_target
    from bom.rebuild import RebuildOptions, Source, compared

    # all that can be wrong with the call is said before anything is built
    options = RebuildOptions(
        artifact=artifact,
        keys=trusted(keys, config_file),
        environment=given(),
        source=Source(source),
        secrets=_secrets(secrets),
        strict_tools=strict_tools,
    )
    key = _private_key(sign_key) if sign_key is not None else None
    if attestation_out is not None and key is None:
        raise BomError("--attestation-out needs --sign-key", hint="name the key to sign with")
    word = _word_target(artifact, key, attestation_out)
    kept = _folder(output) if output is not None else None
    page = file_target(html) if html is not None else None
    if diffoscope:
        require_diffoscope(os.environ)
    reporter = StderrReporter()
    with _rebuilt(options, reporter, offline=offline) as built:
        with reporter.waiting("compare"):
            found = compared(built)
        if investigate:
            from bom.rebuild.investigating import investigated

            found = investigated(found, built, reporter)
        _print(found, built, as_json=as_json)
        if page is not None:
            from bom.output import write_whole
            from bom.report.html.comparison import page as html_page

            write_whole(page, html_page(found, built.original.name).encode())
        if word is not None and key is not None:
            _attest(found, built, key, word)
        if kept is not None:
            _keep(built, kept)
        if diffoscope and found.verdict != "same":
            show_diffoscope(built.one, built.two, to_stderr=as_json)
    ctx.exit(exit_code(found.verdict, accept))


def _rebuilt(
    options: RebuildOptions, reporter: Reporter, *, offline: bool
) -> AbstractContextManager[Built]:
    if not offline:
        from bom.rebuild import rebuilt

        if _is_capsule(options.artifact):
            raise BomError(
                f"{options.artifact.name} is a capsule, with all that a rebuild takes in it",
                hint="--offline builds out of it",
            )
        return rebuilt(options, reporter)
    from bom.capsule.offline import OfflineOptions, rebuilt_from

    if options.source.place:
        raise BomError("--offline takes the source out of the capsule", hint="leave --source out")
    return rebuilt_from(
        OfflineOptions(
            options.artifact,
            options.keys,
            options.environment,
            options.secrets,
            options.strict_tools,
        ),
        reporter,
    )


def _is_capsule(path: Path) -> bool:
    from bom.capsule.reading import is_capsule

    try:
        return path.is_file() and is_capsule(path)
    except OSError:
        return False  # told where it is read


def _secrets(named: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in named:
        name, equals, value = text.partition("=")
        if not name:
            raise BomError(f"--env {text} has no name", hint="--env NAME or --env NAME=VALUE")
        if not equals and name not in os.environ:
            raise BomError(f"--env {name}: it is not set here", hint=f"export {name} first")
        found[name] = value if equals else os.environ[name]
    return found


def _private_key(path: Path) -> PrivateKey:
    from bom.cli.passphrase import passphrase
    from bom.sign.keys import load_private

    if not path.exists():
        raise BomError(f"--sign-key: there is no file {path}", hint="`bom key generate` makes one")
    return load_private(path, passphrase(path))


def _word_target(artifact: Path, key: PrivateKey | None, named: Path | None) -> Path | None:
    if key is None:
        return None
    from bom.cli.target import file_target
    from bom.rebuild.attestation import beside

    return file_target(named if named is not None else beside(artifact, key))


def _folder(output: Path) -> Path:
    from bom.cli.target import target

    path = target(output)
    if not path.is_dir():
        raise BomError(f"-o: {output} is no folder", hint="make it first")
    return path


def _print(found: Comparison, built: Built, *, as_json: bool) -> None:
    if as_json:
        from bom.report.records import comparison_record
        from bom.report.text import json_lines

        click.echo(json_lines(comparison_record(found).model_dump()))
        return
    from bom.report.comparison import comparison_text

    if found.verdict != "same" or not loudness.quiet():
        click.echo(comparison_text(found, built.original.name), nl=False)


def _attest(found: Comparison, built: Built, key: PrivateKey, word: Path) -> None:
    from bom.output import write_whole
    from bom.rebuild.attestation import attestation
    from bom.report.text import inert

    write_whole(word, attestation(built, found, key))
    loudness.note(f"bom: signed as {key.public.key_id}: {inert(str(word))}")


def _keep(built: Built, folder: Path) -> None:
    import shutil

    from bom.output import publish, temporary_file

    target = folder / built.original.name
    with temporary_file(target) as part:
        shutil.copyfile(built.two, part)
        publish(part, target)
