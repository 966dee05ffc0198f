"""The wheels that a step of an image installs by hash, as the image's own pip chooses them."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Final

from bom.capsule_record import Missing
from bom.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from bom.capsule.steps import Requirements

_PATIENCE: Final = 900  # seconds
# The user's own index, as pip's own variables name it.
_PASSED: Final = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST", "PIP_NO_INDEX")


def downloaded(
    step: Requirements,
    client: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    places: Sequence[Path],
) -> Missing | None:
    """Put the wheels into `folder`; what is missing where that can't be done. `client`: what runs
    a container on the engine. `places`: folders to look into as well."""
    argv = [*client, "run", "--rm", "--pull=never", "--network=host", "--entrypoint", "python3"]
    argv += ["--user", "0", "--volume", f"{folder}:/bom/out"]
    argv += ["--volume", f"{step.file}:/bom/requirements.txt:ro"]
    for number, place in enumerate(places):
        argv += ["--volume", f"{place}:/bom/from/{number}:ro"]
    for name in _PASSED:
        if name in environment:
            argv += ["--env", name]
    argv += ["--", step.image, "-m", "pip", "--disable-pip-version-check", "download", "--quiet"]
    argv += ["--require-hashes", "--no-deps", "--only-binary", ":all:", "--dest", "/bom/out"]
    for number, _ in enumerate(places):
        argv += ["--find-links", f"/bom/from/{number}"]
    try:
        done = subprocess.run(
            [*argv, "--requirement", "/bom/requirements.txt"],
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE,
            check=False,
        )
        said = (done.stderr or done.stdout).decode("utf-8", "replace").strip().splitlines()
        code = done.returncode
    except (OSError, subprocess.TimeoutExpired) as error:
        said, code = [str(error)], 1
    if code == 0:
        return None
    errors = [line for line in said if line.startswith("ERROR:")] or said or [""]
    return Missing(
        what="step.download",
        where=step.where,
        why=f"the image's pip does not get {step.file.name} as wheels:"
        f" {printable_name(errors[-1])[:300]}",
    )
