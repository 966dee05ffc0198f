"""`python -I -m bom.github STEP`: one step of the action.

Exit code 0, 1 for a finding, 2 for a wrong input, 3 where the runner lacks something; the build
step's own is that of `bom build`. An error is an annotation, so that it shows on the run's page.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bom.errors import GOOD, WRONG_CALL, BomError
from bom.github import commands
from bom.github.inputs import Inputs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

FOLDER = "BOM_ACTION_FOLDER"


def main(arguments: list[str], environment: Mapping[str, str]) -> int:
    """Run the step that the only argument names."""
    try:
        step = _STEPS.get(arguments[0]) if len(arguments) == 1 else None
        if step is None:
            raise BomError(f"{arguments} names no step", hint=", ".join(_STEPS))
        folder = Path(environment.get(FOLDER, ""))
        if not folder.is_absolute() or not folder.is_dir():
            raise BomError(f"{FOLDER} names no folder", hint="the install step sets it")
        return step(Inputs(environment), environment, folder)
    except BomError as error:
        sys.stdout.write(f"{commands.error(error.reason, error.hint)}\n")
        return error.exit_code
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        sys.stdout.write(f"{commands.error(f'{where}{error.strerror or error}')}\n")
        return WRONG_CALL


def _key(inputs: Inputs, environment: Mapping[str, str], folder: Path) -> int:
    from bom.cli.passphrase import VARIABLE
    from bom.github import signing
    from bom.github.event import Event

    for secret in (inputs.text("key"), environment.get(VARIABLE, "")):
        for line in commands.mask(secret):
            sys.stdout.write(f"{line}\n")
    found = signing.prepare(inputs, Event(environment), environment, folder)
    if found.reason:
        sys.stdout.write(f"bom: not signed: {found.reason}\n")
    return GOOD


def _build(inputs: Inputs, environment: Mapping[str, str], folder: Path) -> int:
    from bom.github import building

    building.run(inputs, environment, folder)


def _audit(inputs: Inputs, environment: Mapping[str, str], folder: Path) -> int:
    from bom.github import auditing

    return auditing.run(inputs, environment, folder)


def _report(inputs: Inputs, environment: Mapping[str, str], folder: Path) -> int:
    from bom.github.event import Event
    from bom.github.reporting import report

    return report(inputs, Event(environment), environment, folder)


def _verify(inputs: Inputs, environment: Mapping[str, str], folder: Path) -> int:
    from bom.github import verifying

    return verifying.run(inputs, environment, folder)


_STEPS: dict[str, Callable[[Inputs, Mapping[str, str], Path], int]] = {
    "key": _key,
    "build": _build,
    "audit": _audit,
    "report": _report,
    "verify": _verify,
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
