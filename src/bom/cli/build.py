"""`bom build`: options and printing."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bom.cli import loudness
from bom.errors import OWN_FAILURE, BomError

if TYPE_CHECKING:
    from bom.build import BuildOptions, BuildOutcome
    from bom.report.records import ResultRecord
    from bom.sign.keys import PrivateKey


@click.command(
    "build",
    short_help="Wrap a build; seal what it made.",
    context_settings={"ignore_unknown_options": False, "allow_interspersed_args": False},
    epilog="""\b
Examples:
  bom build -- python -m build
  bom build -o app.tar -- docker build -t app:1 .
  bom build -o app.tar --image app:1 -- make image
  bom build -o release/ --artifact 'out/*.bin' -- make
  bom build --key release.key --require-checks -- uv build
""",
)
@click.option(
    "-o",
    "--output",
    metavar="PATH",
    help="Where the sealed artifact goes: a file, or a folder that is there. An image needs it; "
    "else artifacts are sealed in place.",
)
@click.option(
    "--artifact",
    "artifacts",
    multiple=True,
    metavar="GLOB",
    help="What the command makes, where it is not found by itself; may be repeated.",
)
@click.option(
    "--image",
    "images",
    multiple=True,
    metavar="REF",
    help="An image that the command makes, however it does it: NAME[:TAG]; may be repeated.",
)
@click.option(
    "--key",
    type=click.Path(path_type=Path),
    help="The private key (PEM); else BOM_KEY, else the one in the user's configuration.",
)
@click.option("--unsigned", is_flag=True, help="Seal without a signature.")
@click.option(
    "--checks",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Results of `bom check --out` on another machine; may be repeated.",
)
@click.option(
    "--normalize/--no-normalize",
    default=None,
    help="Make stable what the builder leaves unstable: order, times, owners (normalize = true).",
)
@click.option(
    "--as-is",
    is_flag=True,
    help="Set nothing for the command: neither clock, time zone, locale, hash seed nor umask.",
)
@click.option("--locked", is_flag=True, help="Refuse every input that isn't in bom.lock.")
@click.option(
    "--check-reproducible",
    is_flag=True,
    help="Build the commit a second time, elsewhere and otherwise; the BOM says what came out.",
)
@click.option(
    "--require-reproducible",
    is_flag=True,
    help="The same, and seal nothing unless the same bytes come out.",
)
@click.option("--require-checks", is_flag=True, help="Stop before the build if a check failed.")
@click.option(
    "--config", type=click.Path(path_type=Path), help="bom.toml, where it is not the project's own."
)
@click.option("--spec-version", type=click.Choice(["1.5", "1.6", "1.7"]), help="Of CycloneDX.")
@click.option(
    "--result",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write what was done as JSON (schemas/result.schema.json).",
)
@click.option("--json", "as_json", is_flag=True, help="The same to standard output.")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED, metavar="-- COMMAND...")
@click.pass_context
def command(
    ctx: click.Context,
    output: str | None,
    artifacts: tuple[str, ...],
    images: tuple[str, ...],
    key: Path | None,
    unsigned: bool,
    checks: tuple[Path, ...],
    normalize: bool | None,
    as_is: bool,
    locked: bool,
    check_reproducible: bool,
    require_reproducible: bool,
    require_checks: bool,
    config: Path | None,
    spec_version: str | None,
    result: Path | None,
    as_json: bool,
    command: tuple[str, ...],
) -> None:
    """Run COMMAND unchanged and put a signed bill of materials into what it makes.

    The command's exit code is passed on; a failure of bom itself is 125.
    """
    from bom.cli.target import file_target

    if result is not None:
        result = file_target(result)
    try:
        options = _options(
            command=command,
            output=output,
            artifacts=artifacts,
            images=images,
            key_file=_key_file(key, unsigned=unsigned),
            checks=checks,
            normalize=normalize,
            as_is=as_is,
            locked=locked,
            check_reproducible=check_reproducible,
            require_reproducible=require_reproducible,
            require_checks=require_checks,
            config_file=config,
            spec_version=spec_version,
            result=result,
            quiet=as_json,
        )
        outcome = _build(options)
    except BomError as error:
        _record(_failure(error.reason, error.hint), result, as_json=as_json)
        raise
    except OSError as error:
        reason = f"{error.filename or 'the system'}: {error.strerror or error}"
        _record(_failure(reason), result, as_json=as_json)
        raise
    except KeyboardInterrupt:
        stopped = 128 + signal.SIGINT
        _record(_failure("interrupted", exit_code=stopped), result, as_json=as_json)
        raise
    except SystemExit as stop:  # SIGTERM or SIGHUP, see bom.cli
        stopped = stop.code if isinstance(stop.code, int) else OWN_FAILURE
        _record(_failure("stopped by a signal", exit_code=stopped), result, as_json=as_json)
        raise
    record = _success(outcome, signed=options.key is not None)
    _record(record, result, as_json=as_json)
    if outcome.exit_code == 0:
        from bom.report.summary import summary

        loudness.note(summary(record, options.cwd, outcome.left_alone), nl=False)
    ctx.exit(outcome.exit_code)


def _key_file(key: Path | None, *, unsigned: bool) -> Path | None:
    """The private key's file; None only where `--unsigned` asks for that."""
    from bom.sign.trust import signing_key

    if unsigned:
        if key is not None:
            raise BomError("--key and --unsigned exclude each other", hint="leave one out")
        return None
    found = signing_key(key, os.environ)
    if found is None:
        raise BomError(
            "there is no key to sign with",
            hint="make one with `bom key generate`, name one with --key, or say --unsigned",
        )
    return found


