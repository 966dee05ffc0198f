"""The step of `verify/action.yml`: what a trusted key's owner sealed, or the job ends."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bom.errors import FINDING, GOOD, BomError
from bom.github import commands, files
from bom.github.commands import Annotation
from bom.report.markdown import Block, code, items, row, table
from bom.report.records import verdict_record
from bom.report.text import json_lines
from bom.report.verdict import verdict_text
from bom.sign.keys import PublicKey, load_public
from bom.sign.trust import TrustedKey
from bom.verify import verify

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bom.github.inputs import Inputs
    from bom.model import Verdict

VERDICTS: Final = "verdicts.json"
_PEM: Final = "-----BEGIN"


def run(inputs: Inputs, environment: Mapping[str, str], folder: Path) -> int:
    """The step's exit code: 1 where one artifact is not good. Raises BomError where there is none,
    or no key."""
    keys = _keys(inputs)
    verdicts = [(path, verify(path, keys)) for path in _artifacts(inputs)]
    for _, verdict in verdicts:
        sys.stdout.write(verdict_text(verdict))
    records = [verdict_record(verdict).model_dump() for _, verdict in verdicts]
    place = folder / VERDICTS
    place.write_text(json_lines(records) + "\n", encoding="utf-8")
    good = all(verdict.good for _, verdict in verdicts)
    files.summary(environment, _blocks(verdicts))
    files.output(
        environment,
        {
            "verdict": "good" if good else "bad",
            "verdicts": str(place),
            "artifacts": json.dumps([str(path) for path, _ in verdicts]),
        },
    )
    remarks = [
        Annotation("error", f"bom: {finding.code}", f"{path.name}: {finding.message}")
        for path, verdict in verdicts
        for finding in verdict.findings
    ]
    for line in commands.shown(remarks):
        sys.stdout.write(f"{line}\n")
    return GOOD if good else FINDING


def _keys(inputs: Inputs) -> tuple[TrustedKey, ...]:
    """Of the input `key`: a public key itself, or files of them, one a line."""
    given = inputs.text("key").replace("\r\n", "\n")
    if not given:
        raise BomError(
            "the input key is empty: whose signature is to be trusted?",
            hint="name the public key's file, or give its content",
        )
    if given.startswith(_PEM):
        return (TrustedKey("key", PublicKey.from_pem(given.encode() + b"\n")),)
    paths = [Path(line) for line in inputs.lines("key")]
    return tuple(TrustedKey(path.name, load_public(path)) for path in paths)


def _artifacts(inputs: Inputs) -> list[Path]:
    """Files, and globs relative to the working directory; each line must name one."""
    found: list[Path] = []
    for line in inputs.lines("artifact"):
        path = Path(line)
        if path.is_file():
            named = [path]
        elif path.is_absolute():
            named = []
        else:
            named = [item for item in _matching(line) if item.is_file()]
        # what stands beside an artifact belongs to it, and is no artifact itself
        named = [item for item in named if item == path or not _beside(item)]
        if not named:
            raise BomError(f"the input artifact: there is no file {line}", hint="name a file")
        found += named
    if not found:
        raise BomError("the input artifact is empty", hint="name the files to verify, one a line")
    return list(dict.fromkeys(found))


def _matching(glob: str) -> list[Path]:
    try:
        return sorted(Path().glob(glob))
    except (ValueError, NotImplementedError) as error:
        raise BomError(f"the input artifact: {glob!r} is no glob") from error


def _beside(path: Path) -> bool:
    from bom.seal.beside import ENDINGS

    return path.name.endswith(ENDINGS)


def _blocks(verdicts: list[tuple[Path, Verdict]]) -> list[Block]:
    good = all(verdict.good for _, verdict in verdicts)
    rows = [
        row(
            code(path.name),
            "✅ good" if verdict.good else "❌ **BAD**",
            code(verdict.subject_sha256),
            code(", ".join(verdict.signed_by)),
            code(verdict.commit),
        )
        for path, verdict in verdicts
    ]
    titles = ("artifact", "verdict", "as built, SHA-256", "signed by", "commit")
    parts = [
        Block((f"### bom: {'verified' if good else 'NOT verified'}",)),
        table("", titles, rows),
    ]
    findings = [
        f"{code(path.name)}: {code(finding.code)}: {code(finding.message, 1000)}"
        for path, verdict in verdicts
        for finding in verdict.findings
    ]
    if findings:
        parts.append(items("What is wrong", findings))
    return parts
