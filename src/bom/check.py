"""`bom check`: run a test or linter, and keep its result for the next build of the same source.

The result is tied to the commit and the tree as they were before the command ran.
"""

from __future__ import annotations

import os
import re
import shlex
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from bom.check_record import CheckRecord
from bom.errors import BomError
from bom.observe import project_root
from bom.observe.checks import folder, keep, valid_name
from bom.observe.identity import identity
from bom.observe.results import Results, read_junit, read_sarif
from bom.process import SIGNALLED, STDOUT, run
from bom.redact import command as redacted
from bom.redact import secrets_of, text
from bom.seal import is_left_by_bom

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_ENDED_BY_USER: Final = (SIGNALLED + 1, SIGNALLED + 2, SIGNALLED + 3, SIGNALLED + 15)
_GLOB: Final = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True)
class CheckRun:
    """`exit_code` is the command's own. `record` is None where no result was kept, because the
    run was interrupted."""

    exit_code: int
    record: CheckRecord | None


@dataclass(frozen=True, slots=True)
class CheckOptions:
    """`junit`, `sarif`: paths or globs of reports that the command writes, relative to `cwd`.

    `out`: a file to write the result to as well. `stdout`: the descriptor for the command's
    standard output.
    """

    name: str
    command: tuple[str, ...]
    cwd: Path
    environment: Mapping[str, str]
    junit: tuple[str, ...] = ()
    sarif: tuple[str, ...] = ()
    out: Path | None = None
    stdout: int = STDOUT


def run_check(options: CheckOptions, warn: Callable[[str], None]) -> CheckRun:
    """Run the command, keep its result.

    It failed if the command did or a report says so; it is "skipped" if every test was. Raises
    BomError where the call is wrong, or where the command passed and a report that was asked
    for is not there, can't be read, or is left over from an earlier run.
    """
    valid_name(options.name)
    if not options.command:
        raise BomError("there is no command to run", hint="bom check unit -- pytest -q")
    root = project_root(options.cwd)
    place = folder(root, options.environment) / f"{options.name}.json"
    patterns = (*options.junit, *options.sarif)
    before = {path: _stamp(path) for path in _paths(patterns, options.cwd)}
    own = () if options.out is None else (options.out.absolute(),)
    state = identity(root, own, is_left_by_bom)
    started = _now()
    code = run(
        options.command,
        environment=options.environment,
        cwd=options.cwd,
        stdout=options.stdout,
    )
    finished = _now()
    if code in _ENDED_BY_USER:
        warn(f"the check {options.name} was interrupted: no result is kept")
        return CheckRun(code, None)
    results = _results(options, root, before, code, warn)
    reports = _inside(_paths(patterns, options.cwd) | before.keys(), root)
    left_out = [os.fsencode(report) for report in reports]
    if identity(root, own, is_left_by_bom).digest(left_out) != state.digest(left_out):
        warn(
            "the command changed files that git does not ignore: a build will count this result "
            "only when they are as they were before"
        )
    record = CheckRecord(
        name=options.name,
        outcome=_outcome(code, results),
        exit_code=code,
        tests=results.tests,
        failures=results.failures,
        skipped=results.skipped,
        failed=list(results.failed),
        command=_command(options, root),
        commit=state.commit,
        tree_digest=state.digest(left_out),
        reports=[report for report in reports if report.isprintable()],
        started=started,
        finished=finished,
    )
    keep(place, record)
    if options.out is not None:
        keep(options.out.absolute(), record)
    return CheckRun(code, record)


def _command(options: CheckOptions, root: Path) -> str:
    """The command line, redacted, with the folder of the project that it ran in: in a monorepo a
    check of one part says nothing about another."""
    line = redacted(
        options.command, root=root, cwd=options.cwd, known=secrets_of(options.environment)
    )
    inside = os.path.relpath(options.cwd.resolve(), root)
    return line if inside == "." else f"cd {shlex.quote(text(inside))} && {line}"


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _outcome(code: int, results: Results) -> Literal["passed", "failed", "skipped"]:
    if code or results.failures > 0:
        return "failed"
    if results.tests > 0 and results.skipped >= results.tests:
        return "skipped"
    return "passed"


# --- reports -----------------------------------------------------------------------------------


def _results(
    options: CheckOptions,
    root: Path,
    before: Mapping[Path, tuple[int, ...]],
    code: int,
    warn: Callable[[str], None],
) -> Results:
    """What the reports say together. A command that failed may have left none."""
    total = Results()
    top = Path(os.path.realpath(root))
    for pattern, reader in (
        *((pattern, read_junit) for pattern in options.junit),
        *((pattern, lambda path: read_sarif(path, top)) for pattern in options.sarif),
    ):
        try:
            for path in _fresh(pattern, options.cwd, before, warn):
                total += reader(path)
        except BomError as error:
            if not code:
                raise
            warn(error.reason)
    return total


def _fresh(
    pattern: str, cwd: Path, before: Mapping[Path, tuple[int, ...]], warn: Callable[[str], None]
) -> list[Path]:
    found = sorted(path for path in _paths((pattern,), cwd) if _stamp(path))
    fresh = [path for path in found if _stamp(path) != before.get(path)]
    if not found:
        raise BomError(
            f"the report {pattern} is not there", hint="tell the command to write it there"
        )
    if not fresh:
        raise BomError(
            f"the report {pattern} is left over from an earlier run",
            hint="tell the command to write it anew",
        )
    for path in found:
        if path not in fresh:
            warn(f"the report {path.name} is left over from an earlier run, and not read")
    return fresh


def _paths(patterns: Sequence[str], cwd: Path) -> set[Path]:
    found: set[Path] = set()
    for pattern in patterns:
        place = cwd / pattern
        if _GLOB.search(pattern) and not place.exists():
            base = Path(place.anchor)
            found.update(base.glob(str(place.relative_to(base))))
        else:
            found.add(place)
    return found


def _stamp(path: Path) -> tuple[int, ...]:
    """What changes when a file is written again; () where there is none."""
    try:
        stat = path.stat()
    except OSError:
        return ()
    return (stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)


def _inside(paths: set[Path], root: Path) -> list[str]:
    """Those in the project, relative to its root."""
    top = os.path.realpath(root)
    real = [Path(os.path.realpath(path.parent)) / path.name for path in paths]
    return sorted(str(path.relative_to(top)) for path in real if path.is_relative_to(top))
