"""The step that tells what came of a build: outputs, summary, comment, annotations; and whether the
workflow's conditions are met."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bom.errors import FINDING, GOOD, BomError
from bom.github import auditing, commands, comment, files, gathering
from bom.github import base as bases
from bom.github.api import Api, Denied
from bom.github.commands import Annotation
from bom.github.summary import blocks
from bom.report.markdown import page
from bom.report.text import inert

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bom.github.base import Base
    from bom.github.event import Event
    from bom.github.gathering import Built
    from bom.github.inputs import Inputs
    from bom.report.markdown import Block

# `WHAT (FILE:LINE)` at a finding's end (docs/findings.md)
_WHERE: Final = re.compile(r" \((?P<file>[^()]+?)(?::(?P<line>[0-9]{1,9}))?\)$")
_NAME: Final = re.compile(r"[^\x00-\x1f\x7f\":<>|*?\\/]+")


def report(inputs: Inputs, event: Event, environment: Mapping[str, str], folder: Path) -> int:
    """The step's exit code. Raises BomError where an input is no good."""
    name = inputs.text("upload")
    if name and not _NAME.fullmatch(name):
        raise BomError(
            f"the input upload is {name!r}", hint="it is the name of the artifact to upload"
        )
    found = gathering.built(folder)
    base = _base(inputs, event, environment, name) if found.artifacts else None
    audits = auditing.read(folder, found.artifacts)
    asked = auditing.wanted(inputs) and bool(found.artifacts)
    parts = blocks(found, base, list(auditing.blocks(audits, asked=asked)))
    unmet = [*_unmet(inputs, found), *auditing.unmet(audits)]
    files.summary(environment, parts)
    url = _comment(inputs, event, environment, found, parts)
    files.output(environment, {**_outputs(found, folder, name), "comment-url": url})
    workspace = Path(environment.get("GITHUB_WORKSPACE", ""))
    shown = [
        *(Annotation("error", "bom", text) for text in unmet),
        *remarks(found, workspace),
        *(_here(item, workspace) for item in auditing.remarks(audits)),
    ]
    for line in commands.shown(shown):
        sys.stdout.write(f"{line}\n")
    # a build that failed has failed the job already; a second red step would only hide the first
    return FINDING if unmet else GOOD


def _base(inputs: Inputs, event: Event, environment: Mapping[str, str], name: str) -> Base | None:
    if paths := inputs.lines("base-bom"):
        return bases.given(paths)
    token = inputs.text("github-token")
    if not name:
        return None
    if not token:
        return bases.Base(missing="no github-token was given")
    return bases.last(_api(environment, event, token), event, name)


def _api(environment: Mapping[str, str], event: Event, token: str) -> Api:
    return Api(environment.get("GITHUB_API_URL", ""), event.repository, token)


def _unmet(inputs: Inputs, found: Built) -> Iterator[str]:
    for item in found.artifacts:
        name = item.path.name
        if item.judged == "bad":
            codes = ", ".join(finding.code for finding in item.verdict.findings)
            yield f"{name} does not verify: {codes}"
        for kind, entries in (("findings", item.contents.findings), ("gaps", item.contents.gaps)):
            if entries and inputs.flag(f"fail-on-{kind}"):
                yield f"{name}: its BOM states {len(entries)} {kind} (fail-on-{kind})"


def _comment(
    inputs: Inputs,
    event: Event,
    environment: Mapping[str, str],
    found: Built,
    parts: Sequence[Block],
) -> str:
    """The comment's address, "" where none was written. That it can't be written fails no build."""
    if not inputs.flag("comment") or not event.pull_request:
        return ""
    if found.how is None or found.how.limited or event.from_fork or event.from_dependabot:
        return ""
    mark = comment.marker(environment, inputs.text("upload"))
    foot = f"\n[the run]({run})\n" if (run := _run_url(environment)) else ""
    text = page(parts, comment.LIMIT - len(mark) - len(foot)) + foot
    try:
        api = _api(environment, event, inputs.text("github-token"))
        written = comment.write(api, event.pull_request, text, mark, inputs.text("comment-author"))
    except Denied as error:
        _warn(f"no comment on the pull request: {error.reason}; grant `{error.needs}`")
        return ""
    except BomError as error:
        _warn(f"no comment on the pull request: {error.reason}")
        return ""
    return inert(written.html_url)


