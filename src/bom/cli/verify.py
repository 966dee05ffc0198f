"""`bom verify`: options and printing."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bom.cli import loudness
from bom.cli.progress import StderrReporter
from bom.cli.trusted import trust_options, trusted
from bom.errors import FINDING, GOOD, BomError

if TYPE_CHECKING:
    from bom.model import Verdict
    from bom.sign.trust import TrustedKey


@click.command(
    "verify",
    short_help="Signature, bytes and completeness of an artifact, offline.",
    epilog="""\b
Examples:
  bom verify app.tar --key release.pub
  bom verify dist/app-1.0-py3-none-any.whl --json
  docker save app:1 | bom verify - --key release.pub
  bom verify app.tar --key release.pub --require-rebuilds 1 --rebuilder-key a.pub
  bom verify app-1.0-py3-none-any.whl --key release.pub --installed .venv
""",
)
@click.argument("artifact", metavar="ARTIFACT|-")
@trust_options
@click.option(
    "--require-rebuilds",
    "rebuilds",
    type=click.IntRange(min=1),
    metavar="N",
    help="That many trusted rebuilders, other than who sealed it, must have got the same bytes.",
)
@click.option(
    "--attestation",
    "attestations",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="What `bom rebuild --sign-key` wrote; else those beside ARTIFACT; may be repeated.",
)
@click.option(
    "--rebuilder-key",
    "rebuilder_keys",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A rebuilder's public key; else all trusted keys count. May be repeated.",
)
@click.option(
    "--accept",
    type=click.Choice(["normalised"]),
    help="Of rebuilds: the same after normalising counts, too.",
)
@click.option(
    "--installed",
    "place",
    metavar="PLACE",
    help="Compare what is installed there (an environment, a folder, a container) with the BOM.",
)
@click.option(
    "--json", "as_json", is_flag=True, help="The verdict as JSON (schemas/verdict.schema.json)."
)
@click.pass_context
def command(
    ctx: click.Context,
    artifact: str,
    keys: tuple[Path, ...],
    config_file: Path | None,
    rebuilds: int | None,
    attestations: tuple[Path, ...],
    rebuilder_keys: tuple[Path, ...],
    accept: str | None,
    place: str | None,
    as_json: bool,
) -> None:
    """Say whether ARTIFACT is what a trusted key's owner sealed: exit 0, or 1 with findings.

    Offline and in one pass; - reads standard input. Without --key or --config the keys in the
    user's trust directory are trusted.
    """
    from bom.verify import verify

    keys_trusted = trusted(keys, config_file)
    source = sys.stdin.buffer if artifact == "-" else Path(artifact)
    if place is not None and (artifact == "-" or Path(artifact).is_fifo()):
        raise BomError(
            "--installed needs a file: a stream can't be read twice",
            hint="verify the file instead of a stream",
        )
    if rebuilds is None:
        if attestations or rebuilder_keys or accept:
            raise BomError(
                "--attestation, --rebuilder-key and --accept are about --require-rebuilds",
                hint="say how many: --require-rebuilds 1",
            )
        with StderrReporter().waiting(f"verify {artifact}"):
            verdict = verify(source, keys_trusted)
    else:
        if artifact == "-" or Path(artifact).is_fifo():
            raise BomError(
                "--require-rebuilds needs a file: an attestation is about its digest",
                hint="verify the file instead of a stream",
            )
        with StderrReporter().waiting(f"verify {artifact}"):
            first = verify(source, keys_trusted)
        verdict = _vouched(
            Path(artifact),
            first,
            keys_trusted,
            rebuilds,
            attestations,
            rebuilder_keys,
            accept,
        )
    if place is not None:
        verdict = _with_installed(artifact, verdict, place)
    if as_json:
        from bom.report.records import verdict_record
        from bom.report.text import json_lines

        click.echo(json_lines(verdict_record(verdict).model_dump()))
    elif not (verdict.good and loudness.quiet()):
        from bom.cli.printing import emit, finish, width
        from bom.report.verdict import verdict_text

        emit(verdict_text(verdict, width(None), finish("auto", None)), None)
    ctx.exit(GOOD if verdict.good else FINDING)


def _with_installed(artifact: str, verdict: Verdict, place: str) -> Verdict:
    """The verdict with how what is installed at `place` differs from a BOM that is good."""
    from dataclasses import replace

    document = verdict.document
    if not verdict.good or document is None:
        why = f"{place} was not compared: this BOM is not to be trusted"
        return replace(verdict, warnings=(*verdict.warnings, why))
    from bom.compose import reading
    from bom.installed import compare
    from bom.installed.protocol import Sealed

    kind = reading.subject_property(document, "bom-seal:subject:kind")
    drift = compare(place, Sealed(Path(artifact), document, kind, verdict.subject_sha256))
    return replace(verdict, findings=drift.findings, warnings=(*verdict.warnings, *drift.warnings))


def _vouched(
    artifact: Path,
    verdict: Verdict,
    trusted_keys: tuple[TrustedKey, ...],
    rebuilds: int,
    attestations: tuple[Path, ...],
    rebuilder_keys: tuple[Path, ...],
    accept: str | None,
) -> Verdict:
    """The verdict with what rebuilders say of the artifact."""
    from bom import sha256sum
    from bom.rebuilders import Demand, found_beside, judged
    from bom.sign.keys import load_public
    from bom.sign.trust import TrustedKey

    named = tuple(TrustedKey(path.name, load_public(path)) for path in rebuilder_keys)
    try:
        sha256 = sha256sum.of_file(artifact)
    except OSError as error:
        raise BomError(f"{artifact} can't be read: {error.strerror}") from error
    verdicts = ("same", "normalised") if accept else ("same",)
    demand = Demand(rebuilds, named or trusted_keys, verdicts)
    return judged(verdict, sha256, attestations or found_beside(artifact), demand)
