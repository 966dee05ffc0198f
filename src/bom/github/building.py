"""The build itself: checks by `bom check`, then this process becomes `bom build`.

So the command has the terminal, the signals and the exit code that `bom build` gives it, and
nothing of the action stands between.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Final, NoReturn

from bom.cli.passphrase import VARIABLE as PASSPHRASE
from bom.errors import OWN_FAILURE, BomError
from bom.github import signing
from bom.github.inputs import OWN, shell_words, words
from bom.report.text import inert
from bom.sign.trust import KEY_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import FrameType

    from bom.github.inputs import Inputs

RESULT: Final = "result.json"
_FLAGS: Final = (
    "as-is",
    "check-reproducible",
    "locked",
    "normalize",
    "require-reproducible",
)
_VALUES: Final = (("output", "output"), ("config", "config"), ("spec-version", "spec-version"))
_SEVERAL: Final = (("artifact", "artifact"), ("image", "image"), ("check-results", "checks"))


def run(inputs: Inputs, environment: Mapping[str, str], folder: Path) -> NoReturn:
    """Raises BomError before anything runs where the inputs are no good."""
    how = signing.read(folder)
    if how is None:
        raise BomError("no step has decided how to sign", hint="the steps run in order")
    own = handed_on(environment, how)
    build = build_arguments(inputs, how, folder)
    checks = check_arguments(inputs)
    remark = unexpanded(inputs)
    if remark:
        sys.stderr.write(f"bom: note: {inert(remark)}\n")
    for arguments in checks:
        _waited_for(bom(arguments), own)
    sys.stdout.flush()
    sys.stderr.flush()
    # The program and every argument are ours or words of the input, and no shell reads them.
    os.execve(sys.executable, bom(build), own)


def handed_on(environment: Mapping[str, str], how: signing.Signing) -> dict[str, str]:
    """The variables of the build: without the inputs, and where it is not signed without what
    leads to a key."""
    secret = (KEY_VARIABLE, PASSPHRASE) if how.how == "unsigned" else ()
    return {
        name: value
        for name, value in environment.items()
        if not name.startswith(OWN) and name not in secret
    }


def bom(arguments: list[str]) -> list[str]:
    """The command line of a verb. Isolated (`-I`): nothing in the working directory, which is a
    stranger's, is imported."""
    return [sys.executable, "-I", "-m", "bom", *arguments]


def build_arguments(inputs: Inputs, how: signing.Signing, folder: Path) -> list[str]:
    """Those of `bom build`. A value is joined to its option, so that none becomes an option."""
    found = ["build", f"--result={folder / RESULT}"]
    if how.how == "input":
        found.append(f"--key={folder / signing.KEY}")
    elif how.how == "unsigned":
        found.append("--unsigned")
    found += [f"--{name}" for name in _FLAGS if inputs.flag(name)]
    if _checks_count(inputs):
        found.append("--require-checks")
    found += [f"--{option}={inputs.text(name)}" for name, option in _VALUES if inputs.text(name)]
    found += [f"--{option}={line}" for name, option in _SEVERAL for line in inputs.lines(name)]
    return [*found, "--", *words(inputs.raw("command"))]


def _checks_count(inputs: Inputs) -> bool:
    """Whether a failed check stops the build: unless it is said, where the action runs any."""
    if inputs.text("require-checks"):
        return inputs.flag("require-checks")
    return bool(inputs.lines("checks") or inputs.lines("check-results"))


def check_arguments(inputs: Inputs) -> list[list[str]]:
    """Those of `bom check`, one list for each check, in the order of the input."""
    reports: dict[str, list[str]] = {}
    for name, path in inputs.pairs("check-reports"):
        kind = "sarif" if path.endswith((".sarif", ".sarif.json")) else "junit"
        reports.setdefault(name, []).append(f"--{kind}={path}")
    checks = inputs.pairs("checks")
    unknown = sorted(set(reports) - {name for name, _ in checks})
    if unknown:
        raise BomError(
            f"check-reports names {', '.join(map(repr, unknown))}, which checks doesn't",
            hint="a line of either begins with the check's name",
        )
    return [
        ["check", *reports.get(name, ()), "--", name, *words(command)] for name, command in checks
    ]


def unexpanded(inputs: Inputs) -> str:
    """What to tell whoever expects a shell; "" where the command needs none."""
    found = shell_words(words(inputs.raw("command")))
    if not found:
        return ""
    return (
        f"no shell reads the command: {' '.join(found[:3])} stands for itself"
        " (for a shell: bash -c '…')"
    )


def _waited_for(command: list[str], environment: Mapping[str, str]) -> None:
    """A check's outcome is in its record; whether it may fail is for `require-checks` to say."""
    running = subprocess.Popen(command, env=environment)

    def pass_on(number: int, _frame: FrameType | None) -> None:
        running.send_signal(number)
        stopped.append(number)

    stopped: list[int] = []
    before = {number: signal.signal(number, pass_on) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        code = running.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if stopped:
        raise SystemExit(128 + stopped[0])
    if code == OWN_FAILURE:
        raise BomError("a check could not be run", hint="the lines above say why")