def _warn(text: str) -> None:
    for line in commands.shown([Annotation("warning", "bom", text)]):
        sys.stdout.write(f"{line}\n")


def _run_url(environment: Mapping[str, str]) -> str:
    server, repository, run = (
        environment.get(f"GITHUB_{name}", "") for name in ("SERVER_URL", "REPOSITORY", "RUN_ID")
    )
    url = f"{server}/{repository}/actions/runs/{run}"
    return url if re.fullmatch(r"https://[\w.:-]+/[\w.-]+/[\w.-]+/actions/runs/[0-9]+", url) else ""


def _outputs(found: Built, folder: Path, name: str) -> dict[str, str]:
    """Of the first artifact, and of all of them; "" for what there is none of."""
    records = [
        {
            "path": str(item.path),
            "sha256": item.record.sha256,
            "built-sha256": item.record.built_sha256,
            "verdict": item.judged,
            "bom": str(item.bom),
            "bundle": str(item.bundle or ""),
            "run-record": str(item.run_record or ""),
            "components": item.record.components,
            "findings": len(item.contents.findings),
            "gaps": len(item.contents.gaps),
        }
        for item in found.artifacts
    ]
    first = records[0] if records else {}
    judged = {item.judged for item in found.artifacts}
    verdict = next((word for word in ("bad", "unsigned", "good") if word in judged), "none")
    ready = name and not found.failed and verdict != "bad"
    upload = gathering.to_upload(found, folder) if ready else None
    return {
        "artifact": str(first.get("path", "")),
        "artifacts": json.dumps(records),
        "digest": f"sha256:{first['sha256']}" if first else "",
        "digests": "\n".join(
            f"{item['sha256']}  {Path(str(item['path'])).name}" for item in records
        ),
        "bom": str(first.get("bom", "")),
        "bundle": str(first.get("bundle", "")),
        "run-record": str(first.get("run-record", "")),
        "verdict": "failed" if found.failed else verdict,
        "upload": str(upload or ""),
        "upload-boms": str(folder / gathering.BOMS) if upload else "",
    }


def remarks(found: Built, workspace: Path) -> Iterator[Annotation]:
    """What went wrong, and what doesn't fit: at the file and line of the `workspace` that a finding
    names."""
    failure = found.result.failure if found.result else None
    if failure is not None:
        hint = f" (hint: {failure.hint})" if failure.hint else ""
        yield Annotation("error", "bom", f"{failure.reason}{hint}")
    for item in found.artifacts:
        if item.judged == "bad":
            for finding in item.verdict.findings:
                yield Annotation("error", f"bom: {finding.code}", finding.message)
        for line in item.contents.checks:
            if line.outcome == "failed":
                names = ", ".join(line.failed[:5])
                more = f" and {len(line.failed) - 5} more" if len(line.failed) > 5 else ""
                told = f": {names}{more}" if names else ""
                yield Annotation("warning", "bom: check", f"the check {line.name} failed{told}")
        for text in item.contents.findings:
            where = _WHERE.search(text)
            file, line_number = (where["file"], int(where["line"] or 0)) if where else ("", 0)
            title = f"bom: {text.partition(':')[0]}"
            yield _here(Annotation("warning", title, text, file, line_number), workspace)
    if found.how is not None and found.how.how == "unsigned" and not found.failed:
        yield Annotation("notice", "bom", f"not signed: {found.how.reason}")


def _here(item: Annotation, workspace: Path) -> Annotation:
    """Without its file, where that is none of the workspace: it is in an image, or anywhere."""
    if item.file and workspace.is_absolute():
        root = workspace.resolve()
        for start in (Path.cwd(), workspace):
            try:
                place = (start / item.file).resolve()
                if place.is_file() and place.is_relative_to(root):
                    return replace(item, file=str(place.relative_to(root)))
            except (OSError, ValueError):
                continue
    return replace(item, file="", line=0)