def _options(
    *,
    command: tuple[str, ...],
    output: str | None,
    artifacts: tuple[str, ...],
    images: tuple[str, ...],
    key_file: Path | None,
    checks: tuple[Path, ...],
    normalize: bool | None,
    as_is: bool,
    locked: bool,
    check_reproducible: bool,
    require_reproducible: bool,
    require_checks: bool,
    config_file: Path | None,
    spec_version: str | None,
    result: Path | None,
    quiet: bool,
) -> BuildOptions:
    from bom.build import BuildOptions
    from bom.cli.environment import given
    from bom.cli.target import target
    from bom.config import load, nearest
    from bom.observe import project_root
    from bom.process import STDERR, STDOUT

    cwd = Path.cwd()
    root = project_root(cwd)
    folder = root if config_file else nearest(cwd.resolve(), root)
    config = load(folder, config_file)
    if spec_version:
        config = config.model_copy(update={"spec_version": spec_version})
    if normalize is not None:
        config = config.model_copy(update={"normalize": normalize})
    listed = [str(folder.relative_to(root) / glob) for glob in config.artifacts]
    return BuildOptions(
        command=command,
        cwd=cwd,
        environment=given(),
        config=config,
        key=_private_key(key_file) if key_file else None,
        key_file=key_file.absolute() if key_file else None,
        output=target(output) if output is not None else None,
        result_file=result,
        # the builder takes globs relative to the working directory or to the root
        artifacts=(*artifacts, *([] if images else listed)),
        images=images,
        check_files=tuple(path.absolute() for path in checks),
        require_checks=require_checks,
        as_is=as_is,
        locked=locked,
        check_reproducible=check_reproducible,
        require_reproducible=require_reproducible,
        stdout=STDERR if quiet else STDOUT,
    )


def _private_key(path: Path) -> PrivateKey:
    from bom.cli.passphrase import passphrase
    from bom.sign.keys import load_private

    return load_private(path, passphrase(path))


def _build(options: BuildOptions) -> BuildOutcome:
    from bom.build import build
    from bom.cli.progress import StderrReporter

    return build(options, StderrReporter())


def _failure(reason: str, hint: str = "", exit_code: int = OWN_FAILURE) -> ResultRecord:
    from bom.report.records import FailureRecord, ResultRecord

    return ResultRecord(
        exit_code=exit_code,
        command_exit_code=None,
        failure=FailureRecord(reason=reason, hint=hint),
        artifacts=[],
        failed_checks=[],
        warnings=[],
    )


def _success(outcome: BuildOutcome, *, signed: bool) -> ResultRecord:
    from bom.report.records import ArtifactRecord, ResultRecord, reproduction_record

    return ResultRecord(
        exit_code=outcome.exit_code,
        command_exit_code=outcome.exit_code,
        failure=None,
        artifacts=[
            ArtifactRecord(
                path=str(item.path),
                state=item.state if signed or item.state != "sealed" else "unsigned",
                sealed_as=item.format,
                sha256=item.sha256,
                built_sha256=item.built_sha256,
                built_size=item.built_size,
                original_sha256=item.original_sha256 or None,
                components=item.components,
                gaps=item.gaps,
                findings=list(item.findings),
                reproducible=None
                if item.reproduction is None
                else reproduction_record(item.reproduction),
            )
            for item in outcome.sealed
        ],
        failed_checks=[check.name for check in outcome.checks if check.outcome == "failed"],
        warnings=list(outcome.warnings),
    )


def _record(record: ResultRecord, result: Path | None, *, as_json: bool) -> None:
    if result is None and not as_json:
        return
    from bom.output import write_whole
    from bom.report.text import json_lines

    text = json_lines(record.model_dump()) + "\n"
    if result is not None:
        write_whole(result, text.encode())
    if as_json:
        click.echo(text, nl=False)
